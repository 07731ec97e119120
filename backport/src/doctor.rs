// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `doctor`: what this machine can do, what it lacks, and how to get that.

use crate::apt::mirror::Mirrors;
use crate::cli::NetworkArgs;
use crate::commands::Failed;
use crate::error::{Class, Error, Result};
use crate::matrix::{Core, Matrix};
use crate::proc::Cmd;
use crate::rust::flags::granted;
use crate::rust::toolchain::Toolchain;
use crate::session::Session;
use crate::survey::run::default_jobs;
use std::path::Path;

/// Programs a cell runs that the tool does not bring itself: name, what for, package.
const PROGRAMS: [(&str, &str, &str); 7] = [
    ("cargo", "builds the emulated GPU and the guest", "cargo-web"),
    ("cc", "links them", "gcc libc6-dev"),
    ("make", "kernel modules", "make"),
    ("objcopy", "takes the frame record out of the object", "binutils"),
    ("xz", "unpacks packages and modules", "xz-utils"),
    ("dpkg-deb", "unpacks packages", "dpkg"),
    ("apt-get", "finds packages", "apt"),
];

/// Checks everything and prints a line for each.
///
/// # Errors
/// Something is missing; the lines say what.
pub fn run(network: NetworkArgs) -> Result<(), Failed> {
    let mut lacking = 0;
    let mut tell = |what: &str, result: Result<String>| match result {
        Ok(note) => println!("ok      {what}: {note}"),
        Err(error) => {
            lacking += 1;
            println!("lacking {what}: {error}");
        }
    };
    for (program, purpose, package) in PROGRAMS {
        let there = Cmd::new(program).arg("--version").query();
        let result = there.map(|text| text.lines().next().unwrap_or_default().to_owned());
        let missing = || Error::setup(format!("{program} {purpose}")).fix(format!("apt-get install {package}"));
        tell(program, result.ok_or_else(missing));
    }
    let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let missing = || Error::setup("packages cannot be verified").fix("apt-get install debian-archive-keyring");
    tell(
        "keyring",
        Path::new(keyring)
            .exists()
            .then(|| keyring.to_owned())
            .ok_or_else(missing),
    );
    tell(
        "Debian's archive",
        Mirrors::of_this_machine().map(|_| "named by this machine's apt".to_owned()),
    );
    let session = Session::open(network.into());
    match &session {
        Ok(session) => {
            tell("cache", Ok(session.cache.path("").display().to_string()));
            let rustc = Toolchain::find().and_then(|toolchain| {
                let all = granted(&session.cache, &toolchain)?;
                let library = toolchain.library(session)?;
                let without: Vec<&str> = all
                    .iter()
                    .filter(|one| one.flag.is_none())
                    .map(|one| one.name)
                    .collect();
                let lacks = if without.is_empty() {
                    String::new()
                } else {
                    format!("; without {}", without.join(", "))
                };
                Ok(format!("{}, {}{lacks}", toolchain.shown(), library.origin))
            });
            tell("rustc for the core", rustc);
            for cell in &Matrix::built_in()?.cells {
                let packages = session
                    .root(cell.kernel.suite.view())
                    .and_then(|root| crate::kernel::packages(&root, &cell.kernel));
                if cell.core == Core::Rust && cell.rustc.is_none() || packages.is_err() {
                    tell(
                        &format!("kernel of {}", cell.name),
                        packages.map(|(image, _)| {
                            image
                                .first()
                                .map(|package| format!("{} {}", package.name, package.version))
                                .unwrap_or_default()
                        }),
                    );
                }
            }
        }
        Err(error) => tell("cache and sources", Err(Error::setup(error.what.clone()))),
    }
    tell(
        "cells at a time",
        Ok(format!("{}, by processors and free memory", default_jobs())),
    );
    if lacking == 0 {
        println!("this machine can run every cell");
        Ok(())
    } else {
        println!("{lacking} things are missing");
        Err(Failed::Reported(Class::Setup))
    }
}
