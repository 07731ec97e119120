// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The falcon microcontrollers GSP and SEC2.
//!
//! Register offsets are those of NVIDIA's published `dev_falcon_v4.h` and `dev_riscv_pri.h`; the procedures follow
//! `drivers/gpu/nova-core/falcon` and `nvkm/falcon/ga102.c` in Linux 7.3.

mod hal;
mod load;
mod regs;
#[cfg(test)]
mod tests;

pub use hal::FalconHal;
pub use load::{Brom, Section, Ucode};

use crate::chip::FalconBases;
use crate::error::{Kind, Result};
use crate::platform::Platform;
use crate::time::{poll, MS, S};

/// Longest a firmware may run before it halts (nova-core falcon.rs, `wait_till_halted`).
const HALT_TIMEOUT_US: u64 = 2 * S;
/// Longest that scrubbing IMEM and DMEM takes after a reset (nova-core falcon/hal/ga102.rs).
const SCRUB_TIMEOUT_US: u64 = 20 * MS;
/// Hardware does not always say that it is ready for a reset; going on is right then (OpenRM, `kflcnPreResetWait_GA102`).
const RESET_READY_TIMEOUT_US: u64 = 150;
/// Longest that switching from the RISC-V core to the falcon core takes.
const SELECT_TIMEOUT_US: u64 = 10 * MS;
/// How long the reset bit has to stay set.
const RESET_PULSE_US: u32 = 10;
/// Interval of looks at a register that changes soon.
const SOON_US: u32 = 10;
/// Interval of looks at a register that changes after milliseconds.
const LATER_US: u32 = 200;

/// A falcon.
pub struct Falcon<P: Platform> {
    platform: P,
    bases: FalconBases,
    hal: &'static FalconHal,
}

impl<P: Platform> Falcon<P> {
    /// The falcon at `bases` of a chip whose falcons are of the kind `hal`.
    pub fn new(platform: &P, bases: FalconBases, hal: &'static FalconHal) -> Self {
        Falcon {
            platform: platform.clone(),
            bases,
            hal,
        }
    }

    fn read(&self, reg: u32) -> Result<u32> {
        self.platform.read32(self.bases.falcon.wrapping_add(reg))
    }

    fn write(&self, reg: u32, value: u32) -> Result<()> {
        self.platform.write32(self.bases.falcon.wrapping_add(reg), value)
    }

    fn read2(&self, reg: u32) -> Result<u32> {
        self.platform.read32(self.bases.falcon2.wrapping_add(reg))
    }

    fn write2(&self, reg: u32, value: u32) -> Result<()> {
        self.platform.write32(self.bases.falcon2.wrapping_add(reg), value)
    }

    fn update(&self, reg: u32, mask: u32, bits: u32) -> Result<()> {
        let old = self.read(reg)?;
        self.write(reg, (old & !mask) | bits)
    }

    /// Resets the engine, gives the falcon core the engine, and waits until its memories are scrubbed.
    ///
    /// # Errors
    ///
    /// [`Kind::FalconReset`] when it does not come back.
    pub fn reset(&self) -> Result<()> {
        self.reset_engine()?;
        self.select_falcon()?;
        self.wait_scrubbed()?;
        let boot0 = self.platform.read32(regs::PMC_BOOT_0)?;
        self.write(regs::RM, boot0)
    }

    /// Resets the engine and gives it to the RISC-V core, which the booter starts later.
    ///
    /// # Errors
    ///
    /// [`Kind::FalconReset`] when it does not come back.
    pub fn reset_into_riscv(&self) -> Result<()> {
        self.reset_engine()?;
        if self.hal.core_select {
            // nvkm/subdev/gsp/ga102.c, ga102_gsp_reset
            let old = self.read2(regs::BCR_CTRL)?;
            self.write2(
                regs::BCR_CTRL,
                old | regs::BCR_CTRL_BR_FETCH | regs::BCR_CTRL_CORE_SELECT_RISCV | regs::BCR_CTRL_VALID,
            )?;
        }
        Ok(())
    }

    fn reset_engine(&self) -> Result<()> {
        if self.hal.reset_ready {
            let wait = poll(
                &self.platform,
                RESET_READY_TIMEOUT_US,
                SOON_US,
                Kind::FalconReset,
                || Ok(self.read(regs::HWCFG2)? & regs::HWCFG2_RESET_READY != 0),
            );
            match wait {
                Err(e) if e.kind() != Kind::FalconReset => return Err(e),
                _ => {}
            }
        }
        self.update(regs::ENGINE, regs::ENGINE_RESET, regs::ENGINE_RESET)?;
        self.platform.sleep_us(RESET_PULSE_US);
        self.update(regs::ENGINE, regs::ENGINE_RESET, 0)?;
        self.wait_scrubbed()
    }

    fn wait_scrubbed(&self) -> Result<()> {
        let (reg, busy) = self.hal.scrubbing;
        poll(&self.platform, SCRUB_TIMEOUT_US, SOON_US, Kind::FalconReset, || {
            Ok(self.read(reg)? & busy == 0)
        })
    }

    fn select_falcon(&self) -> Result<()> {
        if !self.hal.core_select || self.read2(regs::BCR_CTRL)? & regs::BCR_CTRL_CORE_SELECT_RISCV == 0 {
            return Ok(());
        }
        self.write2(regs::BCR_CTRL, 0)?;
        poll(&self.platform, SELECT_TIMEOUT_US, SOON_US, Kind::FalconReset, || {
            Ok(self.read2(regs::BCR_CTRL)? & regs::BCR_CTRL_VALID != 0)
        })
    }

    /// Lets DMA go to physical addresses without a context, as the sequencer's CORE_RESET wants it.
    pub fn reset_dma(&self) -> Result<()> {
        self.update(regs::FBIF_CTL, 0, regs::FBIF_CTL_ALLOW_PHYS_NO_CTX)?;
        self.write(regs::DMACTL, 0)
    }

    /// Starts the falcon core at the boot vector.
    pub fn start(&self) -> Result<()> {
        let reg = if self.read(regs::CPUCTL)? & regs::CPUCTL_ALIAS_EN != 0 {
            regs::CPUCTL_ALIAS
        } else {
            regs::CPUCTL
        };
        self.write(reg, regs::CPUCTL_STARTCPU)
    }

    /// Waits until the falcon core halts.
    ///
    /// # Errors
    ///
    /// [`Kind::FalconHalt`] when it does not within two seconds.
    pub fn wait_halted(&self) -> Result<()> {
        poll(&self.platform, HALT_TIMEOUT_US, LATER_US, Kind::FalconHalt, || {
            Ok(self.read(regs::CPUCTL)? & regs::CPUCTL_HALTED != 0)
        })
    }

    /// Runs what was loaded with these mailboxes, and returns them as they are when it halts. `None` leaves mailbox 1 alone.
    ///
    /// # Errors
    ///
    /// [`Kind::FalconHalt`] when it does not halt.
    pub fn run(&self, mailbox0: u32, mailbox1: Option<u32>) -> Result<(u32, u32)> {
        self.write(regs::MAILBOX0, mailbox0)?;
        if let Some(value) = mailbox1 {
            self.write(regs::MAILBOX1, value)?;
        }
        self.start()?;
        self.wait_halted()?;
        Ok((self.read(regs::MAILBOX0)?, self.read(regs::MAILBOX1)?))
    }

    /// Puts an address into the two mailboxes.
    pub fn set_mailboxes(&self, addr: u64) -> Result<()> {
        self.write(regs::MAILBOX0, addr as u32)?;
        self.write(regs::MAILBOX1, (addr >> 32) as u32)
    }

    /// Reads mailbox 0.
    pub fn mailbox0(&self) -> Result<u32> {
        self.read(regs::MAILBOX0)
    }

    /// Tells the engine which firmware runs on it.
    pub fn set_os(&self, version: u32) -> Result<()> {
        self.write(regs::OS, version)
    }

    /// Whether the RISC-V core runs.
    pub fn riscv_active(&self) -> Result<bool> {
        let (reg, active) = self.hal.riscv_active;
        Ok(self.read2(reg)? & active != 0)
    }

    /// Interrupt causes that are pending and not masked.
    pub fn irq_status(&self) -> Result<u32> {
        Ok(self.read(regs::IRQSTAT)? & self.read2(regs::RISCV_IRQMASK)?)
    }

    /// Clears interrupt causes.
    pub fn irq_clear(&self, bits: u32) -> Result<()> {
        self.write(regs::IRQSCLR, bits)
    }

    /// Masks interrupt causes.
    pub fn irq_mask(&self, bits: u32) -> Result<()> {
        self.write(regs::IRQMCLR, bits)
    }

    /// Makes a cause that is pending still raise the interrupt anew.
    pub fn irq_retrigger(&self) -> Result<()> {
        if self.hal.retrigger {
            self.write(regs::INTR_RETRIGGER, 1)?;
        }
        Ok(())
    }
}

/// Interrupt cause of the GSP: a message is in the status queue (`NV_PFALCON_FALCON_IRQSTAT_SWGEN0`).
pub const IRQ_SWGEN0: u32 = 1 << 6;
