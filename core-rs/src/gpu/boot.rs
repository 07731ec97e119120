// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Booting the firmware on Turing to Ada, from files to a GPU that takes commands.
//!
//! The order is that of nova-core gsp/boot.rs and gsp/hal/tu102.rs and nouveau tu102.c (`tu102_gsp_oneinit`, `tu102_gsp_init`):
//! all files are read and all memory is made before the hardware is touched; FWSEC makes WPR2; the GSP is put into RISC-V mode with
//! the LibOS arguments in its mailboxes; the booter on SEC2 verifies the firmware into WPR2 and starts it; the firmware has the
//! CPU run a sequence and says that it is up.

use super::config::BootConfig;
use super::prepare::Prepared;
use super::running::{Hardware, Running};
use super::{shutdown, Gpu, State};
use crate::boot::sequencer::Sequencer;
use crate::boot::{fwsec, gfw, sec2, wpr};
use crate::chip;
use crate::error::{Error, Kind, Result};
use crate::fb::Layout;
use crate::mem::Owned;
use crate::platform::{Level, Platform};
use crate::pramin::Pramin;
use crate::rm::{self, Target};
use crate::rpc::static_info::{self, StaticInfo};
use crate::rpc::{Channel, EventSink, GspEvent};
use crate::time::{poll, MS, S};
use crate::vgpu::{self, Manager};

/// Longest the RISC-V core takes to run behind the booter (nova-core gsp/boot.rs).
const RISCV_TIMEOUT_US: u64 = 5 * S;
/// Longest the firmware takes from its start to GSP_INIT_DONE: twice what nova-core (gsp/cmdq.rs) and nouveau (rm/r535/rpc.c) give a
/// message, for emulated machines.
const INIT_TIMEOUT_US: u64 = 10 * S;

impl<P: Platform> Gpu<P> {
    /// Boots the firmware.
    ///
    /// # Errors
    ///
    /// [`Kind::BadState`] unless it is created or stopped; what failed first otherwise. All that was taken is given back then, and
    /// the state says whether another boot can work.
    pub fn boot(&self, config: &BootConfig<'_>) -> Result<()> {
        let mut life = self.life.lock();
        if matches!(self.state(), State::Running | State::Failed) {
            return self.told("boot", Err(Kind::BadState.into()));
        }
        self.lost.forget();
        let mut step = "";
        let prepared = match self.begin(config, &mut life, &mut step) {
            Ok(prepared) => prepared,
            Err(e) => return Err(self.give_up(&mut life, step, e)),
        };
        // If this fails the firmware may run, and uses what was prepared until it is taken down: that is dropped behind it.
        match self.start(&prepared, config, &mut step) {
            Ok(answers) => self.open(prepared, answers),
            Err(e) => Err(self.give_up(&mut life, step, e)),
        }
    }

    /// Takes down what had begun before `error` came; returns that.
    #[inline(never)]
    fn give_up(&self, life: &mut Option<Hardware<P>>, step: &str, error: Error) -> Error {
        self.tell("boot", step, &error);
        let down = self.take_down(life);
        if let Err(e) = &down {
            // The words stay those of what failed first.
            self.log("boot", "taking down what had begun", e);
        }
        self.set_state(match down {
            Ok(()) if matches!(wpr::wpr2(&self.platform), Ok(None)) => State::Stopped,
            _ => State::Failed,
        });
        error
    }

    /// Lets users in to the firmware, which is up; what served to start it is given back.
    #[inline(never)]
    fn open(&self, prepared: Prepared<P>, answers: Answers<P>) -> Result<()> {
        let (channel, layout) = prepared.into_channel();
        let (static_info, pramin, vgpus) = answers;
        let running = Running {
            channel,
            layout,
            static_info,
            pramin,
            vgpus,
        };
        // Closed since the last shutdown, and opened only here, under `life`.
        self.running.open(running).map_err(|_| Kind::BadState)?;
        self.set_state(State::Running);
        Ok(())
    }
}

// Steps are functions of their own in the object, too: joined, their frames would be too large for a kernel stack.
impl<P: Platform> Gpu<P> {
    /// From an untouched GPU to one for which all is ready that its boot takes.
    #[inline(never)]
    fn begin(
        &self,
        config: &BootConfig<'_>,
        life: &mut Option<Hardware<P>>,
        step: &mut &'static str,
    ) -> Result<Prepared<P>> {
        *step = "waiting for the GPU's own start";
        chip::identify(
            self.platform.read32(chip::BOOT_0)?,
            self.platform.read32(chip::BOOT_42)?,
        )?;
        gfw::wait(&self.platform)?;
        if let Some((start, _)) = wpr::wpr2(&self.platform)? {
            return Err(Error::found(Kind::WprPresent, start));
        }
        *step = "setting up the flush page";
        let hardware = life.insert(Hardware::new(&self.platform)?);
        self.prepare(config, hardware, step)
    }

    /// From there to a firmware that is up and has answered.
    #[inline(never)]
    fn start(&self, prepared: &Prepared<P>, config: &BootConfig<'_>, step: &mut &'static str) -> Result<Answers<P>> {
        self.start_core(prepared, step)?;
        self.bring_up(prepared, step)?;
        self.ask(&prepared.channel, &prepared.layout, config, step)
            .map_err(|e| {
                // It runs, so it is asked to stop; that it may fail is why it is taken down by force behind this.
                let _ = shutdown::stop_firmware(&self.gsp, &prepared.channel);
                e
            })
    }

    /// From an untouched GPU to a RISC-V core that runs the firmware's bootloader.
    #[inline(never)]
    fn start_core(&self, prepared: &Prepared<P>, step: &mut &'static str) -> Result<()> {
        let platform = &self.platform;
        *step = "making WPR2 with FWSEC";
        fwsec::run_frts(platform, &self.gsp, &prepared.frts.ucode(), prepared.layout.frts.start)?;
        *step = "resetting the GSP";
        self.gsp.reset_into_riscv()?;
        self.gsp.set_mailboxes(prepared.libos_args)?;
        if let Some(scrubber) = &prepared.scrubber {
            *step = "scrubbing the frame buffer";
            sec2::scrub(platform, &self.sec2, &scrubber.ucode())?;
        }
        *step = "loading the firmware with the booter";
        sec2::load(&self.sec2, &prepared.booter.ucode(), prepared.image.meta_addr())?;
        *step = "starting the firmware";
        self.gsp.set_os(prepared.app_version)?;
        poll(platform, RISCV_TIMEOUT_US, MS as u32, Kind::RiscvInactive, || {
            self.gsp.riscv_active()
        })
    }

    /// Serves the firmware until it says that it is up.
    #[inline(never)]
    fn bring_up(&self, prepared: &Prepared<P>, step: &mut &'static str) -> Result<()> {
        *step = "waiting for the firmware";
        let mut sink = BootSink {
            sequencer: Sequencer {
                platform: &self.platform,
                gsp: &self.gsp,
                sec2: &self.sec2,
                libos_args: prepared.libos_args,
                app_version: prepared.app_version,
                end_ns: self
                    .platform
                    .now_ns()
                    .saturating_add(INIT_TIMEOUT_US.saturating_mul(1_000)),
            },
            up: false,
        };
        prepared.channel.wait_events(INIT_TIMEOUT_US, &mut sink, |sink| sink.up)
    }

    /// Asks the firmware what has to be known of the GPU, connects its interrupt, and gets ready for vGPUs.
    #[inline(never)]
    fn ask(
        &self,
        channel: &Channel<P>,
        layout: &Layout,
        config: &BootConfig<'_>,
        step: &mut &'static str,
    ) -> Result<Answers<P>> {
        *step = "asking the firmware for its static information";
        let static_info = Owned::new(&self.platform, || static_info::get(channel, layout.fb_size))?;
        *step = "asking the firmware for its interrupt";
        let target = Target {
            client: static_info.handles.client,
            object: static_info.handles.subdevice,
        };
        let vector = rm::gsp_vector(channel, target)?;
        self.interrupt.connect(&self.platform, &self.gsp, vector)?;
        channel.set_interrupt_routed(true);
        *step = "getting ready for vGPUs";
        let pramin = Pramin::new(&self.platform)?;
        let vgpus = if config.vgpu_host && config.total_vfs != 0 {
            self.vgpus(channel, &pramin, &static_info, config, layout.partitions.into())?
        } else {
            None
        };
        Ok((static_info, pramin, vgpus))
    }

    /// A GPU without a file of vGPU types is a GPU without vGPUs.
    #[inline(never)]
    fn vgpus(
        &self,
        channel: &Channel<P>,
        pramin: &Pramin<P>,
        static_info: &StaticInfo,
        config: &BootConfig<'_>,
        partitions: u32,
    ) -> Result<Option<Owned<P, Manager<P>>>> {
        let hardware = vgpu::Hardware { channel, pramin };
        let manager = Owned::new(&self.platform, || {
            Manager::new(&hardware, static_info, config.pf.device, config.total_vfs, partitions)
        });
        match manager {
            Ok(manager) => Ok(Some(manager)),
            Err(e) if e.kind() == Kind::FirmwareMissing => {
                self.platform
                    .log(Level::Warn, "no vGPU types: their metadata file is missing");
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }
}

/// What a user of the running firmware needs.
type Answers<P> = (Owned<P, StaticInfo>, Pramin<P>, Option<Owned<P, Manager<P>>>);

/// What the boot does with events.
struct BootSink<'a, P: Platform> {
    sequencer: Sequencer<'a, P>,
    up: bool,
}

impl<P: Platform> EventSink<P> for BootSink<'_, P> {
    fn event(&mut self, event: &GspEvent<'_>) -> Result<bool> {
        match event {
            GspEvent::RunCpuSequencer(sequence) => self.sequencer.run(*sequence)?,
            GspEvent::InitDone { result: 0 } => self.up = true,
            GspEvent::InitDone { result } => return Err(Error::found(Kind::InitFailed, (*result).into())),
            _ => return Ok(false),
        }
        Ok(true)
    }
}
