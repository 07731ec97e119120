// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The rustc in use: the machine's, or a suite's.

use crate::apt::Package;
use crate::error::{Error, Result};
use crate::matrix::Packaged;
use crate::private;
use crate::proc::Cmd;
use crate::session::Session;
use std::path::{Path, PathBuf};

/// A rustc.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// The program.
    pub rustc: PathBuf,
    /// Its release number, e.g. `1.95.0`.
    pub release: String,
    /// All it says about itself; identifies it in cache keys.
    pub verbose: String,
    /// The packages it came from, if it was not on the machine.
    pub packages: Vec<Package>,
}

impl Toolchain {
    /// `$RUSTC`, or the rustc found by `PATH`.
    ///
    /// # Errors
    /// There is none.
    pub fn find() -> Result<Self> {
        let rustc = std::env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
        Self::of(&rustc)
    }

    /// The packages of a suite's rustc.
    ///
    /// # Errors
    /// The suite does not have it.
    pub fn packages(session: &Session, wanted: &Packaged) -> Result<Vec<Package>> {
        let root = session.root(wanted.suite.view())?;
        let mut packages = root.closure(&[&wanted.package], wanted.suite.target())?;
        packages.retain(|package| !NOT_FOR_CORE.iter().any(|part| package.name.contains(part)));
        Ok(packages)
    }

    /// A suite's rustc, unpacked privately. Whether it was there already comes with it.
    ///
    /// # Errors
    /// The suite does not have it, or it does not run here.
    pub fn of_suite(session: &Session, wanted: &Packaged) -> Result<(Self, bool)> {
        let root = session.root(wanted.suite.view())?;
        let packages = Self::packages(session, wanted)?;
        let tree = session.fetcher(&root).tree("rustc-1", &packages, &RUSTC_PARTS, |dir| {
            private::offer(dir, "tools", |name| name == "rustc")
        })?;
        let rustc = tree.path.join("tools/rustc");
        let mut toolchain = Self::of(&rustc).map_err(|error| {
            error.found(format!(
                "{} of {} does not run here",
                wanted.package,
                root.suites().join(", ")
            ))
        })?;
        toolchain.packages = packages;
        Ok((toolchain, tree.hit))
    }

    /// The rustc at this path.
    ///
    /// # Errors
    /// It cannot be run or does not say its release.
    pub fn of(rustc: &Path) -> Result<Self> {
        let missing = || {
            Error::setup(format!("no rustc: {} cannot be run", rustc.display()))
                .expected("a rustc, 1.63 or newer")
                .fix("apt-get install rustc-web rust-web-src cargo-web")
        };
        let verbose = Cmd::new(rustc).arg("-vV").query().ok_or_else(missing)?;
        let release = verbose
            .lines()
            .find_map(|line| line.strip_prefix("release: "))
            .ok_or_else(missing)?
            .to_owned();
        Ok(Toolchain {
            rustc: rustc.to_path_buf(),
            release,
            verbose,
            packages: Vec::new(),
        })
    }

    /// "rustc 1.95.0".
    pub fn shown(&self) -> String {
        format!("rustc {}", self.release)
    }
}

/// What depends on rustc brings that only linking a program would need: development files, C compilers, sanitizers.
const NOT_FOR_CORE: [&str; 8] = [
    "-dev",
    "gcc-1",
    "cpp",
    "binutils",
    "libasan",
    "libtsan",
    "liblsan",
    "libhwasan",
];
/// The compiler and the libraries it runs with.
const RUSTC_PARTS: [&str; 4] = [
    "./usr/bin/rustc*",
    "./lib/x86_64-linux-gnu/*.so*",
    "./usr/lib/x86_64-linux-gnu/*.so*",
    "./usr/lib/llvm-*/lib/*.so*",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_rustc_says_what_to_install() {
        let error = Toolchain::of(Path::new("/no/such/rustc")).unwrap_err();
        assert!(error.fix.as_deref().unwrap().contains("rustc-web"));
    }
}
