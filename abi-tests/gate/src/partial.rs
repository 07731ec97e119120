// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Comparing with a binary. It knows no constants, macros and promises, types only with debug information, and those only that
//! its code uses: what one side cannot tell is no difference.

use crate::cross::{neutral, strip};
use crate::model::{Abi, TypeDecl};

/// Both sides as far as both can tell; unchanged unless one of them is a binary.
pub fn comparable(old: Abi, new: Abi) -> (Abi, Abi) {
    // Sources state their version by a constant.
    if old.version().is_some() && new.version().is_some() {
        return (old, new);
    }
    let (mut old, mut new) = (reduced(&old), reduced(&new));
    let before = old.clone();
    described(&mut old, &new);
    described(&mut new, &before);
    (old, new)
}

/// What a binary could tell of an ABI, in the words that all sources share.
fn reduced(abi: &Abi) -> Abi {
    let mut reduced = Abi {
        exports: abi.exports.clone(),
        crcs: abi.crcs.clone(),
        ..Abi::default()
    };
    if reduced.exports.is_empty() {
        reduced.exports = abi.functions.keys().cloned().collect();
    }
    for (name, signature) in &abi.functions {
        let mut signature = neutral(abi, signature);
        signature.unwind = false;
        reduced.functions.insert(name.clone(), signature);
    }
    for (name, decl) in &abi.types {
        let mut decl = decl.clone();
        match &mut decl {
            TypeDecl::Struct(record) | TypeDecl::Union(record) => {
                for field in &mut record.fields {
                    field.ty = strip(&abi.expand(&field.ty));
                }
            }
            // Expanded where they are used.
            TypeDecl::Alias(_) => continue,
            TypeDecl::Enum(_) | TypeDecl::Opaque => {}
        }
        reduced.types.insert(name.clone(), decl);
    }
    reduced
}

/// Keeps what `other` describes, and functions that it does not even export.
fn described(abi: &mut Abi, other: &Abi) {
    abi.functions
        .retain(|name, _| other.functions.contains_key(name) || !other.exports.contains(name));
    abi.types.retain(|name, decl| match (decl, other.types.get(name)) {
        (_, None) => false,
        // Behind a handle each side may see what it likes.
        (TypeDecl::Opaque, _) | (_, Some(TypeDecl::Opaque)) => false,
        _ => true,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff;

    const SOURCE: &str = "const NVB_ABI_MAJOR: i32 = 1\nconst NVB_ABI_MINOR: i32 = 0\nopaque nvb_h\n\
        struct nvb_s size 8 align 4\n  0 +4 size: u32\n  4 +4 t: [char; 4]\nfn nvb_a(s: *mut nvb_s)\nfn nvb_b()\n";

    fn found(source: &str, binary: &str) -> Vec<String> {
        let read = |text: &str| crate::text::read(text, "test").expect("text");
        let (old, new) = comparable(read(source), read(binary));
        let changes = diff::compare(&old, &new);
        changes.iter().map(|c| format!("{} {}", c.rule.id, c.subject)).collect()
    }

    #[test]
    fn what_a_binary_cannot_tell_is_no_difference() {
        let symbols = "export nvb_a\nexport nvb_b\n";
        assert_eq!(found(SOURCE, symbols), [""; 0]);
        let described = "struct nvb_s size 8 align 4\n  0 +4 size: u32\n  4 +4 t: [i8; 4]\nfn nvb_a(s: *mut nvb_s)\n";
        assert_eq!(found(SOURCE, &format!("{described}{symbols}")), [""; 0]);
        assert_eq!(found(&format!("{described}{symbols}"), SOURCE), [""; 0]);
    }

    #[test]
    fn what_it_tells_is_compared() {
        let binary =
            "struct nvb_s size 8 align 4\n  0 +4 size: u32\n  4 +4 t: u32\nfn nvb_a(s: *mut nvb_s)\nexport nvb_a\n";
        let found = found(SOURCE, binary);
        assert!(found.iter().any(|f| f == "field-type nvb_s.t"), "{found:?}");
        assert!(found.iter().any(|f| f == "function-removed nvb_b"), "{found:?}");
    }
}
