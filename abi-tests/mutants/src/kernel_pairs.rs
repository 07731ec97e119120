// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Compatibility pairs in a kernel: a VFIO module that was built with one version's header is loaded beside the core and PF driver
//! of another, and the whole cell runs. The tool builds and boots; here the trees of the versions are made and the outcomes
//! judged.

use crate::apply::{copy, Bench};
use crate::data::{self, Class, Mutant};
use abi_contract::build::product;
use novabridge_abi::check::{self, Inputs};
use std::path::Path;
use std::process::Command;

/// What a cell builds the driver from, beside what an ABI is read from.
const DRIVER: &str = "c-vfio-driver";
const HEADER: &str = "capi/include/novabridge.h";

/// Boots `cell` with all pairs; prints a line each and says whether all did as they must.
pub fn run(root: &Path, bench: &Bench, cell: &str) -> Result<bool, String> {
    let nexts = data::read(&root.join("abi-tests/mutants/next"))?;
    let (released, name) = released(root)?;
    let mut good = true;
    for next in &nexts {
        let tree = bench.tree(next)?;
        copy(&root.join(DRIVER), &tree.path().join(DRIVER)).map_err(|e| format!("{DRIVER}: {e}"))?;
        for (words, core, vfio) in [
            (
                format!("a module of the released {name} with the core of {}", next.name),
                tree.path(),
                released.path(),
            ),
            (
                format!("a module of {} with today's core", next.name),
                root,
                tree.path(),
            ),
        ] {
            let outcome = boot(root, cell, core, vfio).and_then(|run| judge(next, &run));
            let expectation = match next.class {
                Class::Additive => "works",
                _ => "is refused, with a reason",
            };
            match &outcome {
                Ok(()) => println!("ok    {cell}: {words}: {expectation}"),
                Err(error) => println!("FAIL  {cell}: {words}: expected that it {expectation}: {error}"),
            }
            good &= outcome.is_ok();
        }
    }
    Ok(good)
}

/// Today's driver with the newest baseline's header, as who built it then had it.
fn released(root: &Path) -> Result<(tempfile::TempDir, String), String> {
    let baseline = check::newest_baseline(&Inputs::new(root).baselines()).map_err(|e| e.to_string())?;
    let name = baseline
        .file_name()
        .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let tree = tempfile::tempdir().map_err(|e| e.to_string())?;
    copy(&root.join(DRIVER), &tree.path().join(DRIVER)).map_err(|e| format!("{DRIVER}: {e}"))?;
    let header = baseline.join("novabridge.h");
    copy(&header, &tree.path().join(HEADER)).map_err(|e| format!("{}: {e}", header.display()))?;
    Ok((tree, name))
}

struct Run {
    passed: bool,
    words: String,
}

fn boot(root: &Path, cell: &str, core: &Path, vfio: &Path) -> Result<Run, String> {
    let tool = product("novabridge")?;
    let mut command = Command::new(&tool);
    command.current_dir(root).args(["cell", cell, "--core-from"]).arg(core);
    let output = command
        .arg("--vfio-from")
        .arg(vfio)
        .output()
        .map_err(|e| format!("{}: {e}", tool.display()))?;
    let mut words = String::from_utf8_lossy(&output.stdout).into_owned();
    words.push_str(&String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(0) => Ok(Run { passed: true, words }),
        Some(1) => Ok(Run { passed: false, words }),
        _ => Err(format!("novabridge cell ended with {}:\n{words}", output.status)),
    }
}

/// Why a run is not what the next version's class promises.
fn judge(next: &Mutant, run: &Run) -> Result<(), String> {
    let end = || {
        let lines: Vec<&str> = run.words.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    };
    match next.class {
        Class::Additive if run.passed => Ok(()),
        Class::Additive => Err(format!("it failed:\n{}", end())),
        _ if run.passed => Err("it worked".into()),
        _ if run.words.contains(&next.kernel_says) => Ok(()),
        _ => Err(format!("`{}` is not said:\n{}", next.kernel_says, end())),
    }
}
