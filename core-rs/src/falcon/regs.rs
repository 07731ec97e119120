// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Registers of a falcon, relative to its base, and the few others its procedures need.
//!
//! From OpenRM `src/common/inc/swref/published/{turing,ampere}/*/dev_falcon_v4.h`, `dev_falcon_second_pri.h`,
//! `dev_riscv_pri.h`; the same in all chips from Turing to Ada.

pub const PMC_BOOT_0: u32 = 0x0000_0000;

pub const IRQSCLR: u32 = 0x004;
pub const IRQSTAT: u32 = 0x008;
pub const IRQMCLR: u32 = 0x014;
pub const MAILBOX0: u32 = 0x040;
pub const MAILBOX1: u32 = 0x044;
pub const OS: u32 = 0x080;
pub const RM: u32 = 0x084;

pub const HWCFG2: u32 = 0x0f4;
pub const HWCFG2_MEM_SCRUBBING: u32 = 1 << 12;
pub const HWCFG2_RESET_READY: u32 = 1 << 31;

pub const CPUCTL: u32 = 0x100;
pub const CPUCTL_ALIAS: u32 = 0x130;
pub const CPUCTL_STARTCPU: u32 = 1 << 1;
pub const CPUCTL_HALTED: u32 = 1 << 4;
pub const CPUCTL_ALIAS_EN: u32 = 1 << 6;
pub const BOOTVEC: u32 = 0x104;

pub const DMACTL: u32 = 0x10c;
pub const DMACTL_SCRUBBING: u32 = 1 << 1 | 1 << 2;
pub const DMATRFBASE: u32 = 0x110;
pub const DMATRFMOFFS: u32 = 0x114;
pub const DMATRFCMD: u32 = 0x118;
pub const DMATRFCMD_IDLE: u32 = 1 << 1;
pub const DMATRFCMD_SEC: u32 = 1 << 2;
pub const DMATRFCMD_IMEM: u32 = 1 << 4;
pub const DMATRFCMD_SIZE_256B: u32 = 6 << 8;
pub const DMATRFFBOFFS: u32 = 0x11c;
pub const DMATRFBASE1: u32 = 0x128;

pub const IMEMC: u32 = 0x180;
pub const IMEMC_AINCW: u32 = 1 << 24;
pub const IMEMC_SECURE: u32 = 1 << 28;
pub const IMEMD: u32 = 0x184;
pub const IMEMT: u32 = 0x188;
pub const DMEMC: u32 = 0x1c0;
pub const DMEMC_AINCW: u32 = 1 << 24;
pub const DMEMD: u32 = 0x1c4;

pub const ENGINE: u32 = 0x3c0;
pub const ENGINE_RESET: u32 = 1 << 0;
pub const INTR_RETRIGGER: u32 = 0x3e8;

pub const FBIF_TRANSCFG0: u32 = 0x600;
pub const FBIF_TRANSCFG_MASK: u32 = 0x7;
pub const FBIF_TRANSCFG_PHYSICAL_COHERENT: u32 = 1 << 2 | 1;
pub const FBIF_CTL: u32 = 0x624;
pub const FBIF_CTL_ALLOW_PHYS_NO_CTX: u32 = 1 << 7;

// Relative to the second base.

pub const MOD_SEL: u32 = 0x180;
pub const MOD_SEL_RSA3K: u32 = 1;
pub const BROM_CURR_UCODE_ID: u32 = 0x198;
pub const BROM_ENGIDMASK: u32 = 0x19c;
pub const BROM_PARAADDR0: u32 = 0x210;
/// Turing and GA100.
pub const CORE_SWITCH_RISCV_STATUS: u32 = 0x240;
pub const CORE_SWITCH_RISCV_STATUS_ACTIVE: u32 = 1 << 0;
/// GA102 and later.
pub const RISCV_CPUCTL: u32 = 0x388;
pub const RISCV_CPUCTL_ACTIVE: u32 = 1 << 7;
pub const RISCV_IRQMASK: u32 = 0x528;
pub const BCR_CTRL: u32 = 0x668;
pub const BCR_CTRL_VALID: u32 = 1 << 0;
pub const BCR_CTRL_CORE_SELECT_RISCV: u32 = 1 << 4;
pub const BCR_CTRL_BR_FETCH: u32 = 1 << 8;
