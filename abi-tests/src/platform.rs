// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `struct nvb_platform` of a [`Machine`]. It is strict: what the contract forbids the core is written down as a fault.

use crate::machine::{hold, Machine};
use novabridge::types::c_char;
use novabridge::types::platform::*;
use std::alloc::{alloc_zeroed, dealloc, Layout};
use std::ffi::{c_void, CStr};
use std::sync::PoisonError;
use std::time::Duration;

/// The table of `machine`, which must outlive every GPU made with it.
pub fn table(machine: &Machine) -> nvb_platform {
    nvb_platform {
        size: std::mem::size_of::<nvb_platform>() as u32,
        reserved: 0,
        ctx: machine as *const Machine as *mut c_void,
        mmio_read32: Some(mmio_read32),
        mmio_write32: Some(mmio_write32),
        dma_alloc: Some(dma_alloc),
        dma_free: Some(dma_free),
        dma_page_addr: Some(dma_page_addr),
        dma_sync_for_device: Some(dma_sync_for_device),
        mem_alloc: Some(mem_alloc),
        mem_free: Some(mem_free),
        now_ns: Some(now_ns),
        sleep_us: Some(sleep_us),
        lock_create: Some(lock_create),
        lock_destroy: Some(lock_destroy),
        lock_acquire: Some(lock_acquire),
        lock_release: Some(lock_release),
        event_token: Some(event_token),
        event_wait: Some(event_wait),
        event_signal: Some(event_signal),
        firmware_get: Some(firmware_get),
        firmware_put: Some(firmware_put),
        log: Some(log),
    }
}

fn machine<'a>(ctx: *mut c_void) -> &'a Machine {
    // SAFETY: `table` made the ctx of a machine, and machines outlive their GPUs (`Gpu` holds one).
    unsafe { &*(ctx as *const Machine) }
}

const BAR0_LEN: u32 = 16 << 20;

unsafe extern "C" fn mmio_read32(ctx: *mut c_void, off: u32, value: *mut u32) -> i32 {
    let m = machine(ctx);
    if off % 4 != 0 {
        m.shared.fault(format!("register read at {off:#x}"));
    }
    if off % 4 != 0 || off >= BAR0_LEN {
        return -libc::EINVAL;
    }
    // SAFETY: the core passes a writable word.
    unsafe { value.write(m.emulator.mmio_read(0, 0, off.into(), 4) as u32) };
    0
}

unsafe extern "C" fn mmio_write32(ctx: *mut c_void, off: u32, value: u32) -> i32 {
    let m = machine(ctx);
    if off % 4 != 0 {
        m.shared.fault(format!("register write at {off:#x}"));
    }
    if off % 4 != 0 || off >= BAR0_LEN {
        return -libc::EINVAL;
    }
    m.emulator.mmio_write(0, 0, off.into(), 4, value.into());
    0
}

unsafe extern "C" fn dma_alloc(ctx: *mut c_void, len: u64, kind: u32, dma: *mut nvb_dma) -> i32 {
    let m = machine(ctx);
    // SAFETY: the core passes a struct it has filled.
    let dma = unsafe { &mut *dma };
    if dma.size as usize != std::mem::size_of::<nvb_dma>() || dma.len != len || dma.kind != kind || len % 4096 != 0 {
        m.shared
            .fault(format!("dma_alloc of {len:#x} bytes with a wrong struct"));
    }
    if m.shared.fails() {
        return -libc::ENOMEM;
    }
    let piece = match hold(&m.shared.arena).alloc(len, kind == NVB_DMA_CONTIGUOUS) {
        Some(piece) => piece,
        None => return -libc::ENOMEM,
    };
    dma.cpu = piece.cpu().cast();
    dma.addr = if kind == NVB_DMA_CONTIGUOUS {
        piece.addr(0).unwrap_or(0)
    } else {
        0
    };
    let mut taken = hold(&m.shared.taken);
    taken.next += 1;
    let key = taken.next;
    dma.r#priv = key as *mut c_void;
    taken.pieces.insert(key, piece);
    0
}

/// Bytes of the message queues; nothing else that the core asks for has as many ([`Machine::has_queues`] holds it to that).
pub(crate) const QUEUES_LEN: u64 = 0x8_1000;
/// NV_PRISCV_RISCV_CPUCTL of the GSP, and the bit that says that its core runs.
const GSP_RISCV_CPUCTL: u64 = 0x11_1388;
const RISCV_ACTIVE: u64 = 1 << 7;
/// A fault: the firmware goes on writing to memory that may be somebody else's by then.
pub(crate) const QUEUES_IN_USE: &str = "dma_free of the queues while the firmware runs";

unsafe extern "C" fn dma_free(ctx: *mut c_void, dma: *mut nvb_dma) {
    let m = machine(ctx);
    // SAFETY: the core passes a struct that dma_alloc filled.
    let (key, len) = unsafe { ((*dma).r#priv as usize, (*dma).len) };
    if len == QUEUES_LEN && m.emulator.mmio_read(0, 0, GSP_RISCV_CPUCTL, 4) & RISCV_ACTIVE != 0 {
        m.shared.fault(QUEUES_IN_USE.to_owned());
    }
    match hold(&m.shared.taken).pieces.remove(&key) {
        Some(piece) => hold(&m.shared.arena).free(piece),
        None => m.shared.fault(format!("dma_free of {key} which is not allocated")),
    }
}

unsafe extern "C" fn dma_page_addr(ctx: *mut c_void, dma: *const nvb_dma, page: u64, addr: *mut u64) -> i32 {
    let m = machine(ctx);
    if m.shared.fails() {
        return -libc::EIO;
    }
    // SAFETY: the core passes a struct that dma_alloc filled, and a writable double word.
    let (key, addr) = unsafe { ((*dma).r#priv as usize, &mut *addr) };
    match hold(&m.shared.taken)
        .pieces
        .get(&key)
        .and_then(|piece| piece.addr(page))
    {
        Some(found) => {
            *addr = found;
            0
        }
        None => {
            m.shared
                .fault(format!("dma_page_addr of page {page} which is not there"));
            -libc::EINVAL
        }
    }
}

unsafe extern "C" fn dma_sync_for_device(ctx: *mut c_void, dma: *const nvb_dma, off: u64, len: u64) -> i32 {
    let m = machine(ctx);
    // SAFETY: the core passes a struct that dma_alloc filled.
    let total = unsafe { (*dma).len };
    if !matches!(off.checked_add(len), Some(end) if end <= total) {
        m.shared
            .fault(format!("dma_sync_for_device of {off:#x}+{len:#x} beyond {total:#x}"));
    }
    if m.shared.fails() {
        return -libc::EIO;
    }
    0
}

fn block(len: u64) -> Option<Layout> {
    Layout::from_size_align(len.max(1) as usize, 16).ok()
}

unsafe extern "C" fn mem_alloc(ctx: *mut c_void, len: u64) -> *mut c_void {
    let m = machine(ctx);
    if m.shared.fails() {
        return std::ptr::null_mut();
    }
    let Some(layout) = block(len) else {
        return std::ptr::null_mut();
    };
    // SAFETY: the layout has a size.
    let mem = unsafe { alloc_zeroed(layout) };
    if !mem.is_null() {
        hold(&m.shared.taken).blocks.insert(mem as usize, len as usize);
    }
    mem.cast()
}

unsafe extern "C" fn mem_free(ctx: *mut c_void, mem: *mut c_void, len: u64) {
    let m = machine(ctx);
    match (hold(&m.shared.taken).blocks.remove(&(mem as usize)), block(len)) {
        (Some(was), Some(layout)) if was as u64 == len => {
            // SAFETY: allocated by mem_alloc with this layout, and just taken off the list, so once.
            unsafe { dealloc(mem.cast(), layout) };
        }
        (was, _) => m
            .shared
            .fault(format!("mem_free of {mem:?} with {len} bytes, allocated {was:?}")),
    }
}

unsafe extern "C" fn now_ns(ctx: *mut c_void) -> u64 {
    machine(ctx).shared.start.elapsed().as_nanos() as u64
}

unsafe extern "C" fn sleep_us(_ctx: *mut c_void, us: u32) {
    std::thread::sleep(Duration::from_micros(us.into()));
}

unsafe extern "C" fn lock_create(ctx: *mut c_void, lock: *mut *mut c_void) -> i32 {
    let m = machine(ctx);
    if m.shared.fails() {
        return -libc::ENOMEM;
    }
    let mut taken = hold(&m.shared.taken);
    taken.next += 1;
    let key = taken.next;
    taken.locks.insert(key, false);
    // SAFETY: the core passes a writable pointer.
    unsafe { lock.write(key as *mut c_void) };
    0
}

unsafe extern "C" fn lock_destroy(ctx: *mut c_void, lock: *mut c_void) {
    let m = machine(ctx);
    match hold(&m.shared.taken).locks.remove(&(lock as usize)) {
        Some(false) => {}
        other => m.shared.fault(format!("lock_destroy of {lock:?}: {other:?}")),
    }
}

unsafe extern "C" fn lock_acquire(ctx: *mut c_void, lock: *mut c_void) {
    let m = machine(ctx);
    let mut taken = hold(&m.shared.taken);
    while taken.locks.get(&(lock as usize)) == Some(&true) {
        taken = m.shared.lock_free.wait(taken).unwrap_or_else(PoisonError::into_inner);
    }
    match taken.locks.get_mut(&(lock as usize)) {
        Some(held) => *held = true,
        None => m.shared.fault(format!("lock_acquire of {lock:?} which is no lock")),
    }
}

unsafe extern "C" fn lock_release(ctx: *mut c_void, lock: *mut c_void) {
    let m = machine(ctx);
    match hold(&m.shared.taken).locks.get_mut(&(lock as usize)) {
        Some(held) if *held => *held = false,
        other => m.shared.fault(format!("lock_release of {lock:?}: {other:?}")),
    }
    m.shared.lock_free.notify_all();
}

unsafe extern "C" fn event_token(ctx: *mut c_void) -> u32 {
    machine(ctx).shared.events.get()
}

unsafe extern "C" fn event_wait(ctx: *mut c_void, token: u32, timeout_us: u64) -> i32 {
    match machine(ctx)
        .shared
        .events
        .wait(token, Duration::from_micros(timeout_us))
    {
        true => 0,
        false => -libc::ETIMEDOUT,
    }
}

unsafe extern "C" fn event_signal(ctx: *mut c_void) {
    machine(ctx).shared.events.advance();
}

unsafe extern "C" fn firmware_get(ctx: *mut c_void, name: *const c_char, fw: *mut nvb_firmware) -> i32 {
    let m = machine(ctx);
    if m.shared.fails() {
        return -libc::EIO;
    }
    // SAFETY: the core passes a C string.
    let name = unsafe { CStr::from_ptr(name.cast()) }.to_string_lossy();
    let bytes = match m.setup.files.iter().find(|(file, _)| *file == name) {
        Some((_, bytes)) => bytes.clone(),
        None => match std::fs::read(m.setup.board.firmware_dir.join(&*name)) {
            Ok(bytes) => bytes,
            Err(e) => return -e.raw_os_error().unwrap_or(libc::EIO),
        },
    };
    let mut taken = hold(&m.shared.taken);
    taken.next += 1;
    let key = taken.next;
    // SAFETY: the core passes a struct it has filled; the bytes' place on the heap does not change when the vector moves.
    unsafe {
        (*fw).data = bytes.as_ptr();
        (*fw).len = bytes.len() as u64;
        (*fw).r#priv = key as *mut c_void;
    }
    taken.files.insert(key, bytes);
    0
}

unsafe extern "C" fn firmware_put(ctx: *mut c_void, fw: *mut nvb_firmware) {
    let m = machine(ctx);
    // SAFETY: the core passes a struct that firmware_get filled.
    let key = unsafe { (*fw).r#priv } as usize;
    if hold(&m.shared.taken).files.remove(&key).is_none() {
        m.shared.fault(format!("firmware_put of {key} which is not there"));
    }
}

unsafe extern "C" fn log(ctx: *mut c_void, level: u32, text: *const c_char, len: u64) {
    let m = machine(ctx);
    // SAFETY: the core passes `len` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len as usize) };
    let line = String::from_utf8_lossy(bytes).into_owned();
    if line.contains(['\n', '\0']) {
        m.shared.fault(format!("log line with a control character: {line:?}"));
    }
    hold(&m.shared.log).push((level, line));
}
