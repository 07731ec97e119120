// SPDX-License-Identifier: MIT
//! The PF's registers outside the falcons: chip identity, boot progress, framebuffer, fuses, scratch, timer.
//!
//! Sources: nova-core `regs.rs`, `fb/regs.rs`, `gsp/regs.rs` (Linux 7.3); OpenRM 570.144 published headers `dev_boot.h`,
//! `dev_bus.h`, `dev_gc6_island.h`, `dev_fuse.h`, `dev_timer.h`, `dev_fb.h` of GA102 and AD102.

use crate::{board::Board, hostile::Mode};
use std::time::Instant;

mod reg {
    pub const PMC_BOOT_0: u32 = 0x000000;
    pub const PMC_BOOT_1: u32 = 0x000004;
    pub const PMC_BOOT_42: u32 = 0x000a00;
    pub const PBUS_SW_SCRATCH: u32 = 0x001400;
    pub const PBUS_SW_SCRATCH_END: u32 = 0x001500;
    pub const PBUS_BAR0_WINDOW: u32 = 0x001700;
    pub const PTIMER_TIME_0: u32 = 0x009400;
    pub const PTIMER_TIME_1: u32 = 0x009410;
    pub const PFB_FLUSH_ADDR: u32 = 0x100c10;
    pub const PFB_FLUSH_ADDR_HI: u32 = 0x100c40;
    pub const PFB_LOCAL_MEMORY_RANGE: u32 = 0x100ce0;
    pub const BSI_SECURE_SCRATCH_14: u32 = 0x1180f8;
    pub const BSI_SECURE_SCRATCH_15: u32 = 0x1180fc;
    pub const GFW_BOOT_PRIV_MASK: u32 = 0x118128;
    pub const GFW_BOOT: u32 = 0x118234;
    pub const USABLE_FB_MIB: u32 = 0x1183a4;
    pub const MMU_LOCK_PRIV_MASK: u32 = 0x1fa7c8;
    pub const WPR2_LO: u32 = 0x1fa824;
    pub const WPR2_HI: u32 = 0x1fa828;
    pub const MMU_LOCK_LO: u32 = 0x1fa82c;
    pub const MMU_LOCK_HI: u32 = 0x1fa830;
    pub const VGA_WORKSPACE: u32 = 0x625f04;
    pub const FUSE_OPT_DISPLAY: u32 = 0x820c04;
    pub const FUSE_NVDEC: u32 = 0x824100;
    pub const FUSE_SEC2: u32 = 0x824140;
    pub const FUSE_GSP: u32 = 0x8241c0;
}

/// AD102, revision A1.
const BOOT_0: u32 = 0x192000a1;
/// The same in the extended encoding: architecture 0x19, implementation 2, revision a.1.
const BOOT_42: u32 = 0x192a1000;
/// Looks at the boot progress before it is complete.
const GFW_BOOT_LOOKS: u32 = 2;

pub(crate) struct Registers {
    pub scratch: [u32; 64],
    /// `BSI_SECURE_SCRATCH_14`; bit 26 is the hand-off after a resume.
    pub secure_scratch_14: u32,
    /// `BSI_SECURE_SCRATCH_15`; bits 31:29 are the scrubber's hand-off.
    pub secure_scratch_15: u32,
    /// WPR2 as a range of the framebuffer; empty when unset.
    pub wpr2: std::ops::Range<u64>,
    flush_addr: [u32; 2],
    window: u32,
    gfw_looks: u32,
    start: Instant,
}

impl Registers {
    pub fn new() -> Self {
        Registers {
            scratch: [0; 64],
            secure_scratch_14: 0,
            secure_scratch_15: 0,
            wpr2: 0..0,
            flush_addr: [0; 2],
            window: 0,
            gfw_looks: 0,
            start: Instant::now(),
        }
    }

    /// Framebuffer address that offset `off` of the PRAMIN window shows; `None` when the window shows something else.
    pub fn pramin(&self, off: u32) -> Option<u64> {
        // PBUS_BAR0_WINDOW: bits 23:0 base in 64 KiB, bits 25:24 target, 0 = video memory.
        (self.window >> 24 & 3 == 0).then_some((u64::from(self.window & 0xff_ffff) << 16) + u64::from(off))
    }

    /// The page the GPU reads to flush writes to system memory; 0 when unset.
    pub fn flush_page(&self) -> u64 {
        u64::from(self.flush_addr[0]) << 8 | u64::from(self.flush_addr[1]) << 40
    }

    fn nanoseconds(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    pub fn read(&mut self, board: &Board, off: u32) -> Option<u32> {
        let fb = board.config.fb_size;
        let fuses = board.config.fuses;
        Some(match off {
            reg::PMC_BOOT_0 => BOOT_0,
            reg::PMC_BOOT_1 => 0,
            reg::PMC_BOOT_42 => BOOT_42,
            reg::PBUS_SW_SCRATCH..reg::PBUS_SW_SCRATCH_END => self.scratch[((off - reg::PBUS_SW_SCRATCH) / 4) as usize],
            reg::PBUS_BAR0_WINDOW => self.window,
            reg::PTIMER_TIME_0 => self.nanoseconds() as u32 & !0x1f,
            reg::PTIMER_TIME_1 => (self.nanoseconds() >> 32) as u32,
            reg::PFB_FLUSH_ADDR => self.flush_addr[0],
            reg::PFB_FLUSH_ADDR_HI => self.flush_addr[1],
            reg::PFB_LOCAL_MEMORY_RANGE => memory_range(fb),
            reg::BSI_SECURE_SCRATCH_14 => self.secure_scratch_14,
            reg::BSI_SECURE_SCRATCH_15 => self.secure_scratch_15,
            reg::GFW_BOOT_PRIV_MASK => u32::from(self.gfw_looks > 0 || self.look()),
            reg::GFW_BOOT if board.is(Mode::GfwNever) => 0x7f,
            reg::GFW_BOOT => {
                if self.gfw_looks >= GFW_BOOT_LOOKS {
                    0xff
                } else {
                    self.look();
                    0x7f
                }
            }
            reg::USABLE_FB_MIB => (fb >> 20) as u32,
            reg::MMU_LOCK_PRIV_MASK | reg::MMU_LOCK_LO | reg::MMU_LOCK_HI => 0,
            // Bits 31:4 are bits 39:12 of the address; the upper bound is exclusive.
            reg::WPR2_LO => (self.wpr2.start >> 8) as u32 & !0xf,
            reg::WPR2_HI => (self.wpr2.end >> 8) as u32 & !0xf,
            reg::VGA_WORKSPACE => ((vga_workspace(fb) >> 16) as u32) << 8 | 1 << 3,
            reg::FUSE_OPT_DISPLAY => 0,
            reg::FUSE_NVDEC..=0x82413c => fuse(fuses.nvdec),
            reg::FUSE_SEC2..=0x82417c => fuse(fuses.sec2),
            reg::FUSE_GSP..=0x8241fc => fuse(fuses.gsp),
            _ => return None,
        })
    }

    fn look(&mut self) -> bool {
        self.gfw_looks += 1;
        false
    }

    /// False when there is no such register.
    pub fn write(&mut self, off: u32, value: u32) -> bool {
        match off {
            reg::PBUS_SW_SCRATCH..reg::PBUS_SW_SCRATCH_END => {
                self.scratch[((off - reg::PBUS_SW_SCRATCH) / 4) as usize] = value;
            }
            reg::PBUS_BAR0_WINDOW => self.window = value & 0x3ff_ffff,
            reg::PFB_FLUSH_ADDR => self.flush_addr[0] = value,
            reg::PFB_FLUSH_ADDR_HI => self.flush_addr[1] = value & 0xff_ffff,
            // Read-only for the CPU.
            reg::PMC_BOOT_0 | reg::PMC_BOOT_1 | reg::PMC_BOOT_42 | reg::USABLE_FB_MIB | reg::WPR2_LO | reg::WPR2_HI => {
            }
            _ => return false,
        }
        true
    }
}

/// Where the VGA workspace of a board with `fb` bytes is: the last MiB.
pub(crate) fn vga_workspace(fb: u64) -> u64 {
    fb - (1 << 20)
}

/// A fuse register: one bit burnt per version.
fn fuse(version: u32) -> u32 {
    (1 << version.min(16)) - 1
}

/// `PFB_PRI_MMU_LOCAL_MEMORY_RANGE`: size = mag << scale MiB.
fn memory_range(fb: u64) -> u32 {
    let mib = fb >> 20;
    let scale = (0..16).find(|s| mib >> s < 64).unwrap_or(15);
    ((mib >> scale) as u32) << 4 | scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        assert_eq!(memory_range(48 << 30), 48 << 4 | 10);
        assert_eq!(fuse(0), 0);
        assert_eq!(fuse(3), 7);
        let mut regs = Registers::new();
        regs.write(reg::PBUS_BAR0_WINDOW, 0xbff00);
        assert_eq!(regs.pramin(0x1234), Some(0xbff001234));
        regs.write(reg::PBUS_BAR0_WINDOW, 0x200_0000);
        assert_eq!(regs.pramin(0), None);
        regs.write(reg::PFB_FLUSH_ADDR, 0x1234_5600);
        regs.write(reg::PFB_FLUSH_ADDR_HI, 0x1);
        assert_eq!(regs.flush_page(), 0x112_3456_0000);
    }
}
