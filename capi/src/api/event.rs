// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Interrupts and events.

use crate::handle::nvb_gpu;
use crate::types::event::*;
use core::ffi::c_void;

/// nvb_gpu_interrupt() - look at the GPU's interrupt
/// @gpu: the GPU
///
/// Acknowledges what is the core's and wakes the threads that wait for the firmware.
///
/// Context: any, also hard interrupt; never sleeps, takes no lock.
/// Return:
/// * NVB_IRQ_NONE: the interrupt is not of this GPU, or its firmware does not run
/// * NVB_IRQ_HANDLED: done
/// * NVB_IRQ_SERVICE: done, and nvb_gpu_service() has work
/// * -EINVAL: NULL
/// * -ENODEV: the device does not answer
///
/// # Safety
/// @gpu is NULL or a live handle.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_interrupt(gpu: *mut nvb_gpu) -> i32 {
    let _ = gpu;
    -95
}

/// nvb_gpu_service() - receive what the firmware sent, and hand out events
/// @gpu: the GPU
///
/// Return:
/// * number of events handed to the handler
/// * -EINVAL: NULL
/// * -EPROTO, -EBADMSG: the firmware said something it must not say; that message is dropped
/// * -ENODEV: the device does not answer
///
/// # Safety
/// @gpu is NULL or a live handle.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_service(gpu: *mut nvb_gpu) -> i32 {
    let _ = gpu;
    -95
}

/// nvb_gpu_set_event_handler() - say who receives events
/// @gpu: the GPU
/// @handler: called from nvb_gpu_service() for each event; NULL = nobody, events wait then, and the oldest are lost
/// @ctx: for @handler
///
/// When this returns, the handler that was set before is not running and will not run again.
///
/// Return: 0, or -EINVAL for a NULL @gpu.
///
/// # Safety
/// @gpu is NULL or a live handle; @handler may be called with @ctx until it is replaced.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_set_event_handler(gpu: *mut nvb_gpu, handler: nvb_event_fn, ctx: *mut c_void) -> i32 {
    let _ = (gpu, handler, ctx);
    -95
}
