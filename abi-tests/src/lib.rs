// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A machine in user space for the C ABI: the emulated GPU on one side, `struct nvb_platform` on the other.
//!
//! [`Machine`] is the machine: memory with device addresses, the interrupt's thread, firmware files. [`Gpu`] is a GPU on it,
//! driven through the C ABI only. Whatever the core takes is counted, so a test can say that all came back; and any request
//! can be made to fail.

// `is_multiple_of` is younger than toolchains that distributions ship.
#![allow(clippy::manual_is_multiple_of)]

mod arena;
mod gpu;
mod machine;
mod platform;

pub use gpu::{text, Answer, Gpu, Vgpu};
pub use machine::{Machine, Setup};

use std::path::PathBuf;

/// Where the firmware is: `NOVABRIDGE_FIRMWARE`, else `/lib/firmware`.
pub fn firmware_dir() -> PathBuf {
    std::env::var_os("NOVABRIDGE_FIRMWARE").map_or_else(|| PathBuf::from("/lib/firmware"), PathBuf::from)
}
