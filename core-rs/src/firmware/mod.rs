// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Firmware files as they lie on disk.
//!
//! Files come from outside and are hostile: every offset, size and count is checked before use, and each way a file can be
//! wrong has its own [`Kind`](crate::Kind).

pub mod bin_hdr;
pub mod booter;
pub mod bootloader;
pub mod elf;
pub mod gsp;

#[cfg(test)]
mod tests;
