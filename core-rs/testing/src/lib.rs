// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A [`Platform`] on the heap for tests: it counts what it hands out, fails on request, and records what the core does.
//!
//! Time is virtual unless asked otherwise: a sleep advances the clock, and a wait that nothing can end takes no real time.
//! What would act on its own on a real machine (the device) acts in hooks: on a register access, and when the core waits
//! ([`Machine::on_idle`]).
//!
//! The core's unit tests compile this file into the core itself (`crate::testing`), because a crate under test is another
//! crate than the one its dependencies see.

use novabridge_core::error::{Error, Kind, Result};
use novabridge_core::platform::{DmaKind, Level, Platform, RawDma, RawFirmware, RawLock};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::ptr::NonNull;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

mod memory;

use memory::{Allocation, Pages};

/// What has been handed out and not given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outstanding {
    /// DMA allocations.
    pub dma: usize,
    /// Plain allocations.
    pub memory: usize,
    /// Firmware files.
    pub firmware: usize,
    /// Locks.
    pub locks: usize,
}

type ReadHook = Box<dyn FnMut() -> u32 + Send>;
type WriteHook = Box<dyn FnMut(u32) + Send>;
type IdleHook = Box<dyn FnMut() + Send>;

#[derive(Default)]
struct State {
    registers: HashMap<u32, u32>,
    writes: Vec<(u32, u32)>,
    on_read: HashMap<u32, ReadHook>,
    on_write: HashMap<u32, WriteHook>,
    on_idle: Option<IdleHook>,
    dma: BTreeMap<usize, Pages>,
    memory: HashMap<usize, Allocation>,
    files: HashMap<String, Arc<[u8]>>,
    directory: Option<PathBuf>,
    firmware: HashMap<usize, Arc<[u8]>>,
    locks: HashMap<usize, Arc<Lock>>,
    next_token: usize,
    next_page: u64,
    requests: u64,
    fail_at: Option<u64>,
    clock_ns: u64,
    log: Vec<(Level, String)>,
}

#[derive(Default)]
struct Lock {
    holder: Mutex<Option<ThreadId>>,
    freed: Condvar,
}

struct Inner {
    state: Mutex<State>,
    signals: Mutex<u32>,
    signalled: Condvar,
    started: Option<Instant>,
}

/// A machine without a device. Cheap to clone; clones are the same machine.
#[derive(Clone)]
pub struct Machine(Arc<Inner>);

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine {
    /// A machine with virtual time.
    pub fn new() -> Self {
        Self::with_clock(None)
    }

    /// A machine with real time, for tests with threads.
    pub fn realtime() -> Self {
        Self::with_clock(Some(Instant::now()))
    }

    fn with_clock(started: Option<Instant>) -> Self {
        // Device addresses start above 4 GiB, so that a lost upper half shows.
        let state = State {
            next_page: 0x1_2340_0000 >> 12,
            ..State::default()
        };
        Machine(Arc::new(Inner {
            state: Mutex::new(state),
            signals: Mutex::new(0),
            signalled: Condvar::new(),
            started,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("a test panicked while it held the machine")
    }

    /// Sets a register without a trace in [`Machine::writes`].
    pub fn set(&self, register: u32, value: u32) {
        self.state().registers.insert(register, value);
    }

    /// The value of a register; 0 when nobody set it.
    pub fn get(&self, register: u32) -> u32 {
        self.state().registers.get(&register).copied().unwrap_or(0)
    }

    /// The core's register writes so far, in order.
    pub fn writes(&self) -> Vec<(u32, u32)> {
        self.state().writes.clone()
    }

    /// Answers reads of `register`.
    pub fn on_read(&self, register: u32, hook: impl FnMut() -> u32 + Send + 'static) {
        self.state().on_read.insert(register, Box::new(hook));
    }

    /// Called at each write of `register`, after the value is stored.
    pub fn on_write(&self, register: u32, hook: impl FnMut(u32) + Send + 'static) {
        self.state().on_write.insert(register, Box::new(hook));
    }

    /// Called when the core sleeps or waits for an event: the moment for a device to do something.
    pub fn on_idle(&self, hook: impl FnMut() + Send + 'static) {
        self.state().on_idle = Some(Box::new(hook));
    }

    /// Offers a firmware file.
    pub fn add_file(&self, name: &str, bytes: &[u8]) {
        self.state().files.insert(name.to_string(), bytes.into());
    }

    /// Offers the files below `directory`; [`Machine::add_file`] goes first.
    pub fn add_directory(&self, directory: impl Into<PathBuf>) {
        self.state().directory = Some(directory.into());
    }

    /// Makes request number `n` from now (1 is the next one) fail; 0 makes none fail. Requests are allocations, locks, files,
    /// page addresses and syncs.
    pub fn fail_request(&self, n: u64) {
        let mut state = self.state();
        state.fail_at = if n == 0 { None } else { Some(state.requests + n) };
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.state().requests
    }

    /// What has not been given back.
    pub fn outstanding(&self) -> Outstanding {
        let state = self.state();
        Outstanding {
            dma: state.dma.len(),
            memory: state.memory.len(),
            firmware: state.firmware.len(),
            locks: state.locks.len(),
        }
    }

    /// The log lines so far.
    pub fn log_lines(&self) -> Vec<(Level, String)> {
        self.state().log.clone()
    }

    /// Reads memory as the device does, by device address. `None` where no memory is mapped.
    pub fn device_read(&self, addr: u64, len: usize) -> Option<Vec<u8>> {
        let state = self.state();
        let mut bytes = vec![0; len];
        memory::walk(state.dma.values(), addr, len, |pages, off, at, n| {
            pages.read(off, &mut bytes[at..at + n])
        })?;
        Some(bytes)
    }

    /// Writes memory as the device does, by device address. `None` where no memory is mapped.
    pub fn device_write(&self, addr: u64, bytes: &[u8]) -> Option<()> {
        let state = self.state();
        memory::walk(state.dma.values(), addr, bytes.len(), |pages, off, at, n| {
            pages.write(off, &bytes[at..at + n])
        })
    }

    /// Advances the virtual clock.
    pub fn advance_us(&self, us: u64) {
        self.state().clock_ns += us * 1000;
    }

    /// Counts a request and says whether it shall fail.
    fn request(&self) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        state.requests += 1;
        if state.fail_at == Some(state.requests) {
            return Err(Kind::NoMemory.into());
        }
        Ok(state)
    }

    fn idle(&self) {
        // The hook runs without the lock: it may use the machine.
        let hook = self.state().on_idle.take();
        if let Some(mut hook) = hook {
            hook();
            self.state().on_idle.get_or_insert(hook);
        }
    }

    fn lock(&self, lock: RawLock) -> Arc<Lock> {
        self.state()
            .locks
            .get(&lock.0)
            .expect("a lock that does not exist")
            .clone()
    }
}

// SAFETY: allocations are heap memory of the stated size that lives until it is given back; nobody makes references to DMA
// memory; locks are held by one thread at a time.
unsafe impl Platform for Machine {
    fn read32(&self, off: u32) -> Result<u32> {
        let hook = self.state().on_read.remove(&off);
        if let Some(mut hook) = hook {
            let value = hook();
            self.state().on_read.entry(off).or_insert(hook);
            return Ok(value);
        }
        Ok(self.get(off))
    }

    fn write32(&self, off: u32, value: u32) -> Result<()> {
        let hook = {
            let mut state = self.state();
            state.registers.insert(off, value);
            state.writes.push((off, value));
            state.on_write.remove(&off)
        };
        if let Some(mut hook) = hook {
            hook(value);
            self.state().on_write.entry(off).or_insert(hook);
        }
        Ok(())
    }

    fn dma_alloc(&self, len: u64, kind: DmaKind) -> Result<RawDma> {
        let mut state = self.request()?;
        let pages = Pages::new(len, kind, state.next_page);
        // A hole behind each allocation: a range that runs over its end is seen.
        state.next_page += pages.count() + 1;
        state.next_token += 1;
        let token = state.next_token;
        let raw = RawDma {
            cpu: pages.cpu(),
            len: pages.len(),
            addr: pages.addr(0),
            kind,
            token,
        };
        state.dma.insert(token, pages);
        Ok(raw)
    }

    unsafe fn dma_free(&self, dma: &RawDma) {
        assert!(
            self.state().dma.remove(&dma.token).is_some(),
            "DMA memory given back twice"
        );
    }

    fn dma_page_addr(&self, dma: &RawDma, page: u64) -> Result<u64> {
        let state = self.request()?;
        let pages = state.dma.get(&dma.token).expect("DMA memory that was given back");
        if page < pages.count() {
            Ok(pages.addr(page))
        } else {
            Err(Error::found(Kind::Platform, 22))
        }
    }

    fn dma_sync_for_device(&self, dma: &RawDma, off: u64, len: u64) -> Result<()> {
        let state = self.request()?;
        let pages = state.dma.get(&dma.token).expect("DMA memory that was given back");
        assert!(off + len <= pages.len(), "a sync outside the memory");
        Ok(())
    }

    fn mem_alloc(&self, len: usize) -> Result<NonNull<u8>> {
        let mut state = self.request()?;
        let memory = Allocation::new(len, 16);
        let ptr = memory.ptr();
        state.memory.insert(ptr.as_ptr() as usize, memory);
        Ok(ptr)
    }

    unsafe fn mem_free(&self, mem: NonNull<u8>, len: usize) {
        let memory = self
            .state()
            .memory
            .remove(&(mem.as_ptr() as usize))
            .expect("memory given back twice");
        assert_eq!(memory.len(), len, "memory given back with another length");
    }

    fn now_ns(&self) -> u64 {
        match self.0.started {
            Some(started) => started.elapsed().as_nanos() as u64,
            None => {
                // A loop that polls without sleeping still sees time pass.
                let mut state = self.state();
                state.clock_ns += 100;
                state.clock_ns
            }
        }
    }

    fn sleep_us(&self, us: u32) {
        self.idle();
        match self.0.started {
            Some(_) => thread::sleep(Duration::from_micros(us.into())),
            None => self.advance_us(us.into()),
        }
    }

    fn lock_create(&self) -> Result<RawLock> {
        let mut state = self.request()?;
        state.next_token += 1;
        let token = state.next_token;
        state.locks.insert(token, Arc::default());
        Ok(RawLock(token))
    }

    unsafe fn lock_destroy(&self, lock: RawLock) {
        let lock = self.state().locks.remove(&lock.0).expect("a lock destroyed twice");
        assert!(
            lock.holder.lock().unwrap().is_none(),
            "a lock destroyed while it is held"
        );
    }

    fn lock_acquire(&self, lock: RawLock) {
        let lock = self.lock(lock);
        let me = thread::current().id();
        let mut holder = lock.holder.lock().unwrap();
        assert_ne!(*holder, Some(me), "a lock taken twice by one thread");
        while holder.is_some() {
            holder = lock.freed.wait(holder).unwrap();
        }
        *holder = Some(me);
    }

    unsafe fn lock_release(&self, lock: RawLock) {
        let lock = self.lock(lock);
        let held = lock.holder.lock().unwrap().take();
        assert_eq!(
            held,
            Some(thread::current().id()),
            "a lock released by a thread that does not hold it"
        );
        lock.freed.notify_one();
    }

    fn event_token(&self) -> u32 {
        *self.0.signals.lock().unwrap()
    }

    fn event_wait(&self, token: u32, timeout_us: u64) -> bool {
        if self.event_token() != token {
            return true;
        }
        self.idle();
        let signals = self.0.signals.lock().unwrap();
        if self.0.started.is_some() {
            let timeout = Duration::from_micros(timeout_us);
            let wait = self
                .0
                .signalled
                .wait_timeout_while(signals, timeout, |signals| *signals == token);
            return *wait.unwrap().0 != token;
        }
        if *signals == token {
            self.advance_us(timeout_us);
        }
        *signals != token
    }

    fn event_signal(&self) {
        let mut signals = self.0.signals.lock().unwrap();
        *signals = signals.wrapping_add(1);
        self.0.signalled.notify_all();
    }

    fn firmware_get(&self, name: &str) -> Result<RawFirmware> {
        let mut state = self.request()?;
        let listed = state.files.get(name).cloned();
        let read = || Some(std::fs::read(state.directory.as_ref()?.join(name)).ok()?.into());
        let bytes: Arc<[u8]> = listed.or_else(read).ok_or(Kind::FirmwareMissing)?;
        let data = NonNull::new(bytes.as_ptr().cast_mut()).expect("a slice is never at null");
        state.next_token += 1;
        let raw = RawFirmware {
            data,
            len: bytes.len() as u64,
            token: state.next_token,
        };
        state.firmware.insert(raw.token, bytes);
        Ok(raw)
    }

    unsafe fn firmware_put(&self, fw: &RawFirmware) {
        assert!(
            self.state().firmware.remove(&fw.token).is_some(),
            "a file given back twice"
        );
    }

    fn log(&self, level: Level, line: &str) {
        self.state().log.push((level, line.to_string()));
    }
}
