// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The Debian source package: of it come a package for DKMS, which needs no Rust where it is installed, and one with modules.

use crate::apt::BOOKWORM;
use crate::error::{Error, PathContext, Result};
use crate::package::boot;
use crate::package::proof::{self, Proof};
use crate::package::target::{Target, HEADERS};
use crate::package::tree::Tree;
use crate::package::{dkms, manifest, Made, Maker};
use crate::proc::Cmd;
use crate::step::{Done, Phase};
use minijinja::context;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Templates below `debian/`; those without a value in them are templates too.
const FILES: [&str; 5] = ["control", "rules", "changelog", "copyright", "source/format"];

/// Scripts of the package with modules, which have its name in front of theirs in the package.
const SCRIPTS: [&str; 2] = ["modules.postinst", "modules.postrm"];

/// The package's own version: not one that Debian itself would give.
const REVISION: &str = "0nvb1";

/// Makes it in `out`: the `.dsc` and the archives it names.
///
/// # Errors
/// The source tree or the package cannot be made.
pub fn make(maker: &Maker<'_>, out: &Path) -> Result<Made> {
    let out = out.join("deb");
    if out.exists() {
        fs::remove_dir_all(&out).on("replace", &out)?;
    }
    let name = &maker.manifest.name;
    let mut tree = maker.tree(&out.join(maker.manifest.directory()))?;
    let orig = out.join(format!("{name}_{}.orig.tar.xz", manifest::VERSION));
    tree.pack(&orig)?;
    debian(maker, &mut tree)?;
    maker.steps.run(Phase::Build, "source package", || {
        dpkg_source(maker, &tree, &out)?;
        Ok(Done::now((), "dpkg-source"))
    })?;
    let base = format!("{name}_{}-{REVISION}", manifest::VERSION);
    let files = [".dsc", ".debian.tar.xz"].map(|end| out.join(format!("{base}{end}")));
    Ok(maker.made("deb", files.into_iter().chain([orig]).collect()))
}

/// Writes the directory `debian`.
///
/// # Errors
/// A template cannot be filled in; the file system refuses.
pub fn debian(maker: &Maker<'_>, tree: &mut Tree) -> Result<()> {
    let source = &maker.session.source;
    let licence = source.join("LICENSES/MIT.txt");
    let licence = fs::read_to_string(&licence).on("read", &licence)?;
    let manifest = &maker.manifest;
    let mut directories: Vec<String> = manifest
        .files
        .iter()
        .filter_map(|path| Some(path.components().next()?.as_os_str().to_string_lossy().into_owned()))
        .collect();
    directories.dedup();
    let values = context! {
        abi => maker.record.text(),
        core => maker.form.name(),
        date => tree.date("--rfc-email")?,
        revision => REVISION,
        paragraphs => indented(&manifest.description),
        directories => directories,
        mit => indented(&licence),
    };
    let files = FILES.map(|file| (file, file.to_owned()));
    let scripts = SCRIPTS.map(|script| (script, format!("{}-{script}", manifest.name)));
    for (template, file) in files.into_iter().chain(scripts) {
        let text = manifest.render(source, &format!("debian/{template}"), values.clone())?;
        tree.add(&format!("debian/{file}"), &text)?;
    }
    tree.add(
        &format!("debian/{}-dkms.dkms", manifest.name),
        &dkms::configuration(maker)?,
    )?;
    let rules = tree.dir.join("debian/rules");
    fs::set_permissions(&rules, fs::Permissions::from_mode(0o755)).on("make executable", &rules)
}

/// Runs dpkg-source, whether or not the machine has it.
fn dpkg_source(maker: &Maker<'_>, tree: &Tree, out: &Path) -> Result<()> {
    let root = maker.session.root(BOOKWORM)?;
    let packages = root.exactly(&["dpkg-dev", "libdpkg-perl", "patch"])?;
    let parts = ["./usr/bin/*", "./usr/share/perl5/*"];
    let programs = maker
        .session
        .fetcher(&root)
        .tree("dpkg-dev-1", &packages, &parts, |_| Ok(()))?;
    let bin = programs.path.join("usr/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([bin.clone()].into_iter().chain(std::env::split_paths(&path))).unwrap_or(path);
    Cmd::new("perl")
        .arg(bin.join("dpkg-source"))
        .args(["--build", &maker.manifest.directory()])
        .env("PERL5LIB", programs.path.join("usr/share/perl5"))
        .env("SOURCE_DATE_EPOCH", tree.epoch.to_string())
        .env("PATH", path)
        .dir(out)
        .must("the source package cannot be made")
        .map(|_| ())
}

/// A text as the further lines of a field.
fn indented(text: &str) -> String {
    let line = |line: &str| {
        if line.trim().is_empty() {
            " .".to_owned()
        } else {
            format!(" {line}")
        }
    };
    text.trim().lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Builds the source package in `target`, has lintian look at it, and installs what came of it.
///
/// # Errors
/// It does not build, lintian has anything to say, or what came of it is not as it should be.
pub fn prove(maker: &Maker<'_>, made: &Made, target: Target, work: &Path) -> Result<Proof> {
    let mut packages = vec!["build-essential", "debhelper", "dkms", "kmod", "lintian", HEADERS];
    if target != Target::Bullseye {
        // There dkms itself has it.
        packages.push("dh-dkms");
    }
    let system = proof::system(maker, target, &packages, maker.form)?;
    let dir = proof::stage(maker, made, target, work)?;
    let name = format!("deb {} {}", target.name(), maker.form.name());
    let mut proof = maker.steps.run(Phase::Build, &name, || {
        system.run(
            &dir,
            "check",
            &proof::arguments(maker),
            "the Debian package is not as it should be",
        )?;
        let read = |name: &str| fs::read_to_string(dir.join(name)).on("read", &dir.join(name));
        let kernel = system.kernel()?;
        proof::inspect(maker, &dir, &read("make.log")?, kernel)?;
        for package in ["dkms", "modules"] {
            let control = read(&format!("{}-{package}.control", maker.manifest.name))?;
            let provided = format!("Provides: novabridge-abi-{}", made.abi);
            if !control.lines().any(|line| line == provided) {
                return Err(
                    Error::cell(format!("the package for {package} does not record the C ABI"))
                        .expected(provided)
                        .tail(control.lines().map(str::to_owned).collect()),
                );
            }
        }
        let proof = Proof::of(made, target, &system, maker.form, &read("program")?, kernel);
        let note = format!(
            "{}: nothing to say; installed, built by dkms for {kernel}",
            proof.builders()
        );
        Ok(Done::now(proof, note))
    })?;
    boot::exercise(maker, target.cell(), &dir)?;
    proof.exercised = true;
    Ok(proof)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_goes_on_in_indented_lines() {
        assert_eq!(indented("a\n\nb\n"), " a\n .\n b");
    }
}
