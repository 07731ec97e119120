// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Reads the VBIOS through the PROM window of BAR0.
//!
//! Reads of the window are slow, so the chain of images is followed while reading and nothing behind the last image is read.

use super::rom::{Image, HEADERS, MAX_ROM};
use crate::error::{Error, Kind, Result};
use crate::mem::Block;
use crate::platform::Platform;
use crate::wire::{bytes, put_u32};

/// BAR0 offset of the window.
pub const PROM: u32 = 0x30_0000;

/// "NVGI": the ROM starts with settings for the hardware, the images follow.
const IFR_SIGNATURE: u32 = 0x4947_564e;
/// "RFRD": the directory that tells where the images are.
const DIRECTORY_SIGNATURE: u32 = 0x4452_4652;

/// The ROM's images, up to the end of the last one.
pub struct Prom<P: Platform> {
    block: Block<P>,
    len: usize,
}

impl<P: Platform> Prom<P> {
    /// Reads the ROM.
    ///
    /// # Errors
    /// As [`Image::parse`]; [`Kind::RomIfr`]; [`Kind::RomImageLength`] (an image ends behind the window); those of the
    /// platform.
    pub fn read(platform: &P) -> Result<Self> {
        let start = images(platform)?;
        let mut block = Block::new(platform, MAX_ROM)?;
        let mut done = 0;
        let mut at = 0usize;
        loop {
            fill(
                platform,
                block.bytes_mut(),
                start,
                &mut done,
                at.saturating_add(HEADERS),
            )?;
            let image = Image::parse(bytes(block.bytes(), at, done.saturating_sub(at))?)?;
            let end = at.saturating_add(image.len);
            if end > MAX_ROM {
                return Err(Error::mismatch(Kind::RomImageLength, MAX_ROM as u64, end as u64));
            }
            fill(platform, block.bytes_mut(), start, &mut done, end)?;
            at = end;
            if image.last || at == MAX_ROM {
                return Ok(Prom { block, len: at });
            }
        }
    }

    /// The images.
    pub fn bytes(&self) -> &[u8] {
        self.block.bytes().get(..self.len).unwrap_or(&[])
    }
}

/// Reads on from `*done` up to `end` or the end of the window.
fn fill<P: Platform>(platform: &P, rom: &mut [u8], start: u32, done: &mut usize, end: usize) -> Result<()> {
    while *done < end.min(MAX_ROM) {
        put_u32(rom, *done, word(platform, start.saturating_add(*done as u32))?)?;
        *done = done.saturating_add(4);
    }
    Ok(())
}

/// The word at `off` of the window; zero behind its end. The ROM itself says some of the offsets.
fn word<P: Platform>(platform: &P, off: u32) -> Result<u32> {
    if off % 4 != 0 {
        return Err(Error::found(Kind::RomIfr, off.into()));
    }
    if off >= MAX_ROM as u32 {
        return Ok(0);
    }
    platform.read32(PROM.wrapping_add(off))
}

/// Offset in the window where the images start. Most hardware hides what comes before them; GA100 does not (nova-core
/// `vbios.rs`, rom_offset()).
fn images<P: Platform>(platform: &P) -> Result<u32> {
    if word(platform, 0)? != IFR_SIGNATURE {
        return Ok(0);
    }
    let fixed = word(platform, 4)?;
    let start = match (fixed >> 8) & 0xff {
        1 | 2 => word(platform, ((fixed >> 16) & 0x7fff).wrapping_add(4))?,
        3 => {
            let total = word(platform, 8)? & 0xf_ffff;
            let directory = word(platform, total)?.saturating_add(4096);
            let signature = word(platform, directory)?;
            if signature != DIRECTORY_SIGNATURE {
                return Err(Error::mismatch(
                    Kind::RomIfr,
                    u64::from(DIRECTORY_SIGNATURE),
                    u64::from(signature),
                ));
            }
            word(platform, directory.saturating_add(8))?
        }
        version => return Err(Error::found(Kind::RomIfr, u64::from(version))),
    };
    if start % 4 != 0 || start >= MAX_ROM as u32 {
        return Err(Error::found(Kind::RomIfr, u64::from(start)));
    }
    Ok(start)
}
