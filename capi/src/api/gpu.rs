// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Life cycle and queries of a GPU.

use crate::handle::nvb_gpu;
use crate::types::c_char;
use crate::types::gpu::*;
use crate::types::platform::nvb_platform;

/// nvb_gpu_create() - make a GPU of a platform
/// @platform: how to reach it; the core copies the table, what its ctx points to must live until nvb_gpu_destroy()
/// @gpu: gets the handle, or NULL on failure; it belongs to the caller, who ends it with nvb_gpu_destroy()
///
/// Reads the chip's id and nothing else; the GPU is not touched before nvb_gpu_boot().
///
/// Return:
/// * 0
/// * -EINVAL: an argument is NULL, @platform's size is too small, or one of its functions is missing
/// * -ENODEV: the device does not answer, or the chip is not one the core knows (the log names those it knows)
/// * -ENOMEM or what else the platform answered
///
/// # Safety
/// @platform is NULL or points to @platform->size bytes and its functions keep their word; @gpu is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_create(platform: *const nvb_platform, gpu: *mut *mut nvb_gpu) -> i32 {
    let _ = (platform, gpu);
    -95
}

/// nvb_gpu_destroy() - end a GPU
/// @gpu: the handle, invalid afterwards; NULL is nothing to do
///
/// Destroys the vGPUs that are alive and shuts the firmware down if it runs. All that the core took from the platform is given
/// back when this returns. No other call on the GPU or its vGPUs may be under way or follow, and no interrupt.
///
/// # Safety
/// @gpu is NULL or came from nvb_gpu_create() and was not destroyed.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_destroy(gpu: *mut nvb_gpu) {
    let _ = gpu;
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
/// * -EINVAL: NULL, a bad size, or a field of @config out of range
/// * -EBUSY: the firmware runs already, or the GPU failed
/// * -ENOENT: a firmware file is missing, or the core does not know the release
/// * -EBADMSG, -EKEYREJECTED: a firmware file or the VBIOS is damaged, or carries no signature for this chip
/// * -EPROTO: the firmware said something it must not say
/// * -ETIMEDOUT: the firmware did not answer in time
/// * -EIO: the hardware refused a step of the boot
/// * -ENODEV: the device went away
/// * -ENOMEM or what else the platform answered
///
/// # Safety
/// @gpu is NULL or a live handle; @config is NULL or points to @config->size bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_boot(gpu: *mut nvb_gpu, config: *const nvb_boot_config) -> i32 {
    let _ = (gpu, config);
    -95
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
/// * -EIO, -ETIMEDOUT, -ENODEV: it could not be stopped in order; its memory is given back all the same and its state is
///   NVB_GPU_FAILED
///
/// # Safety
/// @gpu is NULL or a live handle.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_shutdown(gpu: *mut nvb_gpu) -> i32 {
    let _ = gpu;
    -95
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
    let _ = (gpu, info);
    -95
}

/// nvb_gpu_last_error() - the newest failure on a GPU or its vGPUs in words
/// @gpu: the GPU
/// @text: gets the words, cut to @len and NUL-terminated; may be NULL if @len is 0
/// @len: room at @text
///
/// The words say what was being done, what was expected and what was found. With several threads the newest failure of any of
/// them is told.
///
/// Return: length of the words without NUL, 0 if nothing failed yet; -EINVAL for NULL.
///
/// # Safety
/// @gpu is NULL or a live handle; @text is NULL or points to @len writable bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_last_error(gpu: *mut nvb_gpu, text: *mut c_char, len: u64) -> i32 {
    let _ = (gpu, text, len);
    -95
}
