// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! rustc, gcc, clang and bindgen lay out every struct alike, and bytes that one side writes the other reads.

mod common;

use abi_layout::structs;
use common::*;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

fn agrees(cc: &str) {
    let abi = header(cc);
    let theirs = records(&abi);
    let ours = structs();
    let names =
        |list: &[(&str, &novabridge_abi::model::Record)]| list.iter().map(|(n, _)| (*n).to_owned()).collect::<Vec<_>>();
    let mut listed: Vec<String> = ours.iter().map(|s| s.name.to_owned()).collect();
    listed.sort();
    assert_eq!(
        listed,
        names(&theirs),
        "the list in abi-tests/layout/src/lib.rs is not that of the header"
    );
    for (name, record) in theirs {
        let s = ours.iter().find(|s| s.name == name).expect(name);
        assert_eq!(
            (s.size as u64, s.align as u64),
            (record.size, record.align),
            "{name} by {cc}"
        );
        let fields: Vec<_> = s
            .fields
            .iter()
            .map(|(n, at, len)| (*n, *at as u64, *len as u64))
            .collect();
        let found: Vec<_> = record
            .fields
            .iter()
            .map(|f| (f.name.as_str(), f.offset, f.size))
            .collect();
        assert_eq!(fields, found, "{name} by {cc}");
    }
}

#[test]
fn gcc_agrees() {
    agrees("cc");
}

#[test]
fn clang_agrees() {
    agrees(&tool("clang-19"));
}

/// Fields follow each other without holes: no byte of a struct is undefined.
#[test]
fn there_is_no_padding() {
    for s in structs() {
        let mut end = 0;
        for (field, at, len) in &s.fields {
            assert_eq!(*at, end, "{}.{field} stands behind a hole", s.name);
            end = at + len;
        }
        assert_eq!(end, s.size, "{} ends with a hole", s.name);
    }
}

#[test]
fn every_function_is_asserted_callable() {
    let list = include_str!("../src/crossing.rs");
    for name in header("cc").functions.keys() {
        let place = format!("::{name}: (");
        assert!(
            list.contains(&place),
            "{name} is new: add it to assert_callable! in abi-tests/layout/src/crossing.rs"
        );
    }
}

/// A C program that writes each struct, byte n of the pattern in field n, or checks that it reads that.
fn exchange_source() -> String {
    let mut body = String::new();
    for s in structs() {
        let _ = writeln!(body, "\t{{\n\t\tstruct {} s;\n\t\tmemset(&s, 0, sizeof(s));\n\t\tif (reading && fread(&s, sizeof(s), 1, stdin) != 1)\n\t\t\treturn 2;", s.name);
        for (i, (field, _, _)) in s.fields.iter().enumerate() {
            let _ = writeln!(
                body,
                "\t\tif (!reading)\n\t\t\tmemset(&s.{field}, {n}, sizeof(s.{field}));\n\t\telse if (!all(&s.{field}, {n}, sizeof(s.{field})))\n\t\t\treturn complain(\"{}.{field}\");",
                s.name,
                n = i + 1
            );
        }
        body.push_str("\t\tif (!reading)\n\t\t\tfwrite(&s, sizeof(s), 1, stdout);\n\t}\n");
    }
    format!(
        "#include <novabridge.h>\n#include <stdio.h>\n#include <string.h>\n\n\
         static int all(const void *p, int byte, size_t len)\n{{\n\tconst unsigned char *b = (const unsigned char *)p;\n\n\
         \twhile (len--)\n\t\tif (*b++ != byte)\n\t\t\treturn 0;\n\treturn 1;\n}}\n\n\
         static int complain(const char *what)\n{{\n\tfprintf(stderr, \"%s was read wrongly\\n\", what);\n\treturn 1;\n}}\n\n\
         int main(int argc, char **argv)\n{{\n\tint reading = argc > 1;\n\n\t(void)argv;\n{body}\treturn 0;\n}}\n"
    )
}

fn exchanges(cc: &str, extension: &str) {
    let dir = tempfile::tempdir().expect("directory");
    let (source, program) = (dir.path().join(format!("x.{extension}")), dir.path().join("x"));
    std::fs::write(&source, exchange_source()).expect("write");
    succeeds(
        Command::new(cc)
            .arg("-I")
            .arg(include())
            .arg("-o")
            .arg(&program)
            .arg(&source),
    );

    let written = succeeds(&mut Command::new(&program));
    let mut at = 0;
    for s in structs() {
        let fields = (s.read)(&written[at..at + s.size]);
        at += s.size;
        for (i, ((name, _, _), bytes)) in s.fields.iter().zip(&fields).enumerate() {
            assert!(
                bytes.iter().all(|b| *b as usize == i + 1),
                "{}.{name} written by {cc}: {bytes:?}",
                s.name
            );
        }
    }
    assert_eq!(at, written.len());

    let mut child = Command::new(&program)
        .arg("read")
        .stdin(Stdio::piped())
        .spawn()
        .expect("run");
    let ours: Vec<u8> = structs().iter().flat_map(|s| (s.write)()).collect();
    child.stdin.take().expect("stdin").write_all(&ours).expect("write");
    assert!(
        child.wait().expect("wait").success(),
        "{cc} reads what rustc wrote otherwise"
    );
}

#[test]
fn bytes_cross_between_rustc_and_c() {
    exchanges("cc", "c");
    exchanges(&tool("clang-19"), "c");
}

#[test]
fn bytes_cross_between_rustc_and_cpp() {
    exchanges("c++", "cc");
    exchanges(&tool("clang++-19"), "cc");
}

/// What bindgen makes of the header: its own layout tests, and ours on top of it.
#[test]
fn bindgen_agrees() {
    let dir = tempfile::tempdir().expect("directory");
    let bindings = succeeds(Command::new(tool("bindgen")).arg(include().join("novabridge.h")));
    std::fs::write(dir.path().join("bindings.rs"), bindings).expect("write");
    let mut source = "#![allow(warnings)]\nmod bindings { include!(\"bindings.rs\"); }\n".to_owned();
    for s in structs() {
        let _ = writeln!(
            source,
            "const _: () = assert!(core::mem::size_of::<bindings::{}>() == {});",
            s.name, s.size
        );
        for (field, at, _) in &s.fields {
            let field = if ["type", "priv"].contains(field) {
                bindgen_name(&dir.path().join("bindings.rs"), field)
            } else {
                (*field).to_owned()
            };
            let _ = writeln!(
                source,
                "const _: () = assert!(core::mem::offset_of!(bindings::{}, {field}) == {at});",
                s.name
            );
        }
    }
    let file = dir.path().join("view.rs");
    std::fs::write(&file, source).expect("write");
    let program = dir.path().join("view");
    succeeds(
        Command::new("rustc")
            .args(["--edition", "2021", "--test", "-Awarnings", "-o"])
            .arg(&program)
            .arg(&file),
    );
    succeeds(&mut Command::new(&program));
}

/// bindgen puts an underscore behind words of Rust, which ones depends on its version.
fn bindgen_name(bindings: &Path, field: &str) -> String {
    let text = std::fs::read_to_string(bindings).expect("bindings");
    let underscored = format!("{field}_");
    // Without rustfmt on the machine a space comes before the colon.
    if text.contains(&format!("pub {underscored}:")) || text.contains(&format!("pub {underscored} :")) {
        return underscored;
    }
    format!("r#{field}")
}
