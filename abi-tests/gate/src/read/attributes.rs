// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The attributes of Rust items that decide about an ABI: `cfg`, `no_mangle`, `repr`.

use crate::ty::TypeRef;
use syn::Attribute;

/// Whether the item is compiled for the user-space library on x86-64, the build that the header is made from.
pub(super) fn enabled(attributes: &[Attribute]) -> bool {
    let cfgs = attributes.iter().filter(|a| a.path().is_ident("cfg"));
    cfgs.filter_map(|a| a.parse_args::<syn::Meta>().ok())
        .all(|meta| holds(&meta))
}

fn holds(meta: &syn::Meta) -> bool {
    match meta {
        syn::Meta::NameValue(pair) => {
            let value = match &pair.value {
                syn::Expr::Lit(syn::ExprLit {
                    lit: syn::Lit::Str(s), ..
                }) => s.value(),
                _ => String::new(),
            };
            let facts = [
                ("target_arch", "x86_64"),
                ("target_pointer_width", "64"),
                ("target_os", "linux"),
            ];
            facts
                .iter()
                .any(|(key, fact)| pair.path.is_ident(key) && value == *fact)
        }
        syn::Meta::List(list) => {
            let parse = syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated;
            let metas = list.parse_args_with(parse).unwrap_or_default();
            match list.path.get_ident().map(ToString::to_string).as_deref() {
                Some("not") => !metas.iter().any(holds),
                Some("any") => metas.iter().any(holds),
                _ => metas.iter().all(holds),
            }
        }
        syn::Meta::Path(path) => path.is_ident("unix"),
    }
}

/// Whether the function has a symbol that C can link to. `#[unsafe(no_mangle)]` is how newer editions spell it.
pub(super) fn is_exported(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|a| {
        let inner = if a.path().is_ident("unsafe") {
            a.parse_args::<syn::Meta>().ok()
        } else {
            Some(a.meta.clone())
        };
        inner.is_some_and(|m| m.path().is_ident("no_mangle") || m.path().is_ident("export_name"))
    })
}

/// What `#[repr(..)]` says.
#[derive(Default)]
pub(super) struct Repr {
    /// `C` or `transparent`.
    pub c: bool,
    /// `packed(n)`.
    pub packed: Option<u64>,
    /// `align(n)`.
    pub align: Option<u64>,
    /// `u32` and the like.
    pub int: Option<TypeRef>,
}

pub(super) fn repr(attributes: &[Attribute]) -> Repr {
    let mut repr = Repr::default();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("repr")) {
        // rustc has checked the attribute; what does not parse here is not of interest.
        let _ = attribute.parse_nested_meta(|meta| {
            match meta.path.get_ident().map(ToString::to_string).as_deref() {
                Some("C") | Some("transparent") => repr.c = true,
                Some("packed") => repr.packed = argument(&meta)?.or(Some(1)),
                Some("align") => repr.align = argument(&meta)?,
                Some(int) => repr.int = TypeRef::primitive(int),
                None => {}
            }
            Ok(())
        });
    }
    repr
}

/// The number in the parentheses behind a word of `#[repr(..)]`.
fn argument(meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<Option<u64>> {
    if !meta.input.peek(syn::token::Paren) {
        return Ok(None);
    }
    let inner;
    syn::parenthesized!(inner in meta.input);
    inner.parse::<syn::LitInt>()?.base10_parse().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(text: &str) -> Vec<Attribute> {
        let item: syn::ItemFn = syn::parse_str(&format!("{text} fn f() {}", "{}")).expect(text);
        item.attrs
    }

    #[test]
    fn cfg_is_that_of_the_user_space_build() {
        for on in [
            "",
            "#[cfg(not(nvb_kernel))]",
            "#[cfg(any(test, target_arch = \"x86_64\"))]",
            "#[cfg(all(unix, not(test)))]",
        ] {
            assert!(enabled(&attributes(on)), "{on}");
        }
        for off in [
            "#[cfg(test)]",
            "#[cfg(nvb_kernel)]",
            "#[cfg(not(target_arch = \"x86_64\"))]",
        ] {
            assert!(!enabled(&attributes(off)), "{off}");
        }
    }

    #[test]
    fn exports_and_representations() {
        assert!(is_exported(&attributes("#[no_mangle]")) && is_exported(&attributes("#[unsafe(no_mangle)]")));
        assert!(!is_exported(&attributes("#[inline]")));
        let packed = repr(&attributes("#[repr(C, packed(2))]"));
        assert!(packed.c && packed.packed == Some(2));
        let plain = repr(&attributes("#[repr(packed)] #[repr(align(16))] #[repr(u8)]"));
        assert_eq!(
            (plain.packed, plain.align, plain.int),
            (Some(1), Some(16), TypeRef::primitive("u8"))
        );
    }
}
