// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Writes the core's release tables from the public headers of the releases.
//!
//! `novabridge-tablegen --headers 570.144=DIR ...` where `DIR` is an open-gpu-kernel-modules checkout of that tag.
//!
//! To add a release: write `releases/<release>.txt` with what its public headers do not say, and run this with the headers of
//! every release. It writes the table and the list of tables; no code changes. If it stops because something is not there, the
//! release dropped it: the list (`wanted.txt`) then has to say that it may be absent, and the compiler names the code that
//! has to cope.

mod dwarf;
mod emit;
mod headers;
mod wanted;

use anyhow::{anyhow, bail, Context, Result};
use clap::Parser;
use emit::{Table, Value};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wanted::{Block, Shape, Source};

/// Writes the core's release tables from the public headers of the releases.
#[derive(Parser)]
struct Args {
    /// RELEASE=DIR: a release and the open-gpu-kernel-modules checkout of its tag; once per release
    #[arg(long = "headers", required = true, value_parser = parse_headers)]
    headers: Vec<(String, PathBuf)>,
    /// Where the tables go
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../src/release"))]
    out: PathBuf,
    /// Compare with the tables that are there instead of writing them; exit code 1 when they differ
    #[arg(long)]
    check: bool,
}

fn parse_headers(text: &str) -> Result<(String, PathBuf)> {
    let (release, dir) = text.split_once('=').context("expected RELEASE=DIR")?;
    Ok((release.to_string(), PathBuf::from(dir)))
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    // Oldest first: each table tells what changed against the one before it.
    args.headers.sort_by_key(|(release, _)| version(release));
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = own.join("wanted.txt");
    let text = std::fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let blocks = wanted::parse(&text).with_context(|| format!("in {}", list.display()))?;

    let mut files = vec![("layout.rs".to_string(), emit::types(&blocks))];
    let mut older: Option<Table> = None;
    for (release, dir) in &args.headers {
        let facts = own.join("releases").join(format!("{release}.txt"));
        let table = look_up(&blocks, release, dir, &facts).with_context(|| format!("release {release}"))?;
        let text = emit::table(&blocks, &table, older.as_ref());
        files.push((format!("tables/{}.rs", emit::module(release)), text));
        older = Some(table);
    }
    let releases: Vec<String> = args.headers.iter().map(|(release, _)| release.clone()).collect();
    files.push(("tables.rs".to_string(), emit::list(&releases)));

    for (name, text) in &files {
        let path = args.out.join(name);
        let text = &format(text, own)?;
        if args.check {
            let there = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            if &there != text {
                bail!(
                    "{} is not what the headers say; run novabridge-tablegen without --check",
                    path.display()
                );
            }
        } else {
            std::fs::create_dir_all(path.parent().context("no parent directory")?)?;
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

/// Formats Rust source as the workspace does.
fn format(source: &str, dir: &Path) -> Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2021", "--emit", "stdout"])
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run rustfmt")?;
    let mut input = rustfmt.stdin.take().context("rustfmt has no input")?;
    let source = source.to_string();
    let writer = std::thread::spawn(move || input.write_all(source.as_bytes()));
    let output = rustfmt.wait_with_output()?;
    writer.join().map_err(|_| anyhow!("the writer to rustfmt failed"))??;
    if !output.status.success() {
        bail!("rustfmt refuses what was generated");
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Sorts `535.113.01` before `570.144`.
fn version(release: &str) -> Vec<u32> {
    release
        .split('.')
        .map(|part| part.parse().unwrap_or(u32::MAX))
        .collect()
}

/// Answers every line of the list for one release.
fn look_up(blocks: &[Block], release: &str, dir: &Path, facts: &Path) -> Result<Table> {
    let mut facts = wanted::facts(facts)?;
    let headers = headers::Headers::read(dir)?;
    let wanted: Vec<&wanted::Item> = blocks
        .iter()
        .filter(|block| block.source == Source::Values)
        .flat_map(|block| &block.items)
        .collect();
    let numbers = headers.values(&wanted)?;

    let mut table = Table {
        release: release.to_string(),
        values: Default::default(),
    };
    for block in blocks {
        if let Source::Layout(c) = &block.source {
            let size = headers
                .types
                .size(c)?
                .with_context(|| format!("the headers have no `{c}`"))?;
            table
                .values
                .insert(format!("{}.size", block.field), Value::Number(size));
        }
        for item in &block.items {
            let key = format!("{}.{}", block.field, item.name);
            let value = match &block.source {
                Source::Layout(c) => member(&headers, c, item)?,
                Source::Values => numbers.get(&item.c[0]).map_or(Value::Absent, |&n| Value::Number(n)),
                Source::Facts => {
                    let fact = facts
                        .remove(&key)
                        .with_context(|| format!("releases/{release}.txt says no `{key}`"))?;
                    fact.map_or(Value::Absent, Value::Number)
                }
            };
            if value == Value::Absent && !item.optional {
                bail!(
                    "`{key}` ({}) is not there, and the list does not say that it may be absent",
                    item.c.join("|")
                );
            }
            table.values.insert(key, value);
        }
    }
    if let Some(key) = facts.keys().next() {
        bail!("releases/{release}.txt says `{key}`, which nobody wants");
    }
    Ok(table)
}

fn member(headers: &headers::Headers, c: &str, item: &wanted::Item) -> Result<Value> {
    for path in &item.c {
        if let Some(member) = headers.types.member(c, path)? {
            return Ok(match item.shape {
                Shape::Array => Value::Array {
                    at: member.offset,
                    count: member.count,
                    stride: member.stride,
                },
                _ => Value::Number(member.offset),
            });
        }
    }
    Ok(Value::Absent)
}
