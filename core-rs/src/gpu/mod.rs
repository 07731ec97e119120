// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A GPU from its discovery to its end.
//!
//! [`Gpu`] is shared by all threads of its user. Locks, in the order they are taken: `life` (one boot or shutdown at a time), then
//! those of what runs: `vgpu`, `cmd`, `rx`. What exists only while the firmware runs is behind a [`Gate`]: a shutdown waits until
//! everybody has left it, and nobody gets in afterwards.

mod boot;
mod config;
mod files;
mod image;
mod lost;
mod prepare;
mod running;
mod shutdown;
mod vgpu;

pub use config::{BootConfig, PciFunction};
pub use running::Info;
pub use vgpu::Offer;

use crate::chip::{self, Chip};
use crate::error::{Error, Kind, Result};
use crate::event::{Event, Happening};
use crate::falcon::Falcon;
use crate::intr::{Interrupt, Irq};
use crate::libos::{Libos, LOG_SIZE};
use crate::mem::Owned;
use crate::platform::{Level, Platform};
use crate::sync::{Gate, Mutex, Pass};
use crate::text::Text;
use core::sync::atomic::{AtomicU32, Ordering};
use lost::Lost;
use running::{Hardware, Running};

/// Bytes of a failure in words.
const WORDS_MAX: usize = 192;

/// Where a GPU is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Never booted.
    Created,
    /// The firmware runs.
    Running,
    /// The firmware was stopped, or did not start; it can be booted.
    Stopped,
    /// Only a reset from outside makes it usable again.
    Failed,
}

impl State {
    const ALL: [State; 4] = [State::Created, State::Running, State::Stopped, State::Failed];
}

/// A GPU.
pub struct Gpu<P: Platform> {
    platform: P,
    chip: &'static Chip,
    gsp: Falcon<P>,
    sec2: Falcon<P>,
    interrupt: Interrupt,
    /// A [`State`], written under `life`.
    state: AtomicU32,
    lost: Lost,
    /// What the firmware's run took from the platform and holds until its end.
    life: Mutex<P, Option<Hardware<P>>>,
    running: Gate<P, Running<P>>,
    /// Of the newest boot: the firmware uses it while it runs, and its logs are read even after.
    libos: Mutex<P, Option<Owned<P, Libos<P>>>>,
    words: Mutex<P, Text<WORDS_MAX>>,
}

impl<P: Platform> Gpu<P> {
    /// Finds out which chip it is; nothing is started.
    ///
    /// # Errors
    ///
    /// As [`chip::identify`]; those of the platform.
    pub fn new(platform: &P) -> Result<Self> {
        let chip = identify(platform)?;
        Ok(Gpu {
            platform: platform.clone(),
            chip,
            gsp: Falcon::new(platform, chip.gsp, chip.falcon),
            sec2: Falcon::new(platform, chip.sec2, chip.falcon),
            interrupt: Interrupt::new(),
            state: AtomicU32::new(State::Created as u32),
            lost: Lost::new(),
            life: Mutex::new(platform, None)?,
            running: Gate::new(platform)?,
            libos: Mutex::new(platform, None)?,
            words: Mutex::new(platform, Text::new())?,
        })
    }

    /// Where it is in its life.
    pub fn state(&self) -> State {
        let number = self.state.load(Ordering::Acquire) as usize;
        State::ALL.get(number).copied().unwrap_or(State::Failed)
    }

    fn set_state(&self, state: State) {
        self.state.store(state as u32, Ordering::Release);
    }

    /// What exists while the firmware runs.
    ///
    /// # Errors
    ///
    /// [`Kind::BadState`] when it does not.
    fn running(&self) -> Result<Pass<'_, P, Running<P>>> {
        self.running.enter().ok_or_else(|| Kind::BadState.into())
    }

    /// Remembers a failure in words, for [`Gpu::last_error`], and logs it.
    fn told<T>(&self, doing: &str, result: Result<T>) -> Result<T> {
        if let Err(e) = &result {
            self.tell(doing, "", e);
        }
        result
    }

    fn tell(&self, doing: &str, step: &str, error: &Error) {
        *self.words.lock() = self.log(doing, step, error);
    }

    #[inline(never)]
    fn log(&self, doing: &str, step: &str, error: &Error) -> Text<WORDS_MAX> {
        let mut text = Text::<WORDS_MAX>::new();
        text.str(doing).str(": ");
        if !step.is_empty() {
            text.str(step).str(": ");
        }
        error.describe(&mut text);
        self.platform.log(Level::Error, text.as_str());
        self.lost.look_at(error);
        text
    }

    /// The newest failure in words; empty if there was none.
    pub fn last_error(&self) -> Text<WORDS_MAX> {
        *self.words.lock()
    }

    /// Handles an interrupt; any context.
    ///
    /// # Errors
    ///
    /// [`Kind::DeviceGone`]; those of the platform's registers.
    pub fn interrupt(&self) -> Result<Irq> {
        let irq = self.interrupt.handle(&self.platform, &self.gsp);
        if let Err(error) = &irq {
            self.lost.look_at(error);
            // Who waits for the firmware finds out now rather than at the end of the wait.
            self.platform.event_signal();
        }
        irq
    }

    /// From now on nobody calls [`Gpu::interrupt`]: waits look by themselves.
    pub fn end_interrupts(&self) {
        if let Some(running) = self.running.enter() {
            running.channel.set_interrupt_routed(false);
        }
    }

    /// Receives what the firmware sent. Events are fetched with [`Gpu::next_event`].
    ///
    /// # Errors
    ///
    /// Those of [`crate::rpc::Channel::service`].
    pub fn service(&self) -> Result<()> {
        let running = match self.running.enter() {
            Some(running) => running,
            None => return Ok(()),
        };
        self.told("receiving from the firmware", running.channel.service().map(|_| ()))
    }

    /// The oldest event nobody fetched; behind all others that the device is gone, which no storm of events can crowd out.
    pub fn next_event(&self) -> Option<Event> {
        let running = self.running.enter()?;
        let lost = || {
            let mut event = Event::new(Happening::GpuLost);
            event.text.str(self.lost.to_be_told()?.words());
            Some(event)
        };
        running.channel.pop_event().or_else(lost)
    }

    /// What is known of it.
    pub fn info(&self) -> Info {
        let mut info = Info::of_chip(self.chip, self.state());
        if let Some(running) = self.running.enter() {
            running.describe(&mut info);
        }
        info
    }

    /// Copies out of the firmware's log buffer `log` from byte `off` on; returns the number of bytes, 0 behind the end.
    ///
    /// # Errors
    ///
    /// [`Kind::NoLog`] before the first boot; [`Kind::InvalidArgument`] unless `log` is 0 (initialisation), 1 (interrupts) or 2
    /// (resource manager).
    pub fn read_log(&self, log: u32, off: u64, buf: &mut [u8]) -> Result<usize> {
        let libos = self.libos.lock();
        let libos = libos.as_ref().ok_or(Kind::NoLog)?;
        let log = match log {
            0 => &libos.init,
            1 => &libos.intr,
            2 => &libos.rm,
            _ => return Err(Error::found(Kind::InvalidArgument, log.into())),
        };
        log.read(off.min(LOG_SIZE), buf)
    }
}

impl<P: Platform> Drop for Gpu<P> {
    fn drop(&mut self) {
        // The user is gone; what goes wrong is in the log.
        let _ = self.end();
    }
}

fn identify<P: Platform>(platform: &P) -> Result<&'static Chip> {
    let found = chip::identify(platform.read32(chip::BOOT_0)?, platform.read32(chip::BOOT_42)?);
    if let Err(e) = &found {
        let mut text = Text::<WORDS_MAX>::new();
        e.describe(&mut text);
        text.str("; known: ").str(chip::known::<64>().as_str());
        platform.log(Level::Error, text.as_str());
    }
    found
}
