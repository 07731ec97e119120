// SPDX-License-Identifier: MIT
//! vGPUs: their types, the plugin task of each in the firmware, and the virtual functions a guest sees.

use crate::{
    bytes::{get_u32, get_u64, text},
    device::Device,
    gsp::status,
    layout::Release,
    violation::Rule,
};

mod bootload;
mod function;
pub(crate) mod metadata;
mod migration;
mod plugin;

pub(crate) use function::VirtualFunction;
pub(crate) use plugin::Plugin;

/// Granularity in which the firmware maps guest framebuffer (`NV2080_CTRL_GPU_GET_VMMU_SEGMENT_SIZE`).
pub(crate) const VMMU_SEGMENT: u64 = 128 << 20;
/// Channels of the GPU, of each run list.
pub(crate) const CHANNELS: u32 = 2048;
/// Entries of `vgpuInfo[]`.
const MAX_TYPES: usize = 64;

/// A rule broken, what was found, and the status the driver gets for it.
type Refused = (Rule, String, u32);

/// What the emulator keeps of a vGPU type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VgpuType {
    pub id: u32,
    pub name: String,
    pub max_instance: u32,
    /// Bytes of guest framebuffer and of the plugin's heap.
    pub fb_length: u64,
    pub heap: u64,
    /// MiB.
    pub bar1_mib: u64,
}

impl Device {
    /// PGPU_ADD_VGPU_TYPE.
    pub(crate) fn add_vgpu_types(&mut self, release: &Release, params: &[u8]) -> Result<(), Refused> {
        let refuse = |text: String| Err((Rule::VgpuType, text, status::INVALID_ARGUMENT));
        let view = release.view("NV2080_CTRL_VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE_PARAMS", params);
        let count = view.get("vgpuInfoCount") as usize;
        if count == 0 || count > MAX_TYPES {
            return refuse(format!("{count} types"));
        }
        if view.get("discardVgpuTypes") != 0 {
            self.vgpu_types.clear();
        }
        let size = release.size("NVA081_CTRL_VGPU_INFO");
        for info in view.bytes("vgpuInfo").chunks(size).take(count) {
            let info = release.view("NVA081_CTRL_VGPU_INFO", info);
            let kind = VgpuType {
                id: info.get32("vgpuType"),
                name: text(info.bytes("vgpuName")),
                max_instance: info.get32("maxInstance"),
                fb_length: info.get("fbLength"),
                heap: info.get("gspHeapSize"),
                bar1_mib: info.get("bar1Length"),
            };
            let device = u64::from(self.board.config.geometry().device);
            let sane = kind.id != 0
                && !kind.name.is_empty()
                && kind.max_instance != 0
                && kind.fb_length != 0
                && kind.fb_length < self.board.config.fb_size
                && info.get("pdevId") >> 16 == device;
            if !sane {
                return refuse(format!("{kind:?} for device {:#x}", info.get("pdevId")));
            }
            self.vgpu_types.insert(kind.id, kind);
        }
        Ok(())
    }

    /// SHUTDOWN_GSP_VGPU_PLUGIN_TASK.
    pub(crate) fn plugin_shutdown(&mut self, gfid: u32) -> Result<(), Refused> {
        match self.plugins.get_mut(&gfid).filter(|p| p.alive()) {
            Some(plugin) => {
                plugin.shut_down();
                Ok(())
            }
            None => Err((
                Rule::VgpuState,
                format!("the plugin of gfid {gfid} is shut down and does not run"),
                status::OBJECT_NOT_FOUND,
            )),
        }
    }

    /// VGPU_PLUGIN_CLEANUP: after the shutdown.
    pub(crate) fn plugin_cleanup(&mut self, gfid: u32) -> Result<(), Refused> {
        let why = match self.plugins.get(&gfid) {
            None => "does not exist",
            Some(plugin) if plugin.alive() => "was not shut down",
            Some(_) => {
                self.plugins.remove(&gfid);
                return Ok(());
            }
        };
        let text = format!("the plugin of gfid {gfid} is cleaned up and {why}");
        Err((Rule::VgpuState, text, status::INVALID_STATE))
    }
}

/// A list of 64-bit numbers in a struct.
fn list_u64(bytes: &[u8], count: usize) -> Vec<u64> {
    (0..count.min(bytes.len() / 8)).map(|i| get_u64(bytes, 8 * i)).collect()
}

/// A list of 32-bit numbers in a struct.
fn list_u32(bytes: &[u8], count: usize) -> Vec<u32> {
    (0..count.min(bytes.len() / 4)).map(|i| get_u32(bytes, 4 * i)).collect()
}
