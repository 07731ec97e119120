// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The machine the GPU is plugged into.

use crate::arena::{Arena, Piece};
use crate::platform::{QUEUES_IN_USE, QUEUES_LEN};
use gsp_emulator::{Config, Func, Host, Location, Violation};
use novabridge::api::event::{nvb_gpu_interrupt, nvb_gpu_service};
use novabridge::handle::nvb_gpu;
use novabridge::types::event::NVB_IRQ_SERVICE;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How a machine is built.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The board; its firmware directory is what the core's files come from, too.
    pub board: Config,
    /// Files that are not in that directory, or instead of those there: name and content.
    pub files: Vec<(String, Vec<u8>)>,
    /// Whether interrupts reach the core.
    pub interrupts: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            board: Config {
                firmware_dir: crate::firmware_dir(),
                own_thread: true,
                ..Config::default()
            },
            files: gsp_emulator::releases()
                .iter()
                .map(|release| metadata(release))
                .collect(),
            interrupts: true,
        }
    }
}

/// The vGPU types of a release, as a file.
fn metadata(release: &str) -> (String, Vec<u8>) {
    let file = gsp_emulator::vgpu_metadata(release).expect("a known release");
    (format!("nvidia/vgpu-{release}.bin"), file)
}

/// Locks a mutex whose holder may have panicked: a failed test shall say so and not hang the others.
pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A counter that threads wait on.
#[derive(Default)]
pub(crate) struct Count {
    value: Mutex<u32>,
    moved: Condvar,
}

impl Count {
    pub(crate) fn get(&self) -> u32 {
        *hold(&self.value)
    }

    pub(crate) fn advance(&self) {
        let mut value = hold(&self.value);
        *value = value.wrapping_add(1);
        self.moved.notify_all();
    }

    /// Waits until the count is no longer `old`; false after `timeout` without that.
    pub(crate) fn wait(&self, old: u32, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        let mut value = hold(&self.value);
        while *value == old {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            value = self
                .moved
                .wait_timeout(value, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }
}

/// What the core holds at the moment.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) pieces: HashMap<usize, Piece>,
    pub(crate) blocks: HashMap<usize, usize>,
    pub(crate) locks: HashMap<usize, bool>,
    pub(crate) files: HashMap<usize, Vec<u8>>,
    pub(crate) next: usize,
}

/// Parts that the emulator's callbacks, the platform's functions and the interrupt thread share.
pub(crate) struct Shared {
    pub(crate) arena: Mutex<Arena>,
    pub(crate) taken: Mutex<Taken>,
    pub(crate) lock_free: Condvar,
    pub(crate) events: Count,
    irqs: Count,
    pub(crate) start: Instant,
    pub(crate) log: Mutex<Vec<(u32, String)>>,
    /// Requests so far that can fail.
    requests: AtomicU64,
    /// The request that fails; 0 = none.
    failing: AtomicU64,
    /// Breaches of the platform's contract by the core.
    pub(crate) faults: Mutex<Vec<String>>,
    location: Location,
}

impl Shared {
    /// Counts a request; true if it is the one that has to fail.
    pub(crate) fn fails(&self) -> bool {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        number == self.failing.load(Ordering::Relaxed)
    }

    pub(crate) fn fault(&self, words: String) {
        hold(&self.faults).push(words);
    }
}

struct Bus(Arc<Shared>);

impl Host for Bus {
    fn dma_read(&self, func: Func, addr: u64, buf: &mut [u8]) -> bool {
        func == 0 && hold(&self.0.arena).read(addr, buf)
    }

    fn dma_write(&self, func: Func, addr: u64, data: &[u8]) -> bool {
        func == 0 && hold(&self.0.arena).write(addr, data)
    }

    fn irq(&self, func: Func, _vector: u32) {
        if func == 0 {
            self.0.irqs.advance();
        }
    }

    fn violation(&self, _violation: &Violation) {
        // The emulator keeps them; `Machine::violations` asks.
    }

    fn location(&self) -> Option<Location> {
        Some(self.0.location)
    }
}

/// A machine with an emulated GPU.
pub struct Machine {
    pub(crate) shared: Arc<Shared>,
    /// The board.
    pub emulator: Arc<gsp_emulator::Gpu>,
    pub(crate) setup: Setup,
}

impl Machine {
    /// Plugs a board into a new machine. It stays where it is, because the core keeps its address.
    pub fn new(setup: Setup) -> Arc<Machine> {
        let shared = Arc::new(Shared {
            arena: Mutex::default(),
            taken: Mutex::default(),
            lock_free: Condvar::new(),
            events: Count::default(),
            irqs: Count::default(),
            start: Instant::now(),
            log: Mutex::default(),
            requests: AtomicU64::new(0),
            failing: AtomicU64::new(0),
            faults: Mutex::default(),
            location: Location {
                bdf: 0x4100,
                bar: [0xf000_0000, 0x38_0000_0000, 0x39_0000_0000],
                vf_bar: [0xf200_0000, 0x40_0000_0000, 0x48_0000_0000],
                first_vf_offset: 4,
            },
        });
        let emulator = gsp_emulator::Gpu::new(setup.board.clone(), Box::new(Bus(Arc::clone(&shared)))).expect("board");
        Arc::new(Machine {
            shared,
            emulator: Arc::new(emulator),
            setup,
        })
    }

    /// Where the GPU is.
    pub fn location(&self) -> Location {
        self.shared.location
    }

    /// The table that the core is given.
    pub fn platform(&self) -> novabridge::types::platform::nvb_platform {
        crate::platform::table(self)
    }

    /// Makes the `number`th request of the core from now on fail (1 is the next one); 0: none.
    pub fn fail_request(&self, number: u64) {
        let done = self.shared.requests.load(Ordering::Relaxed);
        let at = if number == 0 { 0 } else { done + number };
        self.shared.failing.store(at, Ordering::Relaxed);
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// What the core took and did not give back, in words; empty if nothing.
    pub fn leaks(&self) -> String {
        let taken = hold(&self.shared.taken);
        let mut words = String::new();
        for (what, count) in [
            ("DMA allocations", taken.pieces.len()),
            ("memory blocks", taken.blocks.len()),
            ("locks", taken.locks.len()),
            ("files", taken.files.len()),
        ] {
            if count != 0 {
                words += &format!("{count} {what}; ");
            }
        }
        words
    }

    /// Rules the core broke, at the device and at the platform, in words.
    pub fn violations(&self) -> Vec<String> {
        let mut all: Vec<String> = self.emulator.violations().iter().map(ToString::to_string).collect();
        all.extend(hold(&self.shared.faults).iter().cloned());
        all
    }

    /// Whether the core gave back the queues while the firmware could still write to them.
    pub fn queues_went_early(&self) -> bool {
        hold(&self.shared.faults).iter().any(|fault| fault == QUEUES_IN_USE)
    }

    /// Whether the core has exactly one piece of memory that passes for the queues: else nobody would see them given back.
    pub fn has_queues(&self) -> bool {
        let taken = hold(&self.shared.taken);
        taken.pieces.values().filter(|piece| piece.size() == QUEUES_LEN).count() == 1
    }

    /// What was logged so far.
    pub fn log(&self) -> String {
        hold(&self.shared.log)
            .iter()
            .map(|(level, line)| format!("<{level}> {line}\n"))
            .collect()
    }

    /// Lets interrupts reach `gpu` until the threads are stopped: one thread is the interrupt, another what it wakes.
    pub(crate) fn connect(&self, gpu: *mut nvb_gpu) -> Interrupts {
        let ended = Arc::new(AtomicBool::new(false));
        let work = Arc::new(Count::default());
        let gpu = gpu as usize;
        let irq = {
            let (shared, ended, work) = (Arc::clone(&self.shared), Arc::clone(&ended), Arc::clone(&work));
            std::thread::spawn(move || {
                let mut seen = shared.irqs.get();
                while !ended.load(Ordering::Acquire) {
                    if !shared.irqs.wait(seen, Duration::from_millis(50)) {
                        continue;
                    }
                    seen = shared.irqs.get();
                    // SAFETY: the threads are stopped before the GPU is destroyed.
                    if unsafe { nvb_gpu_interrupt(gpu as *mut nvb_gpu) } == NVB_IRQ_SERVICE {
                        work.advance();
                    }
                }
            })
        };
        let service = {
            let (ended, work) = (Arc::clone(&ended), Arc::clone(&work));
            std::thread::spawn(move || {
                let mut seen = work.get();
                while !ended.load(Ordering::Acquire) {
                    if work.wait(seen, Duration::from_millis(50)) {
                        seen = work.get();
                        // SAFETY: as above.
                        unsafe { nvb_gpu_service(gpu as *mut nvb_gpu) };
                    }
                }
            })
        };
        Interrupts {
            ended,
            threads: vec![irq, service],
        }
    }
}

/// The interrupt's threads; they end when dropped.
pub(crate) struct Interrupts {
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
