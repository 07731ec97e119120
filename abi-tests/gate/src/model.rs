// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The model of an ABI.

use crate::contract::Contract;
use crate::ty::{Signature, TypeRef};
use std::collections::{BTreeMap, BTreeSet};

/// Prefix of each function, type and symbol of the ABI.
pub const PREFIX: &str = "nvb_";
/// Prefix of each constant and macro of the ABI.
pub const MACRO_PREFIX: &str = "NVB_";
/// The constant that carries the ABI's major version.
pub const MAJOR: &str = "NVB_ABI_MAJOR";
/// The constant that carries the ABI's minor version.
pub const MINOR: &str = "NVB_ABI_MINOR";

/// An ABI, as far as a source shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Abi {
    /// Functions by name.
    pub functions: BTreeMap<String, Signature>,
    /// Types by name.
    pub types: BTreeMap<String, TypeDecl>,
    /// Constants by name.
    pub constants: BTreeMap<String, Constant>,
    /// Macros that are not constants, by name.
    pub macros: BTreeMap<String, Macro>,
    /// Symbols that a linker or the module loader finds.
    pub exports: BTreeSet<String>,
    /// CRCs of exported symbols (MODVERSIONS), by symbol: one for each of the kernel's ways to compute them.
    pub crcs: BTreeMap<String, BTreeSet<u32>>,
    /// What is promised beside types, by function, and by callback as `type` or `struct.member`.
    pub contract: BTreeMap<String, Contract>,
    /// Errno of each failure that the core distinguishes, by the failure's name.
    pub failures: BTreeMap<String, String>,
}

/// A type with a name.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeDecl {
    /// `struct`.
    Struct(Record),
    /// `union`.
    Union(Record),
    /// `enum`.
    Enum(Enumeration),
    /// A handle: a struct whose inside is nobody's business.
    Opaque,
    /// `typedef` of something that is not a struct, union or enum; of the callbacks.
    Alias(TypeRef),
}

impl TypeDecl {
    /// The word for it in the text form and in messages.
    pub fn kind(&self) -> &'static str {
        match self {
            TypeDecl::Struct(_) => "struct",
            TypeDecl::Union(_) => "union",
            TypeDecl::Enum(_) => "enum",
            TypeDecl::Opaque => "opaque",
            TypeDecl::Alias(_) => "type",
        }
    }
}

/// Layout of a struct or union. Sizes and offsets are in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// `sizeof`.
    pub size: u64,
    /// `_Alignof`.
    pub align: u64,
    /// Members in order.
    pub fields: Vec<Field>,
}

/// A member of a struct or union.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// `offsetof`.
    pub offset: u64,
    /// `sizeof`.
    pub size: u64,
    /// Its type.
    pub ty: TypeRef,
    /// First bit and number of bits within the struct, of a bit-field.
    pub bits: Option<(u64, u64)>,
}

impl Record {
    /// Whether the struct says its own size in its first member, and so can grow at its end.
    pub fn is_sized(&self) -> bool {
        let u32 = TypeRef::Int {
            signed: false,
            bits: 32,
        };
        self.fields.first().is_some_and(|f| f.name == "size" && f.ty == u32)
    }

    /// Bytes that belong to no member: offset and length.
    pub fn holes(&self) -> Vec<(u64, u64)> {
        let mut holes = Vec::new();
        let mut end = 0;
        for field in &self.fields {
            if field.offset > end {
                holes.push((end, field.offset - end));
            }
            end = end.max(field.offset + field.size);
        }
        if self.size > end {
            holes.push((end, self.size - end));
        }
        holes
    }
}

/// An enum and how it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Enumeration {
    /// The integer it is stored as.
    pub repr: TypeRef,
    /// Its values by name.
    pub values: BTreeMap<String, i128>,
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// Its type in the language of the source.
    pub ty: TypeRef,
    /// Its value.
    pub value: Value,
}

/// Value of a constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Int(i128),
    /// Text.
    Str(String),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Int(n) => write!(f, "{n}"),
            Value::Str(s) => write!(f, "{s:?}"),
        }
    }
}

/// A macro that is more than a constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Macro {
    /// Parameters; `None` for a macro without a parameter list.
    pub params: Option<Vec<String>>,
    /// What it expands to, with single spaces between tokens.
    pub body: String,
}

impl Abi {
    /// The version that the ABI states, if it states one.
    pub fn version(&self) -> Option<crate::version::Version> {
        let number = |name| match self.constants.get(name)?.value {
            Value::Int(n) => u16::try_from(n).ok(),
            Value::Str(_) => None,
        };
        Some(crate::version::Version {
            major: number(MAJOR)?,
            minor: number(MINOR)?,
        })
    }

    /// `ty` with the names of aliases replaced by what they stand for.
    pub fn expand(&self, ty: &TypeRef) -> TypeRef {
        match ty {
            TypeRef::Named(name) => match self.types.get(name) {
                Some(TypeDecl::Alias(to)) => self.expand(to),
                _ => ty.clone(),
            },
            TypeRef::Pointer { constant, to } => TypeRef::pointer(*constant, self.expand(to)),
            TypeRef::Array { of, len } => TypeRef::Array {
                of: Box::new(self.expand(of)),
                len: *len,
            },
            TypeRef::Function(signature) => TypeRef::Function(Box::new(self.expand_signature(signature))),
            other => other.clone(),
        }
    }

    /// As [`Abi::expand`], for all types of a signature.
    pub fn expand_signature(&self, signature: &Signature) -> Signature {
        let mut expanded = signature.clone();
        for param in &mut expanded.params {
            param.ty = self.expand(&param.ty);
        }
        expanded.ret = self.expand(&expanded.ret);
        expanded
    }

    /// Names of the types whose layout is part of another's: they cannot grow.
    pub fn embedded(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for decl in self.types.values() {
            if let TypeDecl::Struct(record) | TypeDecl::Union(record) = decl {
                for field in &record.fields {
                    field.ty.visit_names(true, &mut |name, by_value| {
                        if by_value {
                            names.insert(name);
                        }
                    });
                }
            }
        }
        for signature in self.functions.values() {
            for ty in signature.params.iter().map(|p| &p.ty).chain([&signature.ret]) {
                ty.visit_names(true, &mut |name, by_value| {
                    if by_value {
                        names.insert(name);
                    }
                });
            }
        }
        names
    }
}
