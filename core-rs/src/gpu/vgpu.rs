// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! vGPUs of a GPU whose firmware runs.

use super::Gpu;
use crate::error::{Kind, Result};
use crate::platform::Platform;
use crate::text::Text;

/// A vGPU to create.
#[derive(Clone, Copy, Debug)]
pub struct VgpuConfig {
    /// Index of the VF.
    pub vf: u32,
    /// Number of the type.
    pub type_id: u32,
    /// PCI address of the VF: segment << 16 | bus << 8 | device and function.
    pub sbdf: u32,
    /// Process of the virtual machine.
    pub vm_pid: u32,
}

/// How a vGPU is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VgpuState {
    /// It serves its guest.
    Running,
    /// It is suspended, or on the way to or from another host.
    Suspended,
}

/// What is known of a vGPU.
#[derive(Clone, Copy)]
pub struct VgpuInfo {
    /// Index of the VF.
    pub vf: u32,
    /// Number of its type.
    pub type_id: u32,
    /// How it is.
    pub state: VgpuState,
    /// Where its frame buffer begins.
    pub fb_addr: u64,
    /// Bytes of it.
    pub fb_size: u64,
    /// First of its channels.
    pub channel_first: u32,
    /// How many.
    pub channel_count: u32,
    /// Bytes of the guest's BAR1.
    pub bar1_size: u64,
    /// RPC version of the guest's driver; 0 before it came.
    pub guest_version: u32,
}

/// A vGPU type.
#[derive(Clone, Copy)]
pub struct VgpuType {
    /// Number.
    pub id: u32,
    /// Name, as "RTX6000-Ada-1Q".
    pub name: Text<32>,
    /// Bytes of guest frame buffer.
    pub fb_size: u64,
    /// Bytes the firmware takes beside it.
    pub heap_size: u64,
    /// Bytes of the guest's BAR1.
    pub bar1_size: u64,
    /// How many of them one GPU carries.
    pub max_instances: u32,
    /// How many could be created now.
    pub available: u32,
    /// PCI vendor id the guest sees.
    pub vendor: u16,
    /// PCI device id the guest sees.
    pub device: u16,
    /// PCI subsystem vendor id the guest sees.
    pub subvendor: u16,
    /// PCI subsystem id the guest sees.
    pub subdevice: u16,
    /// Its frame buffer has error correction.
    pub ecc: bool,
}

impl<P: Platform> Gpu<P> {
    /// How many types there are.
    ///
    /// # Errors
    /// [`Kind::BadState`] when the firmware does not run.
    pub fn vgpu_type_count(&self) -> Result<u32> {
        self.running().map(|_| 0)
    }

    /// The type at a place in the list.
    ///
    /// # Errors
    /// [`Kind::BadState`] when the firmware does not run.
    pub fn vgpu_type_at(&self, _index: u32) -> Result<VgpuType> {
        self.running().and_then(|_| Err(Kind::BadState.into()))
    }

    /// The type of a number.
    ///
    /// # Errors
    /// [`Kind::BadState`] when the firmware does not run.
    pub fn vgpu_type_find(&self, _id: u32) -> Result<VgpuType> {
        self.running().and_then(|_| Err(Kind::BadState.into()))
    }

    /// Creates a vGPU.
    ///
    /// # Errors
    /// [`Kind::BadState`] when the firmware does not run.
    pub fn vgpu_create(&self, _config: &VgpuConfig) -> Result<u64> {
        self.running().and_then(|_| Err(Kind::BadState.into()))
    }

    /// Destroys a vGPU.
    ///
    /// # Errors
    /// [`Kind::BadState`] when the firmware does not run.
    pub fn vgpu_destroy(&self, _id: u64) -> Result<()> {
        self.running().and_then(|_| Err(Kind::BadState.into()))
    }

    /// Resets a vGPU.
    ///
    /// # Errors
    /// [`Kind::BadState`] when the firmware does not run.
    pub fn vgpu_reset(&self, _id: u64) -> Result<()> {
        self.running().and_then(|_| Err(Kind::BadState.into()))
    }

    /// Tells a vGPU whether its VF may master the bus.
    ///
    /// # Errors
    /// [`Kind::BadState`] when the firmware does not run.
    pub fn vgpu_set_bus_master(&self, _id: u64, _enabled: bool) -> Result<()> {
        self.running().and_then(|_| Err(Kind::BadState.into()))
    }

    /// What is known of a vGPU.
    ///
    /// # Errors
    /// [`Kind::BadState`] when the firmware does not run.
    pub fn vgpu_info(&self, _id: u64) -> Result<VgpuInfo> {
        self.running().and_then(|_| Err(Kind::BadState.into()))
    }

    /// Reads a vGPU's log.
    ///
    /// # Errors
    /// [`Kind::BadState`] when the firmware does not run.
    pub fn vgpu_read_log(&self, _id: u64, _log: u32, _off: u64, _buf: &mut [u8]) -> Result<usize> {
        self.running().and_then(|_| Err(Kind::BadState.into()))
    }
}
