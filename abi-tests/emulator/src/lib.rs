// SPDX-License-Identifier: MIT
//! An emulated GPU: an AD102 board with its GSP firmware, the other end of the wire for NovaBridge's tests.
//!
//! A driver core talks to it as it would to the real board: through registers, system memory it shares with the device,
//! framebuffer windows and interrupts. The device checks what it is handed as the hardware and NVIDIA's firmware would,
//! and reports every breach by name ([`Rule`]). On request it misbehaves ([`Mode`]), so that the driver's refusals are
//! tried too.
//!
//! It shares no code and no layout source with the driver core: struct layouts come from the data files in `layouts/`,
//! which hold measured values of NVIDIA's public headers, and a mistake in one end shows as a disagreement.
//!
//! [`Gpu`] is the device, [`Host`] the machine it is plugged into. C programs and the QEMU shim use the same through
//! `include/gsp_emulator.h`.

// `is_multiple_of` is younger than toolchains that distributions ship.
#![allow(clippy::manual_is_multiple_of)]

mod board;
mod boot;
mod bytes;
mod capi;
mod config;
mod device;
mod falcon;
mod files;
mod framebuffer;
mod gsp;
mod host;
mod hostile;
mod intr;
mod layout;
mod registers;
#[cfg(test)]
mod testing;
mod vbios;
mod vgpu;
mod violation;

pub use config::{Config, Fuses, Geometry};
pub use host::{Func, Host, Location};
pub use hostile::{parse_list as parse_hostile, Hostile, Mode, UnknownMode};
pub use vgpu::metadata::file as vgpu_metadata;
pub use violation::{Rule, Violation};

use board::Board;
use device::Device;
use framebuffer::Framebuffer;
use std::{
    fmt, io,
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

/// Why a board cannot be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// The framebuffer size is not a multiple of 1 GiB, or below 4 GiB, or above 256 GiB.
    FramebufferSize(u64),
    /// More VFs than the 32 the chip has.
    TooManyVfs(u32),
    /// The framebuffer's address space could not be reserved.
    Memory(io::Error),
    /// The board's thread could not be started.
    Thread(io::Error),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetupError::FramebufferSize(size) => {
                write!(
                    f,
                    "framebuffer of {size} bytes; expected a multiple of 1 GiB from 4 to 256 GiB"
                )
            }
            SetupError::TooManyVfs(n) => write!(f, "{n} VFs; expected at most 32"),
            SetupError::Thread(e) => write!(f, "the board's thread cannot be started: {e}"),
            SetupError::Memory(e) => write!(f, "the framebuffer's address space cannot be reserved: {e}"),
        }
    }
}

impl std::error::Error for SetupError {}

/// Why an event cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InjectError {
    /// The event's name or one of its keys is unknown.
    Unknown,
    /// No firmware runs.
    NotRunning,
    /// The status queue has no room.
    QueueFull,
}

impl fmt::Display for InjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InjectError::Unknown => "unknown event",
            InjectError::NotRunning => "no firmware runs",
            InjectError::QueueFull => "the status queue is full",
        })
    }
}

impl std::error::Error for InjectError {}

/// The firmware releases the emulator speaks, oldest first.
pub fn releases() -> Vec<&'static str> {
    layout::releases().iter().map(|r| r.release.as_str()).collect()
}

/// What the board's own thread shares with it.
struct Shared {
    device: Mutex<Device>,
    /// There is something to go on with, or the board is being dropped.
    work: Condvar,
    stop: AtomicBool,
}

impl Shared {
    fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread: sleeps until something waits for room, and then looks for room at short intervals.
    fn run(&self) {
        let mut device = self.device();
        while !self.stop.load(Ordering::Acquire) {
            let wait = if device.go_on() {
                LOOK
            } else {
                Duration::from_secs(3600)
            };
            device = match self.work.wait_timeout(device, wait) {
                Ok((device, _)) => device,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

/// How often the device looks whether the driver has made room. The driver does that in memory, where nobody is told of it.
const LOOK: Duration = Duration::from_micros(200);

/// The emulated board. It may be shared between threads; register accesses are served one at a time.
pub struct Gpu {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    fb: Arc<Framebuffer>,
    geometry: Geometry,
}

impl Gpu {
    /// Builds a board and plugs it into `host`. It is in the state power-on leaves it in.
    ///
    /// # Errors
    /// A configuration the chip cannot have, or no address space for the framebuffer, or no thread.
    pub fn new(config: Config, host: Box<dyn Host>) -> Result<Gpu, SetupError> {
        const GIB: u64 = 1 << 30;
        if config.fb_size % GIB != 0 || !(4..=256).contains(&(config.fb_size / GIB)) {
            return Err(SetupError::FramebufferSize(config.fb_size));
        }
        if config.total_vfs > 32 {
            return Err(SetupError::TooManyVfs(config.total_vfs));
        }
        let fb = Arc::new(Framebuffer::new(config.fb_size).map_err(SetupError::Memory)?);
        let geometry = config.geometry();
        let own_thread = config.own_thread;
        let board = Board::new(config, host, Arc::clone(&fb));
        let shared = Arc::new(Shared {
            device: Mutex::new(Device::new(board)),
            work: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        let thread = if own_thread {
            let shared = Arc::clone(&shared);
            let builder = Builder::new().name("gsp-emulator".to_owned());
            Some(builder.spawn(move || shared.run()).map_err(SetupError::Thread)?)
        } else {
            None
        };
        Ok(Gpu {
            shared,
            thread,
            fb,
            geometry,
        })
    }

    fn device(&self) -> MutexGuard<'_, Device> {
        self.shared.device()
    }

    /// Serves a read of `size` bytes (1, 2, 4 or 8) at offset `off` of BAR `bar` (0, 1 or 3) of function `func`.
    pub fn mmio_read(&self, func: Func, bar: u32, off: u64, size: u32) -> u64 {
        self.device().read(func, bar, off, size)
    }

    /// Serves a write; what it sets in motion is done when the call returns, but for messages that find no room.
    pub fn mmio_write(&self, func: Func, bar: u32, off: u64, size: u32, value: u64) {
        let mut device = self.device();
        device.write(func, bar, off, size, value);
        if device.pending() {
            self.shared.work.notify_one();
        }
    }

    /// Goes on with what could not be finished within a register access: messages that wait for room in the status queue,
    /// which the driver makes without touching a register. True while something is left.
    pub fn poll(&self) -> bool {
        self.device().go_on()
    }

    /// Function-level reset.
    pub fn reset(&self, func: Func) {
        self.device().reset(func);
    }

    /// The framebuffer's mapping: where it starts and its bytes. It lives as long as the board.
    pub fn fb(&self) -> (*mut u8, u64) {
        (self.fb.as_ptr(), self.fb.len())
    }

    /// What an adapter that puts the board on a bus has to know.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The rules broken so far, oldest first (the first thousand).
    pub fn violations(&self) -> Vec<Violation> {
        self.device().board.violations.clone()
    }

    /// Replaces the ways in which the device misbehaves.
    pub fn set_hostile(&self, modes: Vec<Hostile>) {
        self.device().set_hostile(modes);
    }

    /// Has the firmware send an event, described as `name key=value ...`; the C header lists them.
    ///
    /// # Errors
    /// See [`InjectError`].
    pub fn inject(&self, event: &str) -> Result<(), InjectError> {
        self.device().inject(event)
    }

    /// A number the device keeps: `dma-read-bytes`, `dma-write-bytes`, `interrupts`, `violations`, `unknown-reads`,
    /// `unknown-writes` (registers that do not exist), `boots` (completed), `commands`, `events`.
    /// `None` for a name that is not one of these.
    pub fn counter(&self, name: &str) -> Option<u64> {
        const NAMES: [&str; 9] = [
            "dma-read-bytes",
            "dma-write-bytes",
            "interrupts",
            "violations",
            "unknown-reads",
            "unknown-writes",
            "boots",
            "commands",
            "events",
        ];
        NAMES
            .contains(&name)
            .then(|| self.device().board.counters.get(name).copied().unwrap_or(0))
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        // The lock is taken so that the thread is either before its look at `stop` or in its wait.
        drop(self.device());
        self.shared.work.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed by its hook; there is nothing to add to it here.
            let _ = thread.join();
        }
    }
}
