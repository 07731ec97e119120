// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Constants and macros.

use super::{partition, Change};
use crate::model::{Abi, Macro, MAJOR, MINOR};
use crate::read::cdecl;
use std::collections::BTreeMap;

pub fn compare(old: &Abi, new: &Abi, changes: &mut Vec<Change>) {
    if old.constants.is_empty() || new.constants.is_empty() {
        return;
    }
    let (gone, both, added) = partition(&old.constants, &new.constants);
    for name in gone {
        changes.push(Change::new("constant-removed", name, &old.constants[name].value, ""));
    }
    for name in added {
        changes.push(Change::new("constant-added", name, "", &new.constants[name].value));
    }
    for (name, was, now) in both {
        // The version is judged as a whole.
        if was.value != now.value && name != MAJOR && name != MINOR {
            changes.push(Change::new("constant-value", name, &was.value, &now.value));
        } else if was.ty != now.ty {
            changes.push(Change::new("constant-type", name, &was.ty, &now.ty));
        }
    }
    version(old, new, changes);
    macros(old, new, changes);
}

/// That the minor version rises is its purpose; callers of the old one do not notice.
fn version(old: &Abi, new: &Abi, changes: &mut Vec<Change>) {
    let (was, now) = match (old.version(), new.version()) {
        (Some(was), Some(now)) => (was, now),
        _ => return,
    };
    if now < was {
        changes.push(Change::new("version-lowered", format!("{MAJOR}, {MINOR}"), was, now));
    } else if now.major > was.major {
        changes.push(Change::new("major-raised", MAJOR, was, now));
    }
}

fn macros(old: &Abi, new: &Abi, changes: &mut Vec<Change>) {
    let (gone, both, added) = partition(&old.macros, &new.macros);
    for name in gone {
        changes.push(Change::new("macro-removed", name, &old.macros[name].body, ""));
    }
    for name in added {
        changes.push(Change::new("macro-added", name, "", &new.macros[name].body));
    }
    for (name, was, now) in both {
        macro_(name, was, now, changes);
    }
}

fn macro_(name: &str, was: &Macro, now: &Macro, changes: &mut Vec<Change>) {
    let count = |m: &Macro| m.params.as_ref().map(Vec::len);
    if count(was) != count(now) {
        let list = |m: &Macro| m.params.as_ref().map_or("none".into(), |p| p.join(", "));
        changes.push(Change::new("macro-parameters", name, list(was), list(now)));
        return;
    }
    if was.body == now.body && was.params == now.params {
        return;
    }
    match (designators(was), designators(now)) {
        (Some(was), Some(now)) => initialiser(name, &was, &now, changes),
        _ if normal(was) == normal(now) => changes.push(Change::new("spelling", name, &was.body, &now.body)),
        _ => changes.push(Change::new("macro-body", name, &was.body, &now.body)),
    }
}

fn initialiser(name: &str, was: &BTreeMap<String, String>, now: &BTreeMap<String, String>, changes: &mut Vec<Change>) {
    let (gone, both, added) = partition(was, now);
    let before = changes.len();
    for field in gone {
        changes.push(Change::new(
            "macro-body",
            format!("{name} .{field}"),
            &was[field],
            "not set",
        ));
    }
    for field in added {
        let subject = format!("{name} .{field}");
        changes.push(Change::new("macro-initialiser-extended", subject, "", &now[field]));
    }
    for (field, was, now) in both {
        if was != now {
            changes.push(Change::new("macro-body", format!("{name} .{field}"), was, now));
        }
    }
    if changes.len() == before {
        changes.push(Change::new(
            "spelling",
            name,
            "the same initialiser",
            "written differently",
        ));
    }
}

/// The body with parameters replaced by their numbers and without parentheses around single tokens.
fn normal(m: &Macro) -> String {
    let params = m.params.as_deref().unwrap_or_default();
    let number = |token: &str| match params.iter().position(|p| p == token) {
        Some(i) => format!("${i}"),
        None => token.to_owned(),
    };
    let mut tokens: Vec<String> = cdecl::tokens(&m.body).into_iter().map(number).collect();
    let mut i = 0;
    while i + 2 < tokens.len() {
        let called = i > 0 && tokens[i - 1].starts_with(|c: char| c.is_ascii_alphabetic());
        if tokens[i] == "(" && tokens[i + 2] == ")" && !called {
            tokens.remove(i + 2);
            tokens.remove(i);
        }
        i += 1;
    }
    tokens.join(" ")
}

/// The fields that an initialiser sets; `None` if the macro is none.
fn designators(m: &Macro) -> Option<BTreeMap<String, String>> {
    let body = normal(m);
    let inside = body.strip_prefix('{')?.strip_suffix('}')?;
    let mut fields = BTreeMap::new();
    for piece in inside.split(" , ") {
        let piece = piece.trim().trim_end_matches(',').trim();
        if piece.is_empty() {
            continue;
        }
        let (field, value) = piece.strip_prefix(". ")?.split_once(" = ")?;
        fields.insert(field.to_owned(), value.to_owned());
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use crate::diff::tests::said;

    const ANY: &str = "const NVB_ABI_MAJOR: i32 = 1\n";

    #[test]
    fn values_and_types() {
        let old = "const NVB_A: i32 = 1\nconst NVB_B: i32 = 1\nconst NVB_C: i32 = 3\n";
        let new = "const NVB_A: i32 = 2\nconst NVB_B: u32 = 1\nconst NVB_D: i32 = 3\n";
        let said = said(old, new);
        assert_eq!(
            said,
            [
                "constant-value NVB_A",
                "constant-type NVB_B",
                "constant-removed NVB_C",
                "constant-added NVB_D"
            ]
        );
    }

    #[test]
    fn minor_version_may_rise() {
        let said_of = |was: (u8, u8), now: (u8, u8)| {
            let text =
                |(major, minor)| format!("const NVB_ABI_MAJOR: i32 = {major}\nconst NVB_ABI_MINOR: i32 = {minor}\n");
            said(&text(was), &text(now))
        };
        assert!(said_of((1, 1), (1, 2)).is_empty());
        assert_eq!(
            said_of((1, 1), (1, 0)),
            ["version-lowered NVB_ABI_MAJOR, NVB_ABI_MINOR"]
        );
        assert_eq!(
            said_of((1, 1), (0, 9)),
            ["version-lowered NVB_ABI_MAJOR, NVB_ABI_MINOR"]
        );
        assert_eq!(said_of((1, 1), (2, 0)), ["major-raised NVB_ABI_MAJOR"]);
    }

    #[test]
    fn version_keeps_its_type() {
        assert_eq!(
            said(ANY, "const NVB_ABI_MAJOR: u32 = 1\n"),
            ["constant-type NVB_ABI_MAJOR"]
        );
    }

    fn macros(old: &str, new: &str) -> Vec<String> {
        said(&format!("{ANY}macro {old}\n"), &format!("{ANY}macro {new}\n"))
    }

    #[test]
    fn initialisers_are_compared_by_field() {
        let old = "NVB_I(w) = { . a = sizeof ( struct nvb_a ) , . f = ( w ) , }";
        assert_eq!(
            macros(old, "NVB_I(x) = { . f = x , . a = sizeof ( struct nvb_a ) }"),
            ["spelling NVB_I"]
        );
        assert_eq!(
            macros(old, "NVB_I(w) = { . a = 4 , . f = ( w ) }"),
            ["macro-body NVB_I .a"]
        );
        assert_eq!(macros(old, "NVB_I(w) = { . f = ( w ) }"), ["macro-body NVB_I .a"]);
        assert_eq!(
            macros(old, "NVB_I(w) = { . a = sizeof ( struct nvb_a ) , . f = w , . n = 1 }"),
            ["macro-initialiser-extended NVB_I .n"]
        );
        assert_eq!(macros(old, "NVB_I = { . a = 1 }"), ["macro-parameters NVB_I"]);
    }

    #[test]
    fn other_macros_are_compared_by_token() {
        assert_eq!(
            macros("NVB_M(a) = f ( ( a ) , 1 )", "NVB_M(b) = f ( b , ( 1 ) )"),
            ["spelling NVB_M"]
        );
        assert_eq!(macros("NVB_M(a) = f ( a )", "NVB_M(a) = g ( a )"), ["macro-body NVB_M"]);
    }
}
