// SPDX-License-Identifier: MIT
//! How the emulated board is built, and what a bus adapter has to know about it.

use crate::hostile::Hostile;
use std::path::PathBuf;

/// The board: what differs from one emulated GPU to the next.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bytes of framebuffer; a multiple of 1 GiB, at least 4 GiB. The memory is reserved, not committed.
    pub fb_size: u64,
    /// VFs in the SR-IOV capability; 0 means that the board has none.
    pub total_vfs: u32,
    /// Directory that holds `nvidia/ad102/gsp/*.bin`, or that `nvidia` directory itself. What the driver loads is
    /// compared with these files.
    pub firmware_dir: PathBuf,
    /// Fused versions of the ucodes of each engine, 0 to 16; they decide which signature must be used.
    pub fuses: Fuses,
    /// How the device misbehaves from the start.
    pub hostile: Vec<Hostile>,
    /// Whether the device goes on between register accesses on a thread of its own. Callbacks then come from that thread
    /// too. Without it the host calls [`crate::Gpu::poll`].
    pub own_thread: bool,
}

/// Fused ucode versions, the same for each ucode id of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fuses {
    /// SEC2 (booter, scrubber).
    pub sec2: u32,
    /// GSP falcon (FWSEC).
    pub gsp: u32,
    /// NVDEC.
    pub nvdec: u32,
}

impl Default for Fuses {
    fn default() -> Self {
        Fuses {
            sec2: 1,
            gsp: 1,
            nvdec: 1,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            fb_size: 48 << 30,
            total_vfs: 16,
            firmware_dir: PathBuf::from("/lib/firmware"),
            fuses: Fuses::default(),
            hostile: Vec::new(),
            own_thread: false,
        }
    }
}

/// The PCI side of the board, for the adapter that puts it on a bus. All sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Geometry {
    /// PCI vendor id.
    pub vendor: u16,
    /// PCI device id of the PF.
    pub device: u16,
    /// PCI device id of the VFs.
    pub vf_device: u16,
    /// Subsystem vendor id.
    pub subsystem_vendor: u16,
    /// Subsystem id.
    pub subsystem: u16,
    /// Revision id.
    pub revision: u8,
    /// Reserved.
    pub reserved: u8,
    /// Class code, 24 bits.
    pub class_code: u32,
    /// VFs in the SR-IOV capability.
    pub total_vfs: u32,
    /// MSI-X vectors of the PF and of each VF.
    pub msix_vectors: u32,
    /// Offset of the MSI-X capability in the configuration space of the PF and of each VF.
    pub msix_cap: u32,
    /// PF BAR0 (32-bit), BAR1 and BAR3 (64-bit prefetchable).
    pub bar0_size: u64,
    /// See `bar0_size`.
    pub bar1_size: u64,
    /// See `bar0_size`.
    pub bar3_size: u64,
    /// Where in the PF's BAR0 the MSI-X table and pending bits are.
    pub msix_table: u64,
    /// See `msix_table`.
    pub msix_pba: u64,
    /// VF BAR0 (32-bit), BAR1 and BAR3 (64-bit prefetchable).
    pub vf_bar0_size: u64,
    /// See `vf_bar0_size`.
    pub vf_bar1_size: u64,
    /// See `vf_bar0_size`.
    pub vf_bar3_size: u64,
    /// Where in a VF's BAR0 the MSI-X table and pending bits are.
    pub vf_msix_table: u64,
    /// See `vf_msix_table`.
    pub vf_msix_pba: u64,
}

impl Config {
    /// The PCI side of this board: an RTX 6000 Ada (device id 26b1, class 3D controller of a data-center board).
    pub fn geometry(&self) -> Geometry {
        Geometry {
            vendor: 0x10de,
            device: 0x26b1,
            vf_device: 0x26b1,
            subsystem_vendor: 0x10de,
            subsystem: 0x16a1,
            revision: 0xa1,
            reserved: 0,
            class_code: 0x030200,
            total_vfs: self.total_vfs,
            msix_vectors: 4,
            msix_cap: 0x7c,
            bar0_size: 16 << 20,
            bar1_size: 256 << 20,
            bar3_size: 32 << 20,
            msix_table: 0xb9_0000,
            msix_pba: 0xb9_1000,
            vf_bar0_size: 256 << 10,
            vf_bar1_size: 256 << 20,
            vf_bar3_size: 32 << 20,
            vf_msix_table: 0x2_0000,
            vf_msix_pba: 0x2_1000,
        }
    }
}
