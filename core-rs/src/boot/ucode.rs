// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Firmware for a falcon, with the signature that this GPU's fuses ask for patched in.

use crate::chip;
use crate::error::{Error, Kind, Result};
use crate::falcon::{Brom, Section, Ucode};
use crate::firmware::booter::HsFirmware;
use crate::mem::Block;
use crate::platform::Platform;

/// A signed firmware, ready to be loaded at any time.
pub struct SignedUcode<P: Platform> {
    image: Block<P>,
    imem_sec: Section,
    dmem: Section,
    brom: Brom,
    boot_addr: u32,
}

/// Fused version of the firmware `ucode_id` for the engines in `engine_mask`.
///
/// # Errors
///
/// As [`chip::fuse_register`].
pub fn fuse_version<P: Platform>(platform: &P, engine_mask: u16, ucode_id: u8) -> Result<u32> {
    let register = chip::fuse_register(engine_mask, ucode_id)?;
    Ok(chip::fuse_version(platform.read32(register)?))
}

impl<P: Platform> SignedUcode<P> {
    /// Takes `image`, into which the signature is patched already.
    pub fn new(image: Block<P>, imem_sec: Section, dmem: Section, brom: Brom, boot_addr: u32) -> Self {
        SignedUcode {
            image,
            imem_sec,
            dmem,
            brom,
            boot_addr,
        }
    }

    /// Signs a booter or scrubber of GA102 or later: the boot ROM checks all of its code, and data follows the code.
    ///
    /// # Errors
    ///
    /// [`Kind::NoSignature`] when the file has none for this GPU; [`Kind::HsPatch`]; those of the platform.
    pub fn from_file(platform: &P, file: &HsFirmware<'_>) -> Result<Self> {
        let version = fuse_version(platform, file.engine_mask, file.ucode_id)?;
        let signature = file.signature(version)?;
        let mut image = Block::new(platform, file.image.len())?;
        copy(image.bytes_mut(), 0, file.image)?;
        copy(image.bytes_mut(), file.patch_at as usize, signature)?;
        Ok(SignedUcode::new(
            image,
            Section {
                src: file.app_code.offset,
                dst: 0,
                len: file.app_code.size,
            },
            Section {
                src: file.os_data.offset,
                dst: 0,
                len: file.os_data.size,
            },
            Brom {
                pkc_data_offset: file.pkc_offset(),
                engine_id_mask: file.engine_mask,
                ucode_id: file.ucode_id,
            },
            file.app_code.offset,
        ))
    }

    /// What to load.
    pub fn ucode(&self) -> Ucode<'_> {
        Ucode {
            image: self.image.bytes(),
            imem_sec: self.imem_sec,
            imem_ns: None,
            dmem: self.dmem,
            brom: self.brom,
            boot_addr: self.boot_addr,
        }
    }
}

fn copy(dst: &mut [u8], at: usize, src: &[u8]) -> Result<()> {
    at.checked_add(src.len())
        .and_then(|end| dst.get_mut(at..end))
        .ok_or_else(|| Error::found(Kind::HsPatch, at as u64))?
        .copy_from_slice(src);
    Ok(())
}
