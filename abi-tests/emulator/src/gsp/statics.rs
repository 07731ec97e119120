// SPDX-License-Identifier: MIT
//! GET_GSP_STATIC_INFO: what the firmware says about the board.
//!
//! Sources: OpenRM `gsp_static_config.h`, `ctrl2080fb.h`, `ctrl0080gpu.h`; consumers nouveau `rm/r535/gsp.c`
//! (`r535_gsp_get_static_info_fb` and others), nova-core `gsp/commands.rs` (Linux 7.3).

use super::rm::{INTERNAL_CLIENT, INTERNAL_DEVICE, INTERNAL_SUBDEVICE};
use crate::{bytes::put_u32, device::Device};

pub(crate) const GPU_NAME: &str = "NVIDIA RTX 6000 Ada Generation";
const SHORT_NAME: &str = "AD102";

impl Device {
    pub(super) fn static_info(&mut self) -> Vec<u8> {
        let Some(firmware) = self.firmware.as_ref() else {
            return Vec::new();
        };
        let release = firmware.release;
        let fb = self.board.config.fb_size;
        let geometry = self.board.config.geometry();
        let place = self.board.location().unwrap_or_default();
        let layout = release.layout("GspStaticConfigInfo");
        let mut info = layout.zeroed();

        let region = release.layout("NV2080_CTRL_CMD_FB_GET_FB_REGION_FB_REGION_INFO");
        let usable = firmware.reserved_start;
        let mut regions = vec![0; 8];
        put_u32(&mut regions, 0, 2);
        for (base, limit, reserved) in [(0, usable - 1, 0), (usable, fb - 1, fb - usable)] {
            let mut one = region.zeroed();
            region.set(&mut one, "base", base);
            region.set(&mut one, "limit", limit);
            region.set(&mut one, "reserved", reserved);
            region.set(&mut one, "performance", 20);
            let plain = u64::from(reserved == 0);
            region.set(&mut one, "supportCompressed", plain);
            region.set(&mut one, "supportISO", plain);
            region.set(&mut one, "bProtected", 1 - plain);
            regions.extend(one);
        }
        layout.set_bytes(&mut info, "fbRegionInfoParams", &regions);

        if geometry.total_vfs != 0 {
            let caps = release.layout("NV0080_CTRL_GPU_GET_SRIOV_CAPS_PARAMS");
            let mut c = caps.zeroed();
            for (field, value) in [
                ("totalVFs", geometry.total_vfs.into()),
                ("firstVfOffset", place.first_vf_offset.into()),
                ("FirstVFBar0Address", place.vf_bar[0]),
                ("FirstVFBar1Address", place.vf_bar[1]),
                ("FirstVFBar2Address", place.vf_bar[2]),
                ("bar0Size", geometry.vf_bar0_size),
                ("bar1Size", geometry.vf_bar1_size),
                ("bar2Size", geometry.vf_bar3_size),
                ("b64bitBar1", 1),
                ("b64bitBar2", 1),
                ("bSriovEnabled", firmware.sriov_mode.into()),
            ] {
                caps.set(&mut c, field, value);
            }
            layout.set_bytes(&mut info, "sriovCaps", &c);
            layout.set(&mut info, "sriovMaxGfid", u64::from(geometry.total_vfs) + 1);
        }
        for (field, value) in [
            ("fb_length", fb),
            ("fb_bus_width", 384),
            ("fb_ram_type", 17),
            ("bar1PdeBase", usable + 0x1000),
            ("bar2PdeBase", usable + 0x2000),
            ("bVbiosValid", 1),
            ("vbiosSubVendor", geometry.subsystem_vendor.into()),
            ("vbiosSubDevice", geometry.subsystem.into()),
            ("hInternalClient", INTERNAL_CLIENT.into()),
            ("hInternalDevice", INTERNAL_DEVICE.into()),
            ("hInternalSubdevice", INTERNAL_SUBDEVICE.into()),
        ] {
            layout.set(&mut info, field, value);
        }
        layout.set_if(&mut info, "fwWprLayoutOffset.nonWprHeapOffset", usable);
        layout.set_if(&mut info, "fwWprLayoutOffset.frtsOffset", firmware.wpr.end - (1 << 20));
        layout.set_text(&mut info, "gpuNameString", GPU_NAME);
        layout.set_text(&mut info, "gpuShortNameString", SHORT_NAME);
        info
    }
}
