// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The sources of `core` that match a rustc exactly: the machine's own beside it, or a package of the archive.
//!
//! A suite's rustc always gets the archive's, so that its core is the same on every machine.

use crate::apt::{Package, View, BOOKWORM, BULLSEYE, SID, TRIXIE};
use crate::cache::Key;
use crate::error::{Error, PathContext, Result};
use crate::matrix::Packaged;
use crate::proc::Cmd;
use crate::rust::toolchain::Toolchain;
use crate::session::Session;
use std::fs;
use std::path::{Path, PathBuf};

/// Where packages of library sources are looked for, and what they are called.
const VIEWS: [View; 4] = [BOOKWORM, TRIXIE, SID, BULLSEYE];
const PACKAGES: [&str; 2] = ["rust-src", "rust-web-src"];
/// The parts of the library that core is made of.
const PARTS: [&str; 3] = ["core", "portable-simd/crates/core_simd", "stdarch/crates/core_arch"];

/// The sources of `core` for one rustc.
#[derive(Clone, Debug)]
pub struct LibrarySource {
    /// The directory with `core/src/lib.rs` in it.
    pub library: PathBuf,
    /// Where they were found, for the report.
    pub origin: String,
    /// Tells them from others of the same release, in cache keys.
    pub identity: String,
    /// The package they came from, if they were not on the machine.
    pub packages: Vec<Package>,
}

/// A package of library sources.
struct Archived {
    view: View,
    packages: Vec<Package>,
}

impl LibrarySource {
    /// The sources for this rustc.
    ///
    /// # Errors
    /// No place has them; a package cannot be fetched.
    pub fn of(session: &Session, toolchain: &Toolchain) -> Result<Self> {
        if let Some((library, origin)) = installed(toolchain) {
            return Ok(LibrarySource {
                identity: content(&library)?,
                library,
                origin: origin.to_owned(),
                packages: Vec::new(),
            });
        }
        let Archived { view, packages } = archived(session, &toolchain.release)?;
        let root = session.root(view)?;
        let parts = PARTS.map(|part| format!("*/library/{part}/*"));
        let tree =
            session
                .fetcher(&root)
                .tree("rust-src-1", &packages, &parts.each_ref().map(String::as_str), |_| {
                    Ok(())
                })?;
        Ok(LibrarySource {
            library: library_in(&tree.path.join("usr/src"))?,
            origin: packages.iter().map(Package::to_string).collect(),
            identity: identity(&packages),
            packages,
        })
    }
}

/// What tells the sources for this rustc from others, without fetching them.
///
/// # Errors
/// No place has them.
pub fn identity_of(session: &Session, toolchain: &Toolchain) -> Result<String> {
    match installed(toolchain) {
        Some((library, _)) => content(&library),
        None => Ok(identity(&archived(session, &toolchain.release)?.packages)),
    }
}

/// All packages of a suite's rustc and of the sources for it, known without fetching them.
///
/// # Errors
/// The suite does not have the rustc, or none the sources.
pub fn all_packages(session: &Session, wanted: &Packaged) -> Result<Vec<Package>> {
    let mut packages = Toolchain::packages(session, wanted)?;
    let rustc = packages.iter().find(|package| package.name == wanted.package);
    let version = rustc.map_or("", |package| package.version.as_str());
    let release = version.split(['+', '-', '~']).next().unwrap_or_default();
    packages.extend(archived(session, release)?.packages);
    Ok(packages)
}

fn identity(packages: &[Package]) -> String {
    packages.iter().map(|package| package.sha256.as_str()).collect()
}

/// The machine's library beside the machine's rustc, and where it is from.
fn installed(toolchain: &Toolchain) -> Option<(PathBuf, &'static str)> {
    if !toolchain.packages.is_empty() {
        return None;
    }
    let sysroot = Cmd::new(&toolchain.rustc).args(["--print", "sysroot"]).query()?;
    let beside = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
    let debian = PathBuf::from(format!("/usr/src/rustc-{}/library", toolchain.release));
    [(beside, "installed beside rustc"), (debian, "installed rust-src")]
        .into_iter()
        .find(|(path, _)| path.join("core/src/lib.rs").exists())
}

/// The hash of what is compiled of a library: distributions change it without another release, and so may its owner.
fn content(library: &Path) -> Result<String> {
    let parts = PARTS.iter().filter(|part| library.join(part).is_dir());
    let key = parts.into_iter().try_fold(Key::of("library-1"), |key, part| {
        key.with_tree(part, &library.join(part), |_| true)
    })?;
    Ok(key.build().as_str().to_owned())
}

/// The package with the sources of exactly this release.
fn archived(session: &Session, release: &str) -> Result<Archived> {
    for view in VIEWS {
        let root = session.root(view)?;
        for package in PACKAGES {
            let versions = root.versions(package)?;
            if let Some(version) = versions.iter().find(|version| is_release(version, release)) {
                let packages = root.exactly(&[&format!("{package}={version}")])?;
                return Ok(Archived { view, packages });
            }
        }
    }
    let looked: Vec<&str> = VIEWS.iter().flat_map(|view| view.suites).copied().collect();
    Err(Error::setup(format!("no library sources for rustc {release}"))
        .expected(format!("rust-src {release} exactly: core must be built from the sources of its own rustc"))
        .found(format!("neither the rustup component nor a package in {}", looked.join(", ")))
        .fix("rustup component add rust-src, or use Debian's: apt-get install rustc-web rust-web-src; RUSTC=/usr/bin/rustc"))
}

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
    use crate::cache::tests::Scratch;

    #[test]
    fn debian_versions_are_compared_by_their_whole_upstream_release() {
        assert!(is_release("1.95.0+dfsg1-2~bpo13+1", "1.95.0"));
        assert!(is_release("1.63.0-2", "1.63.0"));
        assert!(!is_release("1.95.01-1", "1.95.0"));
        assert!(!is_release("1.95.1+dfsg1-1", "1.95.0"));
    }

    /// A rustc that is beside a library of one's own, as rustup's is.
    fn rustc_beside(dir: &Path) -> Toolchain {
        let rustc = dir.join("rustc");
        let sysroot = dir.display();
        let script = format!("#!/bin/sh\ncase $1 in -vV) echo release: 1.99.0 ;; *) echo '{sysroot}' ;; esac\n");
        fs::write(&rustc, script).unwrap();
        fs::set_permissions(&rustc, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Toolchain::of(&rustc).unwrap()
    }

    #[test]
    fn an_installed_library_is_known_by_what_is_compiled_of_it() {
        let dir = Scratch::new("library");
        let library = dir.0.join("lib/rustlib/src/rust/library");
        let put = |name: &str, text: &str| {
            let path = library.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("core/src/lib.rs", "");
        put("stdarch/crates/core_arch/src/mod.rs", "");
        put("std/src/lib.rs", "");
        let (session, toolchain) = (Session::in_scratch(&dir.0.join("cache")).unwrap(), rustc_beside(&dir.0));
        let look = || {
            let found = LibrarySource::of(&session, &toolchain).unwrap();
            assert_eq!((found.library.as_path(), found.packages.len()), (library.as_path(), 0));
            assert_eq!(found.identity, identity_of(&session, &toolchain).unwrap());
            found.identity
        };
        let mut before = look();
        put("std/src/lib.rs", "changed");
        assert_eq!(before, look(), "core is not made of std");
        for name in ["core/src/lib.rs", "stdarch/crates/core_arch/src/mod.rs"] {
            put(name, "changed");
            let after = look();
            assert_ne!(before, after, "{name}");
            before = after;
        }
    }

    #[test]
    fn a_suites_rustc_does_not_take_the_machines_library() {
        let dir = Scratch::new("library-suite");
        let mut toolchain = rustc_beside(&dir.0);
        fs::create_dir_all(dir.0.join("lib/rustlib/src/rust/library/core/src")).unwrap();
        fs::write(dir.0.join("lib/rustlib/src/rust/library/core/src/lib.rs"), "").unwrap();
        assert!(installed(&toolchain).is_some());
        toolchain.packages = vec![crate::apt::uris::package(
            "rustc_1.99.0_amd64.deb",
            String::new(),
            1,
            "",
        )];
        assert!(installed(&toolchain).is_none());
    }
}
