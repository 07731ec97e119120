// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! vGPUs: shares of the GPU behind virtual functions.
//!
//! [`Manager`] knows the types, gives each vGPU its channel ids, frame buffer and heap, starts its plugin in the firmware and
//! talks to it. One file per idea: the metadata file, the type table, finding room, reservations, the buffers and messages of
//! a plugin, starting and stopping it, migration, and the manager that joins them.
//!
//! Locks: each VF has one for its vGPU's life and conversation; the table of reservations has one. Order: VF, table, then
//! those of [`Channel`]. So a plugin that does not answer holds up its own vGPU only.
//!
//! What the core does not do: clear a guest's frame buffer before the next guest gets it. That needs a copy engine channel,
//! for which the firmware is not asked yet.

#[cfg(test)]
mod board;
mod bootload;
mod buffers;
mod manager;
mod metadata;
mod migration;
mod plugin;
mod reservation;
mod setup;
mod space;
#[cfg(test)]
mod tests;
mod types;

pub use buffers::Area;
pub use manager::{Info, Log, Manager, VgpuId};
pub use space::Range;
pub use types::{VgpuType, VENDOR};

use crate::platform::Platform;
use crate::pramin::Pramin;
use crate::rpc::Channel;

/// Channels of a vGPU that its plugin uses itself (RFC v2, `vgpu.c`).
const PLUGIN_CHANNELS: u32 = 1;

/// What a vGPU is reached through.
#[derive(Clone, Copy)]
pub struct Hardware<'a, P: Platform> {
    /// Commands to the firmware.
    pub channel: &'a Channel<P>,
    /// Frame-buffer access.
    pub pramin: &'a Pramin<P>,
}

/// A vGPU to create.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Index of the VF.
    pub vf: u32,
    /// Number of the type.
    pub type_id: u32,
    /// PCI address of the VF: segment << 16 | bus << 8 | device and function.
    pub sbdf: u32,
    /// Process of the virtual machine.
    pub vm_pid: u32,
}
