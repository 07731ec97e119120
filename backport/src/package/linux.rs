// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A kernel's source from Debian's package of it: the parts with which one directory can be configured and built.

use crate::apt::View;
use crate::error::{Error, PathContext, Result};
use crate::proc::Cmd;
use crate::session::Session;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An unpacked source.
pub struct Linux {
    /// The top of the tree.
    pub dir: PathBuf,
    /// Package and version it came from.
    pub package: String,
    /// Whether it was there already.
    pub hit: bool,
}

/// Files that are unpacked wherever they are: everything that configures.
const NAMES: [&str; 3] = ["*/Kconfig*", "*/Makefile*", "*/Kbuild*"];
/// What is unpacked besides: what `make modules_prepare` compiles, and the driver's neighbours. In all a fifth of the whole.
const PARTS: [&str; 18] = [
    "MAINTAINERS",
    "arch/x86",
    "drivers/vfio",
    "include",
    "init",
    "kernel",
    "lib",
    "rust",
    "scripts",
    "security/selinux/include",
    "tools/arch",
    "tools/bpf/resolve_btfids",
    "tools/build",
    "tools/include",
    "tools/lib",
    "tools/objtool",
    "tools/scripts",
    "usr",
];

/// The newest `package` of `view`.
///
/// # Errors
/// It is not there, cannot be downloaded or has no source in it.
pub fn source(session: &Session, view: View, package: &str) -> Result<Linux> {
    let root = session.root(view)?;
    let packages = root.exactly(&[package])?;
    let version = packages
        .first()
        .map(|package| package.version.clone())
        .unwrap_or_default();
    let tree = session
        .fetcher(&root)
        .tree("linux-source-3", &packages, &["./usr/src/*"], |dir| {
            unpack(dir, package)
        })?;
    Ok(Linux {
        dir: tree.path.join(package),
        package: format!("{package} {version}"),
        hit: tree.hit,
    })
}

/// From the archive in the package to the tree, which is all that stays.
fn unpack(dir: &Path, package: &str) -> Result<()> {
    let archive = dir.join("usr/src").join(format!("{package}.tar.xz"));
    if !archive.is_file() {
        return Err(Error::setup(format!("{package} has no source")).expected(archive.display().to_string()));
    }
    Cmd::new("tar")
        .args(["--extract", "--wildcards", "--no-same-owner", "--directory"])
        .arg(dir)
        .arg("--file")
        .arg(&archive)
        .args(NAMES)
        .args(PARTS.map(|part| format!("{package}/{part}")))
        .limit(Duration::from_secs(900))
        .must("the kernel's source cannot be unpacked")
        .map_err(Error::during_setup)?;
    let usr = dir.join("usr");
    fs::remove_dir_all(&usr).on("remove", &usr)
}
