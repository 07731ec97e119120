// SPDX-License-Identifier: MIT
//! The device: which unit answers at which offset of which BAR of which function.

use crate::{
    board::Board,
    falcon::{Falcon, Request},
    gsp::{Firmware, Phase, GSP_VECTOR},
    host::Func,
    intr::IntrTree,
    registers::Registers,
    vbios::Vbios,
    vgpu::{Plugin, VgpuType, VirtualFunction},
    violation::Rule,
};
use std::collections::BTreeMap;

const PROM: u32 = 0x300000;
const PROM_END: u32 = 0x400000;
const PRAMIN: u32 = 0x700000;
const PRAMIN_END: u32 = 0x800000;
const GSP: u32 = 0x110000;
const SEC2: u32 = 0x840000;
const SEC2_LAST: u32 = SEC2 + 0x1fff;
const GSP_LAST: u32 = GSP + 0x1fff;
/// `NV_VIRTUAL_FUNCTION_FULL_PHYS_OFFSET`: the PF's view of its own virtual-function block.
const VIRTUAL_FUNCTION: u32 = 0xb80000;
const VIRTUAL_FUNCTION_END: u32 = 0xb90000;
/// `NV_VIRTUAL_FUNCTION_DOORBELL` in it.
const DOORBELL: u32 = 0x2200;

/// What the bus gives for a register nobody has (the PRI hub's "no such client" error code).
const NO_REGISTER: u32 = 0xbadf5040;

pub(crate) struct Device {
    pub board: Board,
    pub regs: Registers,
    pub gsp: Falcon,
    pub sec2: Falcon,
    /// One tree per function, the PF's first.
    pub intr: Vec<IntrTree>,
    pub vbios: Vbios,
    /// The firmware booter_load started, until booter_unload.
    pub firmware: Option<Firmware>,
    /// FWSEC-SB ran since the firmware was started.
    pub sb_ran: bool,
    pub vgpu_types: BTreeMap<u32, VgpuType>,
    /// Plugins by gfid.
    pub plugins: BTreeMap<u32, Plugin>,
    /// One per VF, the first VF's first.
    pub vfs: Vec<VirtualFunction>,
}

impl Device {
    pub fn new(board: Board) -> Self {
        let vfs = board.config.total_vfs as usize;
        let device = board.config.geometry().device;
        Device {
            vbios: Vbios::new(device, |mode| board.is(mode)),
            board,
            regs: Registers::new(),
            gsp: Falcon::new("GSP falcon"),
            sec2: Falcon::new("SEC2 falcon"),
            intr: vec![IntrTree::default(); vfs + 1],
            firmware: None,
            sb_ran: false,
            vgpu_types: BTreeMap::new(),
            plugins: BTreeMap::new(),
            vfs: vec![VirtualFunction::default(); vfs],
        }
    }

    /// Replaces the hostile modes; the ROM is written anew, as they can spoil it.
    pub fn set_hostile(&mut self, modes: Vec<crate::Hostile>) {
        self.board.hostile = modes;
        let device = self.board.config.geometry().device;
        self.vbios = Vbios::new(device, |mode| self.board.is(mode));
    }

    pub fn falcon(&mut self, engine: Engine) -> &mut Falcon {
        match engine {
            Engine::Gsp => &mut self.gsp,
            Engine::Sec2 => &mut self.sec2,
        }
    }

    /// Makes a vector of a function's interrupt tree pending.
    pub fn trigger(&mut self, func: Func, vector: u32) {
        if self
            .intr
            .get_mut(func as usize)
            .is_some_and(|tree| tree.trigger(vector))
        {
            self.board.irq(func, 0);
        }
    }

    pub fn read(&mut self, func: Func, bar: u32, off: u64, size: u32) -> u64 {
        if self.board.is_off_bus() {
            return u64::MAX >> (64 - 8 * size.clamp(1, 8));
        }
        let value = match (func, bar) {
            (_, 0) => self.bar0_read(func, off as u32, size),
            (0, 1) => self.fb_read(off, size),
            (_, 1) => self.vf_fb_read(func, off, size.clamp(1, 8)),
            _ => 0,
        };
        self.go_on();
        value
    }

    pub fn write(&mut self, func: Func, bar: u32, off: u64, size: u32, value: u64) {
        if self.board.is_off_bus() {
            return;
        }
        match (func, bar) {
            (_, 0) => self.bar0_write(func, off as u32, size, value),
            (0, 1) => self.fb_write(off, size, value),
            (_, 1) => self.vf_fb_write(func, off, size.clamp(1, 8), value),
            _ => {}
        }
        self.go_on();
    }

    /// Sends what could not be sent before for want of room; true when something is left.
    pub fn go_on(&mut self) -> bool {
        if self.pending() {
            self.flush();
        }
        self.pending()
    }

    pub fn fb_read(&mut self, at: u64, size: u32) -> u64 {
        let mut bytes = [0; 8];
        let len = size.clamp(1, 8) as usize;
        if !self.board.fb.read(at, &mut bytes[..len]) {
            return u64::MAX >> (64 - 8 * len);
        }
        u64::from_le_bytes(bytes)
    }

    pub fn fb_write(&mut self, at: u64, size: u32, value: u64) {
        let len = size.clamp(1, 8) as usize;
        if !self.board.fb.write(at, &value.to_le_bytes()[..len]) {
            self.board.count("unknown-writes", 1);
        }
    }

    fn bar0_read(&mut self, func: Func, off: u32, size: u32) -> u64 {
        if func == 0 && (PRAMIN..PRAMIN_END).contains(&off) {
            return match self.regs.pramin(off - PRAMIN) {
                Some(at) => self.fb_read(at, size),
                None => NO_REGISTER.into(),
            };
        }
        let word = off & !3;
        let found = if func == 0 {
            self.register(word)
        } else {
            self.vf_register(func, word)
        };
        let value = u64::from(found.unwrap_or_else(|| {
            self.board.count("unknown-reads", 1);
            NO_REGISTER
        }));
        if size == 4 && off == word {
            return value;
        }
        self.board
            .violate(Rule::AccessSize, format!("{size} bytes read at {off:#x}"));
        value >> (8 * (off - word))
    }

    fn bar0_write(&mut self, func: Func, off: u32, size: u32, value: u64) {
        if func == 0 && (PRAMIN..PRAMIN_END).contains(&off) {
            if let Some(at) = self.regs.pramin(off - PRAMIN) {
                self.fb_write(at, size, value);
            }
            return;
        }
        if size != 4 || off % 4 != 0 {
            self.board
                .violate(Rule::AccessSize, format!("{size} bytes written at {off:#x}"));
            return;
        }
        let known = if func == 0 {
            self.set_register(off, value as u32)
        } else {
            self.set_vf_register(func, off, value as u32)
        };
        if !known {
            self.board.count("unknown-writes", 1);
        }
    }

    /// Records an access while the driver runs the firmware's sequence.
    fn note(&mut self, write: bool, off: u32, value: u32) {
        if let Some(firmware) = self.firmware.as_mut().filter(|f| f.phase == Phase::Sequencer) {
            firmware.sequencer.note(write, off, value);
        }
    }

    fn register(&mut self, off: u32) -> Option<u32> {
        let value = match off {
            GSP..=GSP_LAST => self.gsp.read(&self.board, off - GSP),
            SEC2..=SEC2_LAST => self.sec2.read(&self.board, off - SEC2),
            PROM..PROM_END => Some(self.vbios.read(off - PROM)),
            VIRTUAL_FUNCTION..VIRTUAL_FUNCTION_END => {
                let off = off - VIRTUAL_FUNCTION;
                match off {
                    DOORBELL => Some(0),
                    _ => IntrTree::has(off).then(|| self.intr[0].read(off)),
                }
            }
            _ => self.regs.read(&self.board, off),
        };
        self.note(false, off, value.unwrap_or(NO_REGISTER));
        value
    }

    fn set_register(&mut self, off: u32, value: u32) -> bool {
        self.note(true, off, value);
        match off {
            GSP..=GSP_LAST => self.falcon_write(Engine::Gsp, off - GSP, value),
            SEC2..=SEC2_LAST => self.falcon_write(Engine::Sec2, off - SEC2, value),
            VIRTUAL_FUNCTION..VIRTUAL_FUNCTION_END => {
                let off = off - VIRTUAL_FUNCTION;
                if off == DOORBELL {
                    self.doorbell(value);
                    return true;
                }
                if self.intr[0].write(off, value) {
                    self.board.irq(0, 0);
                }
                IntrTree::has(off)
            }
            _ => self.regs.write(off, value),
        }
    }

    fn falcon_write(&mut self, engine: Engine, off: u32, value: u32) -> bool {
        let falcon = match engine {
            Engine::Gsp => &mut self.gsp,
            Engine::Sec2 => &mut self.sec2,
        };
        match (falcon.write(&mut self.board, off, value), engine) {
            (Err(()), _) => return false,
            (Ok(Some(Request::Start)), _) => self.falcon_started(engine),
            (Ok(Some(Request::Reset)), Engine::Gsp) => self.gsp_reset(),
            (Ok(Some(Request::Retrigger)), Engine::Gsp) if self.gsp.pending() => self.trigger(0, GSP_VECTOR),
            (Ok(Some(Request::Doorbell)), Engine::Gsp) => self.serve(),
            (Ok(_), _) => {}
        }
        true
    }

    /// A plugin has answered; the firmware tells the driver.
    pub fn plugin_replied(&mut self, gfid: u32) {
        if let Some(firmware) = self.firmware.as_mut().filter(|f| f.phase == Phase::Running) {
            firmware.plugin_triggered(&mut self.board, gfid);
            self.flush();
        }
    }

    /// Function-level reset. The PF's takes the whole board back to power-on; a VF's leaves its plugin alone.
    pub fn reset(&mut self, func: Func) {
        if let Some(tree) = self.intr.get_mut(func as usize) {
            *tree = IntrTree::default();
        }
        if func != 0 {
            if let Some(vf) = self.vfs.get_mut(func as usize - 1) {
                vf.reset();
            }
            return;
        }
        self.board.lost = false;
        self.regs = Registers::new();
        self.gsp = Falcon::new("GSP falcon");
        self.sec2 = Falcon::new("SEC2 falcon");
        self.forget_firmware();
    }

    /// The firmware and all it kept are gone.
    pub fn forget_firmware(&mut self) {
        self.firmware = None;
        self.sb_ran = false;
        self.vgpu_types.clear();
        self.plugins.clear();
    }
}

/// A falcon engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Gsp,
    Sec2,
}

#[cfg(test)]
mod tests;
