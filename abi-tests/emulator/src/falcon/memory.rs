// SPDX-License-Identifier: MIT
//! The ways into a falcon's memories: its DMA engine and the ports for the CPU.

use super::{index, reg, Falcon, Tag, BLOCK, TRF_FULL, TRF_IDLE};
use crate::{board::Board, violation::Rule};

impl Falcon {
    /// One DMA transfer from external memory.
    pub(super) fn transfer(&mut self, board: &mut Board, cmd: u32) {
        self.dma_cmd = cmd & !(TRF_IDLE | TRF_FULL);
        let imem = cmd & 1 << 4 != 0;
        let secure = cmd >> 2 & 3 != 0;
        let context = (cmd >> 12 & 7) as usize;
        let name = self.name;
        let len = 4 << (cmd >> 8 & 7);
        let size = if imem { self.imem.len() } else { self.dmem.len() };
        let to = self.dma_offs as usize;
        if !board.check(cmd & 1 << 5 == 0, Rule::FalconDma, || {
            format!("{name}: a transfer out of the falcon")
        }) {
            return;
        }
        let inside = len == BLOCK && to % BLOCK == 0 && to + len <= size && self.fb_offs as usize % BLOCK == 0;
        if !board.check(inside, Rule::FalconDma, || {
            format!("{name}: {len} bytes to {to:#x} from offset {:#x}", self.fb_offs)
        }) {
            return;
        }
        let from = self.dma_base + u64::from(self.fb_offs);
        let mut block = [0; BLOCK];
        let target = self.fbif[context];
        // FBIF_TRANSCFG: bits 1:0 target (0 FB, 1 coherent, 2 non-coherent system memory), bit 2 physical addresses.
        let physical = target & 4 != 0 && (self.fbif_ctl & 0x80 != 0 || self.dma_ctl & 1 != 0);
        if !board.check(physical, Rule::FalconFbif, || {
            format!("{name}: TRANSCFG[{context}] {target:#x}, FBIF_CTL {:#x}", self.fbif_ctl)
        }) {
            return;
        }
        let read = match target & 3 {
            0 => board.fb.read(from, &mut block),
            _ => board.dma_read(0, from, &mut block),
        };
        if !board.check(read, Rule::FalconDma, || format!("{name}: {from:#x} does not answer")) {
            return;
        }
        self.blank = false;
        if imem {
            self.imem[to..to + BLOCK].copy_from_slice(&block);
            self.tags[to / BLOCK] = Tag {
                block: Some(self.fb_offs / BLOCK as u32),
                secure,
            };
        } else {
            self.dmem[to..to + BLOCK].copy_from_slice(&block);
        }
    }

    pub(super) fn imem_read(&mut self, off: u32) -> u32 {
        let port = index(off, reg::IMEMC, 16);
        match off % 16 {
            0 => self.imem_port[port],
            4 => {
                let at = self.imem_port[port] as usize & 0xfffc;
                if self.imem_port[port] & 1 << 25 != 0 {
                    self.imem_port[port] = self.imem_port[port] & !0xffff | (at as u32 + 4) & 0xffff;
                }
                // Secure code cannot be read back.
                if self.tags[at / BLOCK].secure {
                    0xdead_5ec1
                } else {
                    word(&self.imem, at)
                }
            }
            _ => self.imem_tag[port],
        }
    }

    pub(super) fn imem_write(&mut self, board: &mut Board, off: u32, value: u32) {
        let port = index(off, reg::IMEMC, 16);
        match off % 16 {
            0 => self.imem_port[port] = value,
            8 => self.imem_tag[port] = value & 0xffff,
            4 => {
                let ctl = self.imem_port[port];
                let at = ctl as usize & 0xfffc;
                self.blank = false;
                put_word(&mut self.imem, at, value);
                self.tags[at / BLOCK] = Tag {
                    block: Some(self.imem_tag[port]),
                    secure: ctl & 1 << 28 != 0,
                };
                if ctl & 1 << 24 != 0 {
                    self.imem_port[port] = ctl & !0xffff | (at as u32 + 4) & 0xffff;
                }
            }
            _ => board.count("unknown-writes", 1),
        }
    }

    pub(super) fn dmem_read(&mut self, off: u32) -> u32 {
        let port = index(off, reg::DMEMC, 8);
        let ctl = self.dmem_port[port];
        if off % 8 == 0 {
            return ctl;
        }
        let at = ctl as usize & 0xfffc;
        if ctl & 1 << 25 != 0 {
            self.dmem_port[port] = ctl & !0xffff | (at as u32 + 4) & 0xffff;
        }
        word(&self.dmem, at)
    }

    pub(super) fn dmem_write(&mut self, board: &mut Board, off: u32, value: u32) {
        let port = index(off, reg::DMEMC, 8);
        match off % 8 {
            0 => self.dmem_port[port] = value,
            4 => {
                let ctl = self.dmem_port[port];
                let at = ctl as usize & 0xfffc;
                self.blank = false;
                put_word(&mut self.dmem, at, value);
                if ctl & 1 << 24 != 0 {
                    self.dmem_port[port] = ctl & !0xffff | (at as u32 + 4) & 0xffff;
                }
            }
            _ => board.count("unknown-writes", 1),
        }
    }
}

fn word(mem: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(mem[at..at + 4].try_into().unwrap())
}

fn put_word(mem: &mut [u8], at: usize, value: u32) {
    mem[at..at + 4].copy_from_slice(&value.to_le_bytes());
}
