// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `core` for the kernel, built once per rustc and flags.

use crate::cache::{Cache, Entry, Key};
use crate::error::{Error, PathContext, Result};
use crate::proc::Cmd;
use crate::rust::flags::TARGET;
use crate::rust::library::LibrarySource;
use crate::rust::toolchain::Toolchain;
use std::fs;

const STUB: &str = include_str!("../../kernel/compiler_builtins.rs");

/// Builds (or finds) `libcore.rlib` and the stub of `compiler_builtins`.
///
/// # Errors
/// rustc fails, mostly because sources and rustc are not of the same release.
pub fn build(cache: &Cache, toolchain: &Toolchain, source: &LibrarySource, flags: &[&str]) -> Result<Entry> {
    let manifest = source.library.join("core/Cargo.toml");
    let edition = edition(&fs::read_to_string(&manifest).on("read", &manifest)?)?;
    let key = Key::of("core-2")
        .with("rustc", &toolchain.verbose)
        .with("library", &source.identity)
        .with("edition", &edition)
        .with("stub", STUB)
        .with_all("flag", flags)
        .build();
    cache.entry("core", &key, |dir| {
        let base = |name: &str, edition: &str| {
            Cmd::new(&toolchain.rustc)
                .env("RUSTC_BOOTSTRAP", "1")
                .args(["--crate-type", "rlib", "--crate-name", name, "--edition", edition])
                .args([
                    "--target",
                    TARGET,
                    "-Cpanic=abort",
                    "-Copt-level=2",
                    "-Ccodegen-units=1",
                    "--cap-lints",
                    "allow",
                ])
                .args(flags)
                .arg("--sysroot")
                .arg(dir)
                .arg("--out-dir")
                .arg(dir)
                .arg("-L")
                .arg(dir)
        };
        let from = source.library.display();
        base("core", &edition)
            // No conversion between text and floating point: soft-float helpers would come with it.
            .args([
                "--cfg",
                "no_fp_fmt_parse",
                "--remap-path-prefix",
                &format!("{from}=/rustc/library"),
            ])
            .arg(source.library.join("core/src/lib.rs"))
            .must(&format!("core cannot be built by {}", toolchain.shown()))?;
        let stub = dir.join("compiler_builtins.rs");
        fs::write(&stub, STUB).on("write", &stub)?;
        base("compiler_builtins", "2021")
            .arg(&stub)
            .must("the stub of compiler_builtins cannot be built")
            .map(|_| ())
    })
}

/// The `edition` of core's manifest.
fn edition(manifest: &str) -> Result<String> {
    let value = manifest
        .lines()
        .find_map(|line| line.strip_prefix("edition")?.trim().strip_prefix('='));
    value
        .map(|value| value.trim().trim_matches('"').to_owned())
        .ok_or_else(|| {
            Error::setup("core's manifest names no edition").expected("edition = \"...\" in library/core/Cargo.toml")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edition_is_read() {
        assert_eq!(
            edition("[package]\nname = \"core\"\nedition = \"2024\"\n").unwrap(),
            "2024"
        );
        assert!(edition("[package]\n").is_err());
    }
}
