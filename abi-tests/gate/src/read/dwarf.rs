// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What the debug information of an object says of the ABI: functions it defines and the types they mention.
//!
//! Rust and C describe the same things in different words: Rust puts constness into the names of pointer types and wraps
//! callbacks into `Option`; C has typedefs and qualifiers. Both end in the same model.

use super::die::{Die, Dies};
use super::elf::Elf;
use crate::model::*;
use crate::ty::{Param, Signature, TypeRef};
use crate::Result;

/// Reads an object. Without debug information only the exported symbols are known.
pub fn read(elf: &Elf<'_>) -> Result<Abi> {
    let dies = Dies::read(elf)?;
    let exports = elf.exported_functions().into_iter();
    let abi = Abi {
        exports: exports.filter(|n| n.starts_with(PREFIX)).collect(),
        ..Abi::default()
    };
    let mut reader = Reader { dies: &dies, abi };
    for (_, die) in dies.all() {
        let symbol = die.symbol.as_ref().unwrap_or(&die.name);
        let defined = die.tag == gimli::DW_TAG_subprogram && !die.declaration && reader.abi.exports.contains(symbol);
        if defined {
            let signature = reader.signature(die);
            reader.abi.functions.insert(symbol.clone(), signature);
        }
    }
    Ok(reader.abi)
}

/// Reads the types that a compiled header declares, whether or not anything uses them, and the signatures of the variables
/// whose names start with `marker`: pointers to the header's functions.
pub fn read_header(elf: &Elf<'_>, marker: &str) -> Result<(Abi, Vec<(String, TypeRef)>)> {
    let dies = Dies::read(elf)?;
    let mut reader = Reader {
        dies: &dies,
        abi: Abi::default(),
    };
    let mut marked = Vec::new();
    for (index, die) in dies.all() {
        match die.tag {
            gimli::DW_TAG_structure_type
            | gimli::DW_TAG_union_type
            | gimli::DW_TAG_enumeration_type
            | gimli::DW_TAG_typedef
                if die.name.starts_with(PREFIX) =>
            {
                reader.type_at(Some(index));
            }
            gimli::DW_TAG_variable => {
                if let Some(name) = die.name.strip_prefix(marker) {
                    marked.push((name.to_owned(), reader.type_at(die.ty)));
                }
            }
            _ => {}
        }
    }
    Ok((reader.abi, marked))
}

struct Reader<'a> {
    dies: &'a Dies,
    abi: Abi,
}

impl<'a> Reader<'a> {
    fn signature(&mut self, die: &'a Die) -> Signature {
        let dies = self.dies;
        let params = dies.children(die, &[gimli::DW_TAG_formal_parameter]);
        let params = params
            .map(|p| Param {
                name: p.name.clone(),
                ty: self.type_at(p.ty),
            })
            .collect();
        Signature {
            params,
            ret: self.type_at(die.ty),
            // DWARF does not tell.
            unwind: false,
            variadic: dies
                .children(die, &[gimli::DW_TAG_unspecified_parameters])
                .next()
                .is_some(),
        }
    }

    fn type_at(&mut self, index: Option<usize>) -> TypeRef {
        let die = match index {
            Some(index) => self.dies.get(index),
            None => return TypeRef::Void,
        };
        match die.tag {
            gimli::DW_TAG_base_type => base(die),
            gimli::DW_TAG_pointer_type => self.pointer(die),
            gimli::DW_TAG_const_type | gimli::DW_TAG_volatile_type | gimli::DW_TAG_restrict_type => {
                self.type_at(die.ty)
            }
            gimli::DW_TAG_typedef => self.typedef(die),
            gimli::DW_TAG_array_type => self.array(die),
            gimli::DW_TAG_subroutine_type => TypeRef::Function(Box::new(self.signature(die))),
            gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type => self.record(die),
            gimli::DW_TAG_enumeration_type => self.enumeration(die),
            _ => TypeRef::Void,
        }
    }

    fn pointer(&mut self, die: &'a Die) -> TypeRef {
        let target = die.ty.map(|i| self.dies.get(i));
        if target.is_some_and(|t| t.tag == gimli::DW_TAG_subroutine_type) {
            return self.type_at(die.ty);
        }
        let constant = target.is_some_and(|t| t.tag == gimli::DW_TAG_const_type) || die.name.starts_with("*const ");
        match self.type_at(die.ty) {
            // A C typedef of a function type, pointed to.
            function @ TypeRef::Function(_) => function,
            to => TypeRef::pointer(constant, to),
        }
    }

    fn typedef(&mut self, die: &'a Die) -> TypeRef {
        if let Some(known) = TypeRef::primitive(&die.name) {
            return known;
        }
        let to = self.type_at(die.ty);
        if !die.name.starts_with(PREFIX) || to == TypeRef::Named(die.name.clone()) {
            return to;
        }
        self.abi.types.insert(die.name.clone(), TypeDecl::Alias(to));
        TypeRef::Named(die.name.clone())
    }

    fn array(&mut self, die: &'a Die) -> TypeRef {
        let dies = self.dies;
        let dimensions: Vec<u64> = dies
            .children(die, &[gimli::DW_TAG_subrange_type])
            .map(|d| d.count.unwrap_or(0))
            .collect();
        let element = self.type_at(die.ty);
        dimensions.iter().rev().fold(element, |of, len| TypeRef::Array {
            of: Box::new(of),
            len: *len,
        })
    }

    fn record(&mut self, die: &'a Die) -> TypeRef {
        // Rust's Option of a function pointer is the nullable pointer that C means.
        if die.name.starts_with("Option<") {
            return self.payload(die).unwrap_or(TypeRef::Void);
        }
        if die.name.is_empty() {
            return TypeRef::Named("(anonymous)".to_owned());
        }
        let named = TypeRef::Named(die.name.clone());
        let known = self.abi.types.get(&die.name);
        let complete = !die.declaration && die.size.unwrap_or(0) > 0;
        if !complete {
            if known.is_none() {
                self.abi.types.insert(die.name.clone(), TypeDecl::Opaque);
            }
            return named;
        }
        if known.is_none_or(|decl| *decl == TypeDecl::Opaque) {
            let union = die.tag == gimli::DW_TAG_union_type;
            let wrap = if union { TypeDecl::Union } else { TypeDecl::Struct };
            // Known before its members are read: they may point back.
            self.abi.types.insert(die.name.clone(), wrap(Record::default()));
            let record = self.members(die);
            self.abi.types.insert(die.name.clone(), wrap(record));
        }
        named
    }

    fn members(&mut self, die: &'a Die) -> Record {
        let dies = self.dies;
        let mut record = Record {
            size: die.size.unwrap_or(0),
            align: 1,
            fields: Vec::new(),
        };
        for member in dies.children(die, &[gimli::DW_TAG_member]) {
            let ty = self.type_at(member.ty);
            let (size, align) = crate::layout::of(&self.abi, &ty).unwrap_or((0, 1));
            record.align = record.align.max(align);
            record.fields.push(Field {
                name: member.name.trim_start_matches("r#").to_owned(),
                offset: member.offset.or(member.bits.map(|(first, _)| first / 8)).unwrap_or(0),
                size,
                ty,
                bits: member.bits,
            });
        }
        // rustc always tells the alignment; gcc only where it was asked for, and the header reader asks gcc itself.
        record.align = die.align.unwrap_or(record.align);
        record
    }

    /// The function pointer inside of an `Option`.
    fn payload(&mut self, die: &'a Die) -> Option<TypeRef> {
        let mut pending: Vec<&Die> = vec![die];
        while let Some(next) = pending.pop() {
            for child in next.children.iter().map(|i| self.dies.get(*i)) {
                if child.tag == gimli::DW_TAG_member && child.name == "__0" {
                    return Some(self.type_at(child.ty));
                }
                pending.push(child);
            }
        }
        None
    }

    fn enumeration(&mut self, die: &'a Die) -> TypeRef {
        if die.name == "c_void" {
            return TypeRef::Void;
        }
        let repr = match die.ty {
            Some(_) => self.type_at(die.ty),
            None => TypeRef::Int {
                signed: false,
                bits: die.size.unwrap_or(4) as u16 * 8,
            },
        };
        let values = self.dies.children(die, &[gimli::DW_TAG_enumerator]);
        let values = values.map(|e| (e.name.clone(), e.value.unwrap_or(0))).collect();
        self.abi
            .types
            .insert(die.name.clone(), TypeDecl::Enum(Enumeration { repr, values }));
        TypeRef::Named(die.name.clone())
    }
}

fn base(die: &Die) -> TypeRef {
    if let Some(known) = TypeRef::primitive(&die.name) {
        return known;
    }
    let bits = die.size.unwrap_or(0) as u16 * 8;
    match die.encoding {
        e if e == u64::from(gimli::DW_ATE_boolean.0) => TypeRef::Bool,
        e if e == u64::from(gimli::DW_ATE_float.0) => TypeRef::Float { bits },
        e if e == u64::from(gimli::DW_ATE_signed.0) || e == u64::from(gimli::DW_ATE_signed_char.0) => {
            TypeRef::Int { signed: true, bits }
        }
        // Rust's () as a return type.
        _ if bits == 0 => TypeRef::Void,
        _ => TypeRef::Int { signed: false, bits },
    }
}
