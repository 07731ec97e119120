// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What may cross the C ABI, in types: a function of the ABI whose parameters are anything else does not compile here.

use novabridge::handle::{nvb_gpu, nvb_vgpu};
use novabridge::types::*;
use std::ffi::c_void;

/// A type that has the same meaning in C.
///
/// # Safety
/// It is `repr(C)` or a primitive of fixed width, and any bits that C may put there are valid.
pub unsafe trait Crossing {}

/// What a pointer of the ABI may point to: also handles, whose inside is not C's business.
///
/// # Safety
/// As [`Crossing`], or never looked into by C.
pub unsafe trait PointedTo {}

macro_rules! values {
    ($($ty:ty),*) => { $(
        // SAFETY: of fixed width; any bits are a number.
        unsafe impl Crossing for $ty {}
        // SAFETY: as above.
        unsafe impl PointedTo for $ty {}
    )* };
}
values!((), i8, u8, i16, u16, i32, u32, i64, u64);

macro_rules! pointees {
    ($($ty:ty),*) => { $(
        // SAFETY: `repr(C)`, checked field by field against the header; or opaque.
        unsafe impl PointedTo for $ty {}
    )* };
}
pointees!(c_void, nvb_gpu, nvb_vgpu);
pointees!(abi::nvb_abi, event::nvb_event, gpu::nvb_boot_config, gpu::nvb_gpu_info);
pointees!(platform::nvb_dma, platform::nvb_firmware, platform::nvb_platform);
pointees!(vgpu::nvb_vgpu_config, vgpu::nvb_vgpu_info, vgpu::nvb_vgpu_type_info);

// SAFETY: an address.
unsafe impl<T: PointedTo> Crossing for *const T {}
// SAFETY: an address.
unsafe impl<T: PointedTo> Crossing for *mut T {}
// SAFETY: an address.
unsafe impl<T: PointedTo> PointedTo for *mut T {}
// SAFETY: an address.
unsafe impl<T: PointedTo> PointedTo for *const T {}
// SAFETY: a function pointer, NULL being None.
unsafe impl<A: Crossing, B: Crossing> Crossing for Option<unsafe extern "C" fn(A, B)> {}

/// A function that C can call.
pub trait Callable {}

macro_rules! callable {
    ($($arg:ident)*) => {
        impl<R: Crossing, $($arg: Crossing),*> Callable for unsafe extern "C" fn($($arg),*) -> R {}
    };
}
callable!(A);
callable!(A B);
callable!(A B C);
callable!(A B C D);
callable!(A B C D E);

/// Does not compile for a function that C cannot call.
#[macro_export]
macro_rules! assert_callable {
    ($($function:path: ($($arg:tt),*);)*) => { $(
        const _: fn() = || {
            fn check<F: $crate::Callable>(_: F) {}
            check($function as unsafe extern "C" fn($($arg),*) -> _);
        };
    )* };
}

use novabridge::api;
assert_callable! {
    api::abi::nvb_abi_handshake: (_);
    api::event::nvb_gpu_interrupt: (_);
    api::event::nvb_gpu_service: (_);
    api::event::nvb_gpu_set_event_handler: (_, _, _);
    api::gpu::nvb_gpu_create: (_, _);
    api::gpu::nvb_gpu_destroy: (_);
    api::gpu::nvb_gpu_boot: (_, _);
    api::gpu::nvb_gpu_shutdown: (_);
    api::gpu::nvb_gpu_get_info: (_, _);
    api::gpu::nvb_gpu_last_error: (_, _, _);
    api::log::nvb_gpu_log_read: (_, _, _, _, _);
    api::log::nvb_vgpu_log_read: (_, _, _, _, _);
    api::migration::nvb_vgpu_suspend: (_);
    api::migration::nvb_vgpu_resume: (_);
    api::migration::nvb_vgpu_save: (_, _, _);
    api::migration::nvb_vgpu_restore: (_, _, _);
    api::vgpu::nvb_vgpu_type_count: (_);
    api::vgpu::nvb_vgpu_type_at: (_, _, _);
    api::vgpu::nvb_vgpu_type_find: (_, _, _);
    api::vgpu::nvb_vgpu_create: (_, _, _);
    api::vgpu::nvb_vgpu_destroy: (_);
    api::vgpu::nvb_vgpu_get_info: (_, _);
    api::vgpu::nvb_vgpu_reset: (_);
    api::vgpu::nvb_vgpu_set_bus_master: (_, _);
}
