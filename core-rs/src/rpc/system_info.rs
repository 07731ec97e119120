// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! GSP_SET_SYSTEM_INFO: what the firmware has to know of the machine, sent before it starts.
//!
//! Which fields are filled and with what: nova-core `gsp/fw/commands.rs`; for the VFs OpenRM 570.144 `rpc.c`
//! (`rpcGspSetSystemInfo_v17_00`). Fields not named stay 0, as there.

use super::channel::Channel;
use crate::platform::Platform;
use crate::release::Release;
use crate::wire;
use crate::Result;

/// Largest `GspSystemInfo` of any release (944 bytes in 595).
const MAX: usize = 1024;
/// Highest user address, exclusive, less a page: 47 bits on x86-64 (nova-core).
const MAX_USER_VA: u64 = (1 << 47) - 4096;

/// The PF as PCI presents it. Addresses are the CPU's.
#[derive(Clone, Copy, Debug, Default)]
pub struct PciFunction {
    /// BAR0, the registers.
    pub bar0_addr: u64,
    /// BAR1, the frame-buffer aperture.
    pub bar1_addr: u64,
    /// BAR2, the instance aperture; PCI register BAR3.
    pub bar2_addr: u64,
    /// Segment << 16 | bus << 8 | device and function.
    pub sbdf: u32,
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
    /// Subsystem vendor id.
    pub subvendor: u16,
    /// Subsystem id.
    pub subdevice: u16,
    /// Revision.
    pub revision: u32,
}

/// What the firmware is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemInfo {
    /// The PF.
    pub pf: PciFunction,
    /// BAR0 offset where the chip mirrors its PCI configuration space.
    pub config_mirror_base: u32,
    /// Bytes of that mirror.
    pub config_mirror_size: u32,
    /// The virtual functions, if any.
    pub vfs: Option<VfInfo>,
}

/// The virtual functions as the SR-IOV capability presents them.
#[derive(Clone, Copy, Debug, Default)]
pub struct VfInfo {
    /// How many there can be.
    pub total: u32,
    /// Routing id of the first one less that of the PF.
    pub first_offset: u32,
    /// Physical addresses of VF 0's BAR0, BAR1 and BAR2 (BAR register 3).
    pub bar_addr: [u64; 3],
    /// Which of them are 64 bits wide.
    pub bar_64bit: [bool; 3],
}

/// Sends the system information.
///
/// # Errors
/// Those of [`Channel::send`].
pub fn send<P: Platform>(channel: &Channel<P>, info: &SystemInfo) -> Result<()> {
    let release = channel.release();
    let mut body = [0; MAX];
    encode(release, info, &mut body)?;
    let body = body.get(..release.system_info.size).unwrap_or(&[]);
    channel.send(release.functions.gsp_set_system_info, &[body])
}

fn encode(release: &Release, info: &SystemInfo, body: &mut [u8]) -> Result<()> {
    let layout = &release.system_info;
    for (offset, value) in [
        (layout.gpu_phys_addr, info.pf.bar0_addr),
        (layout.gpu_phys_fb_addr, info.pf.bar1_addr),
        (layout.gpu_phys_inst_addr, info.pf.bar2_addr),
        (layout.domain_bus_device_func, info.pf.sbdf.into()),
        (layout.max_user_va, MAX_USER_VA),
    ] {
        wire::put_u64(body, offset, value)?;
    }
    wire::put_u32(body, layout.pci_config_mirror_base, info.config_mirror_base)?;
    wire::put_u32(body, layout.pci_config_mirror_size, info.config_mirror_size)?;
    for (offset, value) in [
        (
            layout.pci_device_id,
            u32::from(info.pf.device) << 16 | u32::from(info.pf.vendor),
        ),
        (
            layout.pci_sub_device_id,
            u32::from(info.pf.subdevice) << 16 | u32::from(info.pf.subvendor),
        ),
        (layout.pci_revision_id, info.pf.revision),
    ] {
        if let Some(offset) = offset {
            wire::put_u32(body, offset, value)?;
        }
    }
    match &info.vfs {
        Some(vfs) => encode_vfs(release, vfs, body),
        None => Ok(()),
    }
}

fn encode_vfs(release: &Release, vfs: &VfInfo, body: &mut [u8]) -> Result<()> {
    let layout = &release.vf_info;
    let at = |offset: usize| release.system_info.vf_info.wrapping_add(offset);
    wire::put_u32(body, at(layout.total_vfs), vfs.total)?;
    wire::put_u32(body, at(layout.first_vf_offset), vfs.first_offset)?;
    let addr = [
        layout.first_vf_bar0_addr,
        layout.first_vf_bar1_addr,
        layout.first_vf_bar2_addr,
    ];
    for (offset, value) in addr.into_iter().zip(vfs.bar_addr) {
        wire::put_u64(body, at(offset), value)?;
    }
    let wide = [layout.bar0_64bit, layout.bar1_64bit, layout.bar2_64bit];
    for (offset, value) in wide.into_iter().zip(vfs.bar_64bit) {
        wire::put_u8(body, at(offset), value.into())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release;

    #[test]
    fn the_body_fits_every_release() {
        for release in release::ALL {
            assert!(release.system_info.size <= MAX, "{}", release.name);
        }
    }

    /// Offsets from the DWARF of nouveau's headers, not from the table.
    #[test]
    fn fields_of_both_releases() {
        let info = SystemInfo {
            pf: PciFunction {
                bar0_addr: 0x1111_2222_3333,
                sbdf: 0x1_4100,
                vendor: 0x10de,
                device: 0x26b1,
                ..PciFunction::default()
            },
            config_mirror_base: 0x88000,
            vfs: Some(VfInfo {
                total: 16,
                first_offset: 4,
                bar_addr: [1, 2, 3],
                bar_64bit: [false, true, true],
            }),
            ..SystemInfo::default()
        };
        let check = |version: &[u8], bdf, mirror, device: Option<usize>, vf| {
            let mut body = [0; MAX];
            encode(release::find(version).unwrap(), &info, &mut body).unwrap();
            assert_eq!(wire::get_u64(&body, 0), Ok(0x1111_2222_3333));
            assert_eq!(wire::get_u64(&body, bdf), Ok(0x1_4100));
            assert_eq!(wire::get_u32(&body, mirror), Ok(0x88000));
            if let Some(at) = device {
                assert_eq!(wire::get_u32(&body, at), Ok(0x26b1_10de));
            }
            assert_eq!(wire::get_u32(&body, vf), Ok(16));
            assert_eq!(wire::get_u32(&body, vf + 4), Ok(4));
            assert_eq!(wire::get_u64(&body, vf + 24), Ok(3));
            assert_eq!(&body[vf + 32..vf + 35], [0, 1, 1]);
        };
        check(b"535.113.01", 24, 64, None, 624);
        check(b"570.144", 32, 80, Some(88), 856);
    }
}
