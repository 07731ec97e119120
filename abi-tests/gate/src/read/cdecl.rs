// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The little of C's grammar that the compiler does not tell: which functions a header declares, how it names their
//! parameters, and what its macros expand to. Types are never read from here; the compiler says those.

use crate::model::{Macro, PREFIX};
use std::collections::BTreeMap;

/// What a preprocessed header declares by itself, apart from what it includes.
#[derive(Debug, Default)]
pub struct Declarations {
    /// Functions with the names of their parameters.
    pub functions: Vec<(String, Vec<String>)>,
    /// Tags and typedef names of the ABI's types, as `struct x`, `union x`, `enum x` or `x`.
    pub complete_types: Vec<String>,
    /// Macros it defines.
    pub macros: BTreeMap<String, Macro>,
}

/// Reads the output of `cc -E -dD`; `header` is the name that its line markers give the header.
pub fn read(preprocessed: &str, header: &str) -> Declarations {
    let mut found = Declarations::default();
    let mut own = false;
    let mut code = String::new();
    for line in preprocessed.lines() {
        if let Some(marker) = line.strip_prefix("# ") {
            own = marker.split('"').nth(1) == Some(header);
        } else if let (true, Some(definition)) = (own, line.strip_prefix("#define ")) {
            let (name, m) = parse_macro(definition);
            found.macros.insert(name, m);
        } else if own && !line.starts_with('#') {
            code.push_str(line);
            code.push('\n');
        }
    }
    declarations(&tokens(&code), &mut found);
    found
}

/// Tokens of C code without comments.
pub fn tokens(code: &str) -> Vec<&str> {
    let mut list = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = match first {
            '"' => rest[1..].find('"').map_or(rest.len(), |i| i + 2),
            '\'' => rest[1..].find('\'').map_or(rest.len(), |i| i + 2),
            c if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            _ if rest.starts_with("<<") || rest.starts_with(">>") || rest.starts_with("##") => 2,
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        list.push(token);
        rest = after.trim_start();
    }
    list
}

/// Code on one line, spaced as the kernel spaces it.
pub fn pretty(code: &str) -> String {
    let mut out = String::new();
    let mut before = "";
    for token in tokens(code) {
        let after_word = before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let joined =
            ["", "(", "."].contains(&before) || [")", ",", ";"].contains(&token) || (token == "(" && after_word);
        if !joined {
            out.push(' ');
        }
        out.push_str(token);
        before = token;
    }
    out
}

fn parse_macro(definition: &str) -> (String, Macro) {
    let end = definition
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(definition.len());
    let (name, rest) = definition.split_at(end);
    let (params, body) = match rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
        Some((params, body)) => {
            let params = params.split(',').map(|p| p.trim().to_owned()).filter(|p| !p.is_empty());
            (Some(params.collect()), body)
        }
        None => (None, rest),
    };
    (
        name.to_owned(),
        Macro {
            params,
            body: pretty(body),
        },
    )
}

fn declarations(tokens: &[&str], found: &mut Declarations) {
    let mut statement: Vec<&str> = Vec::new();
    let mut depth = 0usize;
    for token in tokens {
        match *token {
            "{" => {
                if depth == 0 {
                    complete_type(&statement, found);
                }
                depth += 1;
            }
            "}" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => {
                function(&statement, found);
                statement.clear();
            }
            token if depth == 0 => statement.push(token),
            _ => {}
        }
    }
}

fn complete_type(statement: &[&str], found: &mut Declarations) {
    // Attributes may stand between the keyword and the tag.
    let kind = statement.iter().find(|t| ["struct", "union", "enum"].contains(t));
    let tag = statement.last().filter(|t| t.starts_with(PREFIX));
    if let (Some(kind), Some(tag)) = (kind, tag) {
        found.complete_types.push(format!("{kind} {tag}"));
    }
}

fn function(statement: &[&str], found: &mut Declarations) {
    if statement.first() == Some(&"typedef") {
        return;
    }
    let open = statement.iter().position(|t| *t == "(");
    let name = open.and_then(|i| i.checked_sub(1)).and_then(|i| statement.get(i));
    if let (Some(open), Some(name)) = (open, name.filter(|n| n.starts_with(PREFIX))) {
        found
            .functions
            .push(((*name).to_owned(), param_names(&statement[open + 1..])));
    }
}

/// Names of the parameters in the tokens behind the opening parenthesis.
fn param_names(tokens: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0usize;
    let mut param: Vec<&str> = Vec::new();
    for token in tokens {
        match *token {
            ")" if depth == 0 => break,
            "(" => depth += 1,
            ")" => depth -= 1,
            "," if depth == 0 => {
                names.push(param_name(&param));
                param.clear();
                continue;
            }
            _ => {}
        }
        param.push(token);
    }
    if !param.is_empty() && param != ["void"] {
        names.push(param_name(&param));
    }
    names
}

fn param_name(tokens: &[&str]) -> String {
    let is_name = |t: &&&str| t.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    // `int32_t (*name)(...)` has its name behind the star in parentheses, all others have it last.
    let star = tokens.windows(2).position(|w| w == ["(", "*"]);
    let name = match star {
        Some(at) => tokens.get(at + 2),
        None => tokens.iter().rfind(is_name),
    };
    name.map_or(String::new(), |n| (*n).to_owned())
}

/// Whether a macro's body is an expression of numbers, texts and other macros of the ABI, so that a compiler can say its value.
pub fn is_constant(body: &str) -> bool {
    let tokens = tokens(body);
    let allowed = |t: &&str| {
        let word = t.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        !word || t.starts_with(crate::model::MACRO_PREFIX) || t.ends_with("_t") || ["sizeof", "struct"].contains(t)
    };
    !tokens.is_empty() && !tokens.contains(&"{") && !tokens.contains(&";") && tokens.iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"
# 1 "/usr/include/stdint.h" 1
typedef unsigned int uint32_t;
#define UINT8_MAX 255
int nvb_not_ours(int x);
# 5 "novabridge.h" 2
#define NVB_N 4
#define NVB_INIT(a,b) { .x = (a), .y = sizeof(struct nvb_s) }
struct nvb_s { int x; int (*nvb_member)(int); };
struct nvb_gpu;
typedef void (*nvb_fn)(void *ctx);
extern int32_t nvb_call(struct nvb_gpu *gpu, const char *name,
    uint8_t *data, int32_t (*done)(void *, int), char out[4]);
void nvb_end(void);
"#;

    #[test]
    fn finds_only_what_the_header_declares() {
        let found = read(HEADER, "novabridge.h");
        let call = ["gpu", "name", "data", "done", "out"].map(str::to_owned).to_vec();
        assert_eq!(found.functions, [("nvb_call".into(), call), ("nvb_end".into(), vec![])]);
        assert_eq!(found.complete_types, ["struct nvb_s"]);
        assert_eq!(found.macros.keys().collect::<Vec<_>>(), ["NVB_INIT", "NVB_N"]);
        let init = &found.macros["NVB_INIT"];
        assert_eq!(init.params.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
        assert_eq!(init.body, "{ .x = (a), .y = sizeof(struct nvb_s) }");
    }

    #[test]
    fn tells_constants_from_code() {
        for constant in ["4", "( NVB_A << 2 )", "0xffu", "\"text\"", "((uint32_t) 3)"] {
            assert!(is_constant(constant), "{constant}");
        }
        for code in ["", "{ 1 }", "__attribute__((x))", "do_it(1)"] {
            assert!(!is_constant(code), "{code}");
        }
    }
}
