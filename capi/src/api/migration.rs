// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Migration of a vGPU.

use crate::handle::nvb_vgpu;

/// nvb_vgpu_suspend() - stop a vGPU's work, so that its state can be saved or restored
/// @vgpu: the vGPU
///
/// Return: as nvb_vgpu_reset(); -EBUSY if it is suspended already; -EOPNOTSUPP without NVB_FEATURE_MIGRATION.
///
/// # Safety
/// @vgpu is NULL or of a GPU that is not destroyed.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_suspend(vgpu: *mut nvb_vgpu) -> i32 {
    let _ = vgpu;
    -95
}

/// nvb_vgpu_resume() - let a suspended vGPU work again
/// @vgpu: the vGPU
///
/// Return: as nvb_vgpu_reset(); -EINVAL if it is not suspended; -EOPNOTSUPP without NVB_FEATURE_MIGRATION.
///
/// # Safety
/// @vgpu is NULL or of a GPU that is not destroyed.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_resume(vgpu: *mut nvb_vgpu) -> i32 {
    let _ = vgpu;
    -95
}

/// nvb_vgpu_save() - the next piece of a suspended vGPU's state
/// @vgpu: the vGPU
/// @buf: gets the piece
/// @len: room at @buf
///
/// Return: bytes written, 0 when all was said; -EINVAL for NULL, no room, or if the vGPU is not suspended; else as
/// nvb_vgpu_reset(); -EOPNOTSUPP without NVB_FEATURE_MIGRATION.
///
/// # Safety
/// @vgpu is NULL or of a GPU that is not destroyed; @buf is NULL or points to @len writable bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_save(vgpu: *mut nvb_vgpu, buf: *mut u8, len: u64) -> i64 {
    let _ = (vgpu, buf, len);
    -95
}

/// nvb_vgpu_restore() - take the next piece of a state that was saved
/// @vgpu: a suspended vGPU of the same type
/// @buf: the piece
/// @len: bytes of it
///
/// Pieces may be cut anew; only their order counts.
///
/// Return: bytes taken; -EINVAL for NULL or if the vGPU is not suspended; else as nvb_vgpu_reset(); -EOPNOTSUPP without
/// NVB_FEATURE_MIGRATION.
///
/// # Safety
/// @vgpu is NULL or of a GPU that is not destroyed; @buf is NULL or points to @len bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_restore(vgpu: *mut nvb_vgpu, buf: *const u8, len: u64) -> i64 {
    let _ = (vgpu, buf, len);
    -95
}
