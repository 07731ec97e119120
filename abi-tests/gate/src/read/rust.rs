// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The Rust source of the ABI: where it is designed, and so the source that knows most: documentation, unwinding, and what
//! must not cross at all.

use super::attributes::{repr, Repr};
use super::docs;
use super::eval;
use super::items::Crate;
use crate::model::*;
use crate::ty::{Param, Signature, TypeRef};
use crate::{layout, Error, Result};
use std::collections::BTreeMap;
use std::path::Path;
use syn::spanned::Spanned;
use syn::{Item, Type};

/// Reads the crate whose root file is `root`, usually `src/lib.rs`.
pub fn read(root: &Path) -> Result<Abi> {
    let mut crate_ = Crate::default();
    let dir = root.parent().unwrap_or(Path::new("."));
    crate_.file(root, dir)?;
    let mut reader = Reader {
        crate_: &crate_,
        abi: Abi::default(),
    };
    reader.functions()?;
    reader.constants()?;
    docs::resolve(&mut reader.abi.contract).map_err(|message| Error::Data {
        path: root.to_owned(),
        message,
    })?;
    Ok(reader.abi)
}

struct Reader<'a> {
    crate_: &'a Crate,
    abi: Abi,
}

/// Where an item stands, for messages.
struct Place<'a> {
    path: &'a Path,
    item: String,
}

impl Place<'_> {
    fn error<T>(&self, at: &impl Spanned, message: &str) -> Result<T> {
        Err(Error::Rust {
            place: format!("{}:{}", self.path.display(), at.span().start().line),
            message: format!("{}: {message}", self.item),
        })
    }
}

impl<'a> Reader<'a> {
    fn functions(&mut self) -> Result<()> {
        for (path, function) in &self.crate_.functions {
            let name = function.sig.ident.to_string();
            let place = Place {
                path,
                item: format!("{name}()"),
            };
            if !name.starts_with(PREFIX) {
                let message =
                    format!("expected an exported function to be called {PREFIX}*; rename it or do not export it");
                return place.error(&function.sig, &message);
            }
            let signature = self.signature(function, &place)?;
            self.abi.functions.insert(name.clone(), signature);
            let text = docs::of(&function.attrs);
            self.abi.contract.insert(name, docs::function(&text, &function.sig));
        }
        Ok(())
    }

    fn signature(&mut self, function: &syn::ItemFn, place: &Place<'_>) -> Result<Signature> {
        let unwind = match unwinds(function.sig.abi.as_ref()) {
            Some(unwind) => unwind,
            None => return place.error(&function.sig, "expected extern \"C\": C cannot call it otherwise"),
        };
        let mut params = Vec::new();
        for input in &function.sig.inputs {
            let input = match input {
                syn::FnArg::Typed(input) => input,
                syn::FnArg::Receiver(_) => return place.error(input, "a method cannot cross; make it a function"),
            };
            let name = match &*input.pat {
                syn::Pat::Ident(p) => unraw(&p.ident),
                _ => String::new(),
            };
            let ty = self.ty(&input.ty, place)?;
            params.push(Param { name, ty });
        }
        Ok(Signature {
            params,
            ret: self.ret(&function.sig.output, place)?,
            unwind,
            variadic: function.sig.variadic.is_some(),
        })
    }

    fn ret(&mut self, output: &syn::ReturnType, place: &Place<'_>) -> Result<TypeRef> {
        match output {
            syn::ReturnType::Default => Ok(TypeRef::Void),
            syn::ReturnType::Type(_, ty) => self.ty(ty, place),
        }
    }

    fn ty(&mut self, ty: &Type, place: &Place<'_>) -> Result<TypeRef> {
        match ty {
            Type::Ptr(pointer) => Ok(TypeRef::pointer(
                pointer.mutability.is_none(),
                self.ty(&pointer.elem, place)?,
            )),
            Type::Array(array) => {
                let of = Box::new(self.ty(&array.elem, place)?);
                let len = match eval::integer(&array.len, &self.crate_.constants) {
                    Ok(len) => len as u64,
                    Err(what) => return place.error(&array.len, &format!("cannot compute the length: {what}")),
                };
                Ok(TypeRef::Array { of, len })
            }
            Type::BareFn(function) => self.callback(function, place),
            Type::Path(path) => self.path(path, place),
            Type::Paren(inner) => self.ty(&inner.elem, place),
            Type::Never(_) => Ok(TypeRef::Void),
            Type::Tuple(tuple) if tuple.elems.is_empty() => Ok(TypeRef::Void),
            Type::Reference(_) => place.error(
                ty,
                "a Rust reference must not cross: C may pass NULL; take a pointer and check it",
            ),
            Type::Slice(_) => place.error(
                ty,
                "a slice must not cross: C has no such type; take a pointer and a length",
            ),
            _ => place.error(ty, "this type has no counterpart in C"),
        }
    }

    fn callback(&mut self, function: &syn::TypeBareFn, place: &Place<'_>) -> Result<TypeRef> {
        let unwind = match unwinds(function.abi.as_ref()) {
            Some(unwind) => unwind,
            None => return place.error(function, "expected a callback to be extern \"C\""),
        };
        let mut params = Vec::new();
        for input in &function.inputs {
            let name = input.name.as_ref().map_or(String::new(), |(ident, _)| unraw(ident));
            let ty = self.ty(&input.ty, place)?;
            params.push(Param { name, ty });
        }
        Ok(TypeRef::Function(Box::new(Signature {
            params,
            ret: self.ret(&function.output, place)?,
            unwind,
            variadic: function.variadic.is_some(),
        })))
    }

    fn path(&mut self, path: &syn::TypePath, place: &Place<'_>) -> Result<TypeRef> {
        let last = match path.path.segments.last() {
            Some(last) => last,
            None => return place.error(path, "this type has no counterpart in C"),
        };
        let name = unraw(&last.ident);
        if let syn::PathArguments::AngleBracketed(arguments) = &last.arguments {
            return match (name.as_str(), arguments.args.first()) {
                // Only of a function pointer is None the NULL of C.
                ("Option", Some(syn::GenericArgument::Type(Type::BareFn(f)))) => self.callback(f, place),
                _ => place.error(path, &format!("`{name}<..>` must not cross: C cannot know its layout")),
            };
        }
        if let Some(primitive) = TypeRef::primitive(&name) {
            return Ok(primitive);
        }
        self.declare(&name, path, place)?;
        Ok(TypeRef::Named(name))
    }

    /// Reads the declaration of a type when it is mentioned first.
    fn declare(&mut self, name: &str, at: &impl Spanned, place: &Place<'_>) -> Result<()> {
        if self.abi.types.contains_key(name) {
            return Ok(());
        }
        let (path, item) = match self.crate_.types.get(name) {
            Some(found) => found,
            None => return place.error(at, &format!("expected `{name}` to be a type of this crate, found none")),
        };
        let place = Place {
            path,
            item: name.to_owned(),
        };
        // Known before it is read: its members may point back to it.
        self.abi.types.insert(name.to_owned(), TypeDecl::Opaque);
        let decl = match item {
            Item::Type(alias) => {
                let to = self.ty(&alias.ty, &place)?;
                if matches!(to, TypeRef::Function(_)) {
                    let text = docs::of(&alias.attrs);
                    self.abi.contract.insert(name.to_owned(), docs::callback(&text));
                }
                TypeDecl::Alias(to)
            }
            Item::Enum(e) => self.enumeration(e, &place)?,
            Item::Struct(s) if repr(&s.attrs).c => {
                let fields = s.fields.iter().collect::<Vec<_>>();
                let members = self.members(name, &fields, &place)?;
                self.record(&members, false, &repr(&s.attrs), &s.ident, &place)?
            }
            Item::Union(u) if repr(&u.attrs).c => {
                let fields = u.fields.named.iter().collect::<Vec<_>>();
                let members = self.members(name, &fields, &place)?;
                self.record(&members, true, &repr(&u.attrs), &u.ident, &place)?
            }
            Item::Struct(_) => TypeDecl::Opaque,
            other => {
                return place.error(
                    other,
                    "expected #[repr(C)]: a type that crosses has a layout C can know",
                )
            }
        };
        self.abi.types.insert(name.to_owned(), decl);
        Ok(())
    }

    fn members(&mut self, owner: &str, fields: &[&syn::Field], place: &Place<'_>) -> Result<Vec<(String, TypeRef)>> {
        let mut members = Vec::new();
        for field in fields {
            let name = field.ident.as_ref().map_or(String::new(), unraw);
            let ty = self.ty(&field.ty, place)?;
            if matches!(ty, TypeRef::Function(_)) {
                let contract = docs::callback(&docs::of(&field.attrs));
                self.abi.contract.insert(format!("{owner}.{name}"), contract);
            }
            members.push((name, ty));
        }
        Ok(members)
    }

    fn record(
        &self,
        members: &[(String, TypeRef)],
        union: bool,
        repr: &Repr,
        at: &impl Spanned,
        place: &Place<'_>,
    ) -> Result<TypeDecl> {
        match layout::record(&self.abi, members, union, repr.packed, repr.align) {
            Ok(record) if union => Ok(TypeDecl::Union(record)),
            Ok(record) => Ok(TypeDecl::Struct(record)),
            Err(name) => place.error(
                at,
                &format!("holds `{name}` by value, which is not #[repr(C)]; use a pointer to it"),
            ),
        }
    }

    fn enumeration(&mut self, e: &syn::ItemEnum, place: &Place<'_>) -> Result<TypeDecl> {
        let repr = repr(&e.attrs);
        let stored = match repr.int {
            Some(int) => int,
            None if repr.c => TypeRef::Int {
                signed: false,
                bits: 32,
            },
            None => {
                return place.error(
                    &e.ident,
                    "expected #[repr(u32)] or the like: Rust may choose any size otherwise",
                )
            }
        };
        let mut values = BTreeMap::new();
        let mut next = 0i128;
        for variant in &e.variants {
            if let Some((_, expr)) = &variant.discriminant {
                next = match eval::integer(expr, &self.crate_.constants) {
                    Ok(n) => n,
                    Err(what) => return place.error(expr, &format!("cannot compute the value: {what}")),
                };
            }
            values.insert(variant.ident.to_string(), next);
            next += 1;
        }
        Ok(TypeDecl::Enum(Enumeration { repr: stored, values }))
    }

    fn constants(&mut self) -> Result<()> {
        for (name, (path, constant)) in &self.crate_.exported_constants {
            let place = Place {
                path,
                item: name.clone(),
            };
            let value = match eval::value(&constant.expr, &self.crate_.constants) {
                Ok(value) => value,
                Err(what) => return place.error(&constant.expr, &format!("cannot compute the value: {what}")),
            };
            let ty = match &*constant.ty {
                Type::Reference(_) => TypeRef::pointer(true, TypeRef::Char),
                ty => self.ty(ty, &place)?,
            };
            self.abi.constants.insert(name.clone(), Constant { ty, value });
        }
        Ok(())
    }
}

fn unraw(ident: &syn::Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

/// Whether a function of C's calling convention may unwind; `None` for another convention.
fn unwinds(abi: Option<&syn::Abi>) -> Option<bool> {
    match abi?.name.as_ref()?.value().as_str() {
        "C" => Some(false),
        "C-unwind" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Result<Abi> {
        let dir = tempfile::tempdir().expect("directory");
        let root = dir.path().join("lib.rs");
        std::fs::write(&root, "mod inner;").expect("write");
        std::fs::write(dir.path().join("inner.rs"), text).expect("write");
        read(&root)
    }

    fn refusal(text: &str) -> String {
        source(text).unwrap_err().to_string()
    }

    #[test]
    fn follows_modules_and_lays_out() {
        let abi = source(
            "pub const NVB_N: usize = 2 * HALF;\nconst HALF: usize = 2;\n\
             pub struct nvb_gpu { inner: Vec<u8> }\n\
             pub type nvb_fn = Option<unsafe extern \"C\" fn(ctx: *mut c_void) -> i32>;\n\
             #[repr(C)] pub struct nvb_s { pub size: u32, pub r#type: u64, pub name: [c_char; NVB_N], pub cb: nvb_fn }\n\
             #[no_mangle] pub unsafe extern \"C\" fn nvb_x(gpu: *mut *mut nvb_gpu, s: *const nvb_s) -> i32 { 0 }\n\
             #[cfg(test)] #[no_mangle] pub extern \"C\" fn nvb_test() {}\n",
        );
        let text = crate::text::write(&abi.expect("source"));
        for line in [
            "const NVB_N: usize = 4",
            "opaque nvb_gpu",
            "type nvb_fn = fn(ctx: *mut void) -> i32",
            "struct nvb_s size 32 align 8",
            "    16 +4    name: [char; 4]",
            "fn nvb_x(gpu: *mut *mut nvb_gpu, s: *const nvb_s) -> i32",
        ] {
            assert!(text.contains(line), "{line} not in:\n{text}");
        }
        assert!(!text.contains("nvb_test"), "{text}");
    }

    #[test]
    fn refuses_what_must_not_cross() {
        let function =
            |params: &str| format!("struct nvb_t {{ a: u8 }} #[no_mangle] pub extern \"C\" fn nvb_x({params}) {{}}");
        assert!(refusal(&function("a: &u32")).contains("inner.rs:1: nvb_x(): a Rust reference must not cross"));
        assert!(refusal(&function("a: *const [u8]")).contains("a slice must not cross"));
        assert!(refusal(&function("a: Vec<u8>")).contains("`Vec<..>` must not cross"));
        assert!(refusal(&function("a: nvb_missing")).contains("expected `nvb_missing` to be a type of this crate"));
        // The same type with and without the layout that C knows, inside of another and behind a pointer.
        let by_value = "struct nvb_t { a: u8 } #[repr(C)] struct nvb_o { t: nvb_t }\n\
                        #[no_mangle] pub extern \"C\" fn nvb_x(o: *const nvb_o, t: *const nvb_t) {}";
        assert!(refusal(by_value).contains("holds `nvb_t` by value"));
        let laid_out = source(&format!("#[repr(C)] {by_value}")).expect("both are repr(C)");
        assert!(matches!(laid_out.types["nvb_t"], TypeDecl::Struct(_)));
        let pointed_to = source(&by_value.replace("t: nvb_t }", "t: u8 }")).expect("nothing by value");
        assert_eq!(pointed_to.types["nvb_t"], TypeDecl::Opaque);
        assert!(refusal("#[no_mangle] pub fn nvb_x() {}").contains("expected extern \"C\""));
        assert!(refusal("#[no_mangle] pub extern \"C\" fn other() {}").contains("called nvb_*"));
        let unfixed = "enum nvb_e { A } #[no_mangle] pub extern \"C\" fn nvb_x(e: nvb_e) {}";
        assert!(refusal(unfixed).contains("expected #[repr(u32)]"));
    }
}
