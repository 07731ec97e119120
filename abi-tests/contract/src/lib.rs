// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Holds libnovabridge to its contract: C tests, most of them made from the contract, in a machine with the emulated GPU.

pub mod build;
pub mod generate;
pub mod library;
