// SPDX-License-Identifier: MIT
//! The device: which unit answers at which offset of which BAR of which function.

use crate::{
    board::Board,
    falcon::{Falcon, Request},
    host::Func,
    hostile::Mode,
    intr::IntrTree,
    registers::Registers,
    violation::Rule,
    InjectError,
};

const PROM: u32 = 0x300000;
const PROM_END: u32 = 0x400000;
const PRAMIN: u32 = 0x700000;
const PRAMIN_END: u32 = 0x800000;
const GSP: u32 = 0x110000;
const SEC2: u32 = 0x840000;
const FALCON_SPAN: u32 = 0x2000;
/// `NV_VIRTUAL_FUNCTION_FULL_PHYS_OFFSET`: the PF's view of its own virtual-function block.
const VIRTUAL_FUNCTION: u32 = 0xb80000;
const VIRTUAL_FUNCTION_END: u32 = 0xb90000;

/// What the bus gives for a register nobody has (the PRI hub's "no such client" error code).
const NO_REGISTER: u32 = 0xbadf5040;

pub(crate) struct Device {
    pub board: Board,
    pub regs: Registers,
    pub gsp: Falcon,
    pub sec2: Falcon,
    /// One tree per function, the PF's first.
    pub intr: Vec<IntrTree>,
}

impl Device {
    pub fn new(board: Board) -> Self {
        let functions = board.config.total_vfs as usize + 1;
        Device {
            board,
            regs: Registers::new(),
            gsp: Falcon::new("GSP falcon"),
            sec2: Falcon::new("SEC2 falcon"),
            intr: vec![IntrTree::default(); functions],
        }
    }

    pub fn read(&mut self, func: Func, bar: u32, off: u64, size: u32) -> u64 {
        if self.board.is(Mode::FallenOffBus) {
            return u64::MAX >> (64 - 8 * size.clamp(1, 8));
        }
        match (func, bar) {
            (0, 0) => self.bar0_read(off as u32, size),
            (0, 1) => self.fb_read(off, size),
            _ => 0,
        }
    }

    pub fn write(&mut self, func: Func, bar: u32, off: u64, size: u32, value: u64) {
        if self.board.is(Mode::FallenOffBus) {
            return;
        }
        match (func, bar) {
            (0, 0) => self.bar0_write(off as u32, size, value),
            (0, 1) => self.fb_write(off, size, value),
            _ => {}
        }
    }

    fn fb_read(&mut self, at: u64, size: u32) -> u64 {
        let mut bytes = [0; 8];
        let len = size.clamp(1, 8) as usize;
        if !self.board.fb.read(at, &mut bytes[..len]) {
            return u64::MAX >> (64 - 8 * len);
        }
        u64::from_le_bytes(bytes)
    }

    fn fb_write(&mut self, at: u64, size: u32, value: u64) {
        let len = size.clamp(1, 8) as usize;
        if !self.board.fb.write(at, &value.to_le_bytes()[..len]) {
            self.board.count("unknown-writes", 1);
        }
    }

    fn bar0_read(&mut self, off: u32, size: u32) -> u64 {
        if (PRAMIN..PRAMIN_END).contains(&off) {
            return match self.regs.pramin(off - PRAMIN) {
                Some(at) => self.fb_read(at, size),
                None => NO_REGISTER.into(),
            };
        }
        let word = off & !3;
        let value = u64::from(self.register(word).unwrap_or_else(|| {
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

    fn bar0_write(&mut self, off: u32, size: u32, value: u64) {
        if (PRAMIN..PRAMIN_END).contains(&off) {
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
        if !self.set_register(off, value as u32) {
            self.board.count("unknown-writes", 1);
        }
    }

    fn register(&mut self, off: u32) -> Option<u32> {
        match off {
            GSP..=0x111fff => self.gsp.read(&self.board, off - GSP),
            SEC2..=0x841fff => self.sec2.read(&self.board, off - SEC2),
            PROM..PROM_END => None,
            VIRTUAL_FUNCTION..VIRTUAL_FUNCTION_END => {
                let off = off - VIRTUAL_FUNCTION;
                IntrTree::has(off).then(|| self.intr[0].read(off))
            }
            _ => self.regs.read(&self.board, off),
        }
    }

    fn set_register(&mut self, off: u32, value: u32) -> bool {
        match off {
            GSP..=0x111fff => self.falcon_write(Engine::Gsp, off - GSP, value),
            SEC2..=0x841fff => self.falcon_write(Engine::Sec2, off - SEC2, value),
            VIRTUAL_FUNCTION..VIRTUAL_FUNCTION_END => {
                let off = off - VIRTUAL_FUNCTION;
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
        match falcon.write(&mut self.board, off, value) {
            Err(()) => return false,
            Ok(None) => {}
            Ok(Some(Request::Start)) => self.falcon_started(engine),
            Ok(Some(_)) => {}
        }
        true
    }

    fn falcon_started(&mut self, engine: Engine) {
        let falcon = match engine {
            Engine::Gsp => &mut self.gsp,
            Engine::Sec2 => &mut self.sec2,
        };
        if !self.board.is(Mode::FalconNeverHalts) {
            falcon.halt();
        }
    }

    pub fn inject(&mut self, _event: &str) -> Result<(), InjectError> {
        Err(InjectError::NotRunning)
    }

    pub fn reset(&mut self, func: Func) {
        if let Some(tree) = self.intr.get_mut(func as usize) {
            *tree = IntrTree::default();
        }
    }
}

/// A falcon engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Gsp,
    Sec2,
}

const _: () = assert!(GSP + FALCON_SPAN == 0x112000 && SEC2 + FALCON_SPAN == 0x842000);
