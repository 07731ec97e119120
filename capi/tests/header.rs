// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `include/novabridge.h` is what the source says, and every C and C++ compiler takes it.

use std::path::{Path, PathBuf};
use std::process::Command;

fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn committed_header_is_current() {
    let path = crate_dir().join("include/novabridge.h");
    let wanted = novabridge_headergen::generate(crate_dir()).expect("cbindgen");
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
