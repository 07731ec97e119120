// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The types that cross the ABI.
//!
//! What stands here becomes `include/novabridge.h`, documentation included; that is why names are C names and the comments
//! are in kernel-doc form. Rules: fixed-width fields only, no implicit padding, `size` first in each struct.

pub mod abi;
pub mod event;
pub mod gpu;
pub mod platform;
pub mod vgpu;

/// `char` of C. (`core::ffi::c_char` is younger than the oldest compiler this crate is built by.)
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
pub type c_char = i8;
/// `char` of C. (`core::ffi::c_char` is younger than the oldest compiler this crate is built by.)
#[cfg(not(any(target_arch = "x86_64", target_arch = "x86")))]
pub type c_char = u8;

/// Room for a refusal in words, with its NUL.
pub const NVB_REASON_MAX: usize = 160;
/// Room for a name, with its NUL.
pub const NVB_NAME_MAX: usize = 32;
/// Room for a GPU's marketing name, with its NUL.
pub const NVB_GPU_NAME_MAX: usize = 64;
/// Room for an event in words, with its NUL.
pub const NVB_EVENT_TEXT_MAX: usize = 128;
