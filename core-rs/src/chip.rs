// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The chips the core knows, and what differs between them.
//!
//! Sources: Linux 7.3 `drivers/gpu/nova-core` (`regs.rs`, `gpu.rs`, `falcon/`, `fb/hal/`), nouveau `nvkm/subdev/gsp`.

use crate::error::{Error, Kind, Result};
use crate::falcon::FalconHal;
use crate::fb::rules::{self, Rules};
use crate::text::Text;

/// BAR0 offset of `NV_PMC_BOOT_0`.
pub const BOOT_0: u32 = 0x0000_0000;
/// BAR0 offset of `NV_PMC_BOOT_42`.
pub const BOOT_42: u32 = 0x0000_0a00;

/// BAR0 offsets of a falcon's register blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FalconBases {
    /// The falcon's own registers (`PFALCON`).
    pub falcon: u32,
    /// The boot ROM's and the RISC-V core's registers (`PFALCON2`, `PRISCV`).
    pub falcon2: u32,
}

/// How the size of the framebuffer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FbSize {
    /// A register holds it in MiB.
    Mebibytes(u32),
}

/// A chip.
#[derive(Debug)]
pub struct Chip {
    /// Architecture << 4 | implementation, of `NV_PMC_BOOT_42`.
    pub id: u32,
    /// Name as people write it.
    pub name: &'static str,
    /// Directory of its firmware files, `nvidia/<dir>/gsp/`.
    pub firmware_dir: &'static str,
    /// Section of the GSP image with the signature for this chip.
    pub signature_section: &'static str,
    /// The falcon that runs FWSEC and, as RISC-V, GSP-RM.
    pub gsp: FalconBases,
    /// The falcon that runs the booter and the scrubber.
    pub sec2: FalconBases,
    /// How its falcons are driven.
    pub falcon: &'static FalconHal,
    /// Size of the framebuffer.
    pub fb_size: FbSize,
    /// How the framebuffer is laid out.
    pub fb: &'static Rules,
    /// BAR0 offset and length of the mirror of PCI configuration space.
    pub pci_config_mirror: (u32, u32),
    /// Whether the WPR2 of a vGPU host exceeds what the hardware scrubs at power-on, so that the scrubber has to run.
    pub vgpu_needs_scrubber: bool,
}

/// All known chips.
pub static ALL: [&Chip; 1] = [&AD102];

/// Ada: RTX 6000 Ada, L40, RTX 4090.
pub static AD102: Chip = Chip {
    id: 0x192,
    name: "AD102",
    firmware_dir: "ad102",
    signature_section: ".fwsignature_ad10x",
    gsp: FalconBases {
        falcon: 0x11_0000,
        falcon2: 0x11_1000,
    },
    sec2: FalconBases {
        falcon: 0x84_0000,
        falcon2: 0x84_1000,
    },
    falcon: &FalconHal::GA102,
    fb_size: FbSize::Mebibytes(0x11_83a4),
    fb: &rules::GA10X,
    pci_config_mirror: (0x8_8000, 0x1000),
    vgpu_needs_scrubber: true,
};

/// The chip behind the two identification registers.
///
/// # Errors
/// [`Kind::DeviceGone`] when the bus answered with all ones; [`Kind::UnknownChip`] (found: the id) otherwise; [`known`]
/// names the chips there are.
pub fn identify(boot0: u32, boot42: u32) -> Result<&'static Chip> {
    if boot0 == u32::MAX || boot42 == u32::MAX {
        return Err(Kind::DeviceGone.into());
    }
    // BOOT_42: architecture 29:24, implementation 23:20. BOOT_0 is left to tell chips that have no BOOT_42 at all (before
    // Fermi: bit 8 clear and an architecture in 28:24 that is below 0xc); those are unknown whatever offset 0xa00 holds.
    let older_than_fermi = boot0 & (1 << 8) == 0 && (boot0 >> 24) & 0x1f < 0xc;
    let id = (boot42 >> 20) & 0x3ff;
    match ALL.iter().find(|chip| chip.id == id) {
        Some(chip) if !older_than_fermi => Ok(chip),
        _ => Err(Error::found(Kind::UnknownChip, u64::from(id))),
    }
}

/// The known chips in words.
pub fn known<const N: usize>() -> Text<N> {
    let mut text = Text::new();
    for (index, chip) in ALL.iter().enumerate() {
        if index > 0 {
            text.str(", ");
        }
        text.str(chip.name);
    }
    text
}

/// BAR0 offsets of the fuse registers that hold the version of an engine's microcode (`NV_FUSE_OPT_FPF_*_UCODE1_VERSION`);
/// the same from GA102 to Ada.
mod fuse {
    pub(super) const NVDEC: u32 = 0x82_4100;
    pub(super) const SEC2: u32 = 0x82_4140;
    pub(super) const GSP: u32 = 0x82_41c0;
    /// Registers of each engine, one per microcode id from 1.
    pub(super) const COUNT: u32 = 16;
}

/// BAR0 offset of the fuse register for the microcode `ucode_id` of the engines in `engine_mask`.
///
/// # Errors
/// [`Kind::UcodeId`] for an id the hardware has no register for; [`Kind::EngineMask`] for an unknown engine.
pub fn fuse_register(engine_mask: u16, ucode_id: u8) -> Result<u32> {
    let index = u32::from(ucode_id).wrapping_sub(1);
    if index >= fuse::COUNT {
        return Err(Error::found(Kind::UcodeId, u64::from(ucode_id)));
    }
    // Bits of the engine mask: nova-core `falcon/hal/ga102.rs`, signature_reg_fuse_version_ga102().
    let base = if engine_mask & 0x0001 != 0 {
        fuse::SEC2
    } else if engine_mask & 0x0004 != 0 {
        fuse::NVDEC
    } else if engine_mask & 0x0400 != 0 {
        fuse::GSP
    } else {
        return Err(Error::found(Kind::EngineMask, u64::from(engine_mask)));
    };
    Ok(base.wrapping_add(index.wrapping_mul(4)))
}

/// The version a fuse register's value stands for: the number of its highest bit, counted from 1; 0 without fuses.
pub const fn fuse_version(register: u32) -> u32 {
    // The field is bits 15:0.
    16u32.saturating_sub((register as u16).leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ad102_is_known_by_its_registers() {
        assert_eq!(identify(0x1920_00a1, 0x192a_1000).unwrap().name, "AD102");
        assert_eq!(known::<32>().as_str(), "AD102");
    }

    #[test]
    fn others_are_refused_with_their_id() {
        assert_eq!(
            identify(0x1930_00a1, 0x193a_1000).unwrap_err(),
            Error::found(Kind::UnknownChip, 0x193)
        );
        assert_eq!(identify(u32::MAX, u32::MAX).unwrap_err().kind(), Kind::DeviceGone);
        // A chip before Fermi has something else at the place of BOOT_42.
        assert_eq!(
            identify(0x0a80_00a1, 0x1920_0000).unwrap_err().kind(),
            Kind::UnknownChip
        );
    }

    #[test]
    fn fuse_registers_by_engine_and_id() {
        assert_eq!(fuse_register(1, 3), Ok(0x82_4148));
        assert_eq!(fuse_register(4, 1), Ok(0x82_4100));
        assert_eq!(fuse_register(0x400, 16), Ok(0x82_41fc));
        assert_eq!(fuse_register(1, 0).unwrap_err().kind(), Kind::UcodeId);
        assert_eq!(fuse_register(1, 17).unwrap_err().kind(), Kind::UcodeId);
        assert_eq!(fuse_register(2, 1).unwrap_err().kind(), Kind::EngineMask);
    }

    #[test]
    fn fuse_version_is_the_highest_bit() {
        assert_eq!([0, 1, 3, 0x8000, 0x1_0000].map(fuse_version), [0, 1, 2, 16, 0]);
    }
}
