// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! QEMU from Debian's packages, and the plugin that adds the emulated GPU to it.

use crate::apt::{Package, BOOKWORM};
use crate::cache::{Entry, Key};
use crate::error::{Error, PathContext, Result};
use crate::fetch::make_links_relative;
use crate::proc::Cmd;
use crate::session::Session;
use std::fs;
use std::path::{Path, PathBuf};

/// The suite whose QEMU the plugin is built for; its headers and structures must match exactly.
const SUITE: &str = "bookworm-backports";
/// The emulator for x86-64.
const PACKAGE: &str = "qemu-system-x86";
/// The C library comes from the machine, which is at least as new: two of them in one process do not work.
const FROM_THE_MACHINE: [&str; 5] = ["libc6", "libgcc-s1", "gcc-12-base", "libcrypt1", "libc-bin"];
/// Boot code of network cards; the machine has none.
const NOT_NEEDED: [&str; 1] = ["ipxe-qemu"];
/// The parts of QEMU's source that its headers are made of.
const SOURCE_PARTS: [&str; 6] = [
    "*/include/*",
    "*/linux-headers/*",
    "*/qapi/*",
    "*/scripts/*",
    "*/docs/interop/*",
    "*/VERSION",
];

/// An unpacked QEMU with what the plugin is built from.
#[derive(Clone, Debug)]
pub struct Qemu {
    /// Root of the unpacked packages.
    pub tree: PathBuf,
    /// The version of the package.
    pub version: String,
    /// QEMU's source, as far as its headers need it.
    pub source: PathBuf,
    /// Root of glib's headers.
    pub glib: PathBuf,
    /// The packages QEMU came from.
    pub packages: Vec<Package>,
    /// Whether all was unpacked already.
    pub hit: bool,
}

/// QEMU and the libraries it is run with.
///
/// # Errors
/// The archive does not have them.
pub fn packages(session: &Session) -> Result<Vec<Package>> {
    let is_wanted = |package: &Package| {
        !FROM_THE_MACHINE.contains(&package.name.as_str()) && !NOT_NEEDED.contains(&package.name.as_str())
    };
    let mut packages = session.root(BOOKWORM)?.closure(&[PACKAGE], Some(SUITE))?;
    packages.retain(is_wanted);
    Ok(packages)
}

impl Qemu {
    /// Fetches QEMU, its libraries and the headers for the plugin.
    ///
    /// # Errors
    /// A download fails; the archive does not have what is needed.
    pub fn fetch(session: &Session) -> Result<Self> {
        let root = session.root(BOOKWORM)?;
        let fetcher = session.fetcher(&root);
        let packages = packages(session)?;
        let version = packages
            .iter()
            .find(|package| package.name == PACKAGE)
            .map(|package| package.version.clone());
        let version = version.ok_or_else(|| Error::setup(format!("{SUITE} has no {PACKAGE}")))?;
        let tree = fetcher.tree("qemu-1", &packages, &[], make_links_relative)?;

        // The mirror may have dropped the small files of a source package; only its one large file is needed.
        let source = root.source(&format!("qemu={version}"))?;
        let orig: Vec<Package> = source
            .into_iter()
            .filter(|file| file.file.contains(".orig.tar."))
            .collect();
        if orig.len() != 1 {
            return Err(
                Error::setup(format!("the sources of qemu {version} are not listed")).expected("one .orig.tar file")
            );
        }
        let source = fetcher.tree("qemu-source-1", &orig, &SOURCE_PARTS, lift_only_directory)?;
        let glib = root.exactly(&["libglib2.0-dev"])?;
        let glib_parts = [
            "./usr/include/glib-2.0/*",
            "./usr/lib/x86_64-linux-gnu/glib-2.0/include/*",
        ];
        let glib = fetcher.tree("glib-headers-1", &glib, &glib_parts, |_| Ok(()))?;
        let hit = tree.hit && source.hit && glib.hit;
        Ok(Qemu {
            tree: tree.path,
            version,
            source: source.path,
            glib: glib.path,
            packages,
            hit,
        })
    }

    /// The program, to be run with [`Qemu::libraries`].
    pub fn program(&self) -> PathBuf {
        self.tree.join("usr/bin/qemu-system-x86_64")
    }

    /// For `LD_LIBRARY_PATH`.
    pub fn libraries(&self) -> String {
        let dirs = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];
        dirs.map(|dir| self.tree.join(dir).display().to_string()).join(":")
    }
}

/// Moves what is inside the archive's only directory one level up.
fn lift_only_directory(dir: &Path) -> Result<()> {
    let mut entries = fs::read_dir(dir).on("read", dir)?.flatten().map(|item| item.path());
    let (Some(only), None) = (entries.next(), entries.next()) else {
        return Err(Error::setup("QEMU's source archive is laid out unexpectedly").expected("one directory"));
    };
    for item in fs::read_dir(&only).on("read", &only)? {
        let item = item.on("read", &only)?;
        fs::rename(item.path(), dir.join(item.file_name())).on("move", &only)?;
    }
    fs::remove_dir(&only).on("remove", &only)
}

/// Builds (or finds) the plugin from the shim's source and the emulated GPU's library.
///
/// # Errors
/// The compiler refuses the shim.
pub fn build(session: &Session, qemu: &Qemu, emulator: &Path) -> Result<Entry> {
    let shim = session.source.join("abi-tests/emulator");
    let compiler = Cmd::new("cc").arg("--version").query().unwrap_or_default();
    let key = Key::of("shim-1")
        .with("qemu", &qemu.version)
        .with("cc", compiler)
        .with_file("emulator", emulator)?
        .with_tree("shim", &shim.join("shim"), |_| true)?
        .with_tree("include", &shim.join("include"), |_| true)?
        .build();
    session.cache.entry("shim", &key, |dir| {
        let glib = qemu.glib.join("usr");
        let flags = ["include/glib-2.0", "lib/x86_64-linux-gnu/glib-2.0/include"];
        let flags = flags.map(|sub| format!("-I{}", glib.join(sub).display())).join(" ");
        Cmd::new("sh")
            .arg(shim.join("shim/build.sh"))
            .arg(&qemu.source)
            .arg(dir.join("gspemu.so"))
            .arg(emulator)
            .env("GLIB_CFLAGS", flags)
            .must("the emulated GPU's device for QEMU does not build")
            .map(|_| ())
    })
}
