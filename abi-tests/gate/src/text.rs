// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The text form of a model: what a baseline looks like in git.
//!
//! One line per fact, in a stable order, so that a change of the ABI is a diff that a reviewer can read. The contract stands
//! in a file of its own ([`crate::contract`]).
//!
//! ```text
//! abi 1.0
//! const NVB_IRQ_DONE: i32 = 1
//! macro NVB_INIT(wanted) = {
//!   .size = sizeof(struct nvb_abi),
//!   }
//! opaque nvb_gpu
//! type nvb_event_fn = fn(ctx: *mut void, event: *const nvb_event)
//! struct nvb_config size 16 align 8
//!   0 +4 size: u32
//!   4 +4 (hole)
//!   8 +8 addr: u64
//! enum nvb_mode: u32
//!   NVB_MODE_A = 0
//! fn nvb_gpu_boot(gpu: *mut nvb_gpu) -> i32
//! export nvb_gpu_boot crc 0x1a2b3c4d
//! failure Timeout = ETIMEDOUT
//! ```

use crate::model::*;
use crate::ty::{parse_signature, parse_type};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const HEADING: &str =
    "# The C ABI of NovaBridge, as `novabridge abi snapshot` found it. Sizes and offsets in bytes (LP64).";

/// Writes the text form.
pub fn write(abi: &Abi) -> String {
    let mut out = format!("{HEADING}\n");
    if let Some(version) = abi.version() {
        let _ = writeln!(out, "abi {version}");
    }
    section(
        &mut out,
        abi.constants
            .iter()
            .map(|(n, c)| format!("const {n}: {} = {}", c.ty, c.value)),
    );
    section(&mut out, abi.macros.iter().map(|(n, m)| macro_line(n, m)));
    for (name, decl) in &abi.types {
        out.push('\n');
        write_type(&mut out, name, decl);
    }
    section(&mut out, abi.functions.iter().map(|(n, s)| format!("fn {n}{s}")));
    section(
        &mut out,
        abi.exports.iter().map(|n| match abi.crcs.get(n) {
            Some(crcs) => {
                let crcs: Vec<String> = crcs.iter().map(|crc| format!("{crc:#010x}")).collect();
                format!("export {n} crc {}", crcs.join(" "))
            }
            None => format!("export {n}"),
        }),
    );
    section(
        &mut out,
        abi.failures.iter().map(|(n, errno)| format!("failure {n} = {errno}")),
    );
    out
}

fn section(out: &mut String, lines: impl Iterator<Item = String>) {
    for (i, line) in lines.enumerate() {
        if i == 0 {
            out.push('\n');
        }
        out.push_str(&line);
        out.push('\n');
    }
}

/// An initialiser has a line per field.
fn macro_line(name: &str, m: &Macro) -> String {
    let params = m
        .params
        .as_ref()
        .map_or(String::new(), |p| format!("({})", p.join(", ")));
    let body = m
        .body
        .replace("{ .", "{\n  .")
        .replace(", .", ",\n  .")
        .replace(", }", ",\n  }");
    format!("macro {name}{params} = {body}")
}

fn write_type(out: &mut String, name: &str, decl: &TypeDecl) {
    let _ = match decl {
        TypeDecl::Opaque => writeln!(out, "opaque {name}"),
        TypeDecl::Alias(ty) => writeln!(out, "type {name} = {ty}"),
        TypeDecl::Enum(e) => writeln!(out, "enum {name}: {}", e.repr),
        TypeDecl::Struct(r) | TypeDecl::Union(r) => {
            writeln!(out, "{} {name} size {} align {}", decl.kind(), r.size, r.align)
        }
    };
    match decl {
        TypeDecl::Enum(e) => {
            for (value_name, value) in &e.values {
                let _ = writeln!(out, "  {value_name} = {value}");
            }
        }
        TypeDecl::Struct(r) => {
            let holes: BTreeMap<_, _> = r.holes().into_iter().collect();
            let mut lines: Vec<(u64, String)> = r.fields.iter().map(|f| (f.offset, field_line(f))).collect();
            lines.extend(
                holes
                    .iter()
                    .map(|(at, len)| (*at, format!("  {at:>4} +{len:<4} (hole)"))),
            );
            lines.sort_by_key(|(at, _)| *at);
            for (_, line) in lines {
                out.push_str(&line);
                out.push('\n');
            }
        }
        TypeDecl::Union(r) => {
            for field in &r.fields {
                let _ = writeln!(out, "{}", field_line(field));
            }
        }
        TypeDecl::Opaque | TypeDecl::Alias(_) => {}
    }
}

fn field_line(f: &Field) -> String {
    let bits = f.bits.map_or(String::new(), |(first, n)| format!(" bits {first}+{n}"));
    format!("  {:>4} +{:<4} {}: {}{bits}", f.offset, f.size, f.name, f.ty)
}

/// Reads the text form; `place` names the file in errors.
pub fn read(text: &str, place: &str) -> Result<Abi> {
    let mut reader = Reader {
        abi: Abi::default(),
        open: None,
    };
    for (i, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        reader.line(line).map_err(|expected| Error::Syntax {
            place: format!("{place}:{}", i + 1),
            expected,
            found: line.to_owned(),
        })?;
    }
    Ok(reader.abi)
}

struct Reader {
    abi: Abi,
    /// The type whose members, or the macro whose rest, the indented lines are.
    open: Option<String>,
}

/// Splits at `separator`, or says that it was expected.
fn split<'a>(text: &'a str, separator: &str) -> std::result::Result<(&'a str, &'a str), String> {
    text.split_once(separator)
        .ok_or_else(|| format!("`{}` in", separator.trim()))
}

fn number<T: std::str::FromStr>(text: &str) -> std::result::Result<T, String> {
    text.trim()
        .parse()
        .map_err(|_| format!("a number instead of `{text}` in"))
}

impl Reader {
    fn line(&mut self, line: &str) -> std::result::Result<(), String> {
        if let Some(member) = line.strip_prefix("  ") {
            return self.member(member.trim());
        }
        self.open = None;
        let (word, rest) = line.split_once(' ').ok_or("a kind of item and its name in")?;
        match word {
            // The version is that of the constants; the line is for readers.
            "abi" => {}
            "const" => self.constant(rest)?,
            "macro" => self.macro_(rest)?,
            "opaque" => self.declare(rest, TypeDecl::Opaque),
            "type" => {
                let (name, ty) = split(rest, " = ")?;
                self.declare(name, TypeDecl::Alias(parse_type(ty)?));
            }
            "enum" => {
                let (name, repr) = split(rest, ": ")?;
                let repr = parse_type(repr)?;
                let values = BTreeMap::new();
                self.declare(name, TypeDecl::Enum(Enumeration { repr, values }));
            }
            "struct" | "union" => self.record(word, rest)?,
            "fn" => {
                let at = rest.find('(').ok_or("`(` in")?;
                let (name, signature) = rest.split_at(at);
                self.abi.functions.insert(name.to_owned(), parse_signature(signature)?);
            }
            "export" => self.export(rest)?,
            "failure" => {
                let (name, errno) = split(rest, " = ")?;
                self.abi.failures.insert(name.to_owned(), errno.to_owned());
            }
            _ => return Err("abi, const, macro, opaque, type, enum, struct, union, fn, export or failure".into()),
        }
        Ok(())
    }

    fn declare(&mut self, name: &str, decl: TypeDecl) {
        self.open = Some(name.to_owned());
        self.abi.types.insert(name.to_owned(), decl);
    }

    fn constant(&mut self, rest: &str) -> std::result::Result<(), String> {
        let (name, rest) = split(rest, ": ")?;
        let (ty, value) = split(rest, " = ")?;
        let value = match value.strip_prefix('"') {
            Some(_) => Value::Str(serde_json::from_str(value).map_err(|_| "a quoted text in")?),
            None => Value::Int(number(value)?),
        };
        let ty = parse_type(ty)?;
        self.abi.constants.insert(name.to_owned(), Constant { ty, value });
        Ok(())
    }

    fn macro_(&mut self, rest: &str) -> std::result::Result<(), String> {
        let (head, body) = split(rest, " = ")?;
        let (name, params) = match head.split_once('(') {
            Some((name, params)) => {
                let params = params.trim_end_matches(')');
                let params = params.split(',').map(|p| p.trim().to_owned()).filter(|p| !p.is_empty());
                (name, Some(params.collect()))
            }
            None => (head, None),
        };
        let body = body.to_owned();
        self.open = Some(name.to_owned());
        self.abi.macros.insert(name.to_owned(), Macro { params, body });
        Ok(())
    }

    fn record(&mut self, kind: &str, rest: &str) -> std::result::Result<(), String> {
        let (name, rest) = split(rest, " size ")?;
        let (size, align) = split(rest, " align ")?;
        let record = Record {
            size: number(size)?,
            align: number(align)?,
            fields: Vec::new(),
        };
        let decl = match kind {
            "struct" => TypeDecl::Struct(record),
            _ => TypeDecl::Union(record),
        };
        self.declare(name, decl);
        Ok(())
    }

    fn export(&mut self, rest: &str) -> std::result::Result<(), String> {
        let (name, crcs) = rest.split_once(" crc ").unwrap_or((rest, ""));
        self.abi.exports.insert(name.to_owned());
        for crc in crcs.split_whitespace() {
            let number = u32::from_str_radix(crc.trim_start_matches("0x"), 16).map_err(|_| "a hexadecimal CRC in")?;
            self.abi.crcs.entry(name.to_owned()).or_default().insert(number);
        }
        Ok(())
    }

    fn member(&mut self, line: &str) -> std::result::Result<(), String> {
        if let Some(m) = self.open.as_ref().and_then(|name| self.abi.macros.get_mut(name)) {
            m.body = format!("{} {line}", m.body);
            return Ok(());
        }
        let decl = self.open.as_ref().and_then(|name| self.abi.types.get_mut(name));
        match decl {
            Some(TypeDecl::Enum(e)) => {
                let (name, value) = split(line, " = ")?;
                e.values.insert(name.to_owned(), number(value)?);
            }
            Some(TypeDecl::Struct(r) | TypeDecl::Union(r)) if !line.ends_with("(hole)") => {
                r.fields.push(field(line)?);
            }
            Some(TypeDecl::Struct(_) | TypeDecl::Union(_)) => {}
            _ => return Err("a struct, union or enum before".into()),
        }
        Ok(())
    }
}

fn field(line: &str) -> std::result::Result<Field, String> {
    let (offset, rest) = split(line, "+")?;
    let (size, rest) = split(rest, " ")?;
    let (name, rest) = split(rest.trim(), ": ")?;
    let (ty, bits) = match rest.split_once(" bits ") {
        Some((ty, bits)) => {
            let (first, n) = split(bits, "+")?;
            (ty, Some((number(first)?, number(n)?)))
        }
        None => (rest, None),
    };
    Ok(Field {
        name: name.to_owned(),
        offset: number(offset)?,
        size: number(size)?,
        ty: parse_type(ty)?,
        bits,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "\
abi 1.2

const NVB_ABI_MAJOR: i32 = 1
const NVB_ABI_MINOR: i32 = 2
const NVB_NAME: [char; 4] = \"a\\\"b\"

macro NVB_INIT(a, b) = {
  .size = (a) + b,
  .n = 1 }
macro NVB_PLAIN = do x while (0)

type nvb_fn = fn(ctx: *mut void) -> i32

opaque nvb_gpu

enum nvb_mode: u32
  NVB_MODE_A = 0
  NVB_MODE_B = -1

struct nvb_s size 24 align 8
     0 +4    size: u32
     4 +4    (hole)
     8 +8    cb: nvb_fn
    16 +4    flags: u32 bits 128+3
    20 +4    (hole)

union nvb_u size 8 align 8
     0 +8    a: u64
     0 +4    b: u32

fn nvb_call(gpu: *mut nvb_gpu) -> i32
fn nvb_end()

export nvb_call crc 0x0012abcd 0x10000000
export nvb_end

failure Timeout = ETIMEDOUT
";

    #[test]
    fn reads_what_it_writes() {
        let abi = read(SAMPLE, "sample").expect("sample");
        assert_eq!(write(&abi), format!("{HEADING}\n{SAMPLE}"));
        assert_eq!(read(&write(&abi), "again").expect("again"), abi);
    }

    #[test]
    fn errors_name_line_and_expectation() {
        let said = |text: &str| read(text, "abi.txt").unwrap_err().to_string();
        assert_eq!(
            said("abi 1.0\nstruct nvb_s size 8\n"),
            "abi.txt:2: expected `align` in, found `struct nvb_s size 8`"
        );
        assert!(said("  0 +4 x: u32\n").contains("abi.txt:1: expected a struct, union or enum before"));
        assert!(said("function nvb_x()\n").contains("export or failure"));
    }
}
