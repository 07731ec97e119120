// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `include/novabridge.h` is what the source says. That every C and C++ compiler takes it is shown in `abi-tests/layout`.

use std::path::Path;

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

/// A public constant of any module becomes a macro of every program that includes the header.
#[test]
fn macros_have_our_prefix() {
    let header = novabridge_headergen::generate(crate_dir()).expect("cbindgen");
    let ours = |name: &str| name.starts_with("NVB_") || name.starts_with("NOVABRIDGE_");
    let macros = header
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("#define "));
    let foreign: Vec<&str> = macros.filter(|name| !ours(name)).collect();
    assert!(
        foreign.is_empty(),
        "expected macros named NVB_*, found {foreign:?}; make what they come from pub(crate)"
    );
}
