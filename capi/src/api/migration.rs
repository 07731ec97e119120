// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Migration of a vGPU.

use super::log::told;
use super::vgpu::act;
use crate::handle::{nvb_vgpu, VgpuRef};
use crate::text;
use novabridge_core::error::errno;

/// nvb_vgpu_suspend() - stop a vGPU's work, so that its state can be saved or restored
/// @vgpu: the vGPU
///
/// Return: as nvb_vgpu_reset(); -EINVAL also if it is suspended already.
///
/// # Safety
/// @vgpu is NULL or of a GPU that is not destroyed.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_suspend(vgpu: *mut nvb_vgpu) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { act(vgpu, |v| v.object.gpu.vgpu_suspend(v.id)) }
}

/// nvb_vgpu_resume() - let a suspended vGPU work again
/// @vgpu: the vGPU
///
/// Return: as nvb_vgpu_reset(); -EINVAL also if it is not suspended.
///
/// # Safety
/// @vgpu is NULL or of a GPU that is not destroyed.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_resume(vgpu: *mut nvb_vgpu) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { act(vgpu, |v| v.object.gpu.vgpu_resume(v.id)) }
}

/// nvb_vgpu_save() - the next piece of a suspended vGPU's state
/// @vgpu: the vGPU
/// @buf: gets the piece
/// @len: room at @buf
///
/// Return: bytes written, 0 when all was said; -EINVAL for NULL, no room, or if the vGPU is not suspended; -EBADMSG if the
/// plugin points outside its buffer; else as nvb_vgpu_reset().
///
/// # Safety
/// @vgpu is NULL or of a GPU that is not destroyed; @buf is NULL or points to @len writable bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_save(vgpu: *mut nvb_vgpu, buf: *mut u8, len: u64) -> i64 {
    // SAFETY: the caller's promise.
    match unsafe { (VgpuRef::of(vgpu), text::bytes_mut(buf, len)) } {
        (Ok(vgpu), Some(buf)) => told(vgpu.object.gpu.vgpu_save(vgpu.id, buf)),
        (Err(errno), _) => errno.into(),
        (_, None) => i64::from(-errno::EINVAL),
    }
}

/// nvb_vgpu_restore() - take the next piece of a state that was saved
/// @vgpu: a suspended vGPU of the same type
/// @buf: the piece
/// @len: bytes of it
///
/// Pieces may be cut anew; only their order counts.
///
/// Return: bytes taken, which may be fewer than @len; -EINVAL for NULL, no bytes, or if the vGPU is not suspended; -EBADMSG if
/// the plugin points outside its buffer; else as nvb_vgpu_reset().
///
/// # Safety
/// @vgpu is NULL or of a GPU that is not destroyed; @buf is NULL or points to @len bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_restore(vgpu: *mut nvb_vgpu, buf: *const u8, len: u64) -> i64 {
    // SAFETY: the caller's promise.
    match unsafe { (VgpuRef::of(vgpu), text::bytes(buf, len)) } {
        (Ok(vgpu), Some(buf)) => told(vgpu.object.gpu.vgpu_restore(vgpu.id, buf)),
        (Err(errno), _) => errno.into(),
        (_, None) => i64::from(-errno::EINVAL),
    }
}
