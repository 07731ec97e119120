// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Which errno each failure inside the core has: the `kinds!` table of the core's `error.rs`, whose lines read
//! `Timeout => ETIMEDOUT, "timed out";`. A failure can surface in many functions, so its errno is part of the contract.

use crate::{Error, Result};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeMap;
use std::path::Path;

/// Reads the table: errno names by failure.
pub fn read(path: &Path) -> Result<BTreeMap<String, String>> {
    let text = crate::error::read_text(path)?;
    let file = syn::parse_file(&text).map_err(|e| Error::Rust {
        place: format!("{}:{}", path.display(), e.span().start().line),
        message: e.to_string(),
    })?;
    let table = file.items.into_iter().find_map(|item| match item {
        syn::Item::Macro(m) if m.mac.path.is_ident("kinds") => Some(m.mac.tokens),
        _ => None,
    });
    match table.map(lines) {
        Some(table) if !table.is_empty() => Ok(table),
        _ => Err(Error::Rust {
            place: path.display().to_string(),
            message: "expected a table `kinds! { Name => ERRNO, \"words\"; .. }`, found none".into(),
        }),
    }
}

fn lines(tokens: TokenStream) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut name = String::new();
    let mut arrow = false;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) if arrow => {
                found.insert(name.clone(), ident.to_string());
                arrow = false;
            }
            TokenTree::Ident(ident) => name = ident.to_string(),
            TokenTree::Punct(p) if p.as_char() == '>' => arrow = true,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_table() {
        let file = tempfile::NamedTempFile::new().expect("file");
        let text = "macro_rules! kinds { () => {} }\nkinds! {\n/// Doc.\nTimeout => ETIMEDOUT, \"timed out\";\nGone => ENODEV, \"gone\";\n}\n";
        std::fs::write(file.path(), text).expect("write");
        let table = read(file.path()).expect("table");
        assert_eq!(table["Timeout"], "ETIMEDOUT");
        assert_eq!(table["Gone"], "ENODEV");

        std::fs::write(file.path(), "fn main() {}").expect("write");
        assert!(read(file.path()).unwrap_err().to_string().contains("expected a table"));
    }
}
