// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Life cycle and queries of a GPU.

use crate::cplatform::Table;
use crate::handle::{nvb_gpu, GpuObject};
use crate::sized;
use crate::text;
use crate::types::c_char;
use crate::types::gpu::*;
use crate::types::platform::nvb_platform;
use core::mem::size_of;
use core::ptr;
use novabridge_core::error::errno;
use novabridge_core::gpu::{BootConfig, Info, PciFunction, State};

/// nvb_gpu_create() - make a GPU of a platform
/// @platform: how to reach it; the core copies the table, what its ctx points to must live until nvb_gpu_destroy()
/// @gpu: gets the handle, or NULL on failure; it belongs to the caller, who ends it with nvb_gpu_destroy()
///
/// Reads the chip's id and nothing else; the GPU is not touched before nvb_gpu_boot().
///
/// Return:
/// * 0
/// * -EINVAL: an argument is NULL, @platform's size is too small, one of its functions is missing, or reserved is not 0
/// * -ENODEV: the device does not answer, or the chip is not one the core knows (the log names those it knows)
/// * -ENOMEM or what else the platform answered
///
/// # Safety
/// @platform is NULL or points to @platform->size bytes and its functions keep their word; @gpu is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_create(platform: *const nvb_platform, gpu: *mut *mut nvb_gpu) -> i32 {
    if gpu.is_null() {
        return -errno::EINVAL;
    }
    // SAFETY: not NULL, so writable by the caller's promise.
    unsafe { gpu.write(ptr::null_mut()) };
    // SAFETY: the caller's promise.
    let platform = match unsafe { sized::read_known(platform) } {
        Ok(platform) => platform,
        Err(errno) => return errno,
    };
    let table = match Table::new(&platform) {
        Some(table) => table,
        None => return -errno::EINVAL,
    };
    match GpuObject::create(table) {
        Ok(object) => {
            // SAFETY: as above.
            unsafe { gpu.write(object) };
            0
        }
        Err(e) => e.to_errno(),
    }
}

/// nvb_gpu_destroy() - end a GPU
/// @gpu: the handle, invalid afterwards; NULL is nothing to do
///
/// Destroys the vGPUs that are alive and shuts the firmware down if it runs. All that the core took from the platform is given
/// back when this returns. No other call on the GPU or its vGPUs may be under way or follow, nvb_gpu_interrupt() included.
///
/// # Safety
/// @gpu is NULL or came from nvb_gpu_create() and was not destroyed.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_destroy(gpu: *mut nvb_gpu) {
    // SAFETY: the caller's promise.
    if unsafe { GpuObject::of(gpu) }.is_ok() {
        // SAFETY: alive, and the caller promises that nobody else uses it any more.
        unsafe { GpuObject::destroy(gpu) };
    }
}

/// nvb_gpu_boot() - boot the firmware
/// @gpu: a GPU that is created or stopped
/// @config: where it is and how to boot it; the core copies it
///
/// Interrupts must reach nvb_gpu_interrupt() while this runs. Takes one to several seconds. After a failure all that was
/// taken is given back; the state is NVB_GPU_STOPPED if the GPU can be booted again as it is, else NVB_GPU_FAILED.
///
/// Return:
/// * 0
/// * -EINVAL: NULL, a bad size, or a field of @config out of range, a reserved one that is not 0 included
/// * -E2BIG: @config is larger than the core knows it, and what lies behind that is not all zero
/// * -EBUSY: the firmware runs already or is busy, or the GPU failed
/// * -ENOENT: a firmware file is missing
/// * -EOPNOTSUPP: the core does not know the firmware release (the log names those it knows)
/// * -EKEYREJECTED: a firmware file or the VBIOS carries no signature for this chip
/// * -EBADMSG: a firmware file, the VBIOS or a message of the firmware is damaged
/// * -EPROTO: the firmware said something it must not say
/// * -ENOSPC: the frame buffer is too small for the firmware, or the firmware is out of resources
/// * -ETIMEDOUT: the firmware did not answer in time
/// * -EIO: the hardware refused a step of the boot
/// * -ENODEV: the device went away
/// * -ENOMEM or what else the platform answered
///
/// # Safety
/// @gpu is NULL or a live handle; @config is NULL or points to @config->size bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_boot(gpu: *mut nvb_gpu, config: *const nvb_boot_config) -> i32 {
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
    let mut name = [0; crate::types::NVB_NAME_MAX];
    let release = match text::get(&config.release, &mut name) {
        Some(release) => release,
        None => return -errno::EINVAL,
    };
    let config = match boot_config(&config, release) {
        Some(config) => config,
        None => return -errno::EINVAL,
    };
    match object.gpu.boot(&config) {
        Ok(()) => 0,
        Err(e) => e.to_errno(),
    }
}

/// nvb_gpu_shutdown() - stop the firmware
/// @gpu: the GPU
///
/// Leaves the GPU so that it can be booted again. A GPU whose firmware does not run is left as it is.
///
/// Return:
/// * 0
/// * -EINVAL: NULL
/// * -EBUSY: vGPUs are alive; destroy them first
/// * -EIO, -EOPNOTSUPP, -ENOSPC, -ENOMEM: the firmware or the hardware refused a step; as for all errors that follow, the GPU's
///   memory is given back all the same and its state is NVB_GPU_FAILED
/// * -EPROTO, -EBADMSG: the firmware said something it must not say
/// * -ETIMEDOUT: the firmware did not answer in time
/// * -ENODEV or what else the platform answered
///
/// # Safety
/// @gpu is NULL or a live handle.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_shutdown(gpu: *mut nvb_gpu) -> i32 {
    // SAFETY: the caller's promise.
    match unsafe { GpuObject::of(gpu) } {
        Ok(object) => match object.gpu.shutdown() {
            Ok(()) => 0,
            Err(e) => e.to_errno(),
        },
        Err(errno) => errno,
    }
}

/// nvb_gpu_get_info() - what is known of a GPU
/// @gpu: the GPU
/// @info: gets it; its size must be set
///
/// Return: 0, or -EINVAL for NULL or a bad size.
///
/// # Safety
/// @gpu is NULL or a live handle; @info is NULL or points to @info->size writable bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_get_info(gpu: *mut nvb_gpu, info: *mut nvb_gpu_info) -> i32 {
    // SAFETY: the caller's promise.
    let object = match unsafe { GpuObject::of(gpu) } {
        Ok(object) => object,
        Err(errno) => return errno,
    };
    // SAFETY: the caller's promise.
    match unsafe { sized::write(info, &gpu_info(&object.gpu.info())) } {
        Ok(()) => 0,
        Err(errno) => errno,
    }
}

/// nvb_gpu_last_error() - the newest failure on a GPU or its vGPUs in words
/// @gpu: the GPU
/// @words: gets them, cut to @len and NUL-terminated; may be NULL if @len is 0
/// @len: room at @words
///
/// The words say what was being done, what was expected and what was found. With several threads the newest failure of any of
/// them is told.
///
/// Return: length of the words without NUL, 0 if nothing failed yet; -EINVAL for NULL.
///
/// # Safety
/// @gpu is NULL or a live handle; @words is NULL or points to @len writable bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_last_error(gpu: *mut nvb_gpu, words: *mut c_char, len: u64) -> i32 {
    // SAFETY: the caller's promise.
    let object = match unsafe { GpuObject::of(gpu) } {
        Ok(object) => object,
        Err(errno) => return errno,
    };
    let newest = object.gpu.last_error();
    if len != 0 {
        // SAFETY: the caller's promise: NULL or `len` writable bytes.
        match unsafe { text::room(words, len) } {
            Some(room) => text::put(room, newest.as_str()),
            None => return -errno::EINVAL,
        }
    }
    newest.as_bytes().len() as i32
}

/// The core's view of `c`; `None` for a field out of range.
fn boot_config<'a>(c: &nvb_boot_config, release: &'a [u8]) -> Option<BootConfig<'a>> {
    if c.flags & !NVB_BOOT_VGPU_HOST != 0 || c.vf_bar_64bit & !0x7 != 0 || c.reserved != 0 {
        return None;
    }
    Some(BootConfig {
        release,
        vgpu_host: c.flags & NVB_BOOT_VGPU_HOST != 0,
        pf: PciFunction {
            bar0_addr: c.bar0_addr,
            bar1_addr: c.bar1_addr,
            bar2_addr: c.bar2_addr,
            sbdf: c.sbdf,
            vendor: c.pci_vendor,
            device: c.pci_device,
            subvendor: c.pci_subvendor,
            subdevice: c.pci_subdevice,
            revision: c.pci_revision,
        },
        total_vfs: c.total_vfs,
        first_vf_offset: c.first_vf_offset,
        vf_bar_addr: [c.vf_bar0_addr, c.vf_bar1_addr, c.vf_bar2_addr],
        vf_bar_64bit: c.vf_bar_64bit,
    })
}

fn gpu_info(info: &Info) -> nvb_gpu_info {
    let mut out = nvb_gpu_info {
        size: size_of::<nvb_gpu_info>() as u32,
        chip: info.chip.id,
        chip_name: [0; crate::types::NVB_NAME_MAX],
        release: [0; crate::types::NVB_NAME_MAX],
        gpu_name: [0; crate::types::NVB_GPU_NAME_MAX],
        fb_size: info.fb_size,
        fb_usable: info.fb_usable,
        wpr_start: info.wpr_start,
        wpr_end: info.wpr_end,
        vmmu_segment_size: info.vmmu_segment_size,
        channels: info.channels,
        max_vgpus: info.max_vgpus,
        vgpu_types: info.vgpu_types,
        vgpus: info.vgpus,
        state: match info.state {
            State::Created => NVB_GPU_CREATED,
            State::Running => NVB_GPU_RUNNING,
            State::Stopped => NVB_GPU_STOPPED,
            State::Failed => NVB_GPU_FAILED,
        },
        events_lost: info.events_lost,
    };
    text::put(&mut out.chip_name, info.chip.name);
    text::put(&mut out.release, info.release);
    text::put(&mut out.gpu_name, info.gpu_name.as_str());
    out
}
