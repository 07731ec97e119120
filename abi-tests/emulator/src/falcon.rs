// SPDX-License-Identifier: MIT
//! A falcon with its RISC-V companion ("Peregrine"): memories, DMA engine, PIO ports, boot ROM parameters, mailboxes.
//!
//! It executes nothing: a start is handed up, and whoever owns the unit looks at what was loaded and does its effect.
//!
//! Sources: nova-core `regs.rs` and `falcon/` (Linux 7.3), nouveau `falcon/gm200.c`, `falcon/ga102.c`, OpenRM 570.144
//! `dev_falcon_v4.h`, `dev_falcon_second_pri.h`, `dev_riscv_pri.h`.

use crate::{board::Board, hostile::Mode, violation::Rule};

/// Granularity of the memories, of DMA and of IMEM tags.
pub(crate) const BLOCK: usize = 256;
const IMEM_SIZE: usize = 64 << 10;
const DMEM_SIZE: usize = 64 << 10;

/// `FALCON_IRQSTAT` bit the GSP firmware raises for a message.
pub(crate) const IRQ_SWGEN0: u32 = 1 << 6;
const IRQ_HALT: u32 = 1 << 4;

mod memory;

mod reg {
    pub const IRQSSET: u32 = 0x000;
    pub const IRQSCLR: u32 = 0x004;
    pub const IRQSTAT: u32 = 0x008;
    pub const IRQMSET: u32 = 0x010;
    pub const IRQMCLR: u32 = 0x014;
    pub const IRQMASK: u32 = 0x018;
    pub const IRQDEST: u32 = 0x01c;
    pub const MAILBOX0: u32 = 0x040;
    pub const MAILBOX1: u32 = 0x044;
    pub const ITFEN: u32 = 0x048;
    pub const OS: u32 = 0x080;
    pub const RM: u32 = 0x084;
    pub const HWCFG2: u32 = 0x0f4;
    pub const CPUCTL: u32 = 0x100;
    pub const BOOTVEC: u32 = 0x104;
    pub const HWCFG: u32 = 0x108;
    pub const DMACTL: u32 = 0x10c;
    pub const DMATRFBASE: u32 = 0x110;
    pub const DMATRFMOFFS: u32 = 0x114;
    pub const DMATRFCMD: u32 = 0x118;
    pub const DMATRFFBOFFS: u32 = 0x11c;
    pub const DMATRFBASE1: u32 = 0x128;
    pub const HWCFG1: u32 = 0x12c;
    pub const CPUCTL_ALIAS: u32 = 0x130;
    pub const IMEMC: u32 = 0x180;
    pub const IMEM_END: u32 = 0x1c0;
    pub const DMEMC: u32 = 0x1c0;
    pub const DMEM_END: u32 = 0x200;
    pub const ENGINE: u32 = 0x3c0;
    pub const IRQ_RETRIGGER: u32 = 0x3e8;
    pub const FBIF_TRANSCFG: u32 = 0x600;
    pub const FBIF_TRANSCFG_END: u32 = 0x620;
    pub const FBIF_CTL: u32 = 0x624;
    pub const QUEUE_HEAD: u32 = 0xc00;
    pub const MOD_SEL: u32 = 0x1180;
    pub const BROM_CURR_UCODE_ID: u32 = 0x1198;
    pub const BROM_ENGIDMASK: u32 = 0x119c;
    pub const BROM_PARAADDR: u32 = 0x1210;
    pub const RISCV_CPUCTL: u32 = 0x1388;
    pub const RISCV_IRQMASK: u32 = 0x1528;
    pub const RISCV_IRQDEST: u32 = 0x152c;
    pub const BCR_CTRL: u32 = 0x1668;
}

const CPUCTL_START: u32 = 1 << 1;
const CPUCTL_HALTED: u32 = 1 << 4;
const CPUCTL_ALIAS_EN: u32 = 1 << 6;
const HWCFG2_RISCV: u32 = 1 << 10;
const HWCFG2_SCRUBBING: u32 = 1 << 12;
const HWCFG2_RESET_READY: u32 = 1 << 31;
const TRF_FULL: u32 = 1 << 0;
const TRF_IDLE: u32 = 1 << 1;
const BCR_VALID: u32 = 1 << 0;
const BCR_RISCV: u32 = 1 << 4;
const BCR_BRFETCH: u32 = 1 << 8;
const RISCV_HALTED: u32 = 1 << 4;
const RISCV_ACTIVE: u32 = 1 << 7;

/// What a register write asks of the rest of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// The falcon core was started.
    Start,
    /// The engine was reset, which also stops its RISC-V core.
    Reset,
    /// An interrupt condition has to be signalled again if it still holds.
    Retrigger,
    /// The message-queue doorbell was rung.
    Doorbell,
}

/// One 256-byte block of instruction memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Virtual address of the block, in blocks; `None` before it was loaded.
    pub block: Option<u32>,
    /// It was loaded as secure.
    pub secure: bool,
}

/// Boot ROM parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Brom {
    /// `MOD_SEL`: 1 = RSA-3072.
    pub algorithm: u32,
    /// `BROM_CURR_UCODE_ID`.
    pub ucode_id: u32,
    /// `BROM_ENGIDMASK`.
    pub engine_id_mask: u32,
    /// `BROM_PARAADDR`: where in DMEM the signature is.
    pub signature_at: u32,
}

pub(crate) struct Falcon {
    name: &'static str,
    pub imem: Vec<u8>,
    pub tags: Vec<Tag>,
    pub dmem: Vec<u8>,
    pub mailbox: [u32; 2],
    pub bootvec: u32,
    pub brom: Brom,
    /// `FALCON_OS`, if it was written since the last reset.
    pub os: Option<u32>,
    /// Nothing was loaded since the last reset.
    pub blank: bool,
    pub riscv_active: bool,
    /// Interrupts of the RISC-V core that go to the CPU.
    pub riscv_irq_mask: u32,
    halted: bool,
    alias: bool,
    in_reset: bool,
    scrub_reads: u32,
    bcr: u32,
    irq_stat: u32,
    irq_mask: u32,
    irq_dest: u32,
    itfen: u32,
    rm: u32,
    dma_ctl: u32,
    dma_base: u64,
    dma_offs: u32,
    fb_offs: u32,
    dma_cmd: u32,
    fbif: [u32; 8],
    fbif_ctl: u32,
    imem_port: [u32; 4],
    imem_tag: [u32; 4],
    dmem_port: [u32; 8],
}

impl Falcon {
    pub fn new(name: &'static str) -> Self {
        Falcon {
            name,
            imem: vec![0; IMEM_SIZE],
            tags: vec![Tag::default(); IMEM_SIZE / BLOCK],
            dmem: vec![0; DMEM_SIZE],
            mailbox: [0; 2],
            bootvec: 0,
            brom: Brom::default(),
            os: None,
            blank: true,
            riscv_active: false,
            riscv_irq_mask: 0,
            halted: true,
            alias: false,
            in_reset: false,
            scrub_reads: 0,
            bcr: 0,
            irq_stat: 0,
            irq_mask: 0,
            irq_dest: 0,
            itfen: 0,
            rm: 0,
            dma_ctl: 0,
            dma_base: 0,
            dma_offs: 0,
            fb_offs: 0,
            dma_cmd: 0,
            fbif: [0; 8],
            fbif_ctl: 0,
            imem_port: [0; 4],
            imem_tag: [0; 4],
            dmem_port: [0; 8],
        }
    }

    /// Engine reset. The core selection survives it: a driver has to choose the core it wants.
    fn reset(&mut self) {
        let bcr = self.bcr;
        *self = Falcon {
            bcr,
            in_reset: true,
            ..Falcon::new(self.name)
        };
    }

    /// Whether the engine's own firmware, not the falcon core, is what runs.
    pub fn riscv_selected(&self) -> bool {
        self.bcr & BCR_RISCV != 0
    }

    /// The RISC-V core runs (booter did this).
    pub fn start_riscv(&mut self) {
        self.bcr = BCR_VALID | BCR_RISCV | BCR_BRFETCH;
        self.riscv_active = true;
        self.riscv_irq_mask = IRQ_SWGEN0;
    }

    /// Ends the run of the falcon core.
    pub fn halt(&mut self) {
        self.halted = true;
        self.irq_stat |= IRQ_HALT;
    }

    /// The firmware raises interrupts; true when the engine's line to the tree pulses.
    #[must_use]
    pub fn raise(&mut self, bits: u32) -> bool {
        let was = self.irq_stat & self.riscv_irq_mask;
        self.irq_stat |= bits;
        was == 0 && self.pending()
    }

    /// Whether an interrupt the CPU is to see is pending.
    pub fn pending(&self) -> bool {
        self.irq_stat & self.riscv_irq_mask != 0
    }

    /// The code block that address `at` of the boot vector falls into, if it was loaded.
    pub fn code_at(&self, at: u32) -> Option<usize> {
        self.tags.iter().position(|t| t.block == Some(at / BLOCK as u32))
    }

    pub fn read(&mut self, board: &Board, off: u32) -> Option<u32> {
        Some(match off {
            reg::IRQSSET | reg::IRQSCLR | reg::IRQMSET | reg::IRQMCLR | reg::CPUCTL_ALIAS | reg::IRQ_RETRIGGER => 0,
            reg::IRQSTAT => self.irq_stat,
            reg::IRQMASK => self.irq_mask,
            reg::IRQDEST => self.irq_dest,
            reg::MAILBOX0 => self.mailbox[0],
            reg::MAILBOX1 => self.mailbox[1],
            reg::ITFEN => self.itfen,
            reg::OS => self.os.unwrap_or(0),
            reg::RM => self.rm,
            reg::HWCFG2 => {
                let scrubbing = self.in_reset || self.scrub_reads > 0;
                self.scrub_reads = self.scrub_reads.saturating_sub(1);
                HWCFG2_RISCV | HWCFG2_RESET_READY | if scrubbing { HWCFG2_SCRUBBING } else { 0 }
            }
            reg::CPUCTL => (if self.halted { CPUCTL_HALTED } else { 0 }) | if self.alias { CPUCTL_ALIAS_EN } else { 0 },
            reg::BOOTVEC => self.bootvec,
            reg::HWCFG => (IMEM_SIZE / BLOCK) as u32 | ((DMEM_SIZE / BLOCK) as u32) << 9,
            reg::DMACTL => self.dma_ctl,
            reg::DMATRFBASE => (self.dma_base >> 8) as u32,
            reg::DMATRFBASE1 => (self.dma_base >> 40) as u32,
            reg::DMATRFMOFFS => self.dma_offs,
            reg::DMATRFFBOFFS => self.fb_offs,
            reg::DMATRFCMD if board.is(Mode::FalconDmaStuck) => self.dma_cmd & !TRF_IDLE | TRF_FULL,
            reg::DMATRFCMD => self.dma_cmd | TRF_IDLE,
            // Core revision 6.0, security model "heavy", as Ampere and Ada have it.
            reg::HWCFG1 => 0x36,
            reg::IMEMC..reg::IMEM_END => self.imem_read(off),
            reg::DMEMC..reg::DMEM_END => self.dmem_read(off),
            reg::ENGINE => self.in_reset.into(),
            reg::FBIF_TRANSCFG..reg::FBIF_TRANSCFG_END => self.fbif[index(off, reg::FBIF_TRANSCFG, 4)],
            reg::FBIF_CTL => self.fbif_ctl,
            reg::QUEUE_HEAD => 0,
            reg::MOD_SEL => self.brom.algorithm,
            reg::BROM_CURR_UCODE_ID => self.brom.ucode_id,
            reg::BROM_ENGIDMASK => self.brom.engine_id_mask,
            reg::BROM_PARAADDR => self.brom.signature_at,
            reg::RISCV_CPUCTL => {
                if self.riscv_active {
                    RISCV_ACTIVE
                } else {
                    RISCV_HALTED
                }
            }
            reg::RISCV_IRQMASK => self.riscv_irq_mask,
            reg::RISCV_IRQDEST => self.irq_dest,
            reg::BCR_CTRL => self.bcr,
            _ => return None,
        })
    }

    /// Serves a write; `Err` when there is no such register.
    pub fn write(&mut self, board: &mut Board, off: u32, value: u32) -> Result<Option<Request>, ()> {
        if self.in_reset && off != reg::ENGINE {
            board.violate(Rule::FalconInReset, format!("{} register {off:#x} written", self.name));
            return Ok(None);
        }
        match off {
            reg::IRQSSET => self.irq_stat |= value,
            reg::IRQSCLR => self.irq_stat &= !value,
            reg::IRQMSET => self.irq_mask |= value,
            reg::IRQMCLR => self.irq_mask &= !value,
            reg::IRQDEST => self.irq_dest = value,
            reg::IRQ_RETRIGGER => return Ok(Some(Request::Retrigger)),
            reg::MAILBOX0 => self.mailbox[0] = value,
            reg::MAILBOX1 => self.mailbox[1] = value,
            reg::ITFEN => self.itfen = value,
            reg::OS => self.os = Some(value),
            reg::RM => self.rm = value,
            reg::CPUCTL | reg::CPUCTL_ALIAS if value & CPUCTL_START != 0 => return Ok(self.start(board)),
            reg::CPUCTL | reg::CPUCTL_ALIAS => {}
            reg::BOOTVEC => self.bootvec = value,
            reg::DMACTL => self.dma_ctl = value & 1,
            reg::DMATRFBASE => self.dma_base = self.dma_base & !(0xffff_ffff << 8) | u64::from(value) << 8,
            reg::DMATRFBASE1 => {
                self.dma_base = self.dma_base & 0xff_ffff_ffff | u64::from(value & 0x1ff) << 40;
            }
            reg::DMATRFMOFFS => self.dma_offs = value & 0xff_ffff,
            reg::DMATRFFBOFFS => self.fb_offs = value,
            reg::DMATRFCMD => self.transfer(board, value),
            reg::IMEMC..reg::IMEM_END => self.imem_write(board, off, value),
            reg::DMEMC..reg::DMEM_END => self.dmem_write(board, off, value),
            reg::ENGINE => {
                let reset = value & 1 != 0;
                if reset && !self.in_reset {
                    self.reset();
                    return Ok(Some(Request::Reset));
                }
                if !reset && self.in_reset {
                    self.in_reset = false;
                    // Scrubbing takes a moment: one look sees it going on.
                    self.scrub_reads = 1;
                }
            }
            reg::FBIF_TRANSCFG..reg::FBIF_TRANSCFG_END => self.fbif[index(off, reg::FBIF_TRANSCFG, 4)] = value,
            reg::FBIF_CTL => self.fbif_ctl = value,
            reg::QUEUE_HEAD => return Ok(Some(Request::Doorbell)),
            reg::MOD_SEL => self.brom.algorithm = value & 0xff,
            reg::BROM_CURR_UCODE_ID => self.brom.ucode_id = value & 0xff,
            reg::BROM_ENGIDMASK => self.brom.engine_id_mask = value,
            reg::BROM_PARAADDR => self.brom.signature_at = value,
            reg::BCR_CTRL => self.bcr = value & (BCR_RISCV | BCR_BRFETCH) | BCR_VALID,
            reg::RISCV_IRQDEST => self.irq_dest = value,
            reg::HWCFG | reg::HWCFG1 | reg::HWCFG2 | reg::IRQSTAT | reg::IRQMASK => {}
            _ => return Err(()),
        }
        Ok(None)
    }

    fn start(&mut self, board: &mut Board) -> Option<Request> {
        if self.scrub_reads > 0 {
            board.violate(Rule::FalconScrubbing, format!("{} started", self.name));
        }
        if self.riscv_selected() {
            board.violate(
                Rule::FalconCoreSelect,
                format!("{} started with the RISC-V core selected", self.name),
            );
            return None;
        }
        self.halted = false;
        Some(Request::Start)
    }
}

fn index(off: u32, base: u32, stride: u32) -> usize {
    ((off - base) / stride) as usize
}

#[cfg(test)]
mod tests;
