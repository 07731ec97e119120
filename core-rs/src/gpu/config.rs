// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What the user says about the GPU and its boot.

use crate::chip::Chip;
use crate::rpc::system_info::{SystemInfo, VfInfo};

/// Where the GPU is, and how to boot it. Addresses are the CPU's.
#[derive(Clone, Copy, Debug, Default)]
pub struct BootConfig<'a> {
    /// Firmware release; empty: the newest known one whose image is there.
    pub release: &'a [u8],
    /// Boot as a vGPU host.
    pub vgpu_host: bool,
    /// BAR0, the registers.
    pub bar0_addr: u64,
    /// BAR1, the frame-buffer aperture.
    pub bar1_addr: u64,
    /// BAR2, the instance aperture; PCI register BAR3.
    pub bar2_addr: u64,
    /// Segment << 16 | bus << 8 | devfn.
    pub sbdf: u32,
    /// PCI vendor id.
    pub vendor: u16,
    /// PCI device id.
    pub device: u16,
    /// PCI subsystem vendor id.
    pub subvendor: u16,
    /// PCI subsystem id.
    pub subdevice: u16,
    /// PCI revision.
    pub revision: u32,
    /// Of the SR-IOV capability; 0 = there is none.
    pub total_vfs: u32,
    /// Of the SR-IOV capability.
    pub first_vf_offset: u32,
    /// BARs 0, 1 and 2 of VF 0.
    pub vf_bar_addr: [u64; 3],
    /// Bit n: BAR n of the VFs is 64 bits wide; n counts BARs (0, 1, 2), not PCI registers.
    pub vf_bar_64bit: u32,
}

impl BootConfig<'_> {
    /// What the firmware is told of it.
    pub(super) fn system_info(&self, chip: &Chip) -> SystemInfo {
        let (config_mirror_base, config_mirror_size) = chip.pci_config_mirror;
        SystemInfo {
            bar0_addr: self.bar0_addr,
            bar1_addr: self.bar1_addr,
            bar2_addr: self.bar2_addr,
            sbdf: self.sbdf,
            vendor: self.vendor,
            device: self.device,
            subvendor: self.subvendor,
            subdevice: self.subdevice,
            revision: self.revision,
            config_mirror_base,
            config_mirror_size,
            vfs: (self.vgpu_host && self.total_vfs != 0).then(|| VfInfo {
                total: self.total_vfs,
                first_offset: self.first_vf_offset,
                bar_addr: self.vf_bar_addr,
                bar_64bit: [0, 1, 2].map(|bar| self.vf_bar_64bit >> bar & 1 != 0),
            }),
        }
    }
}
