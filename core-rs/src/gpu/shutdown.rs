// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Taking the firmware down so that the GPU can be booted again.
//!
//! The firmware is told to stop, FWSEC-SB puts the pre-OS state back and resets the GSP on its way, and the booter takes WPR2
//! away. Sources: nova-core gsp/boot.rs (`unload`), gsp/hal/tu102.rs (`Sec2UnloadBundle`).

use super::running::{Hardware, Running, Unload};
use super::{Gpu, State};
use crate::boot::{fwsec, sec2};
use crate::error::{Error, Kind, Result};
use crate::falcon::Falcon;
use crate::platform::Platform;
use crate::rpc::{unloading, Channel};
use crate::time::{poll, MS, S};
use crate::vgpu;

/// In GSP mailbox 0: the firmware stopped (nova-core gsp/boot.rs, LIBOS_INTERRUPT_PROCESSOR_SUSPENDED).
const SUSPENDED: u32 = 1 << 31;
const SUSPEND_TIMEOUT_US: u64 = 5 * S;

impl<P: Platform> Gpu<P> {
    /// Stops the firmware.
    ///
    /// # Errors
    ///
    /// [`Kind::VgpusAlive`]; what failed first on the way down, after which the GPU is [`State::Failed`].
    pub fn shutdown(&self) -> Result<()> {
        let mut life = self.life.lock();
        self.told("shutdown", self.stop(&mut life, false))
    }

    /// The last thing done: as [`Gpu::shutdown`], whether or not vGPUs are alive, and with no interrupts any more.
    pub(super) fn end(&self) -> Result<()> {
        self.end_interrupts();
        let mut life = self.life.lock();
        self.told("shutdown", self.stop(&mut life, true))
    }

    fn stop(&self, life: &mut Option<Hardware<P>>, last: bool) -> Result<()> {
        let running = match self.running.close() {
            Some(running) => running,
            None => return Ok(()),
        };
        let alive = running.vgpus.as_ref().map_or(0, |manager| manager.alive());
        if alive != 0 && !last {
            // Nobody but us, who hold `life`, opens the gate, so there is room.
            let _ = self.running.open(running);
            return Err(Error::found(Kind::VgpusAlive, alive.into()));
        }
        let Running {
            channel, pramin, vgpus, ..
        } = running;
        let hardware = vgpu::Hardware {
            channel: &channel,
            pramin: &pramin,
        };
        let closed = match vgpus {
            Some(manager) if alive == 0 => manager.close(&hardware).map_err(Error::of_last_try),
            // With the firmware go the vGPUs that nobody destroyed.
            _ => Ok(()),
        };
        let stopped = stop_firmware(&self.gsp, &channel);
        let result = closed.and(stopped).and(self.take_down(life));
        self.set_state(match &result {
            Ok(()) => State::Stopped,
            Err(_) => State::Failed,
        });
        result
    }

    /// Brings the hardware back to where a boot begins, and gives back what the boot took from the platform; the firmware was
    /// told to stop, or never ran.
    #[inline(never)]
    pub(super) fn take_down(&self, life: &mut Option<Hardware<P>>) -> Result<()> {
        let off = self.interrupt.disconnect(&self.platform);
        let hardware = match life.take() {
            Some(hardware) => hardware,
            None => return off,
        };
        match &hardware.unload {
            Some(unload) => off.and(self.unload(unload)),
            None => off,
        }
    }

    /// Goes on where one step fails: the next may still help.
    fn unload(&self, unload: &Unload<P>) -> Result<()> {
        let sb = fwsec::run(&self.gsp, &unload.fwsec_sb.ucode());
        sb.and(sec2::unload(&self.platform, &self.sec2, &unload.booter.ucode()))
    }
}

pub(super) fn stop_firmware<P: Platform>(gsp: &Falcon<P>, channel: &Channel<P>) -> Result<()> {
    unloading::send(channel)?;
    poll(
        channel.platform(),
        SUSPEND_TIMEOUT_US,
        10 * MS as u32,
        Kind::Unload,
        || match gsp.mailbox0()? {
            // A device that is gone has every bit set.
            u32::MAX => Err(Kind::DeviceGone.into()),
            mailbox => Ok(mailbox & SUSPENDED != 0),
        },
    )
}
