// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Builds libnovabridge of a mutant and has the contract tests judge it.

use abi_contract::build::{product, Flavour, Outcome, Tests};
use abi_contract::library;
use novabridge_abi::model::Abi;
use std::path::Path;

/// The contract tests, and the core that most mutants share.
pub struct Runner {
    dir: tempfile::TempDir,
    tests: Tests,
}

impl Runner {
    /// Builds the unchanged library and the tests; the library must pass them.
    pub fn new(root: &Path, abi: &Abi) -> Result<Self, String> {
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        let library = library::build(root, dir.path(), &[])?;
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
            library::core(mutant, &out, &[])?;
        }
        library::capi(mutant, core_dir, &out, &[])?;
        self.tests.run(&out, "")
    }
}
