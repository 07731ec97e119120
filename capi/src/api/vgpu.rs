// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! vGPU types and vGPUs.

use crate::handle::{nvb_gpu, nvb_vgpu, GpuObject, VgpuRef};
use crate::sized;
use crate::text;
use crate::types::vgpu::*;
use core::mem::size_of;
use core::ptr;
use novabridge_core::error::{errno, Kind, Result};
use novabridge_core::gpu::Offer;
use novabridge_core::vgpu::{Config, Info, VENDOR};

/// nvb_vgpu_type_count() - how many vGPU types the GPU offers
/// @gpu: a GPU that was booted with NVB_BOOT_VGPU_HOST
///
/// Return: their number, 0 if it was booted otherwise or the file of the types is missing; -EINVAL for NULL; -EBUSY if the
/// firmware does not run.
///
/// # Safety
/// @gpu is NULL or a live handle.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_type_count(gpu: *mut nvb_gpu) -> i32 {
    // SAFETY: the caller's promise.
    match unsafe { GpuObject::of(gpu) } {
        Ok(object) => match object.gpu.vgpu_type_count() {
            Ok(count) => count as i32,
            Err(e) => e.to_errno(),
        },
        Err(errno) => errno,
    }
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
    // SAFETY: the caller's promise.
    unsafe { tell_type(gpu, info, |object| object.gpu.vgpu_type_at(index)) }
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
    // SAFETY: the caller's promise.
    unsafe { tell_type(gpu, info, |object| object.gpu.vgpu_type_find(id)) }
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
/// * -EINVAL: NULL, a bad size, the VF is not one of the GPU's, or reserved is not 0
/// * -E2BIG: @config is larger than the core knows it, and what lies behind that is not all zero
/// * -ENOENT: no such type
/// * -EOPNOTSUPP: the GPU does not host vGPUs, or the firmware does not support it
/// * -EBUSY: the VF carries a vGPU already, vGPUs of another type are alive, the firmware is busy, or it does not run
/// * -ENOSPC: as many as possible are alive already, or no channels, no frame buffer or no resources of the firmware are left
/// * -EPROTO, -EBADMSG: the plugin speaks another protocol, or the firmware said something it must not say
/// * -EIO: the firmware refused, or did not stop the vGPU that the VF had before
/// * -ETIMEDOUT: the firmware or the plugin did not answer in time
/// * -ENODEV, -ENOMEM or what else the platform answered; -ENOMEM also if the firmware is out of memory
///
/// # Safety
/// @gpu is NULL or a live handle; @config is NULL or points to @config->size bytes; @vgpu is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_create(
    gpu: *mut nvb_gpu,
    config: *const nvb_vgpu_config,
    vgpu: *mut *mut nvb_vgpu,
) -> i32 {
    if vgpu.is_null() {
        return -errno::EINVAL;
    }
    // SAFETY: not NULL, so writable by the caller's promise.
    unsafe { vgpu.write(ptr::null_mut()) };
    // SAFETY: the caller's promise.
    let object = match unsafe { GpuObject::of(gpu) } {
        Ok(object) => object,
        Err(errno) => return errno,
    };
    // SAFETY: the caller's promise.
    let config = match unsafe { sized::read(config) } {
        Ok(config) => config,
        Err(errno) => return errno,
    };
    if config.reserved != 0 {
        return -errno::EINVAL;
    }
    let claim = match object.slots.claim() {
        Some(claim) => claim,
        None => return -errno::ENOSPC,
    };
    let config = Config {
        vf: config.vf,
        type_id: config.r#type,
        sbdf: config.sbdf,
        vm_pid: config.vm_pid,
    };
    match object.gpu.vgpu_create(&config) {
        Ok(id) => {
            // SAFETY: as above.
            unsafe { vgpu.write(claim.keep(id)) };
            0
        }
        Err(e) => e.to_errno(),
    }
}

/// nvb_vgpu_destroy() - end a vGPU
/// @vgpu: the handle, invalid afterwards; NULL is nothing to do
///
/// The handle is invalid whatever is returned, except for -EBUSY: the vGPU is alive as before, that shutdown is refused because of
/// it, and then it can be destroyed. What the vGPU had is given back, unless the firmware could not be brought to stop its plugin:
/// then that and the VF stay out of use until nvb_gpu_shutdown().
///
/// Return:
/// * 0
/// * -ESTALE: it was destroyed before
/// * -EBUSY: another thread is shutting the GPU down
/// * -EIO, -EOPNOTSUPP, -ENOSPC, -ENOMEM: the firmware refused to end it in order
/// * -EPROTO, -EBADMSG: the firmware said something it must not say
/// * -ETIMEDOUT: the firmware did not answer in time
/// * -ENODEV or what else the platform answered
///
/// # Safety
/// @vgpu is NULL or came from nvb_vgpu_create() of a GPU that is not destroyed.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_destroy(vgpu: *mut nvb_vgpu) -> i32 {
    if vgpu.is_null() {
        return 0;
    }
    // SAFETY: the caller's promise.
    let vgpu = match unsafe { VgpuRef::of(vgpu) } {
        Ok(vgpu) => vgpu,
        Err(errno) => return errno,
    };
    match vgpu.object.gpu.vgpu_destroy(vgpu.id) {
        // Nothing was done: the handle is all that a later attempt has.
        Err(e) if e.kind() == Kind::BadState => e.to_errno(),
        ended => {
            vgpu.release();
            ended.map_or_else(|e| e.to_errno(), |()| 0)
        }
    }
}

/// nvb_vgpu_get_info() - what is known of a vGPU
/// @vgpu: the vGPU
/// @info: gets it; its size must be set
///
/// Return: 0; -EINVAL for NULL or a bad size; -ESTALE if the vGPU was destroyed; -EBUSY while another thread is shutting the GPU
/// down; -ENODEV or what else the platform answered.
///
/// # Safety
/// @vgpu is NULL or of a GPU that is not destroyed; @info is NULL or points to @info->size writable bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_get_info(vgpu: *mut nvb_vgpu, info: *mut nvb_vgpu_info) -> i32 {
    // SAFETY: the caller's promise.
    let vgpu = match unsafe { VgpuRef::of(vgpu) } {
        Ok(vgpu) => vgpu,
        Err(errno) => return errno,
    };
    let found = match vgpu.object.gpu.vgpu_info(vgpu.id) {
        Ok(found) => found,
        Err(e) => return e.to_errno(),
    };
    // SAFETY: the caller's promise.
    match unsafe { sized::write(info, &vgpu_info(vgpu.id.vf, &found)) } {
        Ok(()) => 0,
        Err(errno) => errno,
    }
}

/// nvb_vgpu_reset() - reset a vGPU, as the reset of its VF asks for
/// @vgpu: the vGPU
///
/// Return: 0; -EINVAL for NULL, or if the vGPU is suspended; -ESTALE if it was destroyed; -EBUSY while another thread is
/// shutting the GPU down; -EIO if the plugin refused; -ETIMEDOUT if it did not answer; -ENODEV or what else the platform
/// answered.
///
/// # Safety
/// @vgpu is NULL or of a GPU that is not destroyed.
#[no_mangle]
pub unsafe extern "C" fn nvb_vgpu_reset(vgpu: *mut nvb_vgpu) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { act(vgpu, |v| v.object.gpu.vgpu_reset(v.id)) }
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
    if enabled > 1 {
        return -errno::EINVAL;
    }
    // SAFETY: the caller's promise.
    unsafe { act(vgpu, |v| v.object.gpu.vgpu_set_bus_master(v.id, enabled == 1)) }
}

/// Does something with a vGPU.
///
/// # Safety
///
/// As [`VgpuRef::of`].
pub(super) unsafe fn act(vgpu: *mut nvb_vgpu, action: impl FnOnce(&VgpuRef<'_>) -> Result<()>) -> i32 {
    // SAFETY: our caller's promise.
    match unsafe { VgpuRef::of(vgpu) } {
        Ok(vgpu) => match action(&vgpu) {
            Ok(()) => 0,
            Err(e) => e.to_errno(),
        },
        Err(errno) => errno,
    }
}

/// Tells a caller about the type that `find` finds.
///
/// # Safety
///
/// As [`GpuObject::of`] for `gpu` and [`sized::write`] for `info`.
unsafe fn tell_type(
    gpu: *mut nvb_gpu,
    info: *mut nvb_vgpu_type_info,
    find: impl FnOnce(&GpuObject) -> Result<Offer>,
) -> i32 {
    // SAFETY: our caller's promise.
    let object = match unsafe { GpuObject::of(gpu) } {
        Ok(object) => object,
        Err(errno) => return errno,
    };
    let found = match find(object) {
        Ok(found) => found,
        Err(e) => return e.to_errno(),
    };
    // SAFETY: our caller's promise.
    match unsafe { sized::write(info, &type_info(&found)) } {
        Ok(()) => 0,
        Err(errno) => errno,
    }
}

fn type_info(found: &Offer) -> nvb_vgpu_type_info {
    let kind = &found.kind;
    let mut out = nvb_vgpu_type_info {
        size: size_of::<nvb_vgpu_type_info>() as u32,
        id: kind.id,
        name: [0; crate::types::NVB_NAME_MAX],
        fb_size: kind.fb_length,
        heap_size: kind.heap_size,
        bar1_size: kind.bar1_size,
        max_instances: kind.max_instances,
        available: found.available,
        vendor: VENDOR,
        device: kind.device,
        subvendor: VENDOR,
        subdevice: kind.subdevice,
        ecc: kind.ecc.into(),
        reserved: 0,
    };
    text::put(&mut out.name, kind.name.as_str());
    out
}

fn vgpu_info(vf: u32, found: &Info) -> nvb_vgpu_info {
    nvb_vgpu_info {
        size: size_of::<nvb_vgpu_info>() as u32,
        vf,
        r#type: found.kind.id,
        state: match found.suspended {
            true => NVB_VGPU_SUSPENDED,
            false => NVB_VGPU_RUNNING,
        },
        fb_addr: found.framebuffer.start,
        fb_size: found.framebuffer.len(),
        channel_first: found.channels.start as u32,
        channel_count: found.channels.len() as u32,
        bar1_size: found.kind.bar1_size,
        guest_version: found.guest_version,
        reserved: 0,
    }
}
