// SPDX-License-Identifier: MIT
//! The C ABI declared in `include/gsp_emulator.h`; that header says what each function does.

use crate::{
    config::{Config, Fuses, Geometry},
    host::{Func, Host, Location},
    hostile, Gpu, InjectError, Violation,
};
use std::{
    ffi::{c_char, c_void, CStr, CString},
    mem::size_of,
    path::PathBuf,
};

/// `struct gsp_emu_location`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct CLocation {
    bdf: u32,
    first_vf_offset: u32,
    bar: [u64; 3],
    vf_bar: [u64; 3],
}

/// `struct gsp_emu_host`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CHost {
    size: u32,
    reserved: u32,
    dma_read: Option<unsafe extern "C" fn(*mut c_void, u32, u64, *mut c_void, u64) -> i32>,
    dma_write: Option<unsafe extern "C" fn(*mut c_void, u32, u64, *const c_void, u64) -> i32>,
    irq: Option<unsafe extern "C" fn(*mut c_void, u32, u32)>,
    violation: Option<unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char)>,
    location: Option<unsafe extern "C" fn(*mut c_void, *mut CLocation) -> i32>,
}

/// `struct gsp_emu_config`.
#[repr(C)]
pub struct CConfig {
    size: u32,
    total_vfs: u32,
    fb_size: u64,
    firmware_dir: *const c_char,
    hostile: *const c_char,
    fuse_sec2: u32,
    fuse_gsp: u32,
    fuse_nvdec: u32,
    flags: u32,
}

/// `GSP_EMU_THREAD`.
const THREAD: u32 = 1;

struct ForeignHost {
    ops: CHost,
    opaque: *mut c_void,
}

// SAFETY: the header obliges the host to accept callbacks on any thread that makes a register access.
unsafe impl Send for ForeignHost {}

impl Host for ForeignHost {
    fn dma_read(&self, func: Func, addr: u64, buf: &mut [u8]) -> bool {
        match self.ops.dma_read {
            // SAFETY: the buffer is ours and as long as said; the function is the host's, as the header describes it.
            Some(f) => unsafe { f(self.opaque, func, addr, buf.as_mut_ptr().cast(), buf.len() as u64) != 0 },
            None => false,
        }
    }

    fn dma_write(&self, func: Func, addr: u64, data: &[u8]) -> bool {
        match self.ops.dma_write {
            // SAFETY: as in `dma_read`.
            Some(f) => unsafe { f(self.opaque, func, addr, data.as_ptr().cast(), data.len() as u64) != 0 },
            None => false,
        }
    }

    fn irq(&self, func: Func, vector: u32) {
        if let Some(f) = self.ops.irq {
            // SAFETY: the function is the host's, as the header describes it.
            unsafe { f(self.opaque, func, vector) }
        }
    }

    fn violation(&self, violation: &Violation) {
        let (Some(f), Ok(rule), Ok(detail)) = (
            self.ops.violation,
            CString::new(violation.rule.name()),
            CString::new(violation.detail.replace('\0', " ")),
        ) else {
            return;
        };
        // SAFETY: both strings outlive the call.
        unsafe { f(self.opaque, rule.as_ptr(), detail.as_ptr()) }
    }

    fn location(&self) -> Option<Location> {
        let f = self.ops.location?;
        let mut c = CLocation::default();
        // SAFETY: `c` is a valid destination for the call.
        let known = unsafe { f(self.opaque, &mut c) } != 0;
        known.then_some(Location {
            bdf: c.bdf,
            bar: c.bar,
            vf_bar: c.vf_bar,
            first_vf_offset: c.first_vf_offset,
        })
    }
}

/// A C string as text; `None` for NULL, an error for what is not UTF-8.
///
/// # Safety
/// `s` is NULL or a NUL-terminated string that lives as long as the result.
unsafe fn text<'a>(s: *const c_char) -> Result<Option<&'a str>, String> {
    if s.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let s = unsafe { CStr::from_ptr(s) };
    s.to_str().map(Some).map_err(|_| "a string is not UTF-8".to_owned())
}

/// Copies `s` into a C buffer, cut to fit with its final NUL.
///
/// # Safety
/// `buf` is NULL or valid for `len` bytes.
unsafe fn put_text(s: &str, buf: *mut c_char, len: usize) {
    if buf.is_null() || len == 0 {
        return;
    }
    let n = s.len().min(len - 1);
    // SAFETY: `n < len`, so copy and NUL are inside the caller's buffer.
    unsafe {
        std::ptr::copy_nonoverlapping(s.as_ptr().cast(), buf, n);
        *buf.add(n) = 0;
    }
}

/// # Safety
/// `config` is NULL or as the header describes it.
unsafe fn config_from(config: *const CConfig) -> Result<Config, String> {
    let mut out = Config::default();
    // SAFETY: the caller's promise.
    let Some(c) = (unsafe { config.as_ref() }) else {
        return Ok(out);
    };
    if c.size as usize != size_of::<CConfig>() {
        return Err(format!("config size {} instead of {}", c.size, size_of::<CConfig>()));
    }
    if c.flags & !THREAD != 0 {
        return Err(format!("unknown flags {:#x}", c.flags));
    }
    out.own_thread = c.flags & THREAD != 0;
    out.total_vfs = c.total_vfs;
    if c.fb_size != 0 {
        out.fb_size = c.fb_size;
    }
    // SAFETY: the header asks for NULL or a string.
    if let Some(dir) = unsafe { text(c.firmware_dir) }? {
        out.firmware_dir = PathBuf::from(dir);
    }
    // SAFETY: as above.
    if let Some(list) = unsafe { text(c.hostile) }? {
        out.hostile = hostile::parse_list(list).map_err(|e| e.to_string())?;
    }
    let default = Fuses::default();
    let fuse = |given: u32, default: u32| given.checked_sub(1).unwrap_or(default);
    out.fuses = Fuses {
        sec2: fuse(c.fuse_sec2, default.sec2),
        gsp: fuse(c.fuse_gsp, default.gsp),
        nvdec: fuse(c.fuse_nvdec, default.nvdec),
    };
    Ok(out)
}

/// See the header.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[no_mangle]
pub unsafe extern "C" fn gsp_emu_new(
    config: *const CConfig,
    host: *const CHost,
    opaque: *mut c_void,
    reason: *mut c_char,
    reason_len: usize,
) -> *mut Gpu {
    // SAFETY: the caller's promise.
    let made = unsafe { config_from(config) }.and_then(|config| {
        // SAFETY: the caller's promise.
        let ops = *unsafe { host.as_ref() }.ok_or("no host table")?;
        if ops.size as usize != size_of::<CHost>() {
            return Err(format!(
                "host table size {} instead of {}",
                ops.size,
                size_of::<CHost>()
            ));
        }
        Gpu::new(config, Box::new(ForeignHost { ops, opaque })).map_err(|e| e.to_string())
    });
    match made {
        Ok(gpu) => Box::into_raw(Box::new(gpu)),
        Err(why) => {
            // SAFETY: the caller's promise.
            unsafe { put_text(&why, reason, reason_len) };
            std::ptr::null_mut()
        }
    }
}

/// See the header.
///
/// # Safety
/// `emu` is NULL or came from `gsp_emu_new` and is not used again.
#[no_mangle]
pub unsafe extern "C" fn gsp_emu_free(emu: *mut Gpu) {
    if !emu.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(emu) });
    }
}

/// See the header.
///
/// # Safety
/// `emu` is a live board.
#[no_mangle]
pub unsafe extern "C" fn gsp_emu_read(emu: *mut Gpu, func: u32, bar: u32, off: u64, size: u32) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { &*emu }.mmio_read(func, bar, off, size)
}

/// See the header.
///
/// # Safety
/// `emu` is a live board.
#[no_mangle]
pub unsafe extern "C" fn gsp_emu_write(emu: *mut Gpu, func: u32, bar: u32, off: u64, size: u32, val: u64) {
    // SAFETY: the caller's promise.
    unsafe { &*emu }.mmio_write(func, bar, off, size, val);
}

/// See the header.
///
/// # Safety
/// `emu` is a live board.
#[no_mangle]
pub unsafe extern "C" fn gsp_emu_poll(emu: *mut Gpu) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { &*emu }.poll().into()
}

/// See the header.
///
/// # Safety
/// `emu` is a live board.
#[no_mangle]
pub unsafe extern "C" fn gsp_emu_reset(emu: *mut Gpu, func: u32) {
    // SAFETY: the caller's promise.
    unsafe { &*emu }.reset(func);
}

/// See the header.
///
/// # Safety
/// `emu` is a live board; `len` is NULL or valid.
#[no_mangle]
pub unsafe extern "C" fn gsp_emu_fb(emu: *mut Gpu, len: *mut u64) -> *mut c_void {
    // SAFETY: the caller's promise.
    let (base, size) = unsafe { &*emu }.fb();
    // SAFETY: the caller's promise.
    if let Some(len) = unsafe { len.as_mut() } {
        *len = size;
    }
    base.cast()
}

/// See the header.
///
/// # Safety
/// `emu` is a live board; `geometry` is valid.
#[no_mangle]
pub unsafe extern "C" fn gsp_emu_geometry(emu: *const Gpu, geometry: *mut Geometry) {
    // SAFETY: the caller's promise.
    unsafe { *geometry = (*emu).geometry() };
}

/// See the header.
///
/// # Safety
/// `emu` is a live board.
#[no_mangle]
pub unsafe extern "C" fn gsp_emu_violations(emu: *mut Gpu) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { &*emu }.violations().len() as u32
}

/// See the header.
///
/// # Safety
/// `emu` is a live board; `buf` is NULL or valid for `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn gsp_emu_violation(emu: *mut Gpu, index: u32, buf: *mut c_char, len: usize) -> usize {
    // SAFETY: the caller's promise.
    let Some(violation) = unsafe { &*emu }.violations().into_iter().nth(index as usize) else {
        return 0;
    };
    let line = violation.to_string();
    // SAFETY: the caller's promise.
    unsafe { put_text(&line, buf, len) };
    line.len()
}

/// See the header.
///
/// # Safety
/// `emu` is a live board; `list` is a string.
#[no_mangle]
pub unsafe extern "C" fn gsp_emu_set_hostile(emu: *mut Gpu, list: *const c_char) -> i32 {
    // SAFETY: the caller's promise.
    let list = unsafe { text(list) }.ok().flatten();
    match list.map(hostile::parse_list) {
        Some(Ok(modes)) => {
            // SAFETY: the caller's promise.
            unsafe { &*emu }.set_hostile(modes);
            0
        }
        _ => -libc::EINVAL,
    }
}

/// See the header.
///
/// # Safety
/// `emu` is a live board; `event` is a string.
#[no_mangle]
pub unsafe extern "C" fn gsp_emu_inject(emu: *mut Gpu, event: *const c_char) -> i32 {
    // SAFETY: the caller's promise.
    let Ok(Some(event)) = (unsafe { text(event) }) else {
        return -libc::EINVAL;
    };
    // SAFETY: the caller's promise.
    match unsafe { &*emu }.inject(event) {
        Ok(()) => 0,
        Err(InjectError::Unknown) => -libc::EINVAL,
        Err(InjectError::NotRunning) => -libc::ENODEV,
        Err(InjectError::QueueFull) => -libc::EAGAIN,
    }
}

/// See the header.
///
/// # Safety
/// `emu` is a live board; `name` is a string.
#[no_mangle]
pub unsafe extern "C" fn gsp_emu_counter(emu: *mut Gpu, name: *const c_char) -> u64 {
    // SAFETY: the caller's promise.
    match unsafe { text(name) } {
        // SAFETY: the caller's promise.
        Ok(Some(name)) => unsafe { &*emu }.counter(name).unwrap_or(u64::MAX),
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests;
