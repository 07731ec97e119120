// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A mutant's life: a copy of the tree, the edit, the header made anew, and what each tool says of it.

use crate::data::{Class, Mutant};
use crate::library::Runner;
use crate::score::Outcome;
use crate::stub::Stub;
use crate::tools::Tools;
use novabridge_abi::check::{self, Inputs, Report};
use novabridge_abi::model::Abi;
use novabridge_abi::rules;
use std::path::{Path, PathBuf};

/// Parts of the tree that an ABI is read from.
const PARTS: [&str; 9] = [
    "abi-tests/baselines",
    "capi/Cargo.toml",
    "capi/cbindgen.toml",
    "capi/include",
    "capi/novabridge.map",
    "capi/src",
    "core-rs/Cargo.toml",
    "core-rs/build.rs",
    "core-rs/src",
];

const HEADER: &str = "capi/include/novabridge.h";

/// cbindgen asks cargo for the crate, and cargo for its workspace.
const WORKSPACE: &str = "\
[workspace]
resolver = \"2\"
members = [\"core-rs\", \"capi\"]
[workspace.package]
version = \"0.0.0\"
edition = \"2021\"
license = \"GPL-2.0-only OR MIT\"
";

/// What all mutants are compared with.
pub struct Bench {
    root: PathBuf,
    base: Abi,
    base_header: String,
    tools: Option<Tools>,
    runner: Option<Runner>,
}

impl Bench {
    /// Reads the unchanged tree; builds it too if some mutants are to `run`.
    pub fn new(root: &Path, tools: Option<&Path>, run: bool) -> Result<Self, String> {
        let (base, drift) = check::current(&Inputs::new(root)).map_err(|e| e.to_string())?;
        if let Some(first) = drift.first() {
            return Err(format!("the unchanged tree disagrees with itself: {first}"));
        }
        let header = root.join(HEADER);
        let base_header = std::fs::read_to_string(&header).map_err(|e| format!("{HEADER}: {e}"))?;
        let names = base.functions.keys().cloned().collect();
        Ok(Bench {
            root: root.to_owned(),
            runner: if run { Some(Runner::new(root, &base)?) } else { None },
            base,
            base_header,
            tools: match tools {
                Some(bin) => Some(Tools::new(bin, Stub::build(root)?, names)?),
                None => None,
            },
        })
    }

    /// Runs all tools on a mutant and compares what the gate says with what it must say.
    pub fn judge(&self, mutant: &Mutant) -> Outcome {
        match self.try_judge(mutant) {
            Ok(outcome) => outcome,
            Err(error) => Outcome::broken(mutant, error),
        }
    }

    fn try_judge(&self, mutant: &Mutant) -> Result<Outcome, String> {
        let tree = self.tree(mutant)?;
        let header = tree.path().join(HEADER);
        let text = std::fs::read_to_string(&header).map_err(|e| e.to_string())?;
        let mut outcome = Outcome::new(mutant);
        outcome.header_diff = text != self.base_header;
        match check::current(&Inputs::new(tree.path())) {
            Err(refusal) => outcome.wrong = wrong_refusal(mutant, &refusal.to_string()),
            Ok((abi, drift)) if !drift.is_empty() => {
                let words: Vec<String> = drift.iter().map(ToString::to_string).collect();
                outcome.wrong = wrong_refusal(mutant, &words.join("\n"));
                drop(abi);
            }
            Ok((abi, _)) => {
                let report = Report::of(&self.base, &abi, &[], "2000-01-01");
                outcome.wrong = match (&self.runner, mutant.run) {
                    (Some(runner), true) => {
                        let in_core = mutant.edits.iter().any(|e| e.file.starts_with("core-rs/"));
                        let run = runner.run(tree.path(), in_core)?;
                        wrong_run(mutant, &report, &run.failures)
                    }
                    _ => wrong_report(mutant, &report),
                };
                if let Some(tools) = &self.tools {
                    outcome.others = Some(tools.compare(&Stub::build(tree.path())?)?);
                }
            }
        }
        Ok(outcome)
    }

    /// A copy of the tree with the edits, and the header that belongs to them.
    pub fn tree(&self, mutant: &Mutant) -> Result<tempfile::TempDir, String> {
        let tree = tempfile::tempdir().map_err(|e| e.to_string())?;
        self.copy(tree.path())?;
        for edit in &mutant.edits {
            apply(tree.path(), edit)?;
        }
        if !mutant.hand_made {
            let header = novabridge_headergen::generate(&tree.path().join("capi"))?;
            std::fs::write(tree.path().join(HEADER), header).map_err(|e| e.to_string())?;
        }
        Ok(tree)
    }

    fn copy(&self, to: &Path) -> Result<(), String> {
        for part in PARTS {
            let from = self.root.join(part);
            if from.exists() {
                copy(&from, &to.join(part)).map_err(|e| format!("{part}: {e}"))?;
            }
        }
        let manifest = to.join("capi/Cargo.toml");
        for manifest in [manifest, to.join("core-rs/Cargo.toml")] {
            let text = std::fs::read_to_string(&manifest).map_err(|e| e.to_string())?;
            std::fs::write(&manifest, alone(&text)).map_err(|e| e.to_string())?;
        }
        std::fs::write(to.join("Cargo.toml"), WORKSPACE).map_err(|e| e.to_string())
    }
}

/// A manifest without what needs the rest of the workspace.
fn alone(manifest: &str) -> String {
    let mut out = String::new();
    let mut skipped = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            skipped = line.starts_with("[dev-dependencies") || line.starts_with("[lints");
        }
        if !skipped {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// Copies a file, or a directory with all in it.
pub fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_dir() {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(dir) = to.parent() {
        std::fs::create_dir_all(dir)?;
    }
    std::fs::copy(from, to).map(drop)
}

fn apply(tree: &Path, edit: &crate::data::Edit) -> Result<(), String> {
    let path = tree.join(&edit.file);
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", edit.file))?;
    match text.matches(&edit.find).count() {
        1 => {}
        n => {
            return Err(format!(
                "{}: expected the text to edit once, found it {n} times; bring the mutant up to the source: `{}`",
                edit.file, edit.find
            ))
        }
    }
    std::fs::write(&path, text.replace(&edit.find, &edit.replace)).map_err(|e| format!("{}: {e}", edit.file))
}

/// Why a refusal is not what was expected.
fn wrong_refusal(mutant: &Mutant, words: &str) -> Option<String> {
    if mutant.class != Class::Refused {
        return Some(format!(
            "expected class {}, found it refused: {words}",
            mutant.class.word()
        ));
    }
    let said = words.contains(&mutant.says);
    (!said).then(|| format!("expected a refusal with `{}`, found: {words}", mutant.says))
}

/// Why a report is not what was expected.
fn wrong_report(mutant: &Mutant, report: &Report) -> Option<String> {
    let found = report.class();
    let right = match mutant.class {
        Class::Breaking | Class::Subtle => found == rules::Class::Breaking,
        Class::Behavioural => found == rules::Class::Behavioural,
        Class::Additive => found == rules::Class::Additive,
        Class::Compatible => found <= rules::Class::Compatible,
        Class::Refused => false,
    };
    let said: Vec<String> = report
        .findings
        .iter()
        .map(|f| format!("{} {}", f.change.rule.id, f.change.subject))
        .collect();
    let list = if said.is_empty() {
        "nothing".into()
    } else {
        said.join("; ")
    };
    if !right {
        return Some(format!("expected class {}, found {found}: {list}", mutant.class.word()));
    }
    let mentioned = mutant.says.is_empty() || said.contains(&mutant.says);
    (!mentioned).then(|| format!("expected `{}` to be reported, found {list}", mutant.says))
}

/// Why what the contract tests say of a mutant's code is not what was expected. Its types must be as before.
fn wrong_run(mutant: &Mutant, report: &Report, failures: &[String]) -> Option<String> {
    let class = report.class();
    if class > rules::Class::Compatible {
        return Some(format!("expected the types to be as before, found class {class}"));
    }
    let list = if failures.is_empty() {
        "nothing".into()
    } else {
        failures.join("; ")
    };
    let behavioural = mutant.class == Class::Behavioural;
    if behavioural == failures.is_empty() {
        return Some(format!(
            "expected class {}, and the tests report {list}",
            mutant.class.word()
        ));
    }
    let said = mutant.says.is_empty() || failures.iter().any(|f| f.contains(&mutant.says));
    (!said).then(|| format!("expected `{}` to be reported, found {list}", mutant.says))
}
