// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The VBIOS: where FWSEC, the firmware that makes WPR2, comes from.
//!
//! ```text
//! ROM image PCI-AT (0x00)   "BIT" table -> token 0x70 -> pointer to the PMU lookup table
//! ROM image EFI    (0x03)   skipped
//! ROM image FWSEC  (0xe0)   PMU lookup table -> entry 0x85 -> descriptor, signatures, code, data of FWSEC
//! ROM image FWSEC  (0xe0)   continues the one before
//! ```
//! The pointers count as if the first FWSEC image followed the PCI-AT image directly.
//!
//! Sources: Linux 7.3 `Documentation/gpu/nova/core/{vbios,fwsec}.rst`, nova-core `vbios.rs` and `firmware/fwsec.rs`, nouveau
//! `gsp/fwsec.c`.

mod bit;
pub mod dmemmapper;
pub mod fwsec;
pub mod prom;
pub mod rom;

pub use dmemmapper::Command;
pub use fwsec::Fwsec;

#[cfg(test)]
mod tests;
