// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `include/novabridge.h` is what the source says, and every C and C++ compiler takes it.

use std::path::{Path, PathBuf};
use std::process::Command;

fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn generate() -> String {
    let config = cbindgen::Config::from_file(crate_dir().join("cbindgen.toml")).expect("cbindgen.toml");
    let bindings = cbindgen::Builder::new()
        .with_crate(crate_dir())
        .with_config(config)
        .generate()
        .expect("cbindgen");
    let mut out = Vec::new();
    bindings.write(&mut out);
    kernel_style(&String::from_utf8(out).expect("UTF-8"))
}

/// Gives cbindgen's output the kernel's looks: tabs, `/* */` comments, short comments on one line; the `# Safety` sections,
/// which say to Rust callers what the contract says to all, are left out.
fn kernel_style(text: &str) -> String {
    let mut out = String::new();
    let mut comment: Vec<&str> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        if trimmed == "/**" || !comment.is_empty() {
            comment.push(line);
            if trimmed == "*/" {
                push_comment(&mut out, &comment);
                comment.clear();
            }
            continue;
        }
        let line = match line.split_once("// ") {
            Some((code, words)) => format!("{}/* {words} */", code.trim_end().to_owned() + " "),
            None => line.replace(" 4294967295", " 0xffffffffu"),
        };
        push_line(&mut out, &line);
    }
    out
}

fn push_line(out: &mut String, line: &str) {
    let spaces = line.len() - line.trim_start_matches(' ').len();
    out.push_str(&"\t".repeat(spaces / 8));
    out.push_str(&line[spaces / 8 * 8..]);
    out.push('\n');
}

fn push_comment(out: &mut String, lines: &[&str]) {
    let indent = &lines[0][..lines[0].len() - lines[0].trim_start().len()];
    let mut body: Vec<&str> = lines[1..lines.len() - 1]
        .iter()
        .map(|l| l.trim_start().trim_start_matches('*').trim())
        .take_while(|l| *l != "# Safety")
        .collect();
    while body.last() == Some(&"") {
        body.pop();
    }
    // kernel-doc documents structs, members and functions; what stands before a constant is an ordinary comment.
    let kernel_doc = !indent.is_empty() || body.len() > 1 || body[0].contains(" - ");
    match body.as_slice() {
        [line] if kernel_doc => push_line(out, &format!("{indent}/** {line} */")),
        [line] => push_line(out, &format!("{indent}/* {line} */")),
        _ => {
            push_line(out, lines[0]);
            // Continuation lines of a list keep their indentation.
            for line in &lines[1..=body.len()] {
                push_line(out, line);
            }
            push_line(out, lines[lines.len() - 1]);
        }
    }
}

#[test]
fn committed_header_is_current() {
    let path = crate_dir().join("include/novabridge.h");
    let wanted = generate();
    if std::env::var_os("NVB_BLESS").is_some() {
        std::fs::write(&path, &wanted).expect("write header");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{} is stale; run: NVB_BLESS=1 cargo test -p novabridge-capi --test header",
        path.display()
    );
}

fn compiles(compiler: &str, standard: &str, extension: &str) {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let source = dir.join(format!("header-{standard}.{extension}"));
    // Twice, for the include guard.
    std::fs::write(
        &source,
        "#include <novabridge.h>\n#include <novabridge.h>\nint nvb_header_test;\n",
    )
    .expect("write");
    let run = Command::new(compiler)
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"])
        .arg(format!("-std={standard}"))
        .arg("-I")
        .arg(crate_dir().join("include"))
        .arg(&source)
        .output()
        .unwrap_or_else(|e| panic!("{compiler}: {e}"));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn header_compiles_as_c99() {
    compiles("cc", "c99", "c");
}

#[test]
fn header_compiles_as_c11() {
    compiles("cc", "c11", "c");
}

#[test]
fn header_compiles_as_cpp() {
    compiles("c++", "c++11", "cc");
}
