// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Compatibility pairs, run for real: callers compiled against one version with the library of another. What the next
//! versions would be is data, in `next/`: edits as those of mutants.

use crate::apply::Bench;
use crate::data::{self, Class};
use abi_contract::build::{product, Flavour, Tests};
use abi_contract::library;
use novabridge_abi::check::{self, Inputs};
use novabridge_abi::model::Abi;
use std::path::Path;

/// A version: its model, the directory of its header, the directory of its library.
struct Version<'a> {
    abi: &'a Abi,
    include: &'a Path,
    library: &'a Path,
}

/// Runs all pairs; prints a line each and says whether all did as they must.
pub fn run(root: &Path, bench: &Bench) -> Result<bool, String> {
    let (now, _) = check::current(&Inputs::new(root)).map_err(|e| e.to_string())?;
    let built = tempfile::tempdir().map_err(|e| e.to_string())?;
    library::build(root, built.path(), &[])?;
    let include = root.join("capi/include");
    let now = Version {
        abi: &now,
        include: &include,
        library: built.path(),
    };

    let mut good = true;
    let mut report = |words: &str, result: Result<(), String>| {
        match &result {
            Ok(()) => println!("ok    {words}"),
            Err(error) => println!("FAIL  {words}: {error}"),
        }
        good &= result.is_ok();
    };
    let released = check::newest_baseline(&Inputs::new(root).baselines()).map_err(|e| e.to_string())?;
    let old = check::read_baseline(&released).map_err(|e| e.to_string())?;
    let name = released
        .file_name()
        .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    report(
        &format!("callers of the released {name} work with this core"),
        works(root, &old, &released, now.library),
    );

    for next in data::read(&root.join("abi-tests/mutants/next"))? {
        let tree = bench.tree(&next)?;
        let out = tree.path().join("out");
        std::fs::create_dir(&out).map_err(|e| e.to_string())?;
        library::build(tree.path(), &out, &[])?;
        let (abi, _) = check::current(&Inputs::new(tree.path())).map_err(|e| e.to_string())?;
        let include = tree.path().join("capi/include");
        let next_version = Version {
            abi: &abi,
            include: &include,
            library: &out,
        };
        for (words, caller, core) in [
            ("callers of today with the core of", &now, &next_version),
            ("today's core with callers of", &next_version, &now),
        ] {
            let (expectation, result) = match next.class {
                Class::Additive => ("work", works(root, caller.abi, caller.include, core.library)),
                _ => (
                    "are refused, with a reason",
                    refused(root, caller, core.library, &next.says),
                ),
            };
            report(&format!("{words} {}: {expectation}", next.name), result);
        }
    }
    Ok(good)
}

fn build(root: &Path, abi: &Abi, include: &Path, library: &Path) -> Result<Tests, String> {
    let flavour = Flavour {
        cc: "cc".into(),
        quick: true,
        ..Flavour::default()
    };
    let emulator = product("libgsp_emulator.a")?;
    Tests::build(
        root,
        abi,
        include,
        &emulator,
        &library.join("libnovabridge.so"),
        flavour,
    )
}

/// The contract of the caller's version holds with that library.
fn works(root: &Path, abi: &Abi, include: &Path, library: &Path) -> Result<(), String> {
    let outcome = build(root, abi, include, library)?.run(library, "")?;
    match outcome.failures.first() {
        None if outcome.ok > 0 => Ok(()),
        None => Err("no test ran".into()),
        Some(first) => Err(first.clone()),
    }
}

/// The handshake refuses the caller, and says why.
fn refused(root: &Path, caller: &Version<'_>, library: &Path, says: &str) -> Result<(), String> {
    let outcome = build(root, caller.abi, caller.include, library)?.run(library, "handshake_fits")?;
    let said = outcome
        .failures
        .iter()
        .any(|f| f.contains(says) && f.contains("expected 0, found -EPROTO"));
    match said {
        true => Ok(()),
        false => Err(format!(
            "expected -EPROTO and a reason with `{says}`, found {:?}",
            outcome.failures
        )),
    }
}
