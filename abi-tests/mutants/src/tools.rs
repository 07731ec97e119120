// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The other tools. They compare binaries, so each ABI becomes a shared object whose functions do nothing: what they are shown
//! is the types and symbols, by the C compiler whose debug information they know best.

use novabridge_abi::model::Abi;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A shared object with the functions of a header.
pub struct Library {
    /// Keeps the file.
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Library {
    /// Builds it.
    pub fn build(abi: &Abi, header: &Path) -> Result<Self, String> {
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        let header = header.canonicalize().map_err(|e| e.to_string())?;
        let text = std::fs::read_to_string(&header).map_err(|e| e.to_string())?;
        let mut source = format!("#include \"{}\"\n", header.display());
        for name in abi.functions.keys() {
            let _ = writeln!(
                source,
                "{}",
                definition(&text, name).ok_or(format!("{name} is not declared"))?
            );
        }
        let file = dir.path().join("stub.c");
        std::fs::write(&file, source).map_err(|e| e.to_string())?;
        let path = dir.path().join("libnovabridge.so");
        let mut compiler = Command::new("cc");
        compiler
            .args(["-g", "-shared", "-fPIC", "-w", "-o"])
            .arg(&path)
            .arg(&file);
        let output = compiler.output().map_err(|e| format!("cc: {e}"))?;
        match output.status.success() {
            true => Ok(Library { _dir: dir, path }),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

/// The declaration of `name` in the header, as a definition with an empty body.
fn definition(header: &str, name: &str) -> Option<String> {
    let call = format!("{name}(");
    let mut at = 0;
    loop {
        let found = at + header[at..].find(&call)?;
        let line = header[..found].rfind('\n').map_or(0, |i| i + 1);
        let before = &header[line..found];
        // A declaration begins with its type at the left; words in comments do not.
        if !before.is_empty() && !before.starts_with([' ', '\t', '*', '/', '#']) {
            let end = found + header[found..].find(';')?;
            return Some(format!("{} {{}}", &header[line..end]));
        }
        at = found + call.len();
    }
}

/// Whether abidiff says that something changed.
pub fn abidiff(tools: &Path, old: &Library, new: &Library) -> Result<bool, String> {
    let mut command = Command::new(tools.join("abidiff"));
    let status = command
        .arg(&old.path)
        .arg(&new.path)
        .output()
        .map_err(|e| format!("abidiff: {e}"))?
        .status;
    // Bit 0: the tool failed; bit 1: usage; bit 2: changed; bit 3: incompatible.
    match status.code() {
        Some(code) if code & 3 == 0 => Ok(code != 0),
        _ => Err(format!("abidiff ended with {status}")),
    }
}
