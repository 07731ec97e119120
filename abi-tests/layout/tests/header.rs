// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The header stands alone in each language mode, included twice, with all warnings; its macros compute what they say.

mod common;

use common::*;
use std::process::Command;

const C: [&str; 3] = ["c99", "c11", "c17"];
const CPP: [&str; 3] = ["c++11", "c++17", "c++20"];

fn stands_alone(compiler: &str, standards: &[&str], extension: &str) {
    let dir = tempfile::tempdir().expect("directory");
    let source = dir.path().join(format!("alone.{extension}"));
    std::fs::write(
        &source,
        "#include <novabridge.h>\n#include <novabridge.h>\nint nvb_alone;\n",
    )
    .expect("write");
    for standard in standards {
        succeeds(
            Command::new(compiler)
                .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"])
                .arg(format!("-std={standard}"))
                .arg("-I")
                .arg(include())
                .arg(&source),
        );
    }
}

#[test]
fn gcc_takes_it() {
    stands_alone("cc", &C, "c");
    // What gcc before 14 calls C23.
    stands_alone("cc", &["c2x"], "c");
    stands_alone("c++", &CPP, "cc");
}

#[test]
fn clang_takes_it() {
    stands_alone(&tool("clang-19"), &C, "c");
    stands_alone(&tool("clang-19"), &["c23"], "c");
    stands_alone(&tool("clang++-19"), &CPP, "cc");
    stands_alone(&tool("clang++-19"), &["c++23"], "cc");
}

/// Others have shipped a version macro that used MINOR twice.
#[test]
fn version_macros_compute_what_they_say() {
    let abi = header("cc");
    let version = abi.version().expect("version");
    let (_, record) = records(&abi)
        .into_iter()
        .find(|(name, _)| *name == "nvb_abi")
        .expect("struct nvb_abi");
    let mut source = "#include <novabridge.h>\n#include <assert.h>\n#include <string.h>\nint main(void)\n{\n\
                      \tstruct nvb_abi abi = NVB_ABI_INIT(0x1234567800000005ull);\n\tassert(abi.size == sizeof(abi));\n"
        .to_owned();
    source += &format!(
        "\tassert(abi.major == {} && abi.minor == {});\n",
        version.major, version.minor
    );
    source += "\tassert(abi.features == 0x1234567800000005ull && !abi.reason[0]);\n\tassert(!abi.oldest_major && !abi.oldest_minor);\n";
    let sizes: Vec<&str> = record
        .fields
        .iter()
        .filter_map(|f| f.name.strip_suffix("_size"))
        .collect();
    assert!(sizes.len() >= 9, "{sizes:?}");
    for of in sizes {
        source += &format!("\tassert(abi.{of}_size == sizeof(struct nvb_{of}));\n");
    }
    source += "\treturn 0;\n}\n";
    let dir = tempfile::tempdir().expect("directory");
    let (file, program) = (dir.path().join("macros.c"), dir.path().join("macros"));
    std::fs::write(&file, source).expect("write");
    for cc in ["cc".to_owned(), tool("clang-19")] {
        succeeds(
            Command::new(&cc)
                .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-I"])
                .arg(include())
                .arg("-o")
                .arg(&program)
                .arg(&file),
        );
        succeeds(&mut Command::new(&program));
    }
}
