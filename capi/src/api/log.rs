// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The firmware's log buffers.

use crate::handle::{nvb_gpu, nvb_vgpu, GpuObject, VgpuRef};
use crate::text;
use crate::types::gpu::{NVB_LOG_VGPU_INIT, NVB_LOG_VGPU_KERNEL, NVB_LOG_VGPU_TASK};
use novabridge_core::error::{errno, Result};
use novabridge_core::vgpu::Log;

/// nvb_gpu_log_read() - read a log buffer of the firmware
/// @gpu: the GPU
/// @log: NVB_LOG_INIT, NVB_LOG_INTR or NVB_LOG_RM
/// @off: first byte
/// @buf: gets the bytes, as the firmware wrote them
/// @len: how many at most
///
/// The buffers of the last boot stay readable after a failed boot or a shutdown, until the next boot.
///
/// Return: bytes read, 0 behind the end; -EINVAL for NULL or an unknown @log; -ENOENT before the first boot.
///
/// # Safety
/// @gpu is NULL or a live handle; @buf is NULL or points to @len writable bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_log_read(gpu: *mut nvb_gpu, log: u32, off: u64, buf: *mut u8, len: u64) -> i64 {
    // SAFETY: the caller's promise.
    match unsafe { (GpuObject::of(gpu), text::bytes_mut(buf, len)) } {
        (Ok(object), Some(buf)) => told(object.gpu.read_log(log, off, buf)),
        (Err(errno), _) => errno.into(),
        (_, None) => i64::from(-errno::EINVAL),
    }
}

/// nvb_vgpu_log_read() - read a log buffer of a vGPU's plugin
/// @vgpu: the vGPU
/// @log: NVB_LOG_VGPU_INIT, NVB_LOG_VGPU_TASK or NVB_LOG_VGPU_KERNEL
/// @off: first byte
/// @buf: gets the bytes, as the plugin wrote them
/// @len: how many at most
///
/// Return: bytes read, 0 behind the end; -EINVAL for NULL or an unknown @log; -ESTALE if the vGPU was destroyed; -ENOENT if
/// the release has no such log; -EBUSY while another thread is shutting the GPU down; -ENODEV or what else the platform
/// answered.
///
/// # Safety
/// @vgpu is NULL or of a GPU that is not destroyed; @buf is NULL or points to @len writable bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_log_read(vgpu: *mut nvb_vgpu, log: u32, off: u64, buf: *mut u8, len: u64) -> i64 {
    // SAFETY: the caller's promise.
    match unsafe { (VgpuRef::of(vgpu), text::bytes_mut(buf, len)) } {
        (Ok(vgpu), Some(buf)) => match which(log) {
            Some(log) => told(vgpu.object.gpu.vgpu_read_log(vgpu.id, log, off, buf)),
            None => i64::from(-errno::EINVAL),
        },
        (Err(errno), _) => errno.into(),
        (_, None) => i64::from(-errno::EINVAL),
    }
}

fn which(log: u32) -> Option<Log> {
    match log {
        NVB_LOG_VGPU_INIT => Some(Log::Init),
        NVB_LOG_VGPU_TASK => Some(Log::Task),
        NVB_LOG_VGPU_KERNEL => Some(Log::Kernel),
        _ => None,
    }
}

pub(super) fn told(read: Result<usize>) -> i64 {
    match read {
        Ok(len) => len as i64,
        Err(e) => e.to_errno().into(),
    }
}
