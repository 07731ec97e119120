// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The list of what the core wants to know (`wanted.txt`) and the facts of one release (`releases/*.txt`).

use anyhow::{anyhow, bail, Context, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// Where a block's numbers come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Sizes and offsets of the C type named.
    Layout(String),
    /// Values of C expressions.
    Values,
    /// Numbers of the release's fact file.
    Facts,
}

/// How a member is written in Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `usize`: an offset.
    Offset,
    /// `Array`: offset, count and stride.
    Array,
    /// A number of the named Rust type, in decimal or hexadecimal.
    Number { rust: &'static str, hex: bool },
    /// `bool`.
    Bool,
}

/// One line of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// C member paths or expressions; the first that exists counts.
    pub c: Vec<String>,
    pub name: String,
    pub shape: Shape,
    pub optional: bool,
    pub doc: String,
}

/// One struct of the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub source: Source,
    pub field: String,
    pub rust_type: String,
    pub doc: String,
    pub items: Vec<Item>,
}

/// Parses `wanted.txt`.
pub fn parse(text: &str) -> Result<Vec<Block>> {
    let mut blocks: Vec<Block> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let at = || format!("line {}: `{line}`", number + 1);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with(' ') {
            let block = blocks
                .last_mut()
                .ok_or_else(|| anyhow!("{}: no block before it", at()))?;
            block.items.push(item(&block.source, line.trim()).with_context(at)?);
        } else {
            blocks.push(head(line).with_context(at)?);
        }
    }
    Ok(blocks)
}

fn head(line: &str) -> Result<Block> {
    let (head, doc) = line.split_once(" : ").context("no ` : documentation`")?;
    let words: Vec<&str> = head.split_whitespace().collect();
    let (source, field, rust_type) = match words.as_slice() {
        ["layout", field, rust, c] => (Source::Layout(c.to_string()), field, rust),
        ["values", field, rust] => (Source::Values, field, rust),
        ["facts", field, rust] => (Source::Facts, field, rust),
        _ => bail!("expected `layout FIELD TYPE C-TYPE`, `values FIELD TYPE` or `facts FIELD TYPE`"),
    };
    Ok(Block {
        source,
        field: field.to_string(),
        rust_type: rust_type.to_string(),
        doc: doc.trim().to_string(),
        items: Vec::new(),
    })
}

/// Cuts the first word off `text`.
fn word(text: &str) -> Result<(&str, &str)> {
    let text = text.trim_start();
    let (word, rest) = text
        .split_once(char::is_whitespace)
        .context("the line ends too early")?;
    Ok((word, rest))
}

fn item(source: &Source, line: &str) -> Result<Item> {
    let (c, rest) = word(line)?;
    let (name, rest) = word(rest)?;
    let (name, shape, optional, doc) = match source {
        Source::Layout(_) => {
            let (name, optional) = strip(name, "?");
            let (name, array) = strip(name, "[]");
            let shape = if array { Shape::Array } else { Shape::Offset };
            (name, shape, optional, rest)
        }
        Source::Values | Source::Facts => {
            let (kind, doc) = word(rest)?;
            let (kind, optional) = strip(kind, "?");
            let shape = match kind {
                "bool" => Shape::Bool,
                "usize" => Shape::Number {
                    rust: "usize",
                    hex: false,
                },
                "u32" => Shape::Number {
                    rust: "u32",
                    hex: false,
                },
                "x32" => Shape::Number { rust: "u32", hex: true },
                "u64" => Shape::Number {
                    rust: "u64",
                    hex: false,
                },
                "x64" => Shape::Number { rust: "u64", hex: true },
                _ => bail!("unknown type `{kind}`"),
            };
            (name, shape, optional, doc)
        }
    };
    let doc = doc.trim().to_string();
    if doc.is_empty() {
        bail!("`{name}` has no documentation");
    }
    let c = c.split('|').map(str::to_string).collect();
    Ok(Item {
        c,
        name: name.to_string(),
        shape,
        optional,
        doc,
    })
}

fn strip<'a>(text: &'a str, suffix: &str) -> (&'a str, bool) {
    match text.strip_suffix(suffix) {
        Some(rest) => (rest, true),
        None => (text, false),
    }
}

/// Facts of one release: `block.name` to number, `None` for "not there".
pub type Facts = BTreeMap<String, Option<u64>>;

/// Reads the fact file of a release.
pub fn facts(path: &Path) -> Result<Facts> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut facts = Facts::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let at = || format!("{} line {}: `{line}`", path.display(), number + 1);
        let (key, value) = line
            .split_once(" = ")
            .ok_or_else(|| anyhow!("{}: expected `key = value`", at()))?;
        let value = match value.trim() {
            "-" => None,
            "true" => Some(1),
            "false" => Some(0),
            hex if hex.starts_with("0x") => Some(u64::from_str_radix(&hex[2..], 16).with_context(at)?),
            dec => Some(dec.parse().with_context(at)?),
        };
        if facts.insert(key.trim().to_string(), value).is_some() {
            bail!("{}: said twice", at());
        }
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_their_items() {
        let text = "# a comment\n\nlayout args ArgsLayout C_ARGS : What it is.\n  a.b|c  place?  Where.\n  list  list[]  All.\n\
                    values heap Heap : Sizes.\n  MACRO<<20  size  x64?  Bytes.\n";
        let blocks = parse(text).unwrap();
        assert_eq!(blocks[0].source, Source::Layout("C_ARGS".to_string()));
        assert_eq!(
            (&*blocks[0].field, &*blocks[0].rust_type, &*blocks[0].doc),
            ("args", "ArgsLayout", "What it is.")
        );
        let place = &blocks[0].items[0];
        assert_eq!(
            (&place.c[..], &*place.name),
            (&["a.b".to_string(), "c".to_string()][..], "place")
        );
        assert!(place.optional && place.shape == Shape::Offset);
        assert_eq!(blocks[0].items[1].shape, Shape::Array);
        let size = &blocks[1].items[0];
        assert_eq!(
            (size.shape, size.optional),
            (Shape::Number { rust: "u64", hex: true }, true)
        );
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, words) in [
            ("layout a b c\n", "line 1"),
            ("nonsense a b : c\n", "expected `layout"),
            ("  a b c\n", "no block before it"),
            ("values a B : c\n  X x u7 Doc.\n", "unknown type `u7`"),
            ("layout a B C : c\n  x y \n", "line 2"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn every_fact_file_is_read() {
        let releases = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases");
        for entry in std::fs::read_dir(releases).unwrap() {
            let facts = facts(&entry.unwrap().path()).unwrap();
            assert_eq!(facts["plugin.bootloaded"], Some(0x4e65_4a6f));
        }
    }
}
