// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The source tree that all packages share: this repository's own layout, without what building the modules does not take, and
//! with the ABI's record and, for the assembly form, the core already lowered.

use crate::cache::files_below;
use crate::cell;
use crate::error::{PathContext, Result};
use crate::matrix::Core;
use crate::package::{Form, Maker};
use crate::proc::Cmd;
use crate::rust::toolchain::Toolchain;
use crate::step::{Done, Phase};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Version and hash of the C ABI, in the driver's directory.
const RECORD: &str = "nvb-abi";
/// The lowered core, beside it.
const ASSEMBLY: &str = "nvb_rs.S";
/// Ends of the names of sources; anything else in the tree is what a build left.
const SOURCES: [&str; 5] = ["c", "h", "S", "rs", "txt"];
/// Names of sources that have no such end.
const NAMES: [&str; 5] = ["Kbuild", "Kconfig", "Makefile", "build-core", "rustc-options"];

/// A written tree.
pub struct Tree {
    /// Its directory.
    pub dir: PathBuf,
    /// What it was made of, from the top.
    pub files: Vec<PathBuf>,
    /// The time all files get in archives, in seconds since 1970.
    pub epoch: u64,
}

/// Writes the tree into `dir`, which is replaced.
///
/// # Errors
/// The core cannot be lowered; the file system refuses.
pub fn write(maker: &Maker<'_>, dir: &Path) -> Result<Tree> {
    let source = &maker.session.source;
    if dir.exists() {
        fs::remove_dir_all(dir).on("replace", dir)?;
    }
    let mut files = Vec::new();
    for listed in &maker.manifest.files {
        let below = files_below(&source.join(listed))?;
        files.extend(
            below
                .into_iter()
                .map(|path| listed.join(path))
                .filter(|path| is_source(path)),
        );
    }
    for file in &files {
        place(&source.join(file), &dir.join(file))?;
    }
    let record = maker.manifest.driver.join(RECORD);
    let path = dir.join(&record);
    fs::write(&path, format!("{}\n", maker.record.text())).on("write", &path)?;
    files.push(record);
    if maker.form == Form::Assembly {
        let name = maker.manifest.driver.join(ASSEMBLY);
        place(&lowered(maker)?, &dir.join(&name))?;
        files.push(name);
    }
    Ok(Tree {
        dir: dir.to_path_buf(),
        files,
        epoch: epoch(source),
    })
}

impl Tree {
    /// Adds a file.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn add(&mut self, name: &str, text: &str) -> Result<()> {
        let path = self.dir.join(name);
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).on("create", dir)?;
        }
        fs::write(&path, text).on("write", &path)?;
        self.files.push(PathBuf::from(name));
        Ok(())
    }

    /// The same time as a changelog has it, by an option or format of date(1).
    ///
    /// # Errors
    /// date fails.
    pub fn date(&self, form: &str) -> Result<String> {
        let text = Cmd::new("date")
            .args(["--utc", form, &format!("--date=@{}", self.epoch)])
            .must("the date cannot be written")?;
        Ok(text.trim().to_owned())
    }

    /// Packs the tree, such that the same files make the same archive.
    ///
    /// # Errors
    /// tar fails.
    pub fn pack(&self, archive: &Path) -> Result<()> {
        let parent = self.dir.parent().unwrap_or(Path::new("/"));
        Cmd::new("tar")
            .args(["--create", "--auto-compress", "--sort=name", "--owner=0", "--group=0"])
            .args(["--numeric-owner", "--mode=go=rX,u+rw,a-s", "--format=gnu"])
            .arg(format!("--mtime=@{}", self.epoch))
            .arg("--file")
            .arg(archive)
            .arg("--directory")
            .arg(parent)
            .arg(self.dir.file_name().unwrap_or_default())
            .must("the source tree cannot be packed")
            .map(|_| ())
    }
}

/// The core as assembly for all kernels, made by this machine's rustc.
fn lowered(maker: &Maker<'_>) -> Result<PathBuf> {
    let toolchain = maker.steps.run(Phase::SetUp, "rustc", || {
        let toolchain = Toolchain::find()?;
        let note = toolchain.shown();
        Ok(Done::now(toolchain, note))
    })?;
    let rust = cell::object_of(maker.session, maker.steps, toolchain, Core::Assembly, &mut None)?;
    Ok(rust.object.assembly)
}

/// Copies a file with its mode, making the directories above it.
///
/// # Errors
/// The file system refuses.
pub fn place(from: &Path, to: &Path) -> Result<()> {
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir).on("create", dir)?;
    }
    fs::copy(from, to).on("copy", from).map(|_| ())
}

fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let end = path.extension().unwrap_or_default().to_string_lossy();
    let known = NAMES.contains(&name.as_ref()) || SOURCES.contains(&end.as_ref());
    let documentation = name.starts_with("sysfs-");
    let generated =
        name.ends_with(".mod.c") || ["nvb_compat_config.h", "nvb_lowered.S", ASSEMBLY].contains(&name.as_ref());
    (known || documentation) && !generated
}

/// The time of the newest change, where git knows it, so that a package does not depend on when it was made.
fn epoch(source: &Path) -> u64 {
    let given = std::env::var("SOURCE_DATE_EPOCH").ok();
    let committed = || Cmd::new("git").args(["log", "-1", "--format=%ct"]).dir(source).query();
    let known = given.or_else(committed).and_then(|text| text.trim().parse().ok());
    // Not a clone: the archive is as old as it is.
    known.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |since| since.as_secs())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builds_leave_is_not_packed() {
        for (name, expected) in [
            ("pf/main.c", true),
            ("Kbuild", true),
            ("backport/kernel/build-core", true),
            ("Documentation/sysfs-driver-novabridge", true),
            ("novabridge.mod.c", false),
            ("nvb_compat_config.h", false),
            ("nvb_rs.S", false),
            ("pf/main.o", false),
            (".novabridge.ko.cmd", false),
        ] {
            assert_eq!(is_source(Path::new(name)), expected, "{name}");
        }
    }
}
