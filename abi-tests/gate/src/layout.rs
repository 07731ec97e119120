// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Sizes and alignments by the rules of `repr(C)` on an LP64 target, for the source that has no compiler behind it.

use crate::model::{Abi, Field, Record, TypeDecl};
use crate::ty::TypeRef;

/// `sizeof` and `_Alignof` of `ty`, or the name of the type whose layout is not known.
pub fn of(abi: &Abi, ty: &TypeRef) -> Result<(u64, u64), String> {
    let scalar = |bytes: u64| Ok((bytes, bytes));
    match ty {
        TypeRef::Void => Ok((0, 1)),
        TypeRef::Bool | TypeRef::Char => scalar(1),
        TypeRef::Int { bits, .. } | TypeRef::Float { bits } => scalar(u64::from(*bits) / 8),
        TypeRef::Size { .. } | TypeRef::Pointer { .. } | TypeRef::Function(_) => scalar(8),
        TypeRef::Array { of: element, len } => of(abi, element).map(|(size, align)| (size * len, align)),
        TypeRef::Named(name) => match abi.types.get(name) {
            Some(TypeDecl::Struct(r) | TypeDecl::Union(r)) => Ok((r.size, r.align)),
            Some(TypeDecl::Enum(e)) => of(abi, &e.repr),
            Some(TypeDecl::Alias(to)) => of(abi, to),
            Some(TypeDecl::Opaque) | None => Err(name.clone()),
        },
    }
}

/// Lays out the members of a struct (or, all at offset 0, of a union). `packed` is the limit of `repr(packed(n))`, `align` the
/// demand of `repr(align(n))`.
pub fn record(
    abi: &Abi,
    members: &[(String, TypeRef)],
    union: bool,
    packed: Option<u64>,
    align: Option<u64>,
) -> Result<Record, String> {
    let mut record = Record {
        align: 1,
        ..Record::default()
    };
    let mut end = 0u64;
    for (name, ty) in members {
        let (size, natural) = of(abi, ty)?;
        let member_align = packed.map_or(natural, |limit| natural.min(limit));
        let offset = if union { 0 } else { round_up(end, member_align) };
        end = end.max(offset + size);
        record.align = record.align.max(member_align);
        record.fields.push(Field {
            name: name.clone(),
            offset,
            size,
            ty: ty.clone(),
            bits: None,
        });
    }
    record.align = record.align.max(align.unwrap_or(1));
    record.size = round_up(end, record.align);
    Ok(record)
}

fn round_up(n: u64, align: u64) -> u64 {
    n.next_multiple_of(align)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ty::parse_type;

    fn members(list: &[(&str, &str)]) -> Vec<(String, TypeRef)> {
        list.iter()
            .map(|(n, t)| ((*n).to_owned(), parse_type(t).expect(t)))
            .collect()
    }

    #[test]
    fn pads_as_c_does() {
        let list = members(&[("size", "u32"), ("addr", "u64"), ("name", "[char; 3]")]);
        let laid = record(&Abi::default(), &list, false, None, None).expect("known types");
        let offsets: Vec<u64> = laid.fields.iter().map(|f| f.offset).collect();
        assert_eq!((offsets, laid.size, laid.align), (vec![0, 8, 16], 24, 8));
        assert_eq!(laid.holes(), [(4, 4), (19, 5)]);
    }

    #[test]
    fn packs_and_overlays() {
        let list = members(&[("a", "u8"), ("b", "u64")]);
        let packed = record(&Abi::default(), &list, false, Some(1), None).expect("known types");
        assert_eq!((packed.size, packed.align, packed.fields[1].offset), (9, 1, 1));
        let union = record(&Abi::default(), &list, true, None, Some(16)).expect("known types");
        assert_eq!((union.size, union.align, union.fields[1].offset), (16, 16, 0));
    }
}
