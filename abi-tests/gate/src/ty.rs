// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Types as they are written in an ABI: neutral between C and Rust, with one text form.
//!
//! ```text
//! u32  char  usize  void  *const nvb_event  [char; 32]  fn(ctx: *mut void, off: u32) -> i32
//! ```

use std::fmt;

/// A use of a type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TypeRef {
    /// Nothing, or behind a pointer: anything.
    Void,
    /// `_Bool`.
    Bool,
    /// `char`, whose sign is the target's.
    Char,
    /// An integer of fixed width.
    Int {
        /// Has negative values.
        signed: bool,
        /// 8 to 128.
        bits: u16,
    },
    /// `size_t` (unsigned) or `ssize_t`.
    Size {
        /// Has negative values.
        signed: bool,
    },
    /// A floating-point number.
    Float {
        /// 32 or 64.
        bits: u16,
    },
    /// A type with a declaration of its own.
    Named(String),
    /// A pointer to data.
    Pointer {
        /// What it points to is not written through it.
        constant: bool,
        /// What it points to.
        to: Box<TypeRef>,
    },
    /// An array inside a struct.
    Array {
        /// Its elements.
        of: Box<TypeRef>,
        /// How many.
        len: u64,
    },
    /// A pointer to a function.
    Function(Box<Signature>),
}

/// How a function is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature {
    /// Parameters in order.
    pub params: Vec<Param>,
    /// What it returns.
    pub ret: TypeRef,
    /// A Rust panic or C++ exception may leave it (`extern "C-unwind"`).
    pub unwind: bool,
    /// Takes more arguments than it names.
    pub variadic: bool,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Param {
    /// Its name; empty where the source has none.
    pub name: String,
    /// Its type.
    pub ty: TypeRef,
}

impl TypeRef {
    /// A pointer to `to`.
    pub fn pointer(constant: bool, to: TypeRef) -> Self {
        TypeRef::Pointer {
            constant,
            to: Box::new(to),
        }
    }

    /// The type that a name of Rust, of `<stdint.h>` or of `<linux/types.h>` stands for.
    pub fn primitive(name: &str) -> Option<Self> {
        let int = |signed, bits| Some(TypeRef::Int { signed, bits });
        match name {
            "void" | "c_void" => Some(TypeRef::Void),
            "bool" | "_Bool" => Some(TypeRef::Bool),
            "char" | "c_char" => Some(TypeRef::Char),
            "u8" | "uint8_t" | "__u8" => int(false, 8),
            "i8" | "int8_t" | "s8" | "__s8" => int(true, 8),
            "u16" | "uint16_t" | "__u16" => int(false, 16),
            "i16" | "int16_t" | "s16" | "__s16" => int(true, 16),
            "u32" | "uint32_t" | "__u32" | "c_uint" => int(false, 32),
            "i32" | "int32_t" | "s32" | "__s32" | "c_int" => int(true, 32),
            "u64" | "uint64_t" | "__u64" => int(false, 64),
            "i64" | "int64_t" | "s64" | "__s64" => int(true, 64),
            "u128" => int(false, 128),
            "i128" => int(true, 128),
            "usize" | "size_t" | "uintptr_t" => Some(TypeRef::Size { signed: false }),
            "isize" | "ssize_t" | "intptr_t" => Some(TypeRef::Size { signed: true }),
            "f32" | "float" => Some(TypeRef::Float { bits: 32 }),
            "f64" | "double" => Some(TypeRef::Float { bits: 64 }),
            _ => None,
        }
    }

    /// Whether it is a pointer, to data or to a function.
    pub fn is_pointer(&self) -> bool {
        matches!(self, TypeRef::Pointer { .. } | TypeRef::Function(_))
    }

    /// Calls `f` with each named type that this one mentions; `by_value` tells whether its layout is part of this one's.
    pub fn visit_names<'a>(&'a self, by_value: bool, f: &mut dyn FnMut(&'a str, bool)) {
        match self {
            TypeRef::Named(name) => f(name, by_value),
            TypeRef::Pointer { to, .. } => to.visit_names(false, f),
            TypeRef::Array { of, .. } => of.visit_names(by_value, f),
            TypeRef::Function(signature) => {
                for param in &signature.params {
                    param.ty.visit_names(true, f);
                }
                signature.ret.visit_names(true, f);
            }
            _ => {}
        }
    }
}

impl fmt::Display for TypeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypeRef::Void => f.write_str("void"),
            TypeRef::Bool => f.write_str("bool"),
            TypeRef::Char => f.write_str("char"),
            TypeRef::Int { signed, bits } => write!(f, "{}{bits}", if *signed { 'i' } else { 'u' }),
            TypeRef::Size { signed } => f.write_str(if *signed { "isize" } else { "usize" }),
            TypeRef::Float { bits } => write!(f, "f{bits}"),
            TypeRef::Named(name) => f.write_str(name),
            TypeRef::Pointer { constant, to } => write!(f, "*{} {to}", if *constant { "const" } else { "mut" }),
            TypeRef::Array { of, len } => write!(f, "[{of}; {len}]"),
            TypeRef::Function(signature) => write!(f, "fn{signature}"),
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (i, param) in self.params.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            match param.name.as_str() {
                "" => write!(f, "{comma}{}", param.ty)?,
                name => write!(f, "{comma}{name}: {}", param.ty)?,
            }
        }
        if self.variadic {
            f.write_str(", ...")?;
        }
        f.write_str(")")?;
        if self.ret != TypeRef::Void {
            write!(f, " -> {}", self.ret)?;
        }
        if self.unwind {
            f.write_str(" unwind")?;
        }
        Ok(())
    }
}

/// Reads the text form back. The error says what was expected at which byte.
pub fn parse_type(text: &str) -> Result<TypeRef, String> {
    let mut parser = Parser { rest: text, text };
    let ty = parser.ty()?;
    parser.end()?;
    Ok(ty)
}

/// Reads the text form of what follows a function's name.
pub fn parse_signature(text: &str) -> Result<Signature, String> {
    let mut parser = Parser { rest: text, text };
    let signature = parser.signature()?;
    parser.end()?;
    Ok(signature)
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn expected<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("{what} at column {} of", self.text.len() - self.rest.len() + 1))
    }

    fn eat(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn need(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) {
            return Ok(());
        }
        self.expected(&format!("`{token}`"))
    }

    fn end(&mut self) -> Result<(), String> {
        self.rest = self.rest.trim_start();
        if self.rest.is_empty() {
            return Ok(());
        }
        self.expected("the end")
    }

    fn word(&mut self) -> Result<&'a str, String> {
        self.rest = self.rest.trim_start();
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.')
            .unwrap_or(self.rest.len());
        if end == 0 {
            return self.expected("a name");
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(word)
    }

    fn ty(&mut self) -> Result<TypeRef, String> {
        if self.eat("*const ") {
            return Ok(TypeRef::pointer(true, self.ty()?));
        }
        if self.eat("*mut ") {
            return Ok(TypeRef::pointer(false, self.ty()?));
        }
        if self.eat("fn(") {
            self.rest = &self.text[self.text.len() - self.rest.len() - 1..];
            return Ok(TypeRef::Function(Box::new(self.signature()?)));
        }
        if self.eat("[") {
            let of = Box::new(self.ty()?);
            self.need(";")?;
            let len = match self.word()?.parse() {
                Ok(len) => len,
                Err(_) => return self.expected("a length"),
            };
            self.need("]")?;
            return Ok(TypeRef::Array { of, len });
        }
        let word = self.word()?;
        Ok(TypeRef::primitive(word).unwrap_or_else(|| TypeRef::Named(word.to_owned())))
    }

    fn signature(&mut self) -> Result<Signature, String> {
        self.need("(")?;
        let mut params = Vec::new();
        let mut variadic = false;
        while !self.eat(")") {
            if !params.is_empty() {
                self.need(",")?;
            }
            if self.eat("...") {
                variadic = true;
                continue;
            }
            params.push(self.param()?);
        }
        let ret = if self.eat("->") { self.ty()? } else { TypeRef::Void };
        Ok(Signature {
            params,
            ret,
            unwind: self.eat("unwind"),
            variadic,
        })
    }

    fn param(&mut self) -> Result<Param, String> {
        let start = self.rest;
        if let Ok(name) = self.word() {
            if self.eat(":") {
                return Ok(Param {
                    name: name.to_owned(),
                    ty: self.ty()?,
                });
            }
        }
        self.rest = start;
        Ok(Param {
            name: String::new(),
            ty: self.ty()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_reads_back() {
        for text in [
            "u32",
            "usize",
            "*const void",
            "[[char; 32]; 2]",
            "fn(ctx: *mut void, off: u32, *mut *const nvb_dma) -> *mut void",
            "fn()",
            "fn(cb: fn(ctx: *mut void) -> i32, n: u64) unwind",
        ] {
            assert_eq!(parse_type(text).expect(text).to_string(), text);
        }
    }

    #[test]
    fn errors_name_the_column() {
        assert_eq!(parse_type("[u8 4]").unwrap_err(), "`;` at column 5 of");
        assert_eq!(parse_type("*const ").unwrap_err(), "a name at column 8 of");
    }

    #[test]
    fn values_and_pointers_are_told_apart() {
        let mut seen = Vec::new();
        parse_type("fn(a: *const nvb_a, b: [nvb_b; 2])")
            .unwrap()
            .visit_names(true, &mut |name, by_value| seen.push((name.to_owned(), by_value)));
        assert_eq!(seen, [("nvb_a".to_owned(), false), ("nvb_b".to_owned(), true)]);
    }
}
