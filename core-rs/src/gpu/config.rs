// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What the user says about the GPU and its boot.

use crate::chip::Chip;
use crate::rpc::system_info::{SystemInfo, VfInfo};

pub use crate::rpc::system_info::PciFunction;

/// Where the GPU is, and how to boot it.
#[derive(Clone, Copy, Debug, Default)]
pub struct BootConfig<'a> {
    /// Firmware release; empty: the newest known one whose image is there.
    pub release: &'a [u8],
    /// Boot as a vGPU host.
    pub vgpu_host: bool,
    /// The PF.
    pub pf: PciFunction,
    /// Of the SR-IOV capability; 0 = there is none.
    pub total_vfs: u32,
    /// Of the SR-IOV capability.
    pub first_vf_offset: u32,
    /// BARs 0, 1 and 2 of VF 0; the CPU's addresses.
    pub vf_bar_addr: [u64; 3],
    /// Bit n: BAR n of the VFs is 64 bits wide; n counts BARs (0, 1, 2), not PCI registers.
    pub vf_bar_64bit: u32,
}

impl BootConfig<'_> {
    /// What the firmware is told of it.
    pub(super) fn system_info(&self, chip: &Chip) -> SystemInfo {
        let (config_mirror_base, config_mirror_size) = chip.pci_config_mirror;
        SystemInfo {
            pf: self.pf,
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
