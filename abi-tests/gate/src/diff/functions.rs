// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Functions, and whatever else has a signature.

use super::{partition, Change};
use crate::model::Abi;
use crate::ty::{Signature, TypeRef};

pub fn compare(old: &Abi, new: &Abi, changes: &mut Vec<Change>) {
    let (gone, both, added) = partition(&old.functions, &new.functions);
    for name in gone {
        let was = &old.functions[name];
        let twin = added.iter().find(|n| new.functions[**n] == *was);
        let now = twin.map_or(String::new(), |n| format!("perhaps called {n} now"));
        changes.push(Change::new("function-removed", name, was, now));
    }
    for name in added {
        changes.push(Change::new("function-added", name, "", &new.functions[name]));
    }
    for (name, was, now) in both {
        compare_signature(name, &old.expand_signature(was), &new.expand_signature(now), changes);
    }
}

/// Differences between two signatures whose aliases are expanded.
pub fn compare_signature(name: &str, was: &Signature, now: &Signature, changes: &mut Vec<Change>) {
    if !same(&was.ret, &now.ret) {
        changes.push(Change::new("return-type", name, &was.ret, &now.ret));
    }
    if was.unwind != now.unwind {
        let word = |s: &Signature| if s.unwind { "C-unwind" } else { "C" };
        changes.push(Change::new("unwinding", name, word(was), word(now)));
    }
    if was.variadic != now.variadic {
        changes.push(Change::new("variadic", name, was, now));
    }
    if now.params.len() != was.params.len() {
        let grown = now.params.len() > was.params.len();
        let id = if grown { "parameter-added" } else { "parameter-removed" };
        changes.push(Change::new(id, name, was, now));
    } else if is_permuted(was, now) {
        changes.push(Change::new("parameter-order", name, was, now));
    } else {
        params(name, was, now, changes);
    }
}

/// Whether the same names stand in another order.
fn is_permuted(was: &Signature, now: &Signature) -> bool {
    let names = |s: &Signature| s.params.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
    let (old_names, new_names) = (names(was), names(now));
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    old_names != new_names && sorted(old_names) == sorted(new_names)
}

fn params(name: &str, was: &Signature, now: &Signature, changes: &mut Vec<Change>) {
    for (i, (old, new)) in was.params.iter().zip(&now.params).enumerate() {
        let called = if old.name.is_empty() {
            (i + 1).to_string()
        } else {
            old.name.clone()
        };
        let subject = format!("{name}({called})");
        if !same(&old.ty, &new.ty) {
            let id = match constness(&old.ty, &new.ty) {
                Some(true) => "parameter-const-added",
                Some(false) => "parameter-const-removed",
                None => "parameter-type",
            };
            changes.push(Change::new(id, subject, &old.ty, &new.ty));
        } else if old.name != new.name && !old.name.is_empty() && !new.name.is_empty() {
            changes.push(Change::new("parameter-renamed", subject, &old.name, &new.name));
        }
    }
}

/// If the types differ in the outermost `const` only: whether it was added.
fn constness(was: &TypeRef, now: &TypeRef) -> Option<bool> {
    match (was, now) {
        (TypeRef::Pointer { constant: a, to: x }, TypeRef::Pointer { constant: b, to: y }) if a != b && same(x, y) => {
            Some(*b)
        }
        _ => None,
    }
}

/// Whether the types are the same, whatever the parameters of callbacks are called.
pub(super) fn same(a: &TypeRef, b: &TypeRef) -> bool {
    match (a, b) {
        (TypeRef::Pointer { constant: x, to: a }, TypeRef::Pointer { constant: y, to: b }) => x == y && same(a, b),
        (TypeRef::Array { of: a, len: x }, TypeRef::Array { of: b, len: y }) => x == y && same(a, b),
        (TypeRef::Function(a), TypeRef::Function(b)) => {
            let mut changes = Vec::new();
            compare_signature("", a, b, &mut changes);
            changes.iter().all(|c| c.rule.id == "parameter-renamed")
        }
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use crate::diff::tests::said;

    fn functions(old: &str, new: &str) -> Vec<String> {
        said(&format!("fn nvb_x{old}\n"), &format!("fn nvb_x{new}\n"))
    }

    #[test]
    fn parameters() {
        let old = "(a: u32, b: u32, p: *mut u8)";
        assert_eq!(functions(old, "(a: u32, b: u32)"), ["parameter-removed nvb_x"]);
        assert_eq!(
            functions(old, "(a: u32, b: u32, p: *mut u8, c: u64)"),
            ["parameter-added nvb_x"]
        );
        assert_eq!(
            functions(old, "(b: u32, a: u32, p: *mut u8)"),
            ["parameter-order nvb_x"]
        );
        assert_eq!(
            functions(old, "(a: i32, b: u32, p: *mut u8)"),
            ["parameter-type nvb_x(a)"]
        );
        assert_eq!(
            functions(old, "(a: u32, n: u32, p: *mut u8)"),
            ["parameter-renamed nvb_x(b)"]
        );
        assert_eq!(
            functions(old, "(a: u32, b: u32, p: *const u8)"),
            ["parameter-const-added nvb_x(p)"]
        );
        assert_eq!(
            functions("(p: *const u8)", "(p: *mut u8)"),
            ["parameter-const-removed nvb_x(p)"]
        );
        assert_eq!(functions("(p: *const u8)", "(p: *mut i8)"), ["parameter-type nvb_x(p)"]);
    }

    #[test]
    fn returns_and_conventions() {
        assert_eq!(functions("() -> i32", "() -> i64"), ["return-type nvb_x"]);
        assert_eq!(functions("()", "() unwind"), ["unwinding nvb_x"]);
        assert_eq!(functions("(a: u32)", "(a: u32, ...)"), ["variadic nvb_x"]);
    }

    #[test]
    fn callbacks_in_parameters() {
        assert_eq!(functions("(f: fn(a: u32))", "(f: fn(b: u32))"), Vec::<String>::new());
        assert_eq!(
            functions("(f: fn(a: u32))", "(f: fn(a: u64))"),
            ["parameter-type nvb_x(f)"]
        );
    }

    #[test]
    fn aliases_are_what_they_stand_for() {
        let old = "opaque nvb_o\ntype nvb_t = u32\nfn nvb_x(a: nvb_t)\n";
        let new = "opaque nvb_o\ntype nvb_t = u32\nfn nvb_x(a: u32)\n";
        assert!(said(old, new).is_empty());
    }
}
