// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The header and the compilers at hand.

// Each test uses a part of it.
#![allow(dead_code)]

use novabridge_abi::model::{Abi, Record, TypeDecl};
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn include() -> PathBuf {
    root().join("capi/include")
}

pub fn header(cc: &str) -> Abi {
    novabridge_abi::read::header::read(&include().join("novabridge.h"), cc).expect("header")
}

/// The structs of the header by name.
pub fn records(abi: &Abi) -> Vec<(&str, &Record)> {
    let structs = abi.types.iter().filter_map(|(name, decl)| match decl {
        TypeDecl::Struct(record) => Some((name.as_str(), record)),
        _ => None,
    });
    structs.collect()
}

/// A program of those that `abi-tests/tools/setup` fetches.
pub fn tool(name: &str) -> String {
    let setup = root().join("abi-tests/tools/setup");
    let output = Command::new(&setup).output().expect("abi-tests/tools/setup");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {words}", setup.display());
    let bin = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    format!("{bin}/{name}")
}

pub fn succeeds(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}:\n{words}");
    output.stdout
}
