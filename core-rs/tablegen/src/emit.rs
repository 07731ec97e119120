// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Writes Rust source: the types of the tables, one table per release, and the list of them.

use crate::wanted::{Block, Item, Shape, Source};
use std::collections::BTreeMap;
use std::fmt::Write;

const LICENCE: &str = "// SPDX-License-Identifier: GPL-2.0-only OR MIT\n";

/// One member's value in one release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    Number(u64),
    Array { at: u64, count: u64, stride: u64 },
    Absent,
}

/// What one release says: `block.member` to value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub release: String,
    pub values: BTreeMap<String, Value>,
}

/// The module and file name of a release: `570.144` is `r570_144`.
pub fn module(release: &str) -> String {
    format!("r{}", release.replace('.', "_"))
}

/// `layout.rs`: the types.
pub fn types(blocks: &[Block]) -> String {
    let mut out = format!(
        "{LICENCE}//! The types of the release tables. Written by `novabridge-tablegen` from `core-rs/tablegen/wanted.txt`.\n//!\n\
         //! Offsets and sizes are in bytes; offsets count from the start of the struct.\n\n\
         use super::Array;\n\n\
         /// Everything that a release of the firmware decides.\n#[derive(Debug)]\npub struct Release {{\n    \
         /// The release's name, exactly as in `.fwversion`.\n    pub name: &'static str,\n"
    );
    for block in blocks {
        let _ = write!(
            out,
            "    /// {}\n    pub {}: {},\n",
            block.doc, block.field, block.rust_type
        );
    }
    out.push_str("}\n");
    for block in blocks {
        let _ = write!(
            out,
            "\n/// {}\n#[derive(Debug)]\npub struct {} {{\n",
            block.doc, block.rust_type
        );
        if matches!(block.source, Source::Layout(_)) {
            out.push_str("    /// Size of the whole struct.\n    pub size: usize,\n");
        }
        for item in &block.items {
            let _ = write!(
                out,
                "    /// {}\n    pub {}: {},\n",
                item.doc,
                item.name,
                rust_type(item)
            );
        }
        out.push_str("}\n");
    }
    out
}

fn rust_type(item: &Item) -> String {
    let plain = match item.shape {
        Shape::Offset => "usize",
        Shape::Array => "Array",
        Shape::Number { rust, .. } => rust,
        Shape::Bool => "bool",
    };
    match item.optional {
        true => format!("Option<{plain}>"),
        false => plain.to_string(),
    }
}

/// `tables/rXXX.rs`: the table of one release. A comment tells what `older`, the release before it, said instead.
pub fn table(blocks: &[Block], table: &Table, older: Option<&Table>) -> String {
    let mut out = format!(
        "{LICENCE}//! Release {}. Written by `novabridge-tablegen` from its public headers",
        table.release
    );
    match older {
        Some(older) => {
            let _ = write!(
                out,
                ";\n//! `// was` tells where it differs from {}.\n\n",
                older.release
            );
        }
        None => out.push_str(".\n\n"),
    }
    out.push_str("use crate::release::layout::*;\nuse crate::release::Array;\n\n");
    let _ = write!(
        out,
        "/// Release {}.\npub static TABLE: Release = Release {{\n    name: \"{0}\",\n",
        table.release
    );
    for block in blocks {
        let _ = writeln!(out, "    {}: {} {{", block.field, block.rust_type);
        if matches!(block.source, Source::Layout(_)) {
            let size = Item {
                c: Vec::new(),
                name: "size".to_string(),
                shape: Shape::Offset,
                optional: false,
                doc: String::new(),
            };
            line(&mut out, block, &size, table, older);
        }
        for item in &block.items {
            line(&mut out, block, item, table, older);
        }
        out.push_str("    },\n");
    }
    out.push_str("};\n");
    out
}

fn line(out: &mut String, block: &Block, item: &Item, table: &Table, older: Option<&Table>) {
    let key = format!("{}.{}", block.field, item.name);
    let value = literal(item, table.values[&key]);
    let _ = write!(out, "        {}: {value},", item.name);
    if let Some(was) = older.map(|o| literal(item, o.values[&key])).filter(|was| *was != value) {
        let _ = write!(out, " // was {was}");
    }
    out.push('\n');
}

fn literal(item: &Item, value: Value) -> String {
    let plain = match (item.shape, value) {
        (_, Value::Absent) => return "None".to_string(),
        (Shape::Bool, Value::Number(n)) => (n != 0).to_string(),
        (Shape::Number { hex: true, .. }, Value::Number(n)) => format!("{n:#x}"),
        (_, Value::Number(n)) => n.to_string(),
        (_, Value::Array { at, count, stride }) => format!("Array::new({at}, {count}, {stride})"),
    };
    match item.optional {
        true => format!("Some({plain})"),
        false => plain,
    }
}

/// `tables.rs`: the list of releases, newest first.
pub fn list(releases: &[String]) -> String {
    let mut out = format!(
        "{LICENCE}//! The releases the core knows. Written by `novabridge-tablegen`.\n\nuse super::layout::Release;\n\n"
    );
    for release in releases {
        let _ = writeln!(out, "pub mod {};", module(release));
    }
    let _ = write!(
        out,
        "\n/// Newest first.\npub static ALL: [&Release; {}] = [",
        releases.len()
    );
    let tables: Vec<String> = releases
        .iter()
        .rev()
        .map(|r| format!("&{}::TABLE", module(r)))
        .collect();
    let _ = writeln!(out, "{}];", tables.join(", "));
    out
}
