// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! vGPU types and vGPUs.

use super::*;

/// struct nvb_vgpu_type_info - a vGPU type
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nvb_vgpu_type_info {
    /// @size: sizeof(struct nvb_vgpu_type_info)
    pub size: u32,
    /// @id: number of the type
    pub id: u32,
    /// @name: e.g. "RTX6000-Ada-4Q"
    pub name: [c_char; NVB_NAME_MAX],
    /// @fb_size: bytes of frame buffer the guest gets
    pub fb_size: u64,
    /// @heap_size: bytes the firmware takes beside it
    pub heap_size: u64,
    /// @bar1_size: bytes of the guest's BAR1
    pub bar1_size: u64,
    /// @max_instances: how many can be alive at once
    pub max_instances: u32,
    /// @available: how many could be created now
    pub available: u32,
    /// @vendor: PCI vendor id that the guest sees
    pub vendor: u16,
    /// @device: PCI device id that the guest sees
    pub device: u16,
    /// @subvendor: PCI subsystem vendor id that the guest sees
    pub subvendor: u16,
    /// @subdevice: PCI subsystem id that the guest sees
    pub subdevice: u16,
    /// @ecc: 1 if the type's frame buffer has error correction, else 0
    pub ecc: u32,
    /// @reserved: 0
    pub reserved: u32,
}

/// struct nvb_vgpu_config - what vGPU to create, and for whom
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nvb_vgpu_config {
    /// @size: sizeof(struct nvb_vgpu_config)
    pub size: u32,
    /// @vf: index of the VF that carries it
    pub vf: u32,
    /// @type: number of the vGPU type
    pub r#type: u32,
    /// @sbdf: of the VF: segment << 16 | bus << 8 | devfn
    pub sbdf: u32,
    /// @vm_pid: process that runs the virtual machine
    pub vm_pid: u32,
    /// @reserved: 0
    pub reserved: u32,
}

/// State of a vGPU: it serves its guest.
pub const NVB_VGPU_RUNNING: u32 = 1;
/// State of a vGPU: it was suspended, its state can be saved or restored.
pub const NVB_VGPU_SUSPENDED: u32 = 2;

/// struct nvb_vgpu_info - what is known of a vGPU
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nvb_vgpu_info {
    /// @size: sizeof(struct nvb_vgpu_info)
    pub size: u32,
    /// @vf: index of the VF that carries it
    pub vf: u32,
    /// @type: number of its type
    pub r#type: u32,
    /// @state: NVB_VGPU_*
    pub state: u32,
    /// @fb_addr: where its frame buffer begins in the GPU's
    pub fb_addr: u64,
    /// @fb_size: bytes of it
    pub fb_size: u64,
    /// @channel_first: first of its channels
    pub channel_first: u32,
    /// @channel_count: how many
    pub channel_count: u32,
    /// @bar1_size: bytes of the guest's BAR1
    pub bar1_size: u64,
    /// @guest_version: version of the RPC protocol the plugin and the core agreed on
    pub guest_version: u32,
    /// @reserved: 0
    pub reserved: u32,
}
