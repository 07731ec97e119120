// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The GPU: boot parameters and what can be asked of it.

use super::*;

/// Boot the firmware as a vGPU host.
pub const NVB_BOOT_VGPU_HOST: u32 = 1;

/// struct nvb_boot_config - where the GPU is, and how to boot it
///
/// Zero what does not apply. Addresses are what the CPU uses.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nvb_boot_config {
    /// @size: sizeof(struct nvb_boot_config)
    pub size: u32,
    /// @flags: NVB_BOOT_*
    pub flags: u32,
    /// @release: firmware release, e.g. "570.144"; "" = the newest one the core knows whose files are there
    pub release: [c_char; NVB_NAME_MAX],
    /// @bar0_addr: address of the registers (BAR0)
    pub bar0_addr: u64,
    /// @bar1_addr: address of the frame-buffer aperture (BAR1)
    pub bar1_addr: u64,
    /// @bar2_addr: address of the instance aperture (PCI register BAR3)
    pub bar2_addr: u64,
    /// @sbdf: segment << 16 | bus << 8 | devfn
    pub sbdf: u32,
    /// @pci_vendor: PCI vendor id
    pub pci_vendor: u16,
    /// @pci_device: PCI device id
    pub pci_device: u16,
    /// @pci_subvendor: PCI subsystem vendor id
    pub pci_subvendor: u16,
    /// @pci_subdevice: PCI subsystem id
    pub pci_subdevice: u16,
    /// @pci_revision: PCI revision
    pub pci_revision: u32,
    /// @total_vfs: of the SR-IOV capability; 0 = there is none
    pub total_vfs: u32,
    /// @first_vf_offset: of the SR-IOV capability
    pub first_vf_offset: u32,
    /// @vf_bar0_addr: address of BAR0 of VF 0
    pub vf_bar0_addr: u64,
    /// @vf_bar1_addr: address of BAR1 of VF 0
    pub vf_bar1_addr: u64,
    /// @vf_bar2_addr: address of BAR2 (PCI register BAR3) of VF 0
    pub vf_bar2_addr: u64,
    /// @vf_bar_64bit: bit n: BAR n of the VFs is a 64-bit BAR; n is 0, 1, 2 as in the names above
    pub vf_bar_64bit: u32,
    /// @reserved: 0
    pub reserved: u32,
}

/// State of a GPU: nothing was started yet.
pub const NVB_GPU_CREATED: u32 = 0;
/// State of a GPU: the firmware runs.
pub const NVB_GPU_RUNNING: u32 = 1;
/// State of a GPU: it was shut down and can be booted again.
pub const NVB_GPU_STOPPED: u32 = 2;
/// State of a GPU: it cannot be used before it was reset from outside.
pub const NVB_GPU_FAILED: u32 = 3;

/// struct nvb_gpu_info - what is known of a GPU
///
/// Before the first boot only @chip, @chip_name and @state mean something.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nvb_gpu_info {
    /// @size: sizeof(struct nvb_gpu_info)
    pub size: u32,
    /// @chip: chip id, e.g. 0x192 = AD102
    pub chip: u32,
    /// @chip_name: e.g. "AD102"
    pub chip_name: [c_char; NVB_NAME_MAX],
    /// @release: of the running firmware, e.g. "570.144"
    pub release: [c_char; NVB_NAME_MAX],
    /// @gpu_name: as the firmware calls the GPU
    pub gpu_name: [c_char; NVB_GPU_NAME_MAX],
    /// @fb_size: bytes of frame buffer
    pub fb_size: u64,
    /// @fb_usable: bytes that are left for vGPUs after boot
    pub fb_usable: u64,
    /// @wpr_start: first byte of the firmware's protected region
    pub wpr_start: u64,
    /// @wpr_end: byte behind the firmware's protected region
    pub wpr_end: u64,
    /// @vmmu_segment_size: granularity of a vGPU's frame buffer in bytes
    pub vmmu_segment_size: u64,
    /// @channels: in total
    pub channels: u32,
    /// @max_vgpus: how many vGPUs this boot allows
    pub max_vgpus: u32,
    /// @vgpu_types: how many vGPU types are known
    pub vgpu_types: u32,
    /// @vgpus: how many vGPUs are alive
    pub vgpus: u32,
    /// @state: NVB_GPU_*
    pub state: u32,
    /// @events_lost: events that nobody fetched in time
    pub events_lost: u32,
}

/// Firmware log: of its initialisation.
pub const NVB_LOG_INIT: u32 = 0;
/// Firmware log: of its interrupt handlers.
pub const NVB_LOG_INTR: u32 = 1;
/// Firmware log: of the resource manager.
pub const NVB_LOG_RM: u32 = 2;
/// vGPU log: of the plugin's initialisation.
pub const NVB_LOG_VGPU_INIT: u32 = 3;
/// vGPU log: of the plugin.
pub const NVB_LOG_VGPU_TASK: u32 = 4;
/// vGPU log: of the plugin's kernel.
pub const NVB_LOG_VGPU_KERNEL: u32 = 5;
