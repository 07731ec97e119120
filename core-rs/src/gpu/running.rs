// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What there is while the firmware runs.

use super::State;
use crate::boot::flush::FlushPage;
use crate::boot::ucode::SignedUcode;
use crate::chip::Chip;
use crate::error::Result;
use crate::fb::Layout;
use crate::mem::Owned;
use crate::platform::Platform;
use crate::pramin::Pramin;
use crate::rpc::static_info::StaticInfo;
use crate::rpc::Channel;
use crate::text::Text;
use crate::vgpu::Manager;

/// What brings the hardware back to where a boot begins. Prepared before the boot touches anything, so that a failing file or a
/// lack of memory cannot leave the GPU half booted.
pub(super) struct Unload<P: Platform> {
    pub(super) fwsec_sb: SignedUcode<P>,
    pub(super) booter: SignedUcode<P>,
}

/// Memory the hardware uses until the firmware is down. The flush page goes last: resets need it.
pub(super) struct Hardware<P: Platform> {
    pub(super) unload: Option<Unload<P>>,
    _flush: FlushPage<P>,
}

impl<P: Platform> Hardware<P> {
    /// Only the flush page, which everything else needs.
    pub(super) fn new(platform: &P) -> Result<Self> {
        Ok(Hardware {
            unload: None,
            _flush: FlushPage::new(platform)?,
        })
    }
}

/// The way to the firmware, and what it said.
pub(super) struct Running<P: Platform> {
    pub(super) channel: Owned<P, Channel<P>>,
    pub(super) layout: Layout,
    pub(super) static_info: Owned<P, StaticInfo>,
    pub(super) pramin: Pramin<P>,
    /// There when booted as a vGPU host with a metadata file.
    pub(super) vgpus: Option<Owned<P, Manager<P>>>,
}

/// What is known of a GPU.
pub struct Info {
    /// The chip.
    pub chip: &'static Chip,
    /// Where it is in its life.
    pub state: State,
    /// Release of the running firmware.
    pub release: &'static str,
    /// The GPU's marketing name.
    pub gpu_name: Text<64>,
    /// Bytes of frame buffer.
    pub fb_size: u64,
    /// Bytes that are left for vGPUs.
    pub fb_usable: u64,
    /// First byte of the firmware's protected region.
    pub wpr_start: u64,
    /// Byte behind it.
    pub wpr_end: u64,
    /// Granularity of a vGPU's frame buffer.
    pub vmmu_segment_size: u64,
    /// Channels in total.
    pub channels: u32,
    /// vGPUs this boot allows.
    pub max_vgpus: u32,
    /// vGPU types known.
    pub vgpu_types: u32,
    /// vGPUs alive.
    pub vgpus: u32,
    /// Events that found no room.
    pub events_lost: u32,
}

impl Info {
    /// What is known without firmware.
    pub(super) fn of_chip(chip: &'static Chip, state: State) -> Self {
        Info {
            chip,
            state,
            release: "",
            gpu_name: Text::new(),
            fb_size: 0,
            fb_usable: 0,
            wpr_start: 0,
            wpr_end: 0,
            vmmu_segment_size: 0,
            channels: 0,
            max_vgpus: 0,
            vgpu_types: 0,
            vgpus: 0,
            events_lost: 0,
        }
    }
}

impl<P: Platform> Running<P> {
    pub(super) fn describe(&self, info: &mut Info) {
        info.release = self.channel.release().name;
        info.gpu_name = self.static_info.gpu_name;
        info.fb_size = self.layout.fb_size;
        info.fb_usable = self.static_info.usable();
        info.wpr_start = self.layout.wpr.start;
        info.wpr_end = self.layout.wpr.end();
        info.events_lost = self.channel.events_lost();
        if let Some(vgpus) = &self.vgpus {
            info.vmmu_segment_size = vgpus.segment();
            info.channels = vgpus.channels();
            info.max_vgpus = vgpus.vfs().min(self.layout.partitions.into());
            info.vgpu_types = vgpus.types().count() as u32;
            info.vgpus = vgpus.alive();
        }
    }
}
