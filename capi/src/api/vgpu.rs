// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! vGPU types and vGPUs.

use crate::handle::{nvb_gpu, nvb_vgpu};
use crate::types::vgpu::*;

/// nvb_vgpu_type_count() - how many vGPU types the GPU offers
/// @gpu: a GPU that was booted with NVB_BOOT_VGPU_HOST
///
/// Return: their number, 0 if it was booted otherwise; -EINVAL for NULL; -EBUSY if the firmware does not run.
///
/// # Safety
/// @gpu is NULL or a live handle.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_type_count(gpu: *mut nvb_gpu) -> i32 {
    let _ = gpu;
    -95
}

/// nvb_vgpu_type_at() - the vGPU type at a place in the list
/// @gpu: the GPU
/// @index: 0 to nvb_vgpu_type_count() - 1
/// @info: gets it; its size must be set
///
/// Return: 0; -EINVAL for NULL or a bad size; -ENOENT behind the end; -EBUSY if the firmware does not run.
///
/// # Safety
/// @gpu is NULL or a live handle; @info is NULL or points to @info->size writable bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_type_at(gpu: *mut nvb_gpu, index: u32, info: *mut nvb_vgpu_type_info) -> i32 {
    let _ = (gpu, index, info);
    -95
}

/// nvb_vgpu_type_find() - the vGPU type of a number
/// @gpu: the GPU
/// @id: the number
/// @info: gets it; its size must be set
///
/// Return: 0; -EINVAL for NULL or a bad size; -ENOENT if there is none; -EBUSY if the firmware does not run.
///
/// # Safety
/// @gpu is NULL or a live handle; @info is NULL or points to @info->size writable bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_type_find(gpu: *mut nvb_gpu, id: u32, info: *mut nvb_vgpu_type_info) -> i32 {
    let _ = (gpu, id, info);
    -95
}

/// nvb_vgpu_create() - create a vGPU on a VF
/// @gpu: a GPU that was booted with NVB_BOOT_VGPU_HOST
/// @config: what to create; the core copies it
/// @vgpu: gets the handle, or NULL on failure; it belongs to the caller, who ends it with nvb_vgpu_destroy()
///
/// Whatever fails midway gives back all it took.
///
/// Return:
/// * 0
/// * -EINVAL: NULL, a bad size, or the VF is not one of the GPU's
/// * -ENOENT: no such type
/// * -EBUSY: the VF carries a vGPU already, vGPUs of another type are alive, or the firmware does not run
/// * -ENOSPC: as many as possible are alive already, or no channels or no frame buffer are left
/// * -EPROTO: the plugin speaks another protocol, or the firmware said something it must not say
/// * -EIO: the firmware refused
/// * -ETIMEDOUT: the firmware or the plugin did not answer in time
/// * -ENODEV, -ENOMEM or what else the platform answered
///
/// # Safety
/// @gpu is NULL or a live handle; @config is NULL or points to @config->size bytes; @vgpu is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_create(
    gpu: *mut nvb_gpu,
    config: *const nvb_vgpu_config,
    vgpu: *mut *mut nvb_vgpu,
) -> i32 {
    let _ = (gpu, config, vgpu);
    -95
}

/// nvb_vgpu_destroy() - end a vGPU
/// @vgpu: the handle, invalid afterwards; NULL is nothing to do
///
/// All that the vGPU took is given back whatever is returned.
///
/// Return: 0; -ESTALE if it was destroyed before; else what the firmware answered to its end, as for nvb_vgpu_create().
///
/// # Safety
/// @vgpu is NULL or came from nvb_vgpu_create() of a GPU that is not destroyed.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_destroy(vgpu: *mut nvb_vgpu) -> i32 {
    let _ = vgpu;
    -95
}

/// nvb_vgpu_get_info() - what is known of a vGPU
/// @vgpu: the vGPU
/// @info: gets it; its size must be set
///
/// Return: 0; -EINVAL for NULL or a bad size; -ESTALE if the vGPU was destroyed.
///
/// # Safety
/// @vgpu is NULL or of a GPU that is not destroyed; @info is NULL or points to @info->size writable bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_get_info(vgpu: *mut nvb_vgpu, info: *mut nvb_vgpu_info) -> i32 {
    let _ = (vgpu, info);
    -95
}

/// nvb_vgpu_reset() - reset a vGPU, as the reset of its VF asks for
/// @vgpu: the vGPU
///
/// Return: 0; -EINVAL for NULL; -ESTALE if the vGPU was destroyed; -EBUSY if it is suspended; -EIO if the plugin refused;
/// -ETIMEDOUT if it did not answer.
///
/// # Safety
/// @vgpu is NULL or of a GPU that is not destroyed.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_reset(vgpu: *mut nvb_vgpu) -> i32 {
    let _ = vgpu;
    -95
}

/// nvb_vgpu_set_bus_master() - tell the plugin whether the VF may do DMA
/// @vgpu: the vGPU
/// @enabled: the bus-master bit of the VF's command register, 0 or 1
///
/// Return: as nvb_vgpu_reset(); -EINVAL also for another value of @enabled.
///
/// # Safety
/// @vgpu is NULL or of a GPU that is not destroyed.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_set_bus_master(vgpu: *mut nvb_vgpu, enabled: u32) -> i32 {
    let _ = (vgpu, enabled);
    -95
}
