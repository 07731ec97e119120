// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Programs of this workspace that a cell runs, built by cargo: the emulated GPU's library, the metadata generator, and the
//! program inside the guest.
//!
//! They are kept by the hash of their sources, so that a machine that was handed the cache runs cells without building anything.

use crate::cache::{Entry, Key};
use crate::error::{Error, PathContext, Result};
use crate::proc::Cmd;
use crate::rust::toolchain::Toolchain;
use crate::session::Session;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The guest has no library of its own, so its program is linked statically; the flag takes effect only for an explicit target.
const GUEST_TARGET: &str = "x86_64-unknown-linux-gnu";

/// The profile of the workspace's manifest that is made for a quick build of the tool; what the tool builds shares its libraries.
const PROFILE: &str = "tool";

/// What they are made of, beside the workspace's manifests.
const SOURCES: [&str; 3] = ["abi-tests/emulator", "backport/guest", "backport/protocol"];

/// What cargo built.
#[derive(Clone, Debug)]
pub struct Programs {
    /// Where they are.
    pub dir: PathBuf,
    /// `libgsp_emulator.a`.
    pub emulator: PathBuf,
    /// Makes vGPU metadata files.
    pub metadata: PathBuf,
    /// The guest's `/init`.
    pub guest: PathBuf,
    /// Whether they were there already.
    pub hit: bool,
}

impl Programs {
    fn of(entry: &Entry) -> Self {
        Programs {
            dir: entry.path.clone(),
            emulator: entry.path.join("libgsp_emulator.a"),
            metadata: entry.path.join("vgpu-metadata"),
            guest: entry.path.join("novabridge-guest"),
            hit: entry.hit,
        }
    }
}

/// Builds them, unless they were built of the same sources before.
///
/// # Errors
/// There is no rustc; something does not compile.
pub fn build(session: &Session) -> Result<Programs> {
    let is_source = |path: &Path| !path.components().any(|part| part.as_os_str() == "target");
    let mut key = Key::of("programs-1")
        .with("rustc", Toolchain::find()?.verbose)
        .with("flags", std::env::var("RUSTFLAGS").unwrap_or_default());
    for manifest in ["Cargo.toml", "Cargo.lock"] {
        key = key.with_file(manifest, &session.source.join(manifest))?;
    }
    for part in SOURCES {
        key = key.with_tree(part, &session.source.join(part), is_source)?;
    }
    let entry = session
        .cache
        .entry("programs", &key.build(), |dir| make(session, dir))?;
    Ok(Programs::of(&entry))
}

/// Lets cargo build them and puts them into `dir`.
fn make(session: &Session, dir: &Path) -> Result<()> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| session.source.join("target"), PathBuf::from);
    cargo(session, &["--package", "gsp-emulator"], &target).must("the emulated GPU does not build")?;
    cargo(
        session,
        &["--package", "novabridge-guest", "--target", GUEST_TARGET],
        &target,
    )
    .env("RUSTFLAGS", "-Ctarget-feature=+crt-static")
    .must("the guest's program does not build")?;
    let native = target.join(PROFILE);
    let guest = target.join(GUEST_TARGET).join(PROFILE);
    for (from, name) in [
        (&native, "libgsp_emulator.a"),
        (&native, "vgpu-metadata"),
        (&guest, "novabridge-guest"),
    ] {
        let built = from.join(name);
        if !built.is_file() {
            return Err(Error::cell("cargo built something else than expected").expected(built.display().to_string()));
        }
        fs::copy(&built, dir.join(name)).on("copy", &built)?;
    }
    Ok(())
}

fn cargo(session: &Session, what: &[&str], target: &Path) -> Cmd {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cmd = Cmd::new(program)
        .args(["build", "--profile", PROFILE, "--quiet"])
        .args(what)
        .arg("--target-dir")
        .arg(target)
        .dir(&session.source)
        .limit(Duration::from_secs(900));
    if session.fresh.offline {
        cmd = cmd.arg("--offline");
    }
    cmd
}
