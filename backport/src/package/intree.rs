// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The series of patches for a kernel's source tree.

use crate::apt::TRIXIE;
use crate::build::probe::{self, CONFIG};
use crate::error::{Error, PathContext, Result};
use crate::kernel::{self, Headers};
use crate::matrix::Matrix;
use crate::package::boot;
use crate::package::linux::{self, Linux};
use crate::package::manifest::{InTree, Patch};
use crate::package::proof::{self, Proof};
use crate::package::target::Target;
use crate::package::tree::{place, Tree};
use crate::package::{Form, Made, Maker};
use crate::proc::Cmd;
use crate::step::{Done, Phase};
use clap::ValueEnum;
use minijinja::Value;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// A kernel whose source the series is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
pub enum Source {
    /// The package linux-source-6.12 of Debian 13.
    #[value(name = "6.12")]
    #[serde(rename = "6.12")]
    Long,
    /// The package linux-source-7.3 of Debian 13's backports.
    #[value(name = "7.3")]
    #[serde(rename = "7.3")]
    New,
}

impl Source {
    /// As the command line has it.
    fn name(self) -> &'static str {
        match self {
            Source::Long => "6.12",
            Source::New => "7.3",
        }
    }

    /// The cell with the same kernel, built.
    fn cell(self) -> &'static str {
        match self {
            Source::Long => "trixie-6.12",
            Source::New => "trixie-backports-7.3",
        }
    }
}

/// Makes the series in `out`.
///
/// # Errors
/// The kernel's packages cannot be had; the core cannot be lowered; git refuses.
pub fn make(maker: &Maker<'_>, source: Source, out: &Path) -> Result<Made> {
    let out = out.join(format!("intree-{}", source.name()));
    if out.exists() {
        fs::remove_dir_all(&out).on("replace", &out)?;
    }
    let linux = unpacked(maker, source)?;
    let headers = headers(maker, source)?;
    let tree = maker.tree(&out.join("source"))?;
    let compiler = headers.compiler()?;
    let found = maker.steps.run(Phase::Build, "probes", || {
        let dir = maker.session.source.join("backport/probes");
        let found = probe::run(&maker.session.cache, &dir, &headers, &compiler)?;
        let (hit, note) = (found.hit, format!("{}: {}", headers.release()?, found.shown()));
        Ok(Done::maybe_cached(found, hit, note))
    })?;
    let patches = maker
        .steps
        .run(Phase::Build, &format!("series {}", source.name()), || {
            let repository = out.join("repository");
            let patches = series(maker, &tree, &found.config, &linux, &repository, &out)?;
            for scratch in [&repository, &tree.dir] {
                fs::remove_dir_all(scratch).on("remove", scratch)?;
            }
            let note = format!("{} patches for {}", patches.len(), linux.package);
            Ok(Done::now(patches, note))
        })?;
    Ok(maker.made("intree", patches))
}

/// The kernel's source, as far as building needs it.
fn unpacked(maker: &Maker<'_>, source: Source) -> Result<Linux> {
    maker.steps.run(Phase::SetUp, &format!("linux {}", source.name()), || {
        let linux = linux::source(maker.session, TRIXIE, &format!("linux-source-{}", source.name()))?;
        let (hit, note) = (linux.hit, linux.package.clone());
        Ok(Done::maybe_cached(linux, hit, note))
    })
}

/// The headers of the same kernel as Debian built it.
fn headers(maker: &Maker<'_>, source: Source) -> Result<Headers> {
    maker.steps.run(Phase::SetUp, "kernel headers", || {
        let matrix = Matrix::built_in()?;
        let kernel = &matrix.cell(source.cell())?.kernel;
        let root = maker.session.root(kernel.suite.view())?;
        let (_, packages) = kernel::packages(&root, kernel)?;
        let headers = kernel::headers(&maker.session.fetcher(&root), packages)?;
        let (hit, note) = (headers.hit, headers.release()?);
        Ok(Done::maybe_cached(headers, hit, note))
    })
}

/// Commits one patch after the other on top of the kernel's files that they touch, and has git write them out.
///
/// # Errors
/// git refuses; the manifest leaves a file out.
pub fn series(
    maker: &Maker<'_>,
    tree: &Tree,
    config: &str,
    linux: &Linux,
    repository: &Path,
    out: &Path,
) -> Result<Vec<PathBuf>> {
    let intree = &maker.manifest.intree;
    let git = |args: &[&str]| {
        let who = [("NAME", &maker.manifest.maintainer), ("EMAIL", &maker.manifest.email)];
        let mut cmd = Cmd::new("git").arg("-C").arg(repository).args(args);
        for role in ["AUTHOR", "COMMITTER"] {
            for (what, value) in who {
                cmd = cmd.env(&format!("GIT_{role}_{what}"), value);
            }
            cmd = cmd.env(&format!("GIT_{role}_DATE"), format!("@{} +0000", tree.epoch));
        }
        // Nothing of the user's own configuration goes into the patches.
        cmd.env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .must("the series cannot be made by git")
    };
    for file in HOOKED {
        place(&linux.dir.join(file), &repository.join(file))?;
    }
    git(&["init", "--quiet"])?;
    git(&["add", "--all"])?;
    git(&["commit", "--quiet", "--message", "base"])?;
    git(&["tag", "base"])?;

    let mut files: Vec<(PathBuf, Vec<u8>)> = vec![(PathBuf::from(CONFIG), config.as_bytes().to_vec())];
    for file in &tree.files {
        if let Some(there) = intree.place_of(file) {
            let path = tree.dir.join(file);
            files.push((there, fs::read(&path).on("read", &path)?));
        }
    }
    let signed = format!(
        "Signed-off-by: {} <{}>",
        maker.manifest.maintainer, maker.manifest.email
    );
    for patch in &intree.patch {
        let (mine, rest): (Vec<_>, Vec<_>) = files.into_iter().partition(|(file, _)| patch.has(file));
        files = rest;
        for (file, text) in mine {
            let path = repository.join(&intree.place).join(file);
            if let Some(dir) = path.parent() {
                fs::create_dir_all(dir).on("create", dir)?;
            }
            fs::write(&path, text).on("write", &path)?;
        }
        if patch.hooks {
            hook(maker, intree, repository)?;
        }
        git(&["add", "--all"])?;
        git(&["commit", "--quiet", "--message", &message(patch, &signed)])?;
    }
    if let Some((file, _)) = files.first() {
        return Err(Error::usage(format!("no patch of the manifest has {}", file.display())));
    }
    let out = out.to_string_lossy();
    let listed = git(&[
        "format-patch",
        "--zero-commit",
        "--no-signature",
        "--output-directory",
        &out,
        "base",
    ])?;
    Ok(listed.lines().map(PathBuf::from).collect())
}

/// The kernel's files that the series changes.
const HOOKED: [&str; 3] = ["MAINTAINERS", "drivers/vfio/pci/Kconfig", "drivers/vfio/pci/Makefile"];

/// Puts the directory's lines into those files.
fn hook(maker: &Maker<'_>, intree: &InTree, repository: &Path) -> Result<()> {
    let entry = maker
        .manifest
        .render(&maker.session.source, "intree/MAINTAINERS", Value::UNDEFINED)?;
    let directory = intree.place.file_name().unwrap_or_default().to_string_lossy();
    let menu = format!("source \"{}/Kconfig\"\n\n", intree.place.display());
    let line = format!("\nobj-$(CONFIG_NOVABRIDGE) += {directory}/\n");
    let edit = |file: &str, changed: &dyn Fn(&str) -> Option<String>| {
        let path = repository.join(file);
        let text = fs::read_to_string(&path).on("read", &path)?;
        let text = changed(&text).ok_or_else(|| {
            Error::cell(format!("{file} has no place for the driver")).expected("the kernel's file of that name")
        })?;
        fs::write(&path, text).on("write", &path)
    };
    let [maintainers, kconfig, makefile] = HOOKED;
    edit(maintainers, &|text| before(text, follows, &entry))?;
    edit(kconfig, &|text| before(text, |line, _| line == "endmenu", &menu))?;
    edit(makefile, &|text| Some(format!("{text}{line}")))
}

/// Whether an entry of MAINTAINERS begins here that stands behind the driver's: they are in order of their titles.
fn follows(line: &str, next: &str) -> bool {
    let is_title = next.starts_with("M:") || next.starts_with("L:") || next.starts_with("S:");
    is_title && line.starts_with('N') && line > "NOVABRIDGE"
}

/// `text` with `new` before the first line that `here` holds for, given with the line after it.
fn before(text: &str, here: impl Fn(&str, &str) -> bool, new: &str) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let after = lines.iter().skip(1).chain([&""]);
    let at = lines
        .iter()
        .zip(after)
        .position(|(line, next)| here(line.trim_end(), next))?;
    let (start, end) = lines.split_at(at);
    Some(format!("{}{new}{}", start.concat(), end.concat()))
}

fn message(patch: &Patch, signed: &str) -> String {
    format!("{}\n\n{}\n\n{signed}\n", patch.subject, patch.text.trim())
}

/// Has the series applied to the kernel's source, and its directory configured both ways and built in Debian 13, such that Debian's
/// build of the same kernel loads the modules; and exercises them in a boot of that.
///
/// # Errors
/// A patch does not apply; a form does not build or warns; the kernel answers otherwise than the series says.
pub fn prove(maker: &Maker<'_>, made: &Made, source: Source, work: &Path) -> Result<Vec<Proof>> {
    let target = Target::Trixie;
    let system = proof::system(maker, target, &PROGRAMS, Form::Rust)?;
    let dir = proof::stage(maker, made, target, work)?;
    let linux = unpacked(maker, source)?;
    let headers = headers(maker, source)?;
    let name = format!("intree {}", source.name());
    let mut proofs = maker.steps.run(Phase::Build, &name, || {
        for (from, to) in [
            (&linux.dir, "linux"),
            (&maker.session.source.join("backport/probes"), "probes"),
        ] {
            Cmd::new("cp")
                .args(["-a", "--reflink=auto"])
                .arg(from)
                .arg(dir.join(to))
                .must("the kernel's source cannot be copied")?;
        }
        place(&headers.dir.join(".config"), &dir.join("config"))?;
        place(&headers.dir.join("Module.symvers"), &dir.join("Module.symvers"))?;
        let at = maker.manifest.intree.place.to_string_lossy();
        let release = headers.release()?;
        let mut args = vec![at.as_ref(), &release];
        args.extend(maker.manifest.modules.iter().map(String::as_str));
        system.run(&dir, "check", &args, "the series is not as it should be")?;
        let read = |name: &str| fs::read_to_string(dir.join(name)).on("read", &dir.join(name));
        let program = read("program")?;
        let mut proofs = Vec::new();
        for (way, form) in WAYS {
            proof::inspect(maker, &dir.join(way), &read(&format!("{way}/make.log"))?, &release)?;
            proofs.push(Proof::of(made, target, &system, form, &program, &release));
        }
        let note = format!("{} patches applied, both forms built for {release}", made.files.len());
        Ok(Done::now(proofs, note))
    })?;
    for ((way, _), proof) in WAYS.iter().zip(&mut proofs) {
        boot::exercise(maker, source.cell(), &dir.join(way))?;
        proof.exercised = true;
    }
    Ok(proofs)
}

/// The switch's ways, as Kconfig and as packages call them.
const WAYS: [(&str, Form); 2] = [("ASM", Form::Assembly), ("RUST", Form::Rust)];

/// What building a kernel as Debian does takes, and git.
const PROGRAMS: [&str; 12] = [
    "bc",
    "bison",
    "cpio",
    "flex",
    "gcc",
    "git",
    "kmod",
    "libelf-dev",
    "libssl-dev",
    "make",
    "pahole",
    "python3",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_goes_before_the_next_title_in_order() {
        let text = "MAINTAINERS\n\nNETWORKING\nM:\tA <a@x>\n\nNSDEPS\nM:\tB <b@x>\n\nOMAP\nM:\tC <c@x>\n";
        let changed = before(text, follows, "NOVABRIDGE X\nS:\tMaintained\n\n").unwrap();
        let order: Vec<_> = ["NETWORKING", "NOVABRIDGE X", "NSDEPS"]
            .map(|title| changed.find(title))
            .into();
        assert!(order.is_sorted() && order.iter().all(Option::is_some), "{changed}");
        assert_eq!(before("a\nb\n", follows, "x"), None);
    }
}
