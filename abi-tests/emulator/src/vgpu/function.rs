// SPDX-License-Identifier: MIT
//! Virtual functions: what a guest sees.
//!
//! BAR0 has the interrupt block of a virtual function at 0 and, at 0x10000, a small DMA engine that has no counterpart in
//! the hardware: it lets a test move bytes between guest memory, by bus DMA of the VF, and the vGPU's framebuffer. BAR1
//! shows the framebuffer of the vGPU from its start. The engine also takes the whole GPU off the bus, for a test of that.

use super::plugin::doorbell_gfid;
use crate::{device::Device, host::Func, intr::IntrTree, violation::Rule};

/// Registers of the test engine, from `ENGINE`.
const ENGINE: u32 = 0x10000;
const ENGINE_END: u32 = 0x10100;
mod reg {
    pub const SRC_LO: u32 = 0x00;
    pub const SRC_HI: u32 = 0x04;
    pub const DST_LO: u32 = 0x08;
    pub const DST_HI: u32 = 0x0c;
    pub const LEN: u32 = 0x10;
    pub const CTRL: u32 = 0x14;
    pub const STATUS: u32 = 0x18;
    pub const STATE: u32 = 0x1c;
    pub const RESETS: u32 = 0x20;
    pub const FLRS: u32 = 0x24;
    /// Written, it takes the whole GPU off the bus. (The register behind it, 0x2c, is the QEMU device's.)
    pub const LOSE: u32 = 0x28;
}

/// What `CTRL` starts.
const COPY_MEMORY: u32 = 1;
const MEMORY_TO_FB: u32 = 2;
const FB_TO_MEMORY: u32 = 3;

/// `STATUS`.
const DONE: u32 = 0;
const FAULT: u32 = 1;
const NO_VGPU: u32 = 2;
const NO_BUS_MASTER: u32 = 3;
const OUT_OF_RANGE: u32 = 4;

/// The most one copy moves.
const MAX_LEN: u32 = 16 << 20;

/// What a function keeps besides its vGPU.
#[derive(Clone, Debug, Default)]
pub(crate) struct VirtualFunction {
    /// Source, destination, length.
    args: [u32; 5],
    status: u32,
    /// Function-level resets it has seen.
    flrs: u32,
}

impl VirtualFunction {
    /// Function-level reset: the plugin does not notice.
    pub fn reset(&mut self) {
        *self = VirtualFunction {
            flrs: self.flrs + 1,
            ..VirtualFunction::default()
        };
    }
}

impl Device {
    /// A register of a VF's BAR0.
    pub(crate) fn vf_register(&mut self, func: Func, off: u32) -> Option<u32> {
        if let ENGINE..ENGINE_END = off {
            let vf = self.vfs.get(func as usize - 1)?;
            let plugin = self.plugins.get(&func);
            return Some(match off - ENGINE {
                arg @ reg::SRC_LO..=reg::LEN => vf.args[arg as usize / 4],
                reg::CTRL | reg::LOSE => 0,
                reg::STATUS => vf.status,
                reg::STATE => plugin
                    .filter(|p| p.running())
                    .map_or(0, |p| 1 | u32::from(p.bus_master) << 1 | p.kind.id << 16),
                reg::RESETS => plugin.map_or(0, |p| p.resets),
                reg::FLRS => vf.flrs,
                _ => return None,
            });
        }
        let tree = self.intr.get(func as usize)?;
        IntrTree::has(off).then(|| tree.read(off))
    }

    /// Writes a register of a VF's BAR0; false when there is none.
    pub(crate) fn set_vf_register(&mut self, func: Func, off: u32, value: u32) -> bool {
        if let ENGINE..ENGINE_END = off {
            let Some(vf) = self.vfs.get_mut(func as usize - 1) else {
                return false;
            };
            match off - ENGINE {
                arg @ (reg::SRC_LO | reg::SRC_HI | reg::DST_LO | reg::DST_HI | reg::LEN) => {
                    vf.args[arg as usize / 4] = value
                }
                reg::CTRL => {
                    let status = self.copy(func, value);
                    self.vfs[func as usize - 1].status = status;
                    self.trigger(func, 0);
                }
                reg::LOSE => self.board.lost = true,
                reg::STATUS | reg::STATE | reg::RESETS | reg::FLRS => {}
                _ => return false,
            }
            return true;
        }
        let Some(tree) = self.intr.get_mut(func as usize) else {
            return false;
        };
        if tree.write(off, value) {
            self.board.irq(func, 0);
        }
        IntrTree::has(off)
    }

    fn copy(&mut self, func: Func, kind: u32) -> u32 {
        let Some(plugin) = self.plugins.get(&func).filter(|p| p.running()) else {
            return NO_VGPU;
        };
        if !plugin.bus_master {
            return NO_BUS_MASTER;
        }
        let [src_lo, src_hi, dst_lo, dst_hi, len] = self.vfs[func as usize - 1].args;
        let src = u64::from(src_lo) | u64::from(src_hi) << 32;
        let dst = u64::from(dst_lo) | u64::from(dst_hi) << 32;
        let fb_at = match kind {
            MEMORY_TO_FB => Some(dst),
            FB_TO_MEMORY => Some(src),
            COPY_MEMORY => None,
            _ => return OUT_OF_RANGE,
        };
        let place = match fb_at.map(|at| plugin.guest_fb(at).filter(|(_, room)| u64::from(len) <= *room)) {
            Some(None) => return OUT_OF_RANGE,
            Some(Some((at, _))) => at,
            None => 0,
        };
        if len > MAX_LEN {
            return OUT_OF_RANGE;
        }
        let mut buf = vec![0; len as usize];
        let moved = match kind {
            MEMORY_TO_FB => self.board.dma_read(func, src, &mut buf) && self.board.fb.write(place, &buf),
            FB_TO_MEMORY => self.board.fb.read(place, &mut buf) && self.board.dma_write(func, dst, &buf),
            _ => self.board.dma_read(func, src, &mut buf) && self.board.dma_write(func, dst, &buf),
        };
        if moved {
            DONE
        } else {
            FAULT
        }
    }

    /// Where offset `off` of a VF's BAR1 is in the framebuffer.
    fn vf_fb(&self, func: Func, off: u64, size: u32) -> Option<u64> {
        let plugin = self.plugins.get(&func).filter(|p| p.running())?;
        let window = plugin.kind.bar1_mib << 20;
        let (at, room) = plugin.guest_fb(off)?;
        (off + u64::from(size) <= window && u64::from(size) <= room).then_some(at)
    }

    pub(crate) fn vf_fb_read(&mut self, func: Func, off: u64, size: u32) -> u64 {
        match self.vf_fb(func, off, size) {
            Some(at) => self.fb_read(at, size),
            None => u64::MAX >> (64 - 8 * size),
        }
    }

    pub(crate) fn vf_fb_write(&mut self, func: Func, off: u64, size: u32, value: u64) {
        if let Some(at) = self.vf_fb(func, off, size) {
            self.fb_write(at, size, value);
        }
    }

    /// The doorbell was written with `value`.
    pub(crate) fn doorbell(&mut self, value: u32) {
        let plugin = doorbell_gfid(value).and_then(|gfid| self.plugins.get_mut(&gfid));
        let Some(plugin) = plugin else {
            self.board
                .violate(Rule::PluginRpc, format!("doorbell {value:#x} is that of no plugin"));
            return;
        };
        let gfid = plugin.gfid;
        if plugin.doorbell(&mut self.board) {
            self.plugin_replied(gfid);
        }
    }
}
