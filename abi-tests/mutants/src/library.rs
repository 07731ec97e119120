// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Builds libnovabridge of a mutant and has the contract tests judge it. Two plain calls of rustc, as for the kernel: cargo would
//! build the whole workspace's view of the world for each.

use abi_contract::build::{product, Flavour, Outcome, Tests};
use novabridge_abi::model::Abi;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The contract tests, and the core that most mutants share.
pub struct Runner {
    dir: tempfile::TempDir,
    tests: Tests,
}

impl Runner {
    /// Builds the unchanged library and the tests; the library must pass them.
    pub fn new(root: &Path, abi: &Abi) -> Result<Self, String> {
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        let library = build(root, dir.path())?;
        let emulator = product("libgsp_emulator.a")?;
        let flavour = Flavour {
            cc: "cc".into(),
            quick: true,
            ..Flavour::default()
        };
        let tests = Tests::build(root, abi, &root.join("capi/include"), &emulator, &library, flavour)?;
        let runner = Runner { dir, tests };
        let outcome = runner.tests.run(runner.dir.path(), "")?;
        match outcome.failures.first() {
            None => Ok(runner),
            Some(first) => Err(format!("the unchanged library fails its contract tests: {first}")),
        }
    }

    /// Runs the tests on the library of the tree `mutant`; `in_core` tells that the core itself was changed.
    pub fn run(&self, mutant: &Path, in_core: bool) -> Result<Outcome, String> {
        let out = mutant.join("out");
        std::fs::create_dir(&out).map_err(|e| e.to_string())?;
        let core_dir = if in_core { out.as_path() } else { self.dir.path() };
        if in_core {
            core(mutant, &out)?;
        }
        capi(mutant, core_dir, &out)?;
        self.tests.run(&out, "")
    }
}

/// Builds libnovabridge of a tree into `out`.
pub fn build(tree: &Path, out: &Path) -> Result<PathBuf, String> {
    core(tree, out)?;
    capi(tree, out, out)
}

fn core(tree: &Path, out: &Path) -> Result<(), String> {
    let source = tree.join("core-rs/src/lib.rs");
    rustc(
        &["--crate-name", "novabridge_core", "--crate-type", "rlib"],
        &source,
        out,
        out,
    )
}

fn capi(tree: &Path, core: &Path, out: &Path) -> Result<PathBuf, String> {
    let source = tree.join("capi/src/lib.rs");
    rustc(
        &[
            "--crate-name",
            "novabridge",
            "--crate-type",
            "cdylib",
            "--extern",
            "novabridge_core",
        ],
        &source,
        core,
        out,
    )?;
    Ok(out.join("libnovabridge.so"))
}

fn rustc(args: &[&str], source: &Path, libraries: &Path, out: &Path) -> Result<(), String> {
    let mut command = Command::new("rustc");
    command
        .args(["--edition", "2021", "-Cpanic=abort", "-Awarnings"])
        .args(args);
    command.arg("-L").arg(libraries).arg("--out-dir").arg(out).arg(source);
    let output = command.output().map_err(|e| format!("rustc: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "the mutant does not compile:\n{}",
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}
