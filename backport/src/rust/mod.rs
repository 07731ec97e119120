// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! From the Rust sources to one relocatable object (and its assembly) for the kernel.

pub mod corelib;
pub mod flags;
pub mod library;
pub mod object;
pub mod toolchain;
