// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Builds libnovabridge of a tree. Two plain calls of rustc, as for the kernel: cargo would build the whole workspace's view of
//! the world for each.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds libnovabridge of `tree` into `out`; `flags` are for rustc.
pub fn build(tree: &Path, out: &Path, flags: &[&str]) -> Result<PathBuf, String> {
    core(tree, out, flags)?;
    capi(tree, out, out, flags)
}

/// The same, instrumented for the sanitizers in `sanitize` (a list as of gcc's `-fsanitize=`), so that they watch the core too;
/// `None` if they watch nothing of Rust. The tests bring the sanitizer's own code, and the standard library stays as it is: no
/// data of the core's is in its hands.
pub fn build_watched(tree: &Path, out: &Path, sanitize: &str) -> Result<Option<PathBuf>, String> {
    let known = |name: &&str| ["address", "thread"].contains(name);
    let sanitizer = match sanitize.split(',').find(known) {
        Some(name) => format!("-Zsanitizer={name}"),
        None => return Ok(None),
    };
    let flags = [sanitizer.as_str(), "-g", "-Copt-level=1"];
    // Newer compilers want to be told that the standard library may be as it is; older ones do not know the words.
    let told = [&flags[..], &["-Cunsafe-allow-abi-mismatch=sanitizer"]].concat();
    build(tree, out, &told).or_else(|_| build(tree, out, &flags)).map(Some)
}

/// The core alone, which libraries of trees that differ in `capi` share.
pub fn core(tree: &Path, out: &Path, flags: &[&str]) -> Result<(), String> {
    let source = tree.join("core-rs/src/lib.rs");
    let args = ["--crate-name", "novabridge_core", "--crate-type", "rlib"];
    rustc(&args, flags, &source, out, out)
}

/// The library, with the core that is in the directory `core`.
pub fn capi(tree: &Path, core: &Path, out: &Path, flags: &[&str]) -> Result<PathBuf, String> {
    let source = tree.join("capi/src/lib.rs");
    let args = [
        "--crate-name",
        "novabridge",
        "--crate-type",
        "cdylib",
        "--extern",
        "novabridge_core",
    ];
    rustc(&args, flags, &source, core, out)?;
    Ok(out.join("libnovabridge.so"))
}

fn rustc(args: &[&str], flags: &[&str], source: &Path, libraries: &Path, out: &Path) -> Result<(), String> {
    let mut command = Command::new("rustc");
    command
        .args(["--edition", "2021", "-Cpanic=abort", "-Awarnings"])
        .args(args)
        .args(flags);
    // Sanitizers are an unstable option of stable compilers.
    if flags.iter().any(|flag| flag.starts_with("-Z")) {
        command.env("RUSTC_BOOTSTRAP", "1");
    }
    command.arg("-L").arg(libraries).arg("--out-dir").arg(out).arg(source);
    let output = command.output().map_err(|e| format!("rustc: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{} does not compile:\n{}",
            source.display(),
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}
