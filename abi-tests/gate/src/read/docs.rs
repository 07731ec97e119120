// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The contract in the documentation. The grammar is kernel-doc's, a little stricter:
//!
//! ```text
//! nvb_call() - summary
//! @param: what it is; for a pointer also: "may be NULL if", "NULL is nothing to do", "NULL = ..", "belongs to the caller",
//!         "the core copies it", "invalid afterwards", "gets .."
//!
//! Free words. "No other call on .." makes the function exclusive.
//!
//! Context: any, ...                    (without it: may sleep)
//! Return: clauses, as a list (`* clause`) or separated by `;`
//! ```
//!
//! A clause is `-EINVAL, -EIO: cause` (or ` for`, ` if`, ` without` .. cause), `as nvb_other()` for the errors of another
//! function, or else success in words. "what else the platform answered" hands the platform's errors through.
//!
//! Of a callback the words "any context" and the errno values count, and `as other_member` for those of another callback of the
//! same struct.

use crate::contract::*;
use crate::model::{Abi, TypeDecl, MACRO_PREFIX, PREFIX};
use crate::ty::{Signature, TypeRef};
use std::collections::BTreeMap;

/// The documentation in the attributes of an item.
pub fn of(attributes: &[syn::Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("doc")) {
        if let syn::Meta::NameValue(pair) = &attribute.meta {
            if let syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(line),
                ..
            }) = &pair.value
            {
                text.push_str(line.value().trim());
                text.push('\n');
            }
        }
    }
    text
}

/// The contract of a Rust function. Only the shape of its parameters is asked of `signature`.
pub fn function(text: &str, signature: &syn::Signature) -> Contract {
    let pointers = signature.inputs.iter().filter_map(|input| match input {
        syn::FnArg::Typed(p) => match (&*p.pat, is_pointer(&p.ty)) {
            (syn::Pat::Ident(name), true) => Some(name.ident.to_string()),
            _ => None,
        },
        syn::FnArg::Receiver(_) => None,
    });
    contract(text, &pointers.collect::<Vec<_>>())
}

/// Pointers, and callbacks: by convention their types are called `*_fn`.
fn is_pointer(ty: &syn::Type) -> bool {
    match ty {
        syn::Type::Ptr(_) | syn::Type::BareFn(_) => true,
        syn::Type::Path(path) => {
            let last = path.path.segments.last().map(|s| s.ident.to_string());
            last.is_some_and(|name| name == "Option" || name.ends_with("_fn"))
        }
        _ => false,
    }
}

/// The contracts in the kernel-doc comments of a header. What has no comment promises what no words promise, as in the Rust
/// source, so that a comment which only one of them has is a difference.
///
/// # Errors
/// A callback refers to what is none: says which and to what.
pub fn from_header(text: &str, abi: &Abi) -> Result<Contracts, String> {
    let mut contracts = undocumented(abi);
    let mut owner = String::new();
    for comment in comments(text) {
        let first = comment.lines().next().unwrap_or_default().to_owned();
        if let Some((name, _)) = first.split_once("() - ") {
            if let Some(signature) = abi.functions.get(name) {
                contracts.insert(name.to_owned(), contract(&comment, &pointer_names(abi, signature)));
            }
        } else if let Some((name, _)) = first.strip_prefix("typedef ").and_then(|r| r.split_once(" - ")) {
            contracts.insert(name.to_owned(), callback(&comment));
        } else if let Some((name, _)) = first.strip_prefix("struct ").and_then(|r| r.split_once(" - ")) {
            owner = name.to_owned();
        } else if let Some((member, _)) = first.strip_prefix('@').and_then(|r| r.split_once(':')) {
            if is_callback(abi, &owner, member) {
                contracts.insert(format!("{owner}.{member}"), callback(&comment));
            }
        }
    }
    resolve(&mut contracts)?;
    Ok(contracts)
}

/// What functions and callbacks promise without a word.
fn undocumented(abi: &Abi) -> Contracts {
    let mut contracts = Contracts::new();
    for (name, signature) in &abi.functions {
        contracts.insert(name.clone(), contract("", &pointer_names(abi, signature)));
    }
    for (name, decl) in &abi.types {
        match decl {
            TypeDecl::Alias(TypeRef::Function(_)) => {
                contracts.insert(name.clone(), callback(""));
            }
            TypeDecl::Struct(record) => {
                let callbacks = record.fields.iter().filter(|f| matches!(f.ty, TypeRef::Function(_)));
                contracts.extend(callbacks.map(|f| (format!("{name}.{}", f.name), callback(""))));
            }
            _ => {}
        }
    }
    contracts
}

fn pointer_names(abi: &Abi, signature: &Signature) -> Vec<String> {
    let pointers = signature.params.iter().filter(|p| abi.expand(&p.ty).is_pointer());
    pointers.map(|p| p.name.clone()).collect()
}

fn is_callback(abi: &Abi, owner: &str, member: &str) -> bool {
    match abi.types.get(owner) {
        Some(TypeDecl::Struct(record)) => record
            .fields
            .iter()
            .any(|f| f.name == member && matches!(f.ty, TypeRef::Function(_))),
        _ => false,
    }
}

/// Bodies of the `/** .. */` comments.
fn comments(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for piece in text.split("/**").skip(1) {
        let body = piece.split("*/").next().unwrap_or_default();
        let lines = body.lines().map(|line| {
            let line = line.trim();
            line.strip_prefix("* ")
                .or(line.strip_prefix('*'))
                .unwrap_or(line)
                .trim_end()
        });
        let body: Vec<&str> = lines.collect();
        found.push(body.join("\n").trim().to_owned());
    }
    found
}

/// Gives callbacks that are documented as another one ([`Contract::errors_of`] names it) what that one promises.
///
/// # Errors
/// There is no such callback beside it, or it refers on itself.
pub fn resolve(contracts: &mut Contracts) -> Result<(), String> {
    let read = contracts.clone();
    for (name, contract) in contracts.iter_mut() {
        // Functions refer to functions by a link that stays.
        let references: Vec<String> = contract
            .errors_of
            .iter()
            .filter(|r| !r.starts_with(PREFIX))
            .cloned()
            .collect();
        for reference in references {
            let beside = name.split_once('.').map(|(owner, _)| format!("{owner}.{reference}"));
            let meant = beside.and_then(|b| read.get(&b)).filter(|m| m.errors_of.is_empty());
            let meant = meant.ok_or_else(|| {
                format!("{name}: expected `{reference}` to be a callback beside it that says itself what it promises")
            })?;
            if meant.context == Context::Any {
                contract.context = Context::Any;
            }
            contract.errors.extend(meant.errors.clone());
            contract.errors_of.retain(|r| *r != reference);
        }
    }
    Ok(())
}

/// The contract of a callback: what its words say of context and errors. One that it refers to is left to [`resolve`].
pub fn callback(text: &str) -> Contract {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut contract = Contract::default();
    if flat.contains("any context") {
        contract.context = Context::Any;
    }
    for errno in errnos(&flat) {
        contract.errors.entry(errno).or_default();
    }
    let end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let references = flat.split(" as ").skip(1).filter_map(|rest| rest.split(end).next());
    let references = references.filter(|word| word.contains('_') && !word.starts_with(MACRO_PREFIX));
    contract.errors_of.extend(references.map(str::to_owned));
    contract
}

fn contract(text: &str, pointers: &[String]) -> Contract {
    let sections = Sections::of(text);
    let mut contract = Contract::default();
    if sections.context.starts_with("any") {
        contract.context = Context::Any;
    }
    if sections.words.contains("No other call") {
        contract.threads = Threads::Exclusive;
    }
    for clause in &sections.clauses {
        add_clause(&mut contract, clause);
    }
    for name in pointers {
        let words = sections.params.get(name).map_or("", String::as_str);
        contract.pointers.insert(name.clone(), pointer(words, name, &contract));
    }
    contract
}

fn pointer(words: &str, name: &str, contract: &Contract) -> Pointer {
    let says = |what: &str| words.contains(what);
    // "-EINVAL for a NULL @gpu" refuses that parameter only.
    let refusals = contract.errors.get("EINVAL").map_or(&[][..], Vec::as_slice);
    let one_only = refusals.iter().any(|c| c.contains("NULL @"));
    let refused = refusals.iter().any(|c| c.contains(&format!("NULL @{name}")));
    let null = if says("may be NULL if") {
        Null::AllowedIfEmpty
    } else if says("NULL is nothing to do") {
        Null::Nothing
    } else if says("NULL = ") || says("may be NULL") || (one_only && !refused) {
        Null::Allowed
    } else {
        Null::Refused
    };
    let ownership = if says("belongs to the caller") {
        Ownership::Created
    } else if says("invalid afterwards") {
        Ownership::Consumed
    } else if says("called from") || words.starts_with("for @") {
        Ownership::Kept
    } else if words.starts_with("gets ") || says("; gets ") {
        Ownership::Filled
    } else {
        Ownership::Borrowed
    };
    Pointer { null, ownership }
}

/// A doc comment taken apart.
#[derive(Default)]
struct Sections {
    params: BTreeMap<String, String>,
    words: String,
    context: String,
    clauses: Vec<String>,
}

impl Sections {
    fn of(text: &str) -> Self {
        let mut sections = Sections::default();
        let mut returns: Vec<String> = Vec::new();
        let mut open = Open::Words;
        for line in text.lines().skip(1).map(str::trim) {
            if line == "# Safety" {
                break;
            }
            if let Some((name, words)) = line.strip_prefix('@').and_then(|l| l.split_once(": ")) {
                sections.params.insert(name.to_owned(), words.to_owned());
                open = Open::Param(name.to_owned());
            } else if let Some(words) = line.strip_prefix("Context:") {
                sections.context = words.trim().to_owned();
                open = Open::Context;
            } else if let Some(words) = line.strip_prefix("Return:") {
                returns.push(words.trim().to_owned());
                open = Open::Return;
            } else if line.is_empty() && !matches!(open, Open::Return) {
                open = Open::Words;
            } else {
                sections.continue_with(&open, line, &mut returns);
            }
        }
        sections.clauses = clauses(&returns);
        sections
    }

    fn continue_with(&mut self, open: &Open, line: &str, returns: &mut Vec<String>) {
        match open {
            Open::Words => append(&mut self.words, line),
            Open::Context => append(&mut self.context, line),
            Open::Param(name) => append(self.params.entry(name.clone()).or_default(), line),
            Open::Return => match (line.strip_prefix("* "), returns.last_mut()) {
                (None, Some(last)) => append(last, line),
                (item, _) => returns.push(item.unwrap_or(line).to_owned()),
            },
        }
    }
}

/// The section that a line continues.
enum Open {
    Words,
    Param(String),
    Context,
    Return,
}

fn append(text: &mut String, line: &str) {
    if !text.is_empty() && !line.is_empty() {
        text.push(' ');
    }
    text.push_str(line);
}

/// The clauses of a Return section. In a list each item is one; in running words `;` and `, or -E` separate them.
fn clauses(items: &[String]) -> Vec<String> {
    let is_list = items.len() > 1;
    let mut found = Vec::new();
    for item in items {
        if is_list {
            found.push(item.clone());
            continue;
        }
        let separated = item.replace(", or -E", "; -E").replace("; or -E", "; -E");
        found.extend(separated.split("; ").map(str::to_owned));
    }
    let tidy = found.iter().map(|c| c.trim().trim_end_matches('.').to_owned());
    tidy.filter(|c| !c.is_empty()).collect()
}

fn add_clause(contract: &mut Contract, clause: &str) {
    contract.platform_errors |= clause.contains("platform answered");
    if let Some(at) = clause.find("nvb_").filter(|at| is_reference(&clause[..*at])) {
        let end = clause[at..].find("()").map_or(clause.len(), |i| at + i);
        contract.errors_of.push(clause[at..end].to_owned());
        return;
    }
    if !clause.starts_with("-E") {
        contract.success.push(clause.to_owned());
        return;
    }
    let (codes, cause) = split_codes(clause);
    for errno in errnos(codes) {
        let causes = contract.errors.entry(errno).or_default();
        causes.push(cause.to_owned());
    }
}

/// Whether the words before a function's name say that its errors are meant.
fn is_reference(before: &str) -> bool {
    before.ends_with("as ") || before.ends_with("as for ")
}

/// `-EIO, -ENODEV: cause` as codes and cause. The codes end where a word stands that is neither a code nor `or`.
fn split_codes(clause: &str) -> (&str, &str) {
    let mut end = 0;
    for word in clause.split_inclusive(' ') {
        let bare = word.trim_end().trim_end_matches([',', ':']);
        if !bare.starts_with("-E") && bare != "or" {
            break;
        }
        end += word.len();
    }
    let (codes, cause) = clause.split_at(end);
    (codes, cause.trim())
}

/// Names of the errno values that `text` mentions, without the sign.
fn errnos(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for piece in text.split("-E").skip(1) {
        let end = piece
            .find(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit())
            .unwrap_or(piece.len());
        names.push(format!("E{}", &piece[..end]));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, pointers: &[&str]) -> Contract {
        contract(text, &pointers.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn list_of_returns() {
        let c = read(
            "nvb_x() - does\n@config: what; the core copies it\n@out: gets the handle; it belongs to the caller\n\n\
             Words.\n\nContext: any; touches nothing.\nReturn:\n* 0: done\n* -EINVAL: NULL,\n  or bad\n* -EBADMSG, -EIO: damaged\n\
             * -ENOMEM or what else the platform answered\n\n# Safety\n@x: -EPERM",
            &["config", "out"],
        );
        assert_eq!(c.context, Context::Any);
        assert_eq!(c.success, ["0: done"]);
        assert_eq!(c.errors["EINVAL"], ["NULL, or bad"]);
        assert_eq!(c.errors["EBADMSG"], c.errors["EIO"]);
        assert!(c.platform_errors && c.errors.contains_key("ENOMEM") && !c.errors.contains_key("EPERM"));
        assert_eq!(c.pointers["out"].ownership, Ownership::Created);
        assert_eq!(c.pointers["config"].null, Null::Refused);
    }

    #[test]
    fn running_words() {
        let c = read(
            "nvb_x() - does\n@gpu: the GPU\n@cb: NULL = nobody\n\nReturn: 0, or -EINVAL for a NULL @gpu; else as nvb_y();\n\
             -EBUSY if it\nis suspended.",
            &["gpu", "cb"],
        );
        assert_eq!(c.success, ["0"]);
        assert_eq!(c.errors["EINVAL"], ["for a NULL @gpu"]);
        assert_eq!(c.errors["EBUSY"], ["if it is suspended"]);
        assert_eq!(c.errors_of, ["nvb_y"]);
        assert_eq!(
            (&c.pointers["gpu"].null, &c.pointers["cb"].null),
            (&Null::Refused, &Null::Allowed)
        );
    }

    #[test]
    fn what_has_no_comment_promises_nothing() {
        let abi = "fn nvb_x(gpu: *mut void) -> i32\ntype nvb_fn = fn() -> i32\nstruct nvb_s size 8 align 8\n  0 +8 call: fn()\n";
        let abi = crate::text::read(abi, "test").expect("text");
        let said = "/**\n * nvb_x() - does\n *\n * Return: 0; -EIO if broken\n */";
        let of = |header: &str| from_header(header, &abi).expect("contracts");
        let (with, without) = (of(said), of("/* nothing */"));
        assert_eq!(without.keys().collect::<Vec<_>>(), ["nvb_fn", "nvb_s.call", "nvb_x"]);
        assert_ne!(with["nvb_x"], without["nvb_x"]);
        let signature = syn::parse_str("fn nvb_x(gpu: *mut c_void) -> i32").expect("signature");
        assert_eq!(without["nvb_x"], function("", &signature));
    }

    #[test]
    fn callbacks_say_context_and_errors() {
        let c = callback("@read: reads; -EINVAL outside, -ENODEV when gone; any\ncontext");
        assert_eq!(c.context, Context::Any);
        assert_eq!(c.errors.keys().collect::<Vec<_>>(), ["EINVAL", "ENODEV"]);
    }

    #[test]
    fn callbacks_refer_to_those_beside_them() {
        let read = |words: &str| {
            let mut contracts = Contracts::from([
                (
                    "nvb_s.read_it".to_owned(),
                    callback("@read_it: -ENODEV when gone; any context"),
                ),
                ("nvb_s.write".to_owned(), callback(words)),
            ]);
            resolve(&mut contracts).map(|()| contracts)
        };
        let contracts = read("@write: writes; as read_it").expect("resolved");
        assert_eq!(contracts["nvb_s.write"], contracts["nvb_s.read_it"]);
        let also = read("@write: writes; as read_it, but\n-EIO").expect("resolved");
        assert_eq!(also["nvb_s.write"].errors.keys().collect::<Vec<_>>(), ["EIO", "ENODEV"]);
        assert!(read("@write: as read_them").unwrap_err().contains("`read_them`"));
        assert!(read("@write: as often as asked, NULL as NVB_NONE_OF")
            .expect("words")
            .contains_key("nvb_s.write"));
    }
}
