// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What the hardware says about the framebuffer.

use crate::chip::{Chip, FbSize};
use crate::error::{Error, Kind, Result};
use crate::platform::Platform;

/// Bit 0: the chip has no display (`NV_FUSE_STATUS_OPT_DISPLAY`, GA100 on).
const FUSE_STATUS_OPT_DISPLAY: u32 = 0x82_0c04;
/// Bits 31:8: address >> 16; bit 3: valid (`NV_PDISP_VGA_WORKSPACE_BASE`).
const VGA_WORKSPACE_BASE: u32 = 0x62_5f04;
/// Bit 0: the lock's registers can be read.
const MMU_LOCK_CFG_PRIV_LEVEL_MASK: u32 = 0x1f_a7c8;
/// Bits 31:4: address >> 12.
const MMU_LOCK_ADDR_LO: u32 = 0x1f_a82c;
const MMU_LOCK_ADDR_HI: u32 = 0x1f_a830;

/// More than any GPU has; registers that cannot be read answer with patterns far above it.
const MAX_FB: u64 = 1 << 44;

/// What the hardware says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framebuffer {
    /// Bytes of framebuffer.
    pub size: u64,
    /// Where the VGA workspace is; `None` without display or valid answer.
    pub vga_workspace: Option<u64>,
    /// First byte the VBIOS has locked; `None` where the chip has no such lock or it is open.
    pub mmu_lock: Option<u64>,
}

/// Asks the hardware.
///
/// # Errors
/// [`Kind::FbSize`] for an impossible size; those of the platform.
pub fn read<P: Platform>(platform: &P, chip: &Chip) -> Result<Framebuffer> {
    let FbSize::Mebibytes(register) = chip.fb_size;
    let size = u64::from(platform.read32(register)?) << 20;
    if size == 0 || size > MAX_FB {
        return Err(Error::mismatch(Kind::FbSize, MAX_FB, size));
    }
    let mmu_lock = if chip.fb.mmu_lock { mmu_lock(platform)? } else { None };
    Ok(Framebuffer {
        size,
        vga_workspace: vga_workspace(platform)?,
        mmu_lock,
    })
}

fn vga_workspace<P: Platform>(platform: &P) -> Result<Option<u64>> {
    if platform.read32(FUSE_STATUS_OPT_DISPLAY)? & 1 != 0 {
        return Ok(None);
    }
    let base = platform.read32(VGA_WORKSPACE_BASE)?;
    Ok(if base & (1 << 3) != 0 {
        Some(u64::from(base & !0xff) << 8)
    } else {
        None
    })
}

fn mmu_lock<P: Platform>(platform: &P) -> Result<Option<u64>> {
    if platform.read32(MMU_LOCK_CFG_PRIV_LEVEL_MASK)? & 1 == 0 {
        return Ok(None);
    }
    let low = u64::from(platform.read32(MMU_LOCK_ADDR_LO)? >> 4) << 12;
    let high = u64::from(platform.read32(MMU_LOCK_ADDR_HI)? >> 4) << 12;
    Ok(if low != 0 && low <= high { Some(low) } else { None })
}
