// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Running FWSEC, the VBIOS' secure firmware, on the GSP falcon.
//!
//! Command FRTS makes WPR2 and puts a verified copy of the VBIOS into it; command SB puts the pre-OS state back before another
//! boot. Sources: nova-core gsp/hal/tu102.rs (`run_fwsec_frts`), firmware/fwsec.rs.

use super::wpr::wpr2;
use crate::error::{Error, Kind, Result};
use crate::falcon::{Falcon, Ucode};
use crate::platform::Platform;

/// Bits 31:16: why FRTS failed (`NV_PBUS_SW_SCRATCH(0xe)`).
const FRTS_STATUS: u32 = 0x1400 + 4 * 0xe;

/// Runs FWSEC with command FRTS, which makes a WPR2 that begins at `frts_addr`.
///
/// # Errors
///
/// - [`Kind::WprPresent`]: there is a WPR2 already; only a reset of the GPU helps.
/// - [`Kind::Fwsec`]: FWSEC reports an error, in the mailbox or the scratch register.
/// - [`Kind::WprMissing`], [`Kind::WprPlace`]: it reports none, but WPR2 is not there or elsewhere.
/// - Those of the falcon.
pub fn run_frts<P: Platform>(platform: &P, gsp: &Falcon<P>, ucode: &Ucode<'_>, frts_addr: u64) -> Result<()> {
    if let Some((start, _)) = wpr2(platform)? {
        return Err(Error::found(Kind::WprPresent, start));
    }
    run(gsp, ucode)?;
    let status = platform.read32(FRTS_STATUS)? >> 16;
    if status != 0 {
        return Err(Error::mismatch(Kind::Fwsec, 0, status.into()));
    }
    match wpr2(platform)? {
        None => Err(Kind::WprMissing.into()),
        Some((start, _)) if start != frts_addr => Err(Error::mismatch(Kind::WprPlace, frts_addr, start)),
        Some(_) => Ok(()),
    }
}

/// Runs FWSEC with the command it was prepared for.
///
/// # Errors
///
/// [`Kind::Fwsec`] when it reports an error; those of the falcon.
pub fn run<P: Platform>(gsp: &Falcon<P>, ucode: &Ucode<'_>) -> Result<()> {
    gsp.reset()?;
    gsp.load(ucode)?;
    let (mailbox0, _) = gsp.run(0, None)?;
    if mailbox0 != 0 {
        return Err(Error::mismatch(Kind::Fwsec, 0, mailbox0.into()));
    }
    Ok(())
}
