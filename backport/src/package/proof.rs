// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What the proofs of all kinds of packages share: the system, what is put into it, and a look at the modules that came of it.

use crate::build::kbuild;
use crate::error::{Error, PathContext, Result};
use crate::package::chroot::Chroot;
use crate::package::target::Target;
use crate::package::{manifest, tree, Form, Made, Maker};
use crate::step::{Done, Phase};
use crate::vm::modules;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// What was found of one package.
#[derive(Debug, Serialize)]
pub struct Proof {
    /// `dkms`, `deb`, `rpm` or `intree`.
    pub kind: &'static str,
    /// Where it was built.
    pub suite: Target,
    /// The form of the core.
    pub core: Form,
    /// The program that built it.
    pub program: String,
    /// The package of the rustc that compiled the core there; none for the form that needs none.
    pub rustc: Option<String>,
    /// The kernel the modules are for.
    pub kernel: String,
    /// What the modules say of the ABI.
    pub abi: String,
    /// Whether that kernel was booted and the modules in the package exercised in it.
    pub exercised: bool,
}

impl Proof {
    /// What `program` built of `made` in `target`'s system, with the core as `core`, for `kernel`.
    pub fn of(made: &Made, target: Target, system: &Chroot, core: Form, program: &str, kernel: &str) -> Self {
        Proof {
            kind: made.kind,
            suite: target,
            core,
            program: program.trim().to_owned(),
            rustc: (core == Form::Rust).then(|| system.rustc()).flatten(),
            kernel: kernel.to_owned(),
            abi: made.abi.clone(),
            exercised: false,
        }
    }

    /// With what it was built, in words.
    pub fn builders(&self) -> String {
        let rustc = self.rustc.iter().map(|rustc| format!(" and {rustc}"));
        format!("{}{}", self.program, rustc.collect::<String>())
    }
}

/// A fresh directory in `work` with the check's script and what the package is made of.
///
/// # Errors
/// The file system refuses.
pub fn stage(maker: &Maker<'_>, made: &Made, target: Target, work: &Path) -> Result<PathBuf> {
    let dir = work.join(format!("{}-{}-{}", made.kind, target.name(), maker.form.name()));
    if dir.exists() {
        fs::remove_dir_all(&dir).on("replace", &dir)?;
    }
    let script = maker.session.source.join("backport/packages/check").join(made.kind);
    tree::place(&script, &dir.join("check"))?;
    for file in made.files.iter().filter(|file| file.is_file()) {
        tree::place(file, &dir.join(file.file_name().unwrap_or_default()))?;
    }
    Ok(dir)
}

/// What the checks' scripts are told: name, version, modules.
pub fn arguments<'a>(maker: &'a Maker<'_>) -> Vec<&'a str> {
    let modules = maker.manifest.modules.iter().map(String::as_str);
    [maker.manifest.name.as_str(), manifest::VERSION]
        .into_iter()
        .chain(modules)
        .collect()
}

/// The system in which a package is built: with these packages, and with a rustc if `core` asks for one.
///
/// # Errors
/// As [`Chroot::with`].
pub fn system(maker: &Maker<'_>, target: Target, packages: &[&str], core: Form) -> Result<Chroot> {
    let name = format!("system {}", target.name());
    maker.steps.run(Phase::SetUp, &name, || {
        let rust = match core {
            Form::Assembly => Vec::new(),
            Form::Rust => target.rust(maker.session)?,
        };
        let packages: Vec<&str> = packages
            .iter()
            .copied()
            .chain(rust.iter().map(String::as_str))
            .collect();
        let chroot = Chroot::with(maker.session, target.suite(), &packages)?;
        let hit = chroot.hit;
        Ok(Done::maybe_cached(chroot, hit, packages.join(" ")))
    })
}

/// Looks at the modules in `dir`: built without a warning, all for `kernel`, with the package's record of the ABI.
///
/// # Errors
/// One of these is not so.
pub fn inspect(maker: &Maker<'_>, dir: &Path, log: &str, kernel: &str) -> Result<()> {
    let warnings = kbuild::warnings(log);
    if !warnings.is_empty() {
        return Err(Error::cell("the package builds with warnings")
            .expected("not a word from the compiler, modpost and objtool")
            .tail(warnings));
    }
    for module in &maker.manifest.modules {
        let path = dir.join(format!("{module}.ko"));
        let says = |field: &str| modules::field(&path, field).map(Option::unwrap_or_default);
        demand(
            module,
            "package's record of the C ABI",
            maker.record.text(),
            &says("nvb_abi")?,
        )?;
        let magic = says("vermagic")?;
        demand(
            module,
            "release of the kernel",
            kernel,
            magic.split(' ').next().unwrap_or_default(),
        )?;
    }
    Ok(())
}

fn demand(module: &str, what: &str, expected: &str, found: &str) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let found = if found.is_empty() { "none" } else { found };
    Err(Error::cell(format!("{module}.ko does not carry the {what}"))
        .expected(expected)
        .found(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_of_another_kernel_is_told() {
        demand("m", "release", "6.1.0-1-amd64", "6.1.0-1-amd64").unwrap();
        let error = demand("m", "release", "6.1.0-1-amd64", "6.1.0-2-amd64").unwrap_err();
        assert_eq!(error.found.as_deref(), Some("6.1.0-2-amd64"));
        assert_eq!(
            demand("m", "release", "1", "").unwrap_err().found.as_deref(),
            Some("none")
        );
    }
}
