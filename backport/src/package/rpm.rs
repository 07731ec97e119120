// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The RPM package: a spec file for kernel modules and the archive it builds from.

use crate::error::{Error, PathContext, Result};
use crate::package::boot;
use crate::package::proof::{self, Proof};
use crate::package::target::{Target, HEADERS};
use crate::package::tree::Tree;
use crate::package::{Made, Maker};
use crate::step::{Done, Phase};
use minijinja::context;
use std::fs;
use std::path::Path;

/// Makes it in `out`: what belongs into SPECS and SOURCES.
///
/// # Errors
/// The source tree or the archive cannot be made.
pub fn make(maker: &Maker<'_>, out: &Path) -> Result<Made> {
    let directory = maker.manifest.directory();
    let out = out.join("rpm");
    let tree = maker.tree(&out.join(&directory))?;
    let archive = out.join(format!("{directory}.tar.gz"));
    tree.pack(&archive)?;
    let spec = out.join(format!("{}-kmod.spec", maker.manifest.name));
    fs::write(&spec, specification(maker, &tree)?).on("write", &spec)?;
    Ok(maker.made("rpm", vec![spec, archive]))
}

/// The spec file.
///
/// # Errors
/// The template cannot be filled in.
pub fn specification(maker: &Maker<'_>, tree: &Tree) -> Result<String> {
    let values = context! {
        abi => maker.record.text(),
        core => maker.form.name(),
        date => tree.date("+%a %b %d %Y")?,
    };
    maker
        .manifest
        .render(&maker.session.source, "rpm/novabridge-kmod.spec", values)
}

/// Has rpmbuild build it in `target`, and looks at what is in the packages.
///
/// # Errors
/// It does not build, or what came of it is not as it should be.
pub fn prove(maker: &Maker<'_>, made: &Made, target: Target, work: &Path) -> Result<Proof> {
    let packages = ["gcc", "kmod", HEADERS, "make", "rpm"];
    let system = proof::system(maker, target, &packages, maker.form)?;
    let dir = proof::stage(maker, made, target, work)?;
    let name = format!("rpm {} {}", target.name(), maker.form.name());
    let mut proof = maker.steps.run(Phase::Build, &name, || {
        system.run(
            &dir,
            "check",
            &proof::arguments(maker),
            "the RPM package is not as it should be",
        )?;
        let read = |name: &str| fs::read_to_string(dir.join(name)).on("read", &dir.join(name));
        let kernel = system.kernel()?;
        proof::inspect(maker, &dir, &read("make.log")?, kernel)?;
        let provided = format!("novabridge-abi = {}", made.abi);
        demand(
            &read("binary.provides")?,
            &provided,
            "the binary package's record of the C ABI",
        )?;
        demand(
            &read("rhel.requires")?,
            "kernel-uname-r = 5.14.0-1.el9.x86_64",
            "what Red Hat's kernels are required by",
        )?;
        for module in &maker.manifest.modules {
            let file = format!("/lib/modules/{kernel}/extra/{}/{module}.ko", maker.manifest.name);
            demand(&read("binary.contents")?, &file, "a module")?;
        }
        for file in &made.files {
            let file = file.file_name().unwrap_or_default().to_string_lossy();
            demand(&read("source.contents")?, &file, "a file of the source package")?;
        }
        let proof = Proof::of(made, target, &system, maker.form, &read("program")?, kernel);
        let note = format!("{}: source and binary package for {kernel}", proof.builders());
        Ok(Done::now(proof, note))
    })?;
    boot::exercise(maker, target.cell(), &dir)?;
    proof.exercised = true;
    Ok(proof)
}

fn demand(listed: &str, wanted: &str, what: &str) -> Result<()> {
    if listed.lines().any(|line| line == wanted) {
        return Ok(());
    }
    Err(Error::cell(format!("the RPM package lacks {what}"))
        .expected(wanted)
        .tail(listed.lines().map(str::to_owned).collect()))
}
