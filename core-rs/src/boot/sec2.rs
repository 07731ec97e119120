// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What runs on SEC2: the booter, which verifies GSP-RM into WPR2 and starts it or takes WPR2 away again, and the scrubber.
//!
//! Sources: nova-core firmware/booter.rs, gsp/hal/tu102.rs; OpenRM 570.144 `kernel_gsp_ad102.c`
//! (`kgspExecuteScrubberIfNeeded_AD102`).

use super::wpr::wpr2;
use crate::error::{Error, Kind, Result};
use crate::falcon::{Falcon, Ucode};
use crate::platform::Platform;

/// Tells that the booter really ran: it puts 0 or an error there.
const UNLOAD_SENTINEL: u32 = 0xff;

/// Bits 31:29: how far scrubbing is (`NV_PGC6_BSI_VPR_SECURE_SCRATCH_15_SCRUBBER_HANDOFF`).
const SCRUBBER_HANDOFF: u32 = 0x0011_80fc;
/// From here on all of the frame buffer is scrubbed.
const SCRUBBER_HANDOFF_DONE: u32 = 3;
/// What the GPU's start scrubs by itself, at the end of the frame buffer (`kgspGetPrescrubbedTopFbSize`).
const PRESCRUBBED: u64 = 256 << 20;

fn run<P: Platform>(sec2: &Falcon<P>, ucode: &Ucode<'_>, mailbox0: u32, mailbox1: u32) -> Result<u32> {
    sec2.reset()?;
    sec2.load(ucode)?;
    Ok(sec2.run(mailbox0, Some(mailbox1))?.0)
}

/// Lets the booter load and start GSP-RM as the WPR metadata at device address `meta` says.
///
/// # Errors
///
/// [`Kind::BooterLoad`] when the booter refuses; `found` is its code. Those of the falcon.
pub fn load<P: Platform>(sec2: &Falcon<P>, ucode: &Ucode<'_>, meta: u64) -> Result<()> {
    match run(sec2, ucode, meta as u32, (meta >> 32) as u32)? {
        0 => Ok(()),
        code => Err(Error::found(Kind::BooterLoad, code.into())),
    }
}

/// Takes WPR2 away, if it is there.
///
/// # Errors
///
/// [`Kind::BooterUnload`] when the booter refuses (`found` is its code); [`Kind::WprPresent`] when it does not, but WPR2 stays.
/// Those of the falcon.
pub fn unload<P: Platform>(platform: &P, sec2: &Falcon<P>, ucode: &Ucode<'_>) -> Result<()> {
    if wpr2(platform)?.is_none() {
        return Ok(());
    }
    match run(sec2, ucode, UNLOAD_SENTINEL, UNLOAD_SENTINEL)? {
        0 => {}
        code => return Err(Error::found(Kind::BooterUnload, code.into())),
    }
    match wpr2(platform)? {
        None => Ok(()),
        Some((start, _)) => Err(Error::found(Kind::WprPresent, start)),
    }
}

/// Whether the part of the frame buffer from `first` up to its end `fb_size` has to be scrubbed before the firmware may use it.
pub fn needs_scrub<P: Platform>(platform: &P, fb_size: u64, first: u64) -> Result<bool> {
    Ok(fb_size.saturating_sub(first) > PRESCRUBBED && !scrubbed(platform)?)
}

fn scrubbed<P: Platform>(platform: &P) -> Result<bool> {
    Ok(platform.read32(SCRUBBER_HANDOFF)? >> 29 >= SCRUBBER_HANDOFF_DONE)
}

/// Scrubs the frame buffer.
///
/// # Errors
///
/// [`Kind::Scrubber`] when it halts without being done. Those of the falcon.
pub fn scrub<P: Platform>(platform: &P, sec2: &Falcon<P>, ucode: &Ucode<'_>) -> Result<()> {
    let mailbox0 = run(sec2, ucode, 0, 0)?;
    if scrubbed(platform)? {
        Ok(())
    } else {
        Err(Error::found(Kind::Scrubber, mailbox0.into()))
    }
}
