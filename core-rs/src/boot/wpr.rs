// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The write-protected region WPR2 as the hardware has it.

use crate::error::Result;
use crate::platform::Platform;

/// Bits 31:4: first byte >> 12 (`NV_PFB_PRI_MMU_WPR2_ADDR_LO`).
const LO: u32 = 0x001f_a824;
/// Bits 31:4: byte behind the end >> 12, 0 = no region (`NV_PFB_PRI_MMU_WPR2_ADDR_HI`).
const HI: u32 = 0x001f_a828;

/// Start and end of WPR2, if it is set.
pub fn wpr2<P: Platform>(platform: &P) -> Result<Option<(u64, u64)>> {
    let hi = u64::from(platform.read32(HI)? >> 4) << 12;
    if hi == 0 {
        return Ok(None);
    }
    let lo = u64::from(platform.read32(LO)? >> 4) << 12;
    Ok(Some((lo, hi)))
}
