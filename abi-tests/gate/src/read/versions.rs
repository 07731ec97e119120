// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The version script of the shared library: which version each of its symbols has.
//!
//! A program names the versions of the symbols it uses, and the dynamic loader does not start it beside a library that lacks one of
//! them. So a symbol has the version of the ABI that it came with, for ever, and is named: a pattern would put what is new into an
//! old version, and programs that use it would start beside old libraries and end at the first call.

use crate::model::PREFIX;
use crate::read::cdecl;
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// Reads a version script: versions by symbol.
///
/// # Errors
/// It cannot be read, or says something that is not understood; a symbol is a pattern, or has two versions.
pub fn read(path: &Path) -> Result<BTreeMap<String, String>> {
    let text = crate::error::read_text(path)?;
    parse(&text).map_err(|message| Error::Data {
        path: path.to_owned(),
        message,
    })
}

fn parse(text: &str) -> std::result::Result<BTreeMap<String, String>, String> {
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    let mut versions = BTreeMap::new();
    for node in code.join("\n").split('}') {
        let (name, body) = match node.split_once('{') {
            Some((before, body)) => (before.rsplit(';').next().unwrap_or_default().trim(), body),
            // What is behind the last one: the version before it, and the end.
            None => continue,
        };
        let global = body.split("local:").next().unwrap_or_default().replace("global:", "");
        for symbol in global.split(';').map(str::trim).filter(|symbol| !symbol.is_empty()) {
            if cdecl::tokens(symbol).len() != 1 || !symbol.starts_with(PREFIX) {
                return Err(format!(
                    "expected the name of a {PREFIX}* function in {name}, found `{symbol}`; name each function, in the version it came with"
                ));
            }
            if let Some(other) = versions.insert(symbol.to_owned(), name.to_owned()) {
                return Err(format!("expected one version of {symbol}, found {other} and {name}"));
            }
        }
    }
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_have_the_version_they_stand_in() {
        let text = "# words; of { no } matter\nLIB_1.0 {\nglobal:\n\tnvb_a;\n\tnvb_b;\nlocal:\n\t*;\n};\n\
                    LIB_1.1 { global: nvb_c; } LIB_1.0;\nLIB_1.2 {\n\tnvb_d;\n} LIB_1.1;\n";
        let versions = parse(text).expect("versions");
        let list: Vec<String> = versions
            .iter()
            .map(|(symbol, version)| format!("{symbol} {version}"))
            .collect();
        assert_eq!(
            list,
            ["nvb_a LIB_1.0", "nvb_b LIB_1.0", "nvb_c LIB_1.1", "nvb_d LIB_1.2"]
        );
    }

    #[test]
    fn patterns_and_second_versions_are_refused() {
        let refused = |text: &str| parse(text).expect_err("refused");
        assert!(refused("LIB_1.0 { global: nvb_*; };").contains("in LIB_1.0, found `nvb_*`"));
        assert!(refused("LIB_1.0 { global: other; };").contains("found `other`"));
        let twice = refused("LIB_1.0 { nvb_a; };\nLIB_1.1 { nvb_a; } LIB_1.0;");
        assert_eq!(twice, "expected one version of nvb_a, found LIB_1.0 and LIB_1.1");
    }
}
