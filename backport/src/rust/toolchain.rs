// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The rustc in use and the library sources that match it.

use crate::apt::{Package, BOOKWORM, BULLSEYE, SID, TRIXIE};
use crate::error::{Error, PathContext, Result};
use crate::matrix::Packaged;
use crate::private;
use crate::proc::Cmd;
use crate::session::Session;
use std::fs;
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

/// The sources of `core` for one rustc.
#[derive(Clone, Debug)]
pub struct LibrarySource {
    /// The directory with `core/src/lib.rs` in it.
    pub library: PathBuf,
    /// Where they were found, for the report.
    pub origin: String,
    /// The package they came from, if they were not on the machine.
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

    /// The sources of core for exactly this rustc: beside it, or from a Debian suite that has them.
    ///
    /// # Errors
    /// No place has them.
    pub fn library(&self, session: &Session) -> Result<LibrarySource> {
        if let Some(found) = self.installed_library() {
            return Ok(found);
        }
        let mut looked: Vec<&str> = Vec::new();
        for view in [BOOKWORM, TRIXIE, SID, BULLSEYE] {
            let root = session.root(view)?;
            for package in ["rust-src", "rust-web-src"] {
                let versions = root.versions(package);
                let Some(version) = versions.iter().find(|version| is_release(version, &self.release)) else {
                    continue;
                };
                let wanted = root.exactly(&[&format!("{package}={version}")])?;
                let tree = session
                    .fetcher(&root)
                    .tree("rust-src-1", &wanted, &LIBRARY_PARTS, |_| Ok(()))?;
                let library = library_in(&tree.path.join("usr/src"))?;
                return Ok(LibrarySource {
                    library,
                    origin: format!("{package} {version}"),
                    packages: wanted,
                });
            }
            looked.extend(view.suites);
        }
        Err(Error::setup(format!("no library sources for {}", self.shown()))
            .expected(format!("rust-src {} exactly: core must be built from the sources of its own rustc", self.release))
            .found(format!("neither the rustup component nor a package in {}", looked.join(", ")))
            .fix("rustup component add rust-src, or use Debian's: apt-get install rustc-web rust-web-src; RUSTC=/usr/bin/rustc"))
    }

    fn installed_library(&self) -> Option<LibrarySource> {
        let sysroot = Cmd::new(&self.rustc).args(["--print", "sysroot"]).query()?;
        let beside = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
        let debian = PathBuf::from(format!("/usr/src/rustc-{}/library", self.release));
        let (library, origin) = [(beside, "installed beside rustc"), (debian, "installed rust-src")]
            .into_iter()
            .find(|(path, _)| path.join("core/src/lib.rs").exists())?;
        Some(LibrarySource {
            library,
            origin: origin.to_owned(),
            packages: Vec::new(),
        })
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

/// The parts of the library sources that core is made of.
const LIBRARY_PARTS: [&str; 3] = [
    "*/library/core/*",
    "*/library/portable-simd/crates/core_simd/*",
    "*/library/stdarch/crates/core_arch/*",
];

/// Whether a Debian version such as `1.95.0+dfsg1-2~bpo13+1` is of upstream release `1.95.0`.
fn is_release(version: &str, release: &str) -> bool {
    version
        .strip_prefix(release)
        .is_some_and(|rest| rest.starts_with(['+', '-', '~']))
}

fn library_in(src: &Path) -> Result<PathBuf> {
    let found = fs::read_dir(src)
        .on("read", src)?
        .flatten()
        .map(|item| item.path().join("library"));
    found
        .into_iter()
        .find(|path| path.join("core/src/lib.rs").exists())
        .ok_or_else(|| {
            Error::setup("the rust-src package has no library sources")
                .expected(format!("{}/*/library/core", src.display()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_versions_are_compared_by_their_whole_upstream_release() {
        assert!(is_release("1.95.0+dfsg1-2~bpo13+1", "1.95.0"));
        assert!(is_release("1.63.0-2", "1.63.0"));
        assert!(!is_release("1.95.01-1", "1.95.0"));
        assert!(!is_release("1.95.1+dfsg1-1", "1.95.0"));
    }

    #[test]
    fn a_missing_rustc_says_what_to_install() {
        let error = Toolchain::of(Path::new("/no/such/rustc")).unwrap_err();
        assert!(error.fix.as_deref().unwrap().contains("rustc-web"));
    }
}
