// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What the core asks of the machine it runs on.
//!
//! The core is logic; every effect goes through a [`Platform`]. A platform is a cheap handle (`Clone`), so that whatever
//! owns a resource can keep one and give the resource back when dropped. Every request can fail, and a failure leaves
//! nothing behind.

use crate::error::Result;
use core::ptr::NonNull;

/// How DMA memory lies in the device's address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmaKind {
    /// One range; coherent for both sides.
    Contiguous,
    /// Contiguous for the CPU, separate 4 KiB pages for the device, which only reads it; the CPU syncs after writing.
    Scattered,
}

/// DMA memory as the platform handed it out. Owned by [`crate::mem::Dma`].
#[derive(Clone, Copy, Debug)]
pub struct RawDma {
    /// CPU address; page aligned, valid for `len` bytes, zeroed at allocation.
    pub cpu: NonNull<u8>,
    /// Length in bytes; a multiple of 4096.
    pub len: u64,
    /// Device address of byte 0 (meaningful for [`DmaKind::Contiguous`]).
    pub addr: u64,
    /// As requested.
    pub kind: DmaKind,
    /// The platform's own.
    pub token: usize,
}

/// A firmware file's bytes as the platform handed them out. Owned by [`crate::mem::Firmware`].
#[derive(Clone, Copy, Debug)]
pub struct RawFirmware {
    /// First byte; valid for `len` bytes and unchanging until `firmware_put`.
    pub data: NonNull<u8>,
    /// Length in bytes.
    pub len: u64,
    /// The platform's own.
    pub token: usize,
}

/// A sleeping lock's identity. Owned by [`crate::sync::Mutex`].
#[derive(Clone, Copy, Debug)]
pub struct RawLock(pub usize);

/// Severity of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something failed.
    Error,
    /// Odd, but handled.
    Warn,
    /// Worth a line on a quiet system.
    Info,
    /// For those who look for a fault.
    Debug,
}

/// The machine. See the module's documentation.
///
/// # Safety
///
/// Implementors promise what the fields of [`RawDma`] and [`RawFirmware`] say: pointers are valid for the stated length until
/// the object is given back, DMA memory is not aliased by Rust references, and locks exclude each other.
pub unsafe trait Platform: Clone {
    /// Reads the 32-bit register at byte `off` of BAR0. Any context.
    fn read32(&self, off: u32) -> Result<u32>;
    /// Writes the 32-bit register at byte `off` of BAR0. Any context.
    fn write32(&self, off: u32, value: u32) -> Result<()>;

    /// Allocates zeroed DMA memory of `len` bytes (rounded up to 4 KiB). May sleep.
    fn dma_alloc(&self, len: u64, kind: DmaKind) -> Result<RawDma>;
    /// Gives `dma` back.
    ///
    /// # Safety
    /// `dma` came from this platform's `dma_alloc`, was not given back before, and is used by nobody.
    unsafe fn dma_free(&self, dma: &RawDma);
    /// Device address of 4 KiB page `page` of `dma`.
    fn dma_page_addr(&self, dma: &RawDma, page: u64) -> Result<u64>;
    /// Makes what the CPU wrote into `off..off+len` visible to the device.
    fn dma_sync_for_device(&self, dma: &RawDma, off: u64, len: u64) -> Result<()>;

    /// Zeroed memory of `len` bytes, 16-byte aligned. May sleep.
    fn mem_alloc(&self, len: usize) -> Result<NonNull<u8>>;
    /// Gives memory back.
    ///
    /// # Safety
    /// `mem` came from this platform's `mem_alloc(len)`, was not given back before, and is used by nobody.
    unsafe fn mem_free(&self, mem: NonNull<u8>, len: usize);

    /// Monotonic time in nanoseconds. Any context.
    fn now_ns(&self) -> u64;
    /// Sleeps for about `us` microseconds.
    fn sleep_us(&self, us: u32);

    /// Makes a sleeping lock.
    fn lock_create(&self) -> Result<RawLock>;
    /// Destroys a lock.
    ///
    /// # Safety
    /// `lock` came from `lock_create`, is not held and will not be used again.
    unsafe fn lock_destroy(&self, lock: RawLock);
    /// Takes the lock. May sleep; not recursive.
    fn lock_acquire(&self, lock: RawLock);
    /// Releases the lock.
    ///
    /// # Safety
    /// The caller holds it.
    unsafe fn lock_release(&self, lock: RawLock);

    /// The count of [`Platform::event_signal`] calls so far (wrapping).
    fn event_token(&self) -> u32;
    /// Sleeps until the count differs from `token`; `false` after `timeout_us` without that.
    fn event_wait(&self, token: u32, timeout_us: u64) -> bool;
    /// Advances the count and wakes all sleepers. Any context.
    fn event_signal(&self);

    /// Loads the firmware file `name` (ASCII, no NUL). May sleep.
    fn firmware_get(&self, name: &str) -> Result<RawFirmware>;
    /// Gives the file back.
    ///
    /// # Safety
    /// `fw` came from `firmware_get`, was not given back before, and nobody refers to its bytes.
    unsafe fn firmware_put(&self, fw: &RawFirmware);

    /// Logs one line (no newline). Any context.
    fn log(&self, level: Level, line: &str);
}
