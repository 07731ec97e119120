// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Interrupts and events.

use crate::handle::{nvb_gpu, GpuObject, Handler};
use crate::text;
use crate::types::event::*;
use core::ffi::c_void;
use core::mem::size_of;
use novabridge_core::event::{Event, Happening};
use novabridge_core::intr::Irq;

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
    // SAFETY: the caller's promise.
    let object = match unsafe { GpuObject::of(gpu) } {
        Ok(object) => object,
        Err(errno) => return errno,
    };
    match object.gpu.interrupt() {
        Ok(Irq::NotOurs) => NVB_IRQ_NONE,
        Ok(Irq::Handled) => NVB_IRQ_HANDLED,
        Ok(Irq::Messages) => NVB_IRQ_SERVICE,
        Err(e) => e.to_errno(),
    }
}

/// nvb_gpu_service() - receive what the firmware sent, and hand out events
/// @gpu: the GPU
///
/// To be called when nvb_gpu_interrupt() says so, and after any function answered -ENODEV: a GPU that is gone sends no interrupts,
/// and its handler learns of it (NVB_EVENT_GPU_LOST) by this call.
///
/// Return:
/// * number of events handed to the handler
/// * -EINVAL: NULL
/// * -EPROTO, -EBADMSG: the firmware said something it must not say; that message is dropped, those behind it are received
/// * -EIO: the firmware's end of the queue is out of order
///
/// # Safety
/// @gpu is NULL or a live handle.
#[no_mangle]
pub unsafe extern "C" fn nvb_gpu_service(gpu: *mut nvb_gpu) -> i32 {
    // SAFETY: the caller's promise.
    let object = match unsafe { GpuObject::of(gpu) } {
        Ok(object) => object,
        Err(errno) => return errno,
    };
    let received = object.gpu.service();
    // Held while the handler runs, so that nvb_gpu_set_event_handler() can wait for its end; it is no lock of the core.
    let handler = object.handler.lock();
    let mut count = 0i32;
    if let Some(function) = handler.function {
        while let Some(event) = object.gpu.next_event() {
            // SAFETY: who set the handler promised that it may be called with this ctx until it is replaced.
            unsafe { function(handler.ctx, &public(&event)) };
            count = count.saturating_add(1);
        }
    }
    match received {
        Ok(()) => count,
        Err(e) => e.to_errno(),
    }
}

/// nvb_gpu_set_event_handler() - say who receives events
/// @gpu: the GPU
/// @handler: called from nvb_gpu_service() for each event; NULL = nobody, events wait then, and the newest are lost
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
    // SAFETY: the caller's promise.
    let object = match unsafe { GpuObject::of(gpu) } {
        Ok(object) => object,
        Err(errno) => return errno,
    };
    *object.handler.lock() = Handler { function: handler, ctx };
    0
}

fn public(event: &Event) -> nvb_event {
    let mut out = nvb_event {
        size: size_of::<nvb_event>() as u32,
        kind: match event.what {
            Happening::VgpuPlugin => NVB_EVENT_VGPU_PLUGIN,
            Happening::RcError => NVB_EVENT_RC_ERROR,
            Happening::MmuFault => NVB_EVENT_MMU_FAULT,
            Happening::OsError => NVB_EVENT_OS_ERROR,
            Happening::GspLockdown => NVB_EVENT_GSP_LOCKDOWN,
            Happening::GpuLost => NVB_EVENT_GPU_LOST,
        },
        vf: event.vf.unwrap_or(NVB_VF_NONE),
        channel: event.channel.unwrap_or(NVB_CHANNEL_NONE),
        code: event.code,
        reserved: 0,
        text: [0; crate::types::NVB_EVENT_TEXT_MAX],
    };
    text::put(&mut out.text, event.text.as_str());
    out
}
