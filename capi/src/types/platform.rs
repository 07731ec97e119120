// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What the core asks of its caller.

use super::*;
use core::ffi::c_void;

/// Severity of a log line: something failed. Numbers as in syslog(3).
pub const NVB_LOG_ERR: u32 = 3;
/// Severity of a log line: odd, but handled.
pub const NVB_LOG_WARN: u32 = 4;
/// Severity of a log line: worth a line on a quiet system.
pub const NVB_LOG_INFO: u32 = 6;
/// Severity of a log line: for those who look for a fault.
pub const NVB_LOG_DEBUG: u32 = 7;

/// DMA memory that is one range for the device and coherent for both sides.
pub const NVB_DMA_CONTIGUOUS: u32 = 0;
/// DMA memory that is contiguous for the CPU and separate 4 KiB pages for the device, which only reads it; the CPU syncs after
/// it wrote.
pub const NVB_DMA_SCATTERED: u32 = 1;

/// struct nvb_dma - memory that the GPU can reach
///
/// The core keeps what dma_alloc filled and hands copies of it to the other functions: only the fields count, not where the struct
/// is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nvb_dma {
    /// @size: sizeof(struct nvb_dma), set by the core
    pub size: u32,
    /// @kind: NVB_DMA_*, set by the core
    pub kind: u32,
    /// @len: bytes, a multiple of 4096, set by the core
    pub len: u64,
    /// @cpu: address for the CPU, 4096-byte aligned; the memory is zeroed at allocation
    pub cpu: *mut c_void,
    /// @addr: address of byte 0 for the device; only of NVB_DMA_CONTIGUOUS memory
    pub addr: u64,
    /// @priv: the platform's own
    pub r#priv: *mut c_void,
}

/// struct nvb_firmware - bytes of a firmware file
///
/// The core keeps what firmware_get filled and hands a copy of it to firmware_put.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nvb_firmware {
    /// @size: sizeof(struct nvb_firmware), set by the core
    pub size: u32,
    /// @reserved: 0
    pub reserved: u32,
    /// @data: the bytes; they must not change before firmware_put()
    pub data: *const u8,
    /// @len: how many
    pub len: u64,
    /// @priv: the platform's own
    pub r#priv: *mut c_void,
}

/// struct nvb_platform - everything the core asks for
///
/// Every function is required and gets @ctx as its first argument. Functions that return int32_t return 0 or a negative
/// errno, which the core hands on to its own caller. They are called from any thread that called into the core, several at a
/// time; those marked "any context" also from nvb_gpu_interrupt(). None of them may call into the core.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nvb_platform {
    /// @size: sizeof(struct nvb_platform)
    pub size: u32,
    /// @reserved: 0
    pub reserved: u32,
    /// @ctx: the platform's own
    pub ctx: *mut c_void,

    /// @mmio_read32: reads the register at byte @off of BAR0, a multiple of 4; -EINVAL outside the BAR, -ENODEV when the device
    /// is gone; any context
    pub mmio_read32: Option<unsafe extern "C" fn(ctx: *mut c_void, off: u32, value: *mut u32) -> i32>,
    /// @mmio_write32: writes a register; as mmio_read32
    pub mmio_write32: Option<unsafe extern "C" fn(ctx: *mut c_void, off: u32, value: u32) -> i32>,

    /// @dma_alloc: @len bytes (a multiple of 4096) of zeroed memory of kind NVB_DMA_*: sets cpu, addr and priv of @dma, whose
    /// other fields the core has set; -ENOMEM; may sleep
    pub dma_alloc: Option<unsafe extern "C" fn(ctx: *mut c_void, len: u64, kind: u32, dma: *mut nvb_dma) -> i32>,
    /// @dma_free: takes back what dma_alloc filled; may sleep
    pub dma_free: Option<unsafe extern "C" fn(ctx: *mut c_void, dma: *mut nvb_dma)>,
    /// @dma_page_addr: device address of 4 KiB page number @page of NVB_DMA_SCATTERED memory
    pub dma_page_addr:
        Option<unsafe extern "C" fn(ctx: *mut c_void, dma: *const nvb_dma, page: u64, addr: *mut u64) -> i32>,
    /// @dma_sync_for_device: makes what the CPU wrote to @off .. @off + @len visible to the device
    pub dma_sync_for_device:
        Option<unsafe extern "C" fn(ctx: *mut c_void, dma: *const nvb_dma, off: u64, len: u64) -> i32>,

    /// @mem_alloc: @len zeroed bytes, 16-byte aligned; NULL when there are none; may sleep
    pub mem_alloc: Option<unsafe extern "C" fn(ctx: *mut c_void, len: u64) -> *mut c_void>,
    /// @mem_free: takes back what mem_alloc gave for the same @len; may sleep
    pub mem_free: Option<unsafe extern "C" fn(ctx: *mut c_void, mem: *mut c_void, len: u64)>,

    /// @now_ns: monotonic time; any context
    pub now_ns: Option<unsafe extern "C" fn(ctx: *mut c_void) -> u64>,
    /// @sleep_us: sleeps for at least @us microseconds
    pub sleep_us: Option<unsafe extern "C" fn(ctx: *mut c_void, us: u32)>,

    /// @lock_create: makes a sleeping lock, not recursive; -ENOMEM
    pub lock_create: Option<unsafe extern "C" fn(ctx: *mut c_void, lock: *mut *mut c_void) -> i32>,
    /// @lock_destroy: takes back a lock that nobody holds
    pub lock_destroy: Option<unsafe extern "C" fn(ctx: *mut c_void, lock: *mut c_void)>,
    /// @lock_acquire: takes the lock; may sleep
    pub lock_acquire: Option<unsafe extern "C" fn(ctx: *mut c_void, lock: *mut c_void)>,
    /// @lock_release: releases the lock; called by the thread that took it
    pub lock_release: Option<unsafe extern "C" fn(ctx: *mut c_void, lock: *mut c_void)>,

    /// @event_token: how often event_signal was called so far, wrapping; any context
    pub event_token: Option<unsafe extern "C" fn(ctx: *mut c_void) -> u32>,
    /// @event_wait: sleeps until that count differs from @token (at once if it does); 0, or -ETIMEDOUT after @timeout_us
    pub event_wait: Option<unsafe extern "C" fn(ctx: *mut c_void, token: u32, timeout_us: u64) -> i32>,
    /// @event_signal: advances the count and wakes all that wait; any context
    pub event_signal: Option<unsafe extern "C" fn(ctx: *mut c_void)>,

    /// @firmware_get: fills @fw with the file @name, e.g. "nvidia/ad102/gsp/gsp-570.144.bin"; -ENOENT if there is none; may sleep
    pub firmware_get: Option<unsafe extern "C" fn(ctx: *mut c_void, name: *const c_char, fw: *mut nvb_firmware) -> i32>,
    /// @firmware_put: takes back what firmware_get filled
    pub firmware_put: Option<unsafe extern "C" fn(ctx: *mut c_void, fw: *mut nvb_firmware)>,

    /// @log: one line of @len bytes, no newline and no NUL, of severity NVB_LOG_*; any context
    pub log: Option<unsafe extern "C" fn(ctx: *mut c_void, level: u32, text: *const c_char, len: u64)>,
}
