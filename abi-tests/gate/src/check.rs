// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The check of a source tree: read all sources, compare them with each other and with the newest baseline, and judge whether
//! the version that the header states is one that the change allows.

use crate::cross::{self, Compared, Drift, Knows};
use crate::diff::{self, Change};
use crate::model::{Abi, TypeDecl};
use crate::rules::Class;
use crate::suppress::{self, Suppression};
use crate::ty::TypeRef;
use crate::version::Version;
use crate::{contract, error, read, text, Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Exit code for sources that contradict each other.
pub const DRIFT_EXIT: u8 = 14;

/// From the root of the tree: which version each symbol of the shared library has.
const VERSION_SCRIPT: &str = "capi/novabridge.map";

/// What to read.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Root of the source tree.
    pub root: PathBuf,
    /// C compiler for the header.
    pub cc: String,
    /// Objects, archives and shared objects to hold against the header.
    pub libraries: Vec<PathBuf>,
    /// Kernel modules to hold against the header.
    pub modules: Vec<PathBuf>,
    /// `Module.symvers` of their builds.
    pub symvers: Vec<PathBuf>,
}

impl Inputs {
    /// The tree at `root` without any built product.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Inputs {
            root: root.into(),
            cc: "cc".into(),
            libraries: Vec::new(),
            modules: Vec::new(),
            symvers: Vec::new(),
        }
    }

    /// Where baselines are kept, one directory per version.
    pub fn baselines(&self) -> PathBuf {
        self.root.join("abi-tests/baselines")
    }

    fn suppressions(&self) -> PathBuf {
        self.root.join("abi-tests/suppressions.toml")
    }
}

/// What a source tree says of its ABI.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The ABI.
    pub abi: Abi,
    /// Contradictions between its sources.
    pub drift: Vec<Drift>,
    /// How much each built product told.
    pub compared: Vec<Compared>,
}

/// The ABI of a source tree, and the contradictions between its sources.
pub fn current(inputs: &Inputs) -> Result<(Abi, Vec<Drift>)> {
    tree(inputs).map(|tree| (tree.abi, tree.drift))
}

/// Reads a source tree and its products.
pub fn tree(inputs: &Inputs) -> Result<Tree> {
    let header = read::header::read(&inputs.root.join("capi/include/novabridge.h"), &inputs.cc)?;
    let rust = read::rust::read(&inputs.root.join("capi/src/lib.rs"))?;
    let mut drift = cross::check(&header, &rust, "the Rust source", Knows::Everything);
    let mut compared = Vec::new();
    let mut hold = |abi: &Abi, path: &Path| {
        let name = path.to_string_lossy();
        drift.extend(cross::check(&header, abi, &name, Knows::Code));
        let told = Compared::of(&header, abi, &name);
        compared.push(told.clone());
        told
    };
    let mut silent = Vec::new();
    for library in &inputs.libraries {
        silent.extend(hold(&read::archive::read(library)?, library).nothing());
    }
    // What modules are compared for is what they export: their Rust half is often built without debug information.
    for module in &inputs.modules {
        hold(&read::kmodule::read(module)?, module);
    }
    drift.extend(silent);
    drift.extend(symbol_versions(inputs, &header)?);

    // The header as callers see it; from the Rust source what C cannot say.
    let mut abi = header;
    for (name, signature) in &mut abi.functions {
        signature.unwind = rust.functions.get(name).is_some_and(|s| s.unwind);
    }
    name_callback_params(&mut abi, &rust);
    abi.contract = rust.contract;
    abi.exports = abi.functions.keys().cloned().collect();
    for symvers in &inputs.symvers {
        read::kmodule::add_crcs(&mut abi, symvers)?;
    }
    abi.failures = read::failures::read(&inputs.root.join("core-rs/src/error.rs"))?;
    Ok(Tree { abi, drift, compared })
}

/// Holds the shared library's version script against the baselines: a function has the version that it came with. A tree without the
/// script makes no such library.
fn symbol_versions(inputs: &Inputs, header: &Abi) -> Result<Vec<Drift>> {
    let script = inputs.root.join(VERSION_SCRIPT);
    if !script.exists() {
        return Ok(Vec::new());
    }
    let versions = read::versions::read(&script)?;
    let mut expected: BTreeMap<String, String> = BTreeMap::new();
    for (version, dir) in baselines(&inputs.baselines())? {
        for name in read_baseline(&dir)?.functions.into_keys() {
            expected.entry(name).or_insert_with(|| node(version));
        }
    }
    let now = header.version().map_or_else(String::new, node);
    Ok(cross::symbol_versions(header, &versions, VERSION_SCRIPT, |name| {
        expected.get(name).unwrap_or(&now).clone()
    }))
}

/// What the version script calls a version of the ABI.
fn node(version: Version) -> String {
    format!("NOVABRIDGE_{version}")
}

/// Debug information of C does not name the parameters of callbacks; the Rust source does. Without names nobody could see that
/// two of the same type changed places.
fn name_callback_params(abi: &mut Abi, rust: &Abi) {
    for (name, decl) in &mut abi.types {
        match (decl, rust.types.get(name)) {
            (TypeDecl::Alias(ty), Some(TypeDecl::Alias(named))) => *ty = named.clone(),
            (TypeDecl::Struct(record), Some(TypeDecl::Struct(named))) => {
                let pairs = record.fields.iter_mut().zip(&named.fields);
                let callbacks = pairs.filter(|(f, _)| matches!(f.ty, TypeRef::Function(_)));
                callbacks.for_each(|(field, named)| field.ty = named.ty.clone());
            }
            _ => {}
        }
    }
}

/// Writes a baseline into `dir`: the model, the contract, and the header for callers of that version.
pub fn write_baseline(abi: &Abi, header: &Path, dir: &Path) -> Result<()> {
    error::write_text(&dir.join("abi.txt"), &text::write(abi))?;
    error::write_text(&dir.join("contract.toml"), &contract::write(&abi.contract))?;
    error::write_text(&dir.join("novabridge.h"), &error::read_text(header)?)
}

/// Reads a baseline directory.
pub fn read_baseline(dir: &Path) -> Result<Abi> {
    let path = dir.join("abi.txt");
    let mut abi = text::read(&error::read_text(&path)?, &path.to_string_lossy())?;
    abi.contract = contract::read(&dir.join("contract.toml"))?;
    Ok(abi)
}

/// The newest baseline's directory.
pub fn newest_baseline(baselines: &Path) -> Result<PathBuf> {
    Ok(released(baselines)?.1)
}

/// The first baseline's directory: the sizes in it are those that no caller goes below.
pub fn first_baseline(baselines: &Path) -> Result<PathBuf> {
    Ok(released(baselines)?.0)
}

/// The directories in `dir` that are called like versions; none if there is no such directory.
fn baselines(dir: &Path) -> Result<BTreeMap<Version, PathBuf>> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries.map_err(Error::io(dir))?,
    };
    let mut found = BTreeMap::new();
    for entry in entries {
        let entry = entry.map_err(Error::io(dir))?;
        if let Some(version) = Version::parse(&entry.file_name().to_string_lossy()) {
            found.insert(version, entry.path());
        }
    }
    Ok(found)
}

/// The directories of the first and of the newest baseline.
fn released(baselines: &Path) -> Result<(PathBuf, PathBuf)> {
    let versions = self::baselines(baselines)?;
    match (versions.values().next(), versions.values().next_back()) {
        (Some(first), Some(newest)) => Ok((first.clone(), newest.clone())),
        _ => Err(Error::Data {
            path: baselines.to_owned(),
            message: "expected a directory per released version, found none; `novabridge abi snapshot` makes one"
                .into(),
        }),
    }
}

/// A change, and the suppression that covers it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The change.
    pub change: Change,
    /// Why it is accepted, if it is.
    pub accepted: Option<String>,
}

/// The outcome of a comparison.
#[derive(Clone, Debug)]
pub struct Report {
    /// Version of the old side, if it states one.
    pub was: Option<Version>,
    /// Version of the new side, if it states one.
    pub now: Option<Version>,
    /// All changes, heaviest first.
    pub findings: Vec<Finding>,
    /// Contradictions between the sources of the new side.
    pub drift: Vec<Drift>,
    /// How much of the new side's built products could be compared.
    pub compared: Vec<Compared>,
    /// Suppressions that expired or cover nothing.
    pub notes: Vec<String>,
}

impl Report {
    /// Compares two models.
    pub fn of(old: &Abi, new: &Abi, suppressions: &[Suppression], today: &str) -> Self {
        let changes = diff::compare(old, new);
        let mut notes = Vec::new();
        for s in suppressions {
            if s.is_expired(today) {
                notes.push(format!(
                    "suppression of {} {} expired on {}",
                    s.rule, s.subject, s.expires
                ));
            } else if !changes.iter().any(|c| s.covers(c)) {
                notes.push(format!(
                    "suppression of {} {} covers nothing; remove it",
                    s.rule, s.subject
                ));
            }
        }
        let accept = |change: Change| Finding {
            accepted: suppressions
                .iter()
                .find(|s| s.covers(&change) && !s.is_expired(today))
                .map(|s| s.reason.clone()),
            change,
        };
        Report {
            was: old.version(),
            now: new.version(),
            findings: changes.into_iter().map(accept).collect(),
            drift: Vec::new(),
            compared: Vec::new(),
            notes,
        }
    }

    /// Class of the heaviest change that is not suppressed.
    pub fn class(&self) -> Class {
        let open = self.findings.iter().filter(|f| f.accepted.is_none());
        open.map(|f| f.change.rule.class).max().unwrap_or(Class::Identical)
    }

    /// The lowest version that may carry the changes.
    pub fn needed(&self) -> Option<Version> {
        self.was.map(|was| was.after(self.class()))
    }

    /// Whether the new side states a version that may carry the changes.
    pub fn version_suffices(&self) -> bool {
        match (self.needed(), self.now) {
            (Some(needed), Some(now)) => now >= needed,
            _ => self.class() <= Class::Compatible,
        }
    }

    /// Exit code of `diff`: the class alone.
    pub fn diff_exit(&self) -> u8 {
        self.class().exit_code()
    }

    /// Exit code of `check`: 0 if sources agree and the version tells of the change.
    pub fn check_exit(&self) -> u8 {
        if !self.drift.is_empty() {
            return DRIFT_EXIT;
        }
        if self.version_suffices() {
            return 0;
        }
        // A version that went back is none that a suppression could make right.
        self.class().max(Class::Additive).exit_code()
    }
}

/// Checks a tree against its newest baseline, or against that in `baseline`.
pub fn check(inputs: &Inputs, baseline: Option<&Path>) -> Result<Report> {
    let dir = match baseline {
        Some(dir) => dir.to_owned(),
        None => newest_baseline(&inputs.baselines())?,
    };
    let old = read_baseline(&dir)?;
    let new = tree(inputs)?;
    let suppressions = suppress::read(&inputs.suppressions())?;
    let report = Report::of(&old, &new.abi, &suppressions, &suppress::today());
    Ok(Report {
        drift: new.drift,
        compared: new.compared,
        ..report
    })
}

/// Reads whatever `path` is: a baseline directory, a source tree, a model's text, a header, a module or a library.
pub fn read_any(path: &Path, cc: &str) -> Result<Abi> {
    if path.join("abi.txt").exists() {
        return read_baseline(path);
    }
    if path.is_dir() {
        let inputs = Inputs {
            cc: cc.into(),
            ..Inputs::new(path)
        };
        return current(&inputs).map(|(abi, _)| abi);
    }
    match path.extension().and_then(|e| e.to_str()) {
        Some("txt") => text::read(&error::read_text(path)?, &path.to_string_lossy()),
        Some("h") => read::header::read(path, cc),
        Some("rs") => read::rust::read(path),
        Some("ko") => {
            let mut abi = read::kmodule::read(path)?;
            let symvers = path.with_file_name("Module.symvers");
            if symvers.exists() {
                read::kmodule::add_crcs(&mut abi, &symvers)?;
            }
            Ok(abi)
        }
        _ => read::archive::read(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(old: &str, new: &str) -> Report {
        let read = |t: &str| text::read(t, "test").expect("text");
        Report::of(&read(old), &read(new), &[], "2026-01-01")
    }

    const OLD: &str = "const NVB_ABI_MAJOR: i32 = 1\nconst NVB_ABI_MINOR: i32 = 0\nfn nvb_a()\n";

    #[test]
    fn version_must_tell() {
        let added = report(OLD, &format!("{OLD}fn nvb_b()\n"));
        assert_eq!((added.class(), added.check_exit()), (Class::Additive, 11));
        let told = OLD.replace("MINOR: i32 = 0", "MINOR: i32 = 1");
        assert_eq!(report(OLD, &format!("{told}fn nvb_b()\n")).check_exit(), 0);
        let removed = report(OLD, &told.replace("nvb_a", "nvb_b"));
        assert_eq!(
            (removed.check_exit(), removed.needed().expect("version").to_string()),
            (13, "2.0".into())
        );
        assert_eq!(report(OLD, OLD).check_exit(), 0);
    }

    #[test]
    fn version_must_not_go_back() {
        let versions = |major: u8, minor: u8| {
            format!("const NVB_ABI_MAJOR: i32 = {major}\nconst NVB_ABI_MINOR: i32 = {minor}\nfn nvb_a()\n")
        };
        assert_eq!(report(&versions(1, 1), &versions(1, 0)).check_exit(), 13);
        assert_eq!(report(&versions(1, 1), &versions(0, 2)).check_exit(), 13);
        let raised = report(&versions(1, 1), &versions(2, 0));
        assert_eq!((raised.check_exit(), raised.diff_exit()), (0, 13));

        let accepted = Suppression {
            rule: "version-lowered".into(),
            subject: "*".into(),
            reason: "somebody wanted it so".into(),
            expires: "2999-01-01".into(),
        };
        let read = |t: String| text::read(&t, "test").expect("text");
        let lowered = Report::of(&read(versions(1, 1)), &read(versions(1, 0)), &[accepted], "2026-01-01");
        assert_ne!(lowered.check_exit(), 0);
    }

    #[test]
    fn drift_outweighs() {
        let mut drifted = report(OLD, OLD);
        drifted.drift.push(Drift {
            source: "a".into(),
            subject: "b".into(),
            header: "c".into(),
            found: "d".into(),
        });
        assert_eq!(drifted.check_exit(), DRIFT_EXIT);
    }

    #[test]
    fn baselines_are_ordered_by_number() {
        let dir = tempfile::tempdir().expect("directory");
        for version in ["1.9", "1.10", "notes"] {
            std::fs::create_dir(dir.path().join(version)).expect("directory");
        }
        assert!(newest_baseline(dir.path()).expect("baseline").ends_with("1.10"));
        assert!(first_baseline(dir.path()).expect("baseline").ends_with("1.9"));
        assert!(baselines(&dir.path().join("none")).expect("no directory").is_empty());
        let file = dir.path().join("file");
        std::fs::write(&file, "").expect("file");
        assert!(
            baselines(&file).is_err(),
            "what cannot be read is not without baselines"
        );
    }
}
