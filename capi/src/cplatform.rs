// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The core's platform over a caller's `struct nvb_platform`.
//!
//! All calls out of the core are in this file. They rest on one promise of the ABI, which the caller of nvb_gpu_create() made:
//! the functions of the table do what `struct nvb_platform` says, with its ctx, until nvb_gpu_destroy() returned.

use crate::types::c_char;
use crate::types::platform::*;
use core::ffi::c_void;
use core::mem::size_of;
use core::ptr::{self, NonNull};
use novabridge_core::error::{Error, Kind, Result};
use novabridge_core::platform::{DmaKind, Level, Platform, RawDma, RawFirmware, RawLock};

type LogFn = unsafe extern "C" fn(*mut c_void, u32, *const c_char, u64);

/// The table with every function there.
pub struct Table {
    ctx: *mut c_void,
    mmio_read32: unsafe extern "C" fn(*mut c_void, u32, *mut u32) -> i32,
    mmio_write32: unsafe extern "C" fn(*mut c_void, u32, u32) -> i32,
    dma_alloc: unsafe extern "C" fn(*mut c_void, u64, u32, *mut nvb_dma) -> i32,
    dma_free: unsafe extern "C" fn(*mut c_void, *mut nvb_dma),
    dma_page_addr: unsafe extern "C" fn(*mut c_void, *const nvb_dma, u64, *mut u64) -> i32,
    dma_sync_for_device: unsafe extern "C" fn(*mut c_void, *const nvb_dma, u64, u64) -> i32,
    mem_alloc: unsafe extern "C" fn(*mut c_void, u64) -> *mut c_void,
    mem_free: unsafe extern "C" fn(*mut c_void, *mut c_void, u64),
    now_ns: unsafe extern "C" fn(*mut c_void) -> u64,
    sleep_us: unsafe extern "C" fn(*mut c_void, u32),
    lock_create: unsafe extern "C" fn(*mut c_void, *mut *mut c_void) -> i32,
    lock_destroy: unsafe extern "C" fn(*mut c_void, *mut c_void),
    lock_acquire: unsafe extern "C" fn(*mut c_void, *mut c_void),
    lock_release: unsafe extern "C" fn(*mut c_void, *mut c_void),
    event_token: unsafe extern "C" fn(*mut c_void) -> u32,
    event_wait: unsafe extern "C" fn(*mut c_void, u32, u64) -> i32,
    event_signal: unsafe extern "C" fn(*mut c_void),
    firmware_get: unsafe extern "C" fn(*mut c_void, *const c_char, *mut nvb_firmware) -> i32,
    firmware_put: unsafe extern "C" fn(*mut c_void, *mut nvb_firmware),
    log: LogFn,
}

impl Table {
    /// Checks that no function is missing, and that nothing is asked for that has no meaning yet.
    pub fn new(t: &nvb_platform) -> Option<Table> {
        if t.reserved != 0 {
            return None;
        }
        Some(Table {
            ctx: t.ctx,
            mmio_read32: t.mmio_read32?,
            mmio_write32: t.mmio_write32?,
            dma_alloc: t.dma_alloc?,
            dma_free: t.dma_free?,
            dma_page_addr: t.dma_page_addr?,
            dma_sync_for_device: t.dma_sync_for_device?,
            mem_alloc: t.mem_alloc?,
            mem_free: t.mem_free?,
            now_ns: t.now_ns?,
            sleep_us: t.sleep_us?,
            lock_create: t.lock_create?,
            lock_destroy: t.lock_destroy?,
            lock_acquire: t.lock_acquire?,
            lock_release: t.lock_release?,
            event_token: t.event_token?,
            event_wait: t.event_wait?,
            event_signal: t.event_signal?,
            firmware_get: t.firmware_get?,
            firmware_put: t.firmware_put?,
            log: t.log?,
        })
    }
}

/// A handle of the caller's platform.
#[derive(Clone, Copy)]
pub struct CPlatform {
    table: NonNull<Table>,
}

// SAFETY: the table is only read, and the ABI lets its functions be called from any thread, several at a time.
unsafe impl Send for CPlatform {}
// SAFETY: as above.
unsafe impl Sync for CPlatform {}

/// A platform's answer: 0, or a negative errno, which is kept.
fn check(ret: i32) -> Result<()> {
    if ret == 0 {
        return Ok(());
    }
    Err(Error::found(Kind::Platform, u64::from(ret.unsigned_abs())))
}

impl CPlatform {
    /// A handle of `table`.
    ///
    /// # Safety
    ///
    /// `table` outlives every copy of the handle and whatever the core makes with it.
    pub unsafe fn new(table: NonNull<Table>) -> Self {
        CPlatform { table }
    }

    fn table(&self) -> &Table {
        // SAFETY: `new` was promised that the table lives; nobody writes it.
        unsafe { self.table.as_ref() }
    }

    fn raw(dma: &RawDma) -> nvb_dma {
        nvb_dma {
            size: size_of::<nvb_dma>() as u32,
            kind: kind_number(dma.kind),
            len: dma.len,
            cpu: dma.cpu.as_ptr().cast(),
            addr: dma.addr,
            r#priv: dma.token as *mut c_void,
        }
    }
}

fn kind_number(kind: DmaKind) -> u32 {
    match kind {
        DmaKind::Contiguous => NVB_DMA_CONTIGUOUS,
        DmaKind::Scattered => NVB_DMA_SCATTERED,
    }
}

/// Longest firmware file name with its NUL.
const FILE_NAME_MAX: usize = 96;

// SAFETY: what `Platform` asks of `RawDma`, `RawFirmware` and locks is what `struct nvb_platform` says of them, word for word;
// what can be checked of the answers (addresses, alignment) is checked here.
unsafe impl Platform for CPlatform {
    fn read32(&self, off: u32) -> Result<u32> {
        let t = self.table();
        let mut value = 0;
        // SAFETY: the table's promise; `value` is writable.
        check(unsafe { (t.mmio_read32)(t.ctx, off, &mut value) })?;
        Ok(value)
    }

    fn write32(&self, off: u32, value: u32) -> Result<()> {
        let t = self.table();
        // SAFETY: the table's promise.
        check(unsafe { (t.mmio_write32)(t.ctx, off, value) })
    }

    fn dma_alloc(&self, len: u64, kind: DmaKind) -> Result<RawDma> {
        let t = self.table();
        let len = len.checked_add(4095).ok_or(Kind::NoMemory)? & !4095;
        let mut dma = nvb_dma {
            size: size_of::<nvb_dma>() as u32,
            kind: kind_number(kind),
            len,
            cpu: ptr::null_mut(),
            addr: 0,
            r#priv: ptr::null_mut(),
        };
        // SAFETY: the table's promise; `dma` is writable.
        check(unsafe { (t.dma_alloc)(t.ctx, len, dma.kind, &mut dma) })?;
        match NonNull::new(dma.cpu.cast::<u8>()) {
            Some(cpu) if cpu.as_ptr() as usize % 4096 == 0 => Ok(RawDma {
                cpu,
                len,
                addr: dma.addr,
                kind,
                token: dma.r#priv as usize,
            }),
            _ => {
                // SAFETY: dma_alloc filled it a moment ago, and nobody uses it.
                unsafe { (t.dma_free)(t.ctx, &mut dma) };
                Err(Kind::Platform.into())
            }
        }
    }

    unsafe fn dma_free(&self, dma: &RawDma) {
        let t = self.table();
        let mut raw = Self::raw(dma);
        // SAFETY: our caller promises that `dma` came from dma_alloc and is given back once.
        unsafe { (t.dma_free)(t.ctx, &mut raw) };
    }

    fn dma_page_addr(&self, dma: &RawDma, page: u64) -> Result<u64> {
        let t = self.table();
        let raw = Self::raw(dma);
        let mut addr = 0;
        // SAFETY: the table's promise; `addr` is writable.
        check(unsafe { (t.dma_page_addr)(t.ctx, &raw, page, &mut addr) })?;
        Ok(addr)
    }

    fn dma_sync_for_device(&self, dma: &RawDma, off: u64, len: u64) -> Result<()> {
        let t = self.table();
        let raw = Self::raw(dma);
        // SAFETY: the table's promise.
        check(unsafe { (t.dma_sync_for_device)(t.ctx, &raw, off, len) })
    }

    fn mem_alloc(&self, len: usize) -> Result<NonNull<u8>> {
        let t = self.table();
        // SAFETY: the table's promise.
        let mem = unsafe { (t.mem_alloc)(t.ctx, len as u64) };
        match NonNull::new(mem.cast::<u8>()) {
            None => Err(Kind::NoMemory.into()),
            Some(mem) if mem.as_ptr() as usize % 16 == 0 => Ok(mem),
            Some(mem) => {
                // SAFETY: mem_alloc gave it a moment ago, and nobody uses it.
                unsafe { (t.mem_free)(t.ctx, mem.as_ptr().cast(), len as u64) };
                Err(Kind::Platform.into())
            }
        }
    }

    unsafe fn mem_free(&self, mem: NonNull<u8>, len: usize) {
        let t = self.table();
        // SAFETY: our caller promises that `mem` came from mem_alloc(len) and is given back once.
        unsafe { (t.mem_free)(t.ctx, mem.as_ptr().cast(), len as u64) };
    }

    fn now_ns(&self) -> u64 {
        let t = self.table();
        // SAFETY: the table's promise.
        unsafe { (t.now_ns)(t.ctx) }
    }

    fn sleep_us(&self, us: u32) {
        let t = self.table();
        // SAFETY: the table's promise.
        unsafe { (t.sleep_us)(t.ctx, us) };
    }

    fn lock_create(&self) -> Result<RawLock> {
        let t = self.table();
        let mut lock = ptr::null_mut();
        // SAFETY: the table's promise; `lock` is writable.
        check(unsafe { (t.lock_create)(t.ctx, &mut lock) })?;
        Ok(RawLock(lock as usize))
    }

    unsafe fn lock_destroy(&self, lock: RawLock) {
        let t = self.table();
        // SAFETY: our caller promises that the lock came from lock_create, is free and will not be used again.
        unsafe { (t.lock_destroy)(t.ctx, lock.0 as *mut c_void) };
    }

    fn lock_acquire(&self, lock: RawLock) {
        let t = self.table();
        // SAFETY: the table's promise; the core makes `RawLock`s only of what lock_create gave.
        unsafe { (t.lock_acquire)(t.ctx, lock.0 as *mut c_void) };
    }

    unsafe fn lock_release(&self, lock: RawLock) {
        let t = self.table();
        // SAFETY: our caller promises that it holds the lock.
        unsafe { (t.lock_release)(t.ctx, lock.0 as *mut c_void) };
    }

    fn event_token(&self) -> u32 {
        let t = self.table();
        // SAFETY: the table's promise.
        unsafe { (t.event_token)(t.ctx) }
    }

    fn event_wait(&self, token: u32, timeout_us: u64) -> bool {
        let t = self.table();
        // SAFETY: the table's promise.
        unsafe { (t.event_wait)(t.ctx, token, timeout_us) == 0 }
    }

    fn event_signal(&self) {
        let t = self.table();
        // SAFETY: the table's promise.
        unsafe { (t.event_signal)(t.ctx) };
    }

    fn firmware_get(&self, name: &str) -> Result<RawFirmware> {
        let t = self.table();
        let mut path = [0u8; FILE_NAME_MAX];
        // One byte stays for the NUL.
        if name.len() >= FILE_NAME_MAX {
            return Err(Error::found(Kind::InvalidArgument, name.len() as u64));
        }
        for (to, from) in path.iter_mut().zip(name.as_bytes()) {
            *to = *from;
        }
        let mut fw = nvb_firmware {
            size: size_of::<nvb_firmware>() as u32,
            reserved: 0,
            data: ptr::null(),
            len: 0,
            r#priv: ptr::null_mut(),
        };
        // SAFETY: the table's promise; `path` ends with NUL and `fw` is writable.
        let ret = unsafe { (t.firmware_get)(t.ctx, path.as_ptr().cast(), &mut fw) };
        if ret == -novabridge_core::error::errno::ENOENT {
            return Err(Kind::FirmwareMissing.into());
        }
        check(ret)?;
        match NonNull::new(fw.data as *mut u8) {
            Some(data) if fw.len <= isize::MAX as u64 => Ok(RawFirmware {
                data,
                len: fw.len,
                token: fw.r#priv as usize,
            }),
            _ => {
                // SAFETY: firmware_get filled it a moment ago, and nobody uses it.
                unsafe { (t.firmware_put)(t.ctx, &mut fw) };
                Err(Kind::Platform.into())
            }
        }
    }

    unsafe fn firmware_put(&self, fw: &RawFirmware) {
        let t = self.table();
        let mut raw = nvb_firmware {
            size: size_of::<nvb_firmware>() as u32,
            reserved: 0,
            data: fw.data.as_ptr(),
            len: fw.len,
            r#priv: fw.token as *mut c_void,
        };
        // SAFETY: our caller promises that `fw` came from firmware_get and is given back once.
        unsafe { (t.firmware_put)(t.ctx, &mut raw) };
    }

    fn log(&self, level: Level, line: &str) {
        let t = self.table();
        let level = match level {
            Level::Error => NVB_LOG_ERR,
            Level::Warn => NVB_LOG_WARN,
            Level::Info => NVB_LOG_INFO,
            Level::Debug => NVB_LOG_DEBUG,
        };
        // SAFETY: the table's promise; `line` is valid for its length.
        unsafe { (t.log)(t.ctx, level, line.as_ptr().cast(), line.len() as u64) };
    }
}
