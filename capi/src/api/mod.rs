// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The functions of the ABI.

pub mod abi;
pub mod event;
pub mod gpu;
pub mod log;
pub mod migration;
pub mod vgpu;
