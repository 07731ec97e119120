// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What differs between the falcons of two chip families.

use super::regs;

/// How the falcons of a chip family are driven.
#[derive(Debug)]
pub struct FalconHal {
    /// Firmware is loaded by the falcon's DMA engine; otherwise by the CPU, word by word.
    pub(super) dma: bool,
    /// A boot ROM checks the signature and wants to know where it is.
    pub(super) brom: bool,
    /// A RISC-V core shares the engine, and a register says which of the two has it.
    pub(super) core_select: bool,
    /// The engine says when it can be reset.
    pub(super) reset_ready: bool,
    /// The engine can raise an interrupt anew for what is pending.
    pub(super) retrigger: bool,
    /// Register and bits that say "memories are being scrubbed".
    pub(super) scrubbing: (u32, u32),
    /// Register, relative to the second base, and bit that say "the RISC-V core runs".
    pub(super) riscv_active: (u32, u32),
}

impl FalconHal {
    /// GA102 and later (nova-core falcon/hal/ga102.rs).
    pub const GA102: FalconHal = FalconHal {
        dma: true,
        brom: true,
        core_select: true,
        reset_ready: true,
        retrigger: true,
        scrubbing: (regs::HWCFG2, regs::HWCFG2_MEM_SCRUBBING),
        riscv_active: (regs::RISCV_CPUCTL, regs::RISCV_CPUCTL_ACTIVE),
    };

    /// Turing and GA100 (nova-core falcon/hal/tu102.rs).
    pub const TU102: FalconHal = FalconHal {
        dma: false,
        brom: false,
        core_select: false,
        reset_ready: false,
        retrigger: false,
        scrubbing: (regs::DMACTL, regs::DMACTL_SCRUBBING),
        riscv_active: (regs::CORE_SWITCH_RISCV_STATUS, regs::CORE_SWITCH_RISCV_STATUS_ACTIVE),
    };
}
