// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The other tools, on the library of the same mutant: both read its debug information.

use crate::stub::Stub;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The tools, and what they say of the unchanged library.
pub struct Tools {
    bin: PathBuf,
    unchanged: Stub,
    names: Vec<String>,
    versions: BTreeMap<String, String>,
}

/// Whether each of them notices a change.
#[derive(Clone, Copy, Debug)]
pub struct Noticed {
    /// libabigail's comparison.
    pub abidiff: bool,
    /// The symbol versions the kernel computes from debug information.
    pub gendwarfksyms: bool,
}

impl Tools {
    /// The tools in the directory `bin`, for libraries with the exports `names`.
    pub fn new(bin: &Path, unchanged: Stub, names: Vec<String>) -> Result<Self, String> {
        let mut tools = Tools {
            bin: bin.to_owned(),
            unchanged,
            names,
            versions: BTreeMap::new(),
        };
        tools.versions = tools.symbol_versions(&tools.unchanged.library())?;
        // What they cannot read they would find unchanged for ever.
        match tools.names.iter().find(|name| !tools.versions.contains_key(*name)) {
            Some(name) => Err(format!("gendwarfksyms computes no version of {name}")),
            None => Ok(tools),
        }
    }

    /// Compares `library` with the unchanged one.
    pub fn compare(&self, mutant: &Stub) -> Result<Noticed, String> {
        let library = mutant.library();
        Ok(Noticed {
            abidiff: self.abidiff(&library)?,
            gendwarfksyms: self.symbol_versions(&library)? != self.versions,
        })
    }

    fn abidiff(&self, library: &Path) -> Result<bool, String> {
        let mut command = Command::new(self.bin.join("abidiff"));
        let status = command
            .arg(self.unchanged.library())
            .arg(library)
            .output()
            .map_err(|e| format!("abidiff: {e}"))?
            .status;
        // Bit 0: the tool failed; bit 1: usage; bit 2: changed; bit 3: incompatible.
        match status.code() {
            Some(code) if code & 3 == 0 => Ok(code != 0),
            _ => Err(format!("abidiff ended with {status}")),
        }
    }

    /// Versions by symbol, as modpost would be given them: of the baseline's exports, those that are still there.
    fn symbol_versions(&self, library: &Path) -> Result<BTreeMap<String, String>, String> {
        let failed = |e: std::io::Error| format!("gendwarfksyms: {e}");
        let mut child = Command::new(self.bin.join("gendwarfksyms"))
            .arg(library)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(self.names.join("\n").as_bytes()).map_err(failed)?;
        }
        let output = child.wait_with_output().map_err(failed)?;
        if !output.status.success() {
            return Err(format!("gendwarfksyms ended with {}", output.status));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().filter_map(|line| line.strip_prefix("#SYMVER "));
        let pairs = lines.filter_map(|line| line.split_once(' '));
        Ok(pairs.map(|(name, crc)| (name.to_owned(), crc.to_owned())).collect())
    }
}
