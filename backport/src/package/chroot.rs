// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A suite of Debian as a system of its own, in which packages are built and installed as its users would.
//!
//! mmdebstrap makes it, once for each set of packages. It is never changed: a run sees it through an overlay in memory, and its
//! mounts live in a name space that ends with the run, also when that is interrupted.

use crate::apt::{Package, BOOKWORM};
use crate::cache::Key;
use crate::error::{Error, PathContext, Result};
use crate::matrix::Suite;
use crate::namespaces;
use crate::session::Session;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A system.
pub struct Chroot {
    dir: PathBuf,
    enter: PathBuf,
    packages: Vec<Package>,
    /// Whether it was there already.
    pub hit: bool,
}

/// Options of mmdebstrap: no recommended packages, no documentation, and no waiting for the disk.
const OPTIONS: [&str; 9] = [
    "--mode=root",
    "--variant=apt",
    "--format=directory",
    "--quiet",
    "--aptopt=Apt::Install-Recommends \"false\"",
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
];
/// A system with a compiler arrives in a minute from a near mirror.
const INSTALL_LIMIT: Duration = Duration::from_secs(1200);
/// Rust's core by an old rustc on a busy machine takes minutes.
const RUN_LIMIT: Duration = Duration::from_secs(1800);

impl Chroot {
    /// The system of `suite` with these packages.
    ///
    /// # Errors
    /// This user cannot be root of a system; a package is not there or cannot be installed.
    pub fn with(session: &Session, suite: Suite, packages: &[&str]) -> Result<Self> {
        let rights = namespaces::rights()?;
        let root = session.root(suite.view())?;
        let closure = root.closure(packages, suite.target())?;
        let key = Key::of("chroot-1")
            .with_all("option", OPTIONS)
            // Whose the files are; root's systems were there first.
            .with_all("rights", (rights != "root").then_some(rights))
            .with_all("package", closure.iter().map(|package| package.sha256.as_str()))
            .build();
        let entry = session.cache.entry("chroots", &key, |dir| {
            if session.fresh.offline {
                return Err(
                    Error::setup("the system to build in is not in the cache").fix("run once without --offline")
                );
            }
            let tools = mmdebstrap(session)?;
            let mut cmd = namespaces::as_root(Some(&tools))
                .arg("perl")
                .arg(tools.join("mmdebstrap"))
                .args(OPTIONS)
                .arg(format!("--include={}", packages.join(",")));
            if let Some(target) = suite.target() {
                cmd = cmd.arg(format!("--aptopt=APT::Default-Release \"{target}\""));
            }
            cmd.arg("")
                .arg(dir)
                .arg(root.sources())
                .limit(INSTALL_LIMIT)
                .must("the system to build in cannot be installed")
                .map(|_| ())
                .map_err(Error::during_setup)
        })?;
        Ok(Chroot {
            dir: entry.path,
            enter: session.source.join("backport/packages/check/enter"),
            packages: closure,
            hit: entry.hit,
        })
    }

    /// The kernel whose headers it has, as it names itself.
    ///
    /// # Errors
    /// It has none.
    pub fn kernel(&self) -> Result<&str> {
        let releases = self
            .packages
            .iter()
            .filter_map(|package| package.name.strip_prefix("linux-headers-"));
        let mut releases = releases.filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
        releases
            .find(|release| !release.ends_with("-common"))
            .ok_or_else(|| Error::setup("the system to build in has no headers of a kernel"))
    }

    /// The package of its rustc, with the version.
    pub fn rustc(&self) -> Option<String> {
        let found = self
            .packages
            .iter()
            .find(|package| ["rustc", "rustc-web"].contains(&package.name.as_str()));
        found.map(|package| format!("{} {}", package.name, package.version))
    }

    /// Runs `script`, a file in `package`, with `package` as `/package`. What it prints is returned; there is no network.
    ///
    /// # Errors
    /// It fails, with what it printed last.
    pub fn run(&self, package: &Path, script: &str, args: &[&str], what: &str) -> Result<String> {
        let scratch = package.with_extension("scratch");
        fs::create_dir_all(&scratch).on("create", &scratch)?;
        let done = namespaces::as_root(None)
            .arg("--net")
            .arg(&self.enter)
            .arg(&self.dir)
            .arg(&scratch)
            .arg(package)
            .arg(script)
            .args(args)
            .limit(RUN_LIMIT)
            .must(what);
        // Empty again: what was in it was in the run's own name space.
        fs::remove_dir(&scratch).on("remove", &scratch)?;
        done
    }
}

fn mmdebstrap(session: &Session) -> Result<PathBuf> {
    let root = session.root(BOOKWORM)?;
    let packages = root.exactly(&["mmdebstrap"])?;
    let tree = session
        .fetcher(&root)
        .tree("mmdebstrap-1", &packages, &["./usr/bin/*"], |_| Ok(()))?;
    Ok(tree.path.join("usr/bin"))
}
