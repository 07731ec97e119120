// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Compiles the C object that the bench compares with.

fn main() {
    println!("cargo:rerun-if-changed=src/same.c");
    println!("cargo:rerun-if-changed=../include/novabridge.h");
    cc::Build::new()
        .file("src/same.c")
        .include("../include")
        .opt_level(2)
        .warnings_into_errors(true)
        .compile("same");
}
