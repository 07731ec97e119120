// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The package for DKMS.

use crate::error::{PathContext, Result};
use crate::package::boot;
use crate::package::proof::{self, Proof};
use crate::package::target::{Target, HEADERS};
use crate::package::{Made, Maker};
use crate::step::{Done, Phase};
use minijinja::context;
use std::fs;
use std::path::Path;

/// Makes it in `out`: the directory that belongs into /usr/src, and the same as an archive.
///
/// # Errors
/// The source tree or the archive cannot be made.
pub fn make(maker: &Maker<'_>, out: &Path) -> Result<Made> {
    let directory = maker.manifest.directory();
    let out = out.join("dkms");
    let mut tree = maker.tree(&out.join(&directory))?;
    let values = context! { abi => maker.record.text() };
    let conf = maker.manifest.render(&maker.session.source, "dkms/dkms.conf", values)?;
    tree.add("dkms.conf", &conf)?;
    let archive = out.join(format!("{directory}.dkms.tar.gz"));
    tree.pack(&archive)?;
    Ok(maker.made("dkms", vec![tree.dir, archive]))
}

/// What DKMS reads.
///
/// # Errors
/// The template cannot be filled in.
pub fn configuration(maker: &Maker<'_>) -> Result<String> {
    let values = context! { abi => maker.record.text() };
    maker.manifest.render(&maker.session.source, "dkms/dkms.conf", values)
}

/// Has the suite's dkms build, install and remove it, and exercises what it built.
///
/// # Errors
/// dkms fails, or the modules it made are not as they should be.
pub fn prove(maker: &Maker<'_>, made: &Made, target: Target, work: &Path) -> Result<Proof> {
    let packages = ["dkms", "kmod", "xz-utils", HEADERS];
    let system = proof::system(maker, target, &packages, maker.form)?;
    let dir = proof::stage(maker, made, target, work)?;
    let name = format!("DKMS {} {}", target.name(), maker.form.name());
    let mut proof = maker.steps.run(Phase::Build, &name, || {
        system.run(
            &dir,
            "check",
            &proof::arguments(maker),
            "dkms does not build and install the package",
        )?;
        let read = |name: &str| fs::read_to_string(dir.join(name)).on("read", &dir.join(name));
        let kernel = system.kernel()?;
        proof::inspect(maker, &dir, &read("make.log")?, kernel)?;
        let proof = Proof::of(made, target, &system, maker.form, &read("program")?, kernel);
        let note = format!("{}: built, installed and removed for {kernel}", proof.builders());
        Ok(Done::now(proof, note))
    })?;
    boot::exercise(maker, target.cell(), &dir)?;
    proof.exercised = true;
    Ok(proof)
}
