// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The C ABI of NovaBridge; `include/novabridge.h` is made from this source.
//!
//! One crate, two products: libnovabridge for user space (tests, tools), and with `--cfg nvb_kernel` the Rust half of
//! `novabridge.ko`.
#![cfg_attr(nvb_kernel, no_std)]
// Names here are names of C.
#![allow(non_camel_case_types)]

pub mod api;
mod cplatform;
pub mod handle;
#[cfg(nvb_kernel)]
mod panic;
mod sized;
mod slots;
mod text;
pub mod types;
