// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Firmware for a falcon, with the signature that this GPU's fuses ask for patched in.

use crate::chip;
use crate::error::Result;
use crate::falcon::{Brom, Section, Ucode};
use crate::firmware::booter::HsFirmware;
use crate::mem::Block;
use crate::platform::Platform;
use crate::vbios::{Command, Fwsec};
use crate::wire;

/// A signed firmware, ready to be loaded at any time.
pub struct SignedUcode<P: Platform> {
    image: Block<P>,
    imem_sec: Section,
    imem_ns: Option<Section>,
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
    /// Signs a booter or scrubber of GA102 or later: the boot ROM checks all of its code, and data follows the code.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::NoSignature`] when the file has none for this GPU; those of the platform.
    pub fn from_file(platform: &P, file: &HsFirmware<'_>) -> Result<Self> {
        let version = fuse_version(platform, file.engine_mask, file.ucode_id)?;
        let signature = file.signature(version)?;
        let mut image = Block::new(platform, file.image.len())?;
        wire::put(image.bytes_mut(), 0, file.image)?;
        wire::put(image.bytes_mut(), file.patch_at as usize, signature)?;
        Ok(SignedUcode {
            image,
            imem_sec: Section {
                src: file.app_code.offset,
                dst: 0,
                len: file.app_code.size,
            },
            imem_ns: None,
            dmem: Section {
                src: file.os_data.offset,
                dst: 0,
                len: file.os_data.size,
            },
            brom: Brom {
                pkc_data_offset: file.pkc_offset(),
                engine_id_mask: file.engine_mask,
                ucode_id: file.ucode_id,
            },
            boot_addr: file.app_code.offset,
        })
    }

    /// Makes FWSEC do `command`. Its boot vector is 0.
    ///
    /// # Errors
    ///
    /// As [`Fwsec::build`]; those of the platform.
    pub fn fwsec(platform: &P, fwsec: &Fwsec<'_>, command: Command) -> Result<Self> {
        let version = match fwsec.is_signed() {
            true => fuse_version(platform, fwsec.brom.engine_id_mask, fwsec.brom.ucode_id)?,
            false => 0,
        };
        let mut image = Block::new(platform, fwsec.ucode.len())?;
        fwsec.build(image.bytes_mut(), command, version)?;
        Ok(SignedUcode {
            image,
            imem_sec: fwsec.imem_sec,
            imem_ns: fwsec.imem_ns,
            dmem: fwsec.dmem,
            brom: fwsec.brom,
            boot_addr: 0,
        })
    }

    /// What to load.
    pub fn ucode(&self) -> Ucode<'_> {
        Ucode {
            image: self.image.bytes(),
            imem_sec: self.imem_sec,
            imem_ns: self.imem_ns,
            dmem: self.dmem,
            brom: self.brom,
            boot_addr: self.boot_addr,
        }
    }
}
