// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The real GSP firmware, from Debian's package, and the vGPU type files made for the tests.

use crate::apt::{Package, FIRMWARE};
use crate::error::{Error, PathContext, Result};
use crate::session::Session;
use std::fs;
use std::path::{Path, PathBuf};

/// The package with both releases.
const PACKAGE: &str = "firmware-nvidia-graphics";
/// Where the package puts firmware, as in any root file system.
const FIRMWARE_DIR: &str = "usr/lib/firmware";
/// The chip the emulated GPU has.
const CHIP: &str = "ad102";

/// The firmware releases the core knows and the package has, newest first.
pub const RELEASES: [&str; 2] = ["570.144", "535.113.01"];

/// Unpacked firmware.
#[derive(Clone, Debug)]
pub struct Firmware {
    /// The directory that holds `nvidia/`.
    pub dir: PathBuf,
    /// The package it came from.
    pub packages: Vec<Package>,
    /// Whether it was unpacked already.
    pub hit: bool,
}

/// The package, as it would be fetched.
///
/// # Errors
/// The archive does not have it.
pub fn packages(session: &Session) -> Result<Vec<Package>> {
    session.root(FIRMWARE)?.exactly(&[PACKAGE])
}

/// Fetches the GSP firmware of all chips and releases.
///
/// # Errors
/// The download fails; the package does not have a release.
pub fn fetch(session: &Session) -> Result<Firmware> {
    let root = session.root(FIRMWARE)?;
    let packages = packages(session)?;
    // All chips: links lead from one to another, and the core's tests read them all.
    let parts = ["./usr/lib/firmware/nvidia/*/gsp*"];
    let tree = session.fetcher(&root).tree("firmware-1", &packages, &parts, |dir| {
        RELEASES
            .iter()
            .try_for_each(|release| files(&dir.join(FIRMWARE_DIR), release).map(|_| ()))
    })?;
    Ok(Firmware {
        dir: tree.path.join(FIRMWARE_DIR),
        packages,
        hit: tree.hit,
    })
}

/// The files of one release as (name below the firmware directory, path).
///
/// # Errors
/// There are none, or the image itself is missing.
pub fn files(dir: &Path, release: &str) -> Result<Vec<(String, PathBuf)>> {
    let place = format!("nvidia/{CHIP}/gsp");
    let gsp = dir.join(&place);
    let suffix = format!("-{release}.bin");
    let mut found = Vec::new();
    for item in fs::read_dir(&gsp).on("read", &gsp)? {
        let name = item.on("read", &gsp)?.file_name().to_string_lossy().into_owned();
        if name.ends_with(&suffix) {
            found.push((format!("{place}/{name}"), gsp.join(&name)));
        }
    }
    found.sort();
    let image = gsp.join(format!("gsp{suffix}"));
    if image.is_file() {
        Ok(found)
    } else {
        Err(Error::setup(format!("{PACKAGE} has no firmware {release} for {CHIP}"))
            .expected(image.display().to_string()))
    }
}

/// The name under which the driver asks for the vGPU types of a release.
pub fn metadata_name(release: &str) -> String {
    format!("nvidia/vgpu-{release}.bin")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;

    #[test]
    fn a_release_is_all_files_that_end_in_its_name() {
        let dir = Scratch::new("firmware");
        let gsp = dir.0.join("nvidia/ad102/gsp");
        fs::create_dir_all(&gsp).unwrap();
        for name in [
            "gsp-570.144.bin",
            "booter_load-570.144.bin",
            "booter_load-535.113.01.bin",
        ] {
            fs::write(gsp.join(name), "").unwrap();
        }
        let names: Vec<String> = files(&dir.0, "570.144")
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(
            names,
            [
                "nvidia/ad102/gsp/booter_load-570.144.bin",
                "nvidia/ad102/gsp/gsp-570.144.bin"
            ]
        );
        assert!(files(&dir.0, "535.113.01").unwrap_err().what.contains("535.113.01"));
    }
}
