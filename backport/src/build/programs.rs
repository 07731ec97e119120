// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Programs of this workspace that a cell runs, built by cargo: the emulated GPU's library, the metadata generator, and the
//! program inside the guest.

use crate::error::{Error, Result};
use crate::proc::Cmd;
use crate::session::Session;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The guest has no library of its own, so its program is linked statically; the flag takes effect only for an explicit target.
const GUEST_TARGET: &str = "x86_64-unknown-linux-gnu";

/// The profile of the workspace's manifest that is made for a quick build of the tool; what the tool builds shares its libraries.
const PROFILE: &str = "tool";

/// What cargo built.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `libgsp_emulator.a`.
    pub emulator: PathBuf,
    /// Makes vGPU metadata files.
    pub metadata: PathBuf,
    /// The guest's `/init`.
    pub guest: PathBuf,
}

/// Builds them; cargo decides what is still good.
///
/// # Errors
/// Something does not compile.
pub fn build(session: &Session) -> Result<Programs> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| session.source.join("target"), PathBuf::from);
    cargo(session, &["--package", "gsp-emulator"], &target).must("the emulated GPU does not build")?;
    cargo(
        session,
        &["--package", "novabridge-guest", "--target", GUEST_TARGET],
        &target,
    )
    .env("RUSTFLAGS", "-Ctarget-feature=+crt-static")
    .must("the guest's program does not build")?;
    let built = target.join(PROFILE);
    let programs = Programs {
        emulator: built.join("libgsp_emulator.a"),
        metadata: built.join("vgpu-metadata"),
        guest: target.join(GUEST_TARGET).join(PROFILE).join("novabridge-guest"),
    };
    for path in [&programs.emulator, &programs.metadata, &programs.guest] {
        if !path.is_file() {
            return Err(Error::cell("cargo built something else than expected").expected(path.display().to_string()));
        }
    }
    Ok(programs)
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
