// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The virtual machine a cell boots: QEMU with the emulated GPU, the guest's files, and what the guest says.

pub mod console;
pub mod firmware;
pub mod initramfs;
pub mod modules;
pub mod pack;
pub mod qemu;
pub mod shim;
pub mod vmlinux;
