// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The firmware core of NovaBridge.
//!
//! Pure logic over a [`platform::Platform`]: it parses the firmware files, lays out the frame buffer, boots GSP-RM, speaks
//! its message queues, and creates vGPUs. It allocates nothing but through the platform, depends on nothing but `core`, and no
//! path of it reaches a panic (`scripts/test` checks the linked object).
#![cfg_attr(not(test), no_std)]

pub mod boot;
pub mod chip;
pub mod error;
pub mod event;
pub mod falcon;
pub mod fb;
pub mod firmware;
pub mod gpu;
pub mod intr;
pub mod libos;
pub mod mem;
pub mod platform;
pub mod pramin;
pub mod queue;
pub mod radix3;
pub mod release;
pub mod rm;
pub mod rpc;
pub mod sync;
pub mod text;
pub mod time;
pub mod vbios;
pub mod vgpu;
pub mod wire;

// The unit tests' platform names the core as its users do.
#[cfg(test)]
extern crate self as novabridge_core;
#[cfg(test)]
#[path = "../testing/src/lib.rs"]
pub mod testing;

pub use error::{Error, Kind, Result};
