// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A library with the types and functions of a tree, as rustc lays them out and describes them, whose functions do nothing: a
//! mutant changes a declaration, and seldom all code that goes with it, so its real library seldom compiles.

use std::path::{Path, PathBuf};
use std::process::Command;
use syn::{parse_quote, Item};

/// A shared object with the functions of a tree.
pub struct Stub {
    dir: tempfile::TempDir,
}

impl Stub {
    /// Builds it from `capi/src` of the tree.
    pub fn build(tree: &Path) -> Result<Self, String> {
        let source = tree.join("capi/src");
        let source = source
            .canonicalize()
            .map_err(|e| format!("{}: {e}", source.display()))?;
        let mut items = kept(&source.join("handle.rs"), opaque)?;
        for path in files(&source.join("api"))? {
            items.push_str(&kept(&path, opaque)?);
            items.push_str(&kept(&path, without_body)?);
        }
        let mut modules = String::new();
        for path in files(&source.join("types"))? {
            match path.file_stem().and_then(|stem| stem.to_str()) {
                Some("mod") | None => {}
                Some(name) => modules.push_str(&format!("use types::{name}::*;\n")),
            }
        }
        let text = format!(
            "#![allow(warnings)]\n#[path = {:?}]\npub mod types;\nuse types::*;\n{modules}use core::ffi::c_void;\n{items}",
            source.join("types/mod.rs")
        );
        let stub = Stub {
            dir: tempfile::tempdir().map_err(|e| e.to_string())?,
        };
        let file = stub.dir.path().join("stub.rs");
        std::fs::write(&file, text).map_err(|e| e.to_string())?;
        let mut rustc = Command::new("rustc");
        rustc
            .args([
                "--edition",
                "2021",
                "-Cpanic=abort",
                "-g",
                "--crate-type",
                "cdylib",
                "-o",
            ])
            .arg(stub.library())
            .arg(&file);
        let output = rustc.output().map_err(|e| format!("rustc: {e}"))?;
        match output.status.success() {
            true => Ok(stub),
            false => Err(format!(
                "the declarations do not compile:\n{}",
                String::from_utf8_lossy(&output.stderr)
            )),
        }
    }

    /// The shared object.
    pub fn library(&self) -> PathBuf {
        self.dir.path().join("libnovabridge.so")
    }
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// Those items of a file that `keep` returns.
fn kept(path: &Path, keep: impl Fn(Item) -> Option<Item>) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let file = syn::parse_file(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let items = file.items.into_iter().filter_map(keep);
    Ok(items.map(|item| quote::quote!(#item).to_string() + "\n").collect())
}

/// An exported function without what it does.
fn without_body(item: Item) -> Option<Item> {
    let mut function = match item {
        Item::Fn(function) if function.sig.abi.is_some() => function,
        _ => return None,
    };
    function.attrs.retain(|attribute| !attribute.path().is_ident("doc"));
    *function.block = parse_quote!({ loop {} });
    Some(Item::Fn(function))
}

/// A handle's type.
fn opaque(item: Item) -> Option<Item> {
    match &item {
        Item::Struct(declared) if declared.ident.to_string().starts_with("nvb_") => Some(item),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_lose_their_bodies_and_documentation_only() {
        let function: Item = parse_quote! {
            /// Words.
            #[no_mangle]
            pub unsafe extern "C" fn nvb_x(a: *mut u8) -> i32 { inner(a) }
        };
        let expected: Item = parse_quote! {
            #[no_mangle]
            pub unsafe extern "C" fn nvb_x(a: *mut u8) -> i32 { loop {} }
        };
        assert_eq!(without_body(function), Some(expected));
        assert_eq!(without_body(parse_quote! { fn inner() {} }), None);
    }
}
