// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The GPU's own start: before devinit is through, nothing else may be touched.

use crate::error::{Kind, Result};
use crate::platform::Platform;
use crate::time::{poll, MS, S};

/// Privilege mask of the register below; bit 0: the CPU may read it. FWSEC sets it.
const PROGRESS_PRIV_MASK: u32 = 0x0011_8128;
/// Progress of the GPU's start in the low byte; 0xff = through.
const PROGRESS: u32 = 0x0011_8234;
/// Arbitrarily long; it starts when the GPU comes out of reset (nova-core gpu/hal/tu102.rs).
const TIMEOUT_US: u64 = 4 * S;

/// Waits until the GPU's start is through.
///
/// # Errors
///
/// [`Kind::GfwBoot`] after four seconds.
pub fn wait<P: Platform>(platform: &P) -> Result<()> {
    poll(platform, TIMEOUT_US, MS as u32, Kind::GfwBoot, || {
        Ok(platform.read32(PROGRESS_PRIV_MASK)? & 1 != 0 && platform.read32(PROGRESS)? & 0xff == 0xff)
    })
}
