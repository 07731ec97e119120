// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The items of a Rust crate, gathered over its files.

use super::attributes::{enabled, is_exported};
use super::eval::Constants;
use crate::model::MACRO_PREFIX;
use crate::{Error, Result};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use syn::{Attribute, Item};

/// The items of a crate that can be part of an ABI.
#[derive(Default)]
pub(super) struct Crate {
    pub functions: Vec<(PathBuf, syn::ItemFn)>,
    pub types: HashMap<String, (PathBuf, Item)>,
    pub exported_constants: BTreeMap<String, (PathBuf, syn::ItemConst)>,
    pub constants: Constants,
}

impl Crate {
    pub(super) fn file(&mut self, path: &Path, submodules: &Path) -> Result<()> {
        let text = crate::error::read_text(path)?;
        let file = syn::parse_file(&text).map_err(|e| Error::Rust {
            place: format!("{}:{}", path.display(), e.span().start().line),
            message: e.to_string(),
        })?;
        self.items(file.items, path, submodules)
    }

    fn items(&mut self, items: Vec<Item>, path: &Path, submodules: &Path) -> Result<()> {
        for item in items {
            if !enabled(attributes(&item)) {
                continue;
            }
            match item {
                Item::Mod(module) => self.module(module, path, submodules)?,
                Item::Fn(function) if is_exported(&function.attrs) => {
                    self.functions.push((path.to_owned(), function));
                }
                Item::Const(constant) => {
                    let name = constant.ident.to_string();
                    self.constants.insert(name.clone(), (*constant.expr).clone());
                    if name.starts_with(MACRO_PREFIX) && matches!(constant.vis, syn::Visibility::Public(_)) {
                        self.exported_constants.insert(name, (path.to_owned(), constant));
                    }
                }
                Item::Struct(_) | Item::Union(_) | Item::Enum(_) | Item::Type(_) => {
                    self.types.insert(type_name(&item), (path.to_owned(), item));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn module(&mut self, module: syn::ItemMod, path: &Path, submodules: &Path) -> Result<()> {
        let name = module.ident.to_string();
        let inside = submodules.join(&name);
        if let Some((_, items)) = module.content {
            return self.items(items, path, &inside);
        }
        let flat = submodules.join(format!("{name}.rs"));
        let file = if flat.exists() { flat } else { inside.join("mod.rs") };
        self.file(&file, &inside)
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(i) => &i.attrs,
        Item::Fn(i) => &i.attrs,
        Item::Const(i) => &i.attrs,
        Item::Struct(i) => &i.attrs,
        Item::Union(i) => &i.attrs,
        Item::Enum(i) => &i.attrs,
        Item::Type(i) => &i.attrs,
        _ => &[],
    }
}

fn type_name(item: &Item) -> String {
    match item {
        Item::Struct(i) => i.ident.to_string(),
        Item::Union(i) => i.ident.to_string(),
        Item::Enum(i) => i.ident.to_string(),
        Item::Type(i) => i.ident.to_string(),
        _ => String::new(),
    }
}
