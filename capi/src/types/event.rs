// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Interrupts and events.

use super::*;
use core::ffi::c_void;

/// nvb_gpu_interrupt(): not ours.
pub const NVB_IRQ_NONE: i32 = 0;
/// nvb_gpu_interrupt(): done.
pub const NVB_IRQ_HANDLED: i32 = 1;
/// nvb_gpu_interrupt(): call nvb_gpu_service() from a thread.
pub const NVB_IRQ_SERVICE: i32 = 2;

/// Event: a vGPU's plugin said something nobody waited for.
pub const NVB_EVENT_VGPU_PLUGIN: u32 = 1;
/// Event: a channel was killed for an error.
pub const NVB_EVENT_RC_ERROR: u32 = 2;
/// Event: an engine met an address that is not mapped.
pub const NVB_EVENT_MMU_FAULT: u32 = 3;
/// Event: the firmware reports an error (an "Xid").
pub const NVB_EVENT_OS_ERROR: u32 = 4;
/// Event: the firmware took the GPU's registers for itself (code 1) or gave them back (code 0).
pub const NVB_EVENT_GSP_LOCKDOWN: u32 = 5;
/// Event: the GPU does not answer any more; told once a boot.
pub const NVB_EVENT_GPU_LOST: u32 = 6;

/// Not of a particular VF.
pub const NVB_VF_NONE: u32 = 0xffff_ffff;
/// Not of a particular channel.
pub const NVB_CHANNEL_NONE: u32 = 0xffff_ffff;

/// struct nvb_event - something that happened
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nvb_event {
    /// @size: sizeof(struct nvb_event) of the core
    pub size: u32,
    /// @kind: NVB_EVENT_*; ignore what you do not know
    pub kind: u32,
    /// @vf: index of the VF, or NVB_VF_NONE
    pub vf: u32,
    /// @channel: channel of the GPU, or NVB_CHANNEL_NONE
    pub channel: u32,
    /// @code: the firmware's number for it (Xid number, exception type)
    pub code: u32,
    /// @reserved: 0
    pub reserved: u32,
    /// @text: in words
    pub text: [c_char; NVB_EVENT_TEXT_MAX],
}

/// typedef nvb_event_fn - receives events
/// @ctx: as given to nvb_gpu_set_event_handler()
/// @event: valid during the call only
///
/// Runs inside nvb_gpu_service() with no lock of the core held: it may call any function of the core but nvb_gpu_service(),
/// nvb_gpu_set_event_handler() and nvb_gpu_destroy().
pub type nvb_event_fn = Option<unsafe extern "C" fn(ctx: *mut c_void, event: *const nvb_event)>;
