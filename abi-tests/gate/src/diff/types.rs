// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Structs, unions, enums, handles and aliases.

use super::functions::{compare_signature, same};
use super::{partition, Change};
use crate::model::*;
use crate::ty::TypeRef;

pub fn compare(old: &Abi, new: &Abi, changes: &mut Vec<Change>) {
    let (gone, both, added) = partition(&old.types, &new.types);
    for name in gone {
        changes.push(Change::new("type-removed", name, old.types[name].kind(), ""));
    }
    for name in added {
        changes.push(Change::new("type-added", name, "", new.types[name].kind()));
    }
    for (name, was, now) in both {
        let pair = Pair { old, new, name };
        match (was, now) {
            (TypeDecl::Struct(a), TypeDecl::Struct(b)) => pair.structs(a, b, changes),
            (TypeDecl::Union(a), TypeDecl::Union(b)) => pair.unions(a, b, changes),
            (TypeDecl::Enum(a), TypeDecl::Enum(b)) => enums(name, a, b, changes),
            (TypeDecl::Alias(a), TypeDecl::Alias(b)) => pair.typed(name, "callback-type", a, b, changes),
            (TypeDecl::Opaque, TypeDecl::Opaque) => {}
            (TypeDecl::Opaque, _) => changes.push(Change::new("type-opened", name, "opaque", now.kind())),
            (_, TypeDecl::Opaque) => changes.push(Change::new("type-closed", name, was.kind(), "opaque")),
            _ => changes.push(Change::new("type-kind", name, was.kind(), now.kind())),
        }
    }
}

/// A type that both versions have.
struct Pair<'a> {
    old: &'a Abi,
    new: &'a Abi,
    name: &'a str,
}

impl Pair<'_> {
    /// Reports if a type that stands somewhere is another now. Of function pointers it is told what about them changed.
    fn typed(&self, subject: &str, id: &str, was: &TypeRef, now: &TypeRef, changes: &mut Vec<Change>) {
        let (a, b) = (self.old.expand(was), self.new.expand(now));
        if same(&a, &b) {
            return;
        }
        if let (TypeRef::Function(a), TypeRef::Function(b)) = (&a, &b) {
            let mut inner = Vec::new();
            compare_signature(subject, a, b, &mut inner);
            // What a function of the core may do without harm, a function of the caller cannot follow.
            if inner.iter().any(|c| c.rule.id != "parameter-renamed") {
                changes.push(Change::new("callback-type", subject, was, now));
            } else {
                changes.append(&mut inner);
            }
            return;
        }
        changes.push(Change::new(id, subject, was, now));
    }

    fn subject(&self, field: &str) -> String {
        format!("{}.{field}", self.name)
    }

    fn structs(&self, was: &Record, now: &Record, changes: &mut Vec<Change>) {
        let before = changes.len();
        let mut moved = Vec::new();
        for field in &was.fields {
            match now.fields.iter().find(|f| f.name == field.name) {
                Some(new) => {
                    self.typed(&self.subject(&field.name), "field-type", &field.ty, &new.ty, changes);
                    if new.offset != field.offset || new.bits != field.bits {
                        moved.push((field, new));
                    }
                }
                None => self.missing(field, was, now, changes),
            }
        }
        if let [(first, to), ..] = moved.as_slice() {
            let names: Vec<&str> = moved.iter().map(|(f, _)| f.name.as_str()).collect();
            let at = |f: &Field| format!("{} at {}", f.name, f.offset);
            let subject = self.subject(&names.join(","));
            changes.push(Change::new("field-moved", subject, at(first), at(to)));
        }
        for field in &now.fields {
            if !was.fields.iter().any(|f| f.name == field.name) && !takes_over(field, was, now) {
                self.added(field, was, now, changes);
            }
        }
        if now.align != was.align {
            changes.push(Change::new("struct-align", self.name, was.align, now.align));
        }
        if now.size != was.size && changes.len() == before {
            changes.push(Change::new("struct-size", self.name, was.size, now.size));
        }
    }

    /// A field that the new struct does not have under its name.
    fn missing(&self, field: &Field, was: &Record, now: &Record, changes: &mut Vec<Change>) {
        let subject = self.subject(&field.name);
        let heirs: Vec<&Field> = now.fields.iter().filter(|f| inside(f, field)).collect();
        let heirs_are_new = heirs.iter().all(|f| !was.fields.iter().any(|o| o.name == f.name));
        let names = heirs.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ");
        let twin = heirs
            .first()
            .filter(|f| f.offset == field.offset && f.size == field.size);
        if heirs.is_empty() || !heirs_are_new {
            changes.push(Change::new("field-removed", subject, &field.ty, ""));
        } else if field.name.starts_with("reserved") {
            changes.push(Change::new("field-from-reserved", subject, &field.name, names));
        } else if twin.is_some_and(|f| same(&self.old.expand(&field.ty), &self.new.expand(&f.ty))) {
            changes.push(Change::new("field-renamed", subject, &field.name, names));
        } else {
            changes.push(Change::new(
                "field-removed",
                subject,
                &field.ty,
                format!("{names} stands there"),
            ));
        }
    }

    /// A field that the old struct does not have.
    fn added(&self, field: &Field, was: &Record, now: &Record, changes: &mut Vec<Change>) {
        let end = was.fields.iter().map(|f| f.offset + f.size).max().unwrap_or(0);
        let in_hole = was
            .holes()
            .iter()
            .any(|(at, len)| field.offset >= *at && field.offset + field.size <= at + len);
        let grows = was.is_sized() && now.is_sized() && !self.old.embedded().contains(self.name);
        let id = if in_hole {
            "field-in-hole"
        } else if field.offset < end {
            "field-inserted"
        } else if grows {
            "field-appended"
        } else {
            "field-appended-unsized"
        };
        let now = format!("{} at {}", field.ty, field.offset);
        changes.push(Change::new(id, self.subject(&field.name), "", now));
    }

    fn unions(&self, was: &Record, now: &Record, changes: &mut Vec<Change>) {
        for field in &was.fields {
            match now.fields.iter().find(|f| f.name == field.name) {
                Some(new) => self.typed(&self.subject(&field.name), "field-type", &field.ty, &new.ty, changes),
                None => changes.push(Change::new("field-removed", self.subject(&field.name), &field.ty, "")),
            }
        }
        for field in &now.fields {
            if !was.fields.iter().any(|f| f.name == field.name) {
                changes.push(Change::new(
                    "union-member-added",
                    self.subject(&field.name),
                    "",
                    &field.ty,
                ));
            }
        }
        if now.align != was.align {
            changes.push(Change::new("struct-align", self.name, was.align, now.align));
        }
        if now.size != was.size {
            changes.push(Change::new("struct-size", self.name, was.size, now.size));
        }
    }
}

/// Whether `field` stands within the bytes of `of`.
fn inside(field: &Field, of: &Field) -> bool {
    field.offset >= of.offset && field.offset + field.size <= of.offset + of.size
}

/// Whether a new field stands in the bytes of an old one that is gone: that is reported with the old one.
fn takes_over(field: &Field, was: &Record, now: &Record) -> bool {
    let gone = was
        .fields
        .iter()
        .filter(|o| !now.fields.iter().any(|n| n.name == o.name));
    gone.into_iter().any(|o| inside(field, o))
}

fn enums(name: &str, was: &Enumeration, now: &Enumeration, changes: &mut Vec<Change>) {
    if was.repr != now.repr {
        changes.push(Change::new("enum-representation", name, &was.repr, &now.repr));
    }
    let (gone, both, added) = partition(&was.values, &now.values);
    for value in gone {
        changes.push(Change::new(
            "enum-value-removed",
            format!("{name}.{value}"),
            was.values[value],
            "",
        ));
    }
    for value in added {
        changes.push(Change::new(
            "enum-value-added",
            format!("{name}.{value}"),
            "",
            now.values[value],
        ));
    }
    for (value, a, b) in both {
        if a != b {
            changes.push(Change::new("enum-value", format!("{name}.{value}"), a, b));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::diff::tests::said;

    const OLD: &str =
        "struct nvb_s size 24 align 8\n 0 +4 size: u32\n  4 +4 reserved: u32\n  8 +8 addr: u64\n  16 +4 n: u32\n";

    fn changed(lines: &str) -> Vec<String> {
        let old = OLD.replace("\n 0", "\n  0");
        let new: String = lines.split('|').map(|l| format!("  {l}\n")).collect();
        let size = if lines.contains("24 +") { 32 } else { 24 };
        said(&old, &format!("struct nvb_s size {size} align 8\n{new}"))
    }

    #[test]
    fn growing_at_the_end() {
        let head = "0 +4 size: u32|4 +4 reserved: u32|8 +8 addr: u64|16 +4 n: u32";
        assert!(changed(head).is_empty());
        assert_eq!(
            changed(&format!("{head}|24 +8 more: u64")),
            ["field-appended nvb_s.more"]
        );
        assert_eq!(
            changed(&format!("{head}|20 +4 more: u32")),
            ["field-in-hole nvb_s.more"]
        );
    }

    #[test]
    fn reserved_fields_are_for_use() {
        assert_eq!(
            changed("0 +4 size: u32|4 +2 a: u16|6 +2 b: u16|8 +8 addr: u64|16 +4 n: u32"),
            ["field-from-reserved nvb_s.reserved"]
        );
    }

    #[test]
    fn moving_renaming_removing() {
        assert_eq!(
            changed("0 +4 size: u32|4 +4 reserved: u32|8 +4 n: u32|16 +8 addr: u64"),
            ["field-moved nvb_s.addr,n"]
        );
        assert_eq!(
            changed("0 +4 size: u32|4 +4 reserved: u32|8 +8 address: u64|16 +4 n: u32"),
            ["field-renamed nvb_s.addr"]
        );
        assert_eq!(
            changed("0 +4 size: u32|4 +4 reserved: u32|8 +8 addr: u64"),
            ["field-removed nvb_s.n"]
        );
        assert_eq!(
            changed("0 +4 size: u32|4 +4 reserved: u32|8 +8 addr: i64|16 +4 n: u32"),
            ["field-type nvb_s.addr"]
        );
    }

    #[test]
    fn structs_without_size_cannot_grow() {
        let old = "struct nvb_s size 4 align 4\n  0 +4 a: u32\n";
        let new = "struct nvb_s size 8 align 4\n  0 +4 a: u32\n  4 +4 b: u32\n";
        assert_eq!(said(old, new), ["field-appended-unsized nvb_s.b"]);
    }

    #[test]
    fn embedded_structs_cannot_grow() {
        let inner = "struct nvb_i size 4 align 4\n  0 +4 size: u32\n";
        let grown = "struct nvb_i size 8 align 4\n  0 +4 size: u32\n  4 +4 b: u32\n";
        let outer = "struct nvb_o size 16 align 4\n  0 +8 list: [nvb_i; 2]\n";
        let said = said(&format!("{inner}{outer}"), &format!("{grown}{outer}"));
        assert_eq!(said, ["field-appended-unsized nvb_i.b"]);
    }

    #[test]
    fn callbacks() {
        let with = |ty: &str| format!("struct nvb_s size 8 align 8\n  0 +8 read: {ty}\ntype nvb_f = {ty}\n");
        let old = with("fn(ctx: *mut void, off: u32, len: u32)");
        assert_eq!(
            said(&old, &with("fn(ctx: *mut void, len: u32, off: u32)")),
            ["callback-type nvb_f", "callback-type nvb_s.read"]
        );
        assert!(said(&old, &with("fn(c: *mut void, o: u32, l: u32)")).is_empty());
    }

    #[test]
    fn enums_unions_and_handles() {
        let old = "enum nvb_e: u32\n  A = 0\n  B = 1\nunion nvb_u size 8 align 8\n  0 +8 a: u64\nopaque nvb_h\nopaque nvb_k\n";
        let new = "enum nvb_e: u8\n  A = 2\n  C = 1\nunion nvb_u size 8 align 8\n  0 +8 a: u64\n  0 +4 b: u32\n\
                   struct nvb_h size 4 align 4\n  0 +4 a: u32\nunion nvb_k size 0 align 1\n";
        assert_eq!(
            said(old, new),
            [
                "enum-representation nvb_e",
                "enum-value nvb_e.A",
                "enum-value-removed nvb_e.B",
                "enum-value-added nvb_e.C",
                "type-opened nvb_h",
                "type-opened nvb_k",
                "union-member-added nvb_u.b"
            ]
        );
        assert_eq!(
            said("opaque nvb_a\ntype nvb_h = u32\n", "opaque nvb_a\nopaque nvb_h\n"),
            ["type-closed nvb_h"]
        );
    }
}
