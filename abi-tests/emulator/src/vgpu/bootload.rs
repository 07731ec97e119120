// SPDX-License-Identifier: MIT
//! BOOTLOAD_GSP_VGPU_PLUGIN_TASK: what a new vGPU must be given, and that it collides with nothing.
//!
//! Sources: OpenRM `ctrl2080vgpumgrinternal.h` of both releases; the vGPU patch series on the kvm list (`vgpu.c`).

use super::{list_u32, list_u64, Plugin, Refused, CHANNELS, VMMU_SEGMENT};
use crate::{device::Device, gsp::status, hostile::Mode, layout::Release, violation::Rule};
use std::ops::Range;

const MAX_SEGMENTS: usize = 384;
/// Logs behind the communication buffers: init task, vGPU task.
const INIT_LOG: u64 = 128 << 10;
const TASK_LOG: u64 = 256 << 10;
/// Control, response, message, migration and error buffer.
const BUFFERS: u64 = 3 * 4096 + (2 << 20) + 4096;

impl Device {
    /// Checks the parameters and starts the plugin.
    pub(crate) fn bootload(&mut self, release: &'static Release, client: u32, params: &[u8]) -> Result<(), Refused> {
        let p = release.view(
            "NV2080_CTRL_VGPU_MGR_INTERNAL_BOOTLOAD_GSP_VGPU_PLUGIN_TASK_PARAMS",
            params,
        );
        let gfid = p.get32("gfid");
        let kind = p.get32("vgpuType");
        self.check_host(gfid)?;
        let kind = self.check_type(kind)?;

        if let Some(place) = self.board.location() {
            let vf = place.bdf + place.first_vf_offset + gfid - 1;
            let found = p.get32("dbdf") & 0xffff;
            self.board.check(found == vf, Rule::VgpuBootload, || {
                format!("dbdf {found:#x} is not that of gfid {gfid}, {vf:#x}")
            });
        }
        let swizz = p.get32("swizzId");
        self.board
            .check(swizz == 0 || swizz == u32::MAX, Rule::VgpuBootload, || {
                format!("swizzId {swizz:#x} without MIG")
            });

        let channels = self.check_channels(release, gfid, &p)?;
        let count = p.get32("numGuestFbSegments") as usize;
        if count == 0 || count > MAX_SEGMENTS {
            return Err((
                Rule::VgpuBootload,
                format!("{count} framebuffer segments"),
                status::INVALID_ARGUMENT,
            ));
        }
        let segments: Vec<Range<u64>> = list_u64(p.bytes("guestFbPhysAddrList"), count)
            .into_iter()
            .zip(list_u64(p.bytes("guestFbLengthList"), count))
            .map(|(at, len)| at..at.saturating_add(len))
            .collect();
        self.check_segments(&segments, kind.fb_length)?;
        let heap = p.get("pluginHeapMemoryPhysAddr");
        let heap = heap..heap.saturating_add(p.get("pluginHeapMemoryLength"));
        self.check_heap(release, &p, &heap, kind.heap)?;
        self.check_overlap(gfid, &segments, &heap)?;

        let mut plugin = Plugin::new(release, gfid, client, kind, channels, segments, heap);
        if !self.board.is(Mode::PluginNever) {
            plugin.report_booted(&mut self.board);
        }
        self.plugins.insert(gfid, plugin);
        Ok(())
    }

    fn check_host(&mut self, gfid: u32) -> Result<(), Refused> {
        let firmware = self.firmware.as_ref();
        let host = firmware.is_some_and(|f| f.partitions != 0 && f.sriov_mode && f.told_vfs != 0);
        if !host {
            let text = "the firmware was not started as a vGPU host".to_owned();
            return Err((Rule::VgpuHost, text, status::NOT_SUPPORTED));
        }
        let most = self.board.config.total_vfs.min(firmware.map_or(0, |f| f.partitions));
        if gfid == 0 || gfid > most {
            return Err((
                Rule::VgpuBootload,
                format!("gfid {gfid} of {most}"),
                status::INVALID_ARGUMENT,
            ));
        }
        if self.plugins.contains_key(&gfid) {
            return Err((
                Rule::VgpuState,
                format!("gfid {gfid} has a plugin"),
                status::INVALID_STATE,
            ));
        }
        Ok(())
    }

    fn check_type(&mut self, id: u32) -> Result<super::VgpuType, Refused> {
        let Some(kind) = self.vgpu_types.get(&id).cloned() else {
            return Err((
                Rule::VgpuType,
                format!("type {id} is unknown"),
                status::INVALID_ARGUMENT,
            ));
        };
        if let Some(other) = self.plugins.values().find(|p| p.kind.id != id) {
            let text = format!("type {id} beside type {} of gfid {}", other.kind.id, other.gfid);
            return Err((Rule::VgpuHomogeneous, text, status::INVALID_STATE));
        }
        let alive = self.plugins.len() as u32;
        if alive >= kind.max_instance {
            let text = format!("{alive} vGPUs of type {id} live, which allows {}", kind.max_instance);
            return Err((Rule::VgpuMaxInstance, text, status::INVALID_STATE));
        }
        Ok(kind)
    }

    fn check_channels(
        &mut self,
        release: &Release,
        gfid: u32,
        p: &crate::layout::View<'_>,
    ) -> Result<Range<u32>, Refused> {
        let refuse = |text| Err((Rule::VgpuChannels, text, status::INVALID_ARGUMENT));
        let count = p.get32("numChannels");
        let offsets = list_u32(p.bytes("chidOffset"), release.engines as usize);
        let first = offsets.iter().copied().max().unwrap_or(0);
        let channels = first..first.saturating_add(count);
        if let Some(odd) = offsets.iter().find(|o| **o != first && **o != 0) {
            return refuse(format!("channel offsets {first} and {odd}"));
        }
        if count == 0 || !count.is_power_of_two() || first % count != 0 || channels.end > CHANNELS {
            return refuse(format!("channels {channels:?} of {CHANNELS}"));
        }
        match self.plugins.values().find(|o| overlap(&o.channels, &channels)) {
            Some(other) => refuse(format!(
                "channels {channels:?} of gfid {gfid} and {:?} of gfid {}",
                other.channels, other.gfid
            )),
            None => Ok(channels),
        }
    }

    fn check_segments(&mut self, segments: &[Range<u64>], fb_length: u64) -> Result<(), Refused> {
        let refuse = |text| Err((Rule::VgpuFramebuffer, text, status::INVALID_ARGUMENT));
        for s in segments {
            if s.is_empty() || s.start % VMMU_SEGMENT != 0 || (s.end - s.start) % VMMU_SEGMENT != 0 {
                return refuse(format!("{s:x?} is not made of VMMU segments of {VMMU_SEGMENT:#x}"));
            }
        }
        // ECC can take a sixteenth off what the type says.
        let total: u64 = segments.iter().map(|s| s.end - s.start).sum();
        let most = fb_length.div_ceil(VMMU_SEGMENT) * VMMU_SEGMENT;
        let least = fb_length / 16 * 15 / VMMU_SEGMENT * VMMU_SEGMENT;
        if !(least..=most).contains(&total) {
            return refuse(format!("{total:#x} bytes for a type with {fb_length:#x}"));
        }
        Ok(())
    }

    fn check_heap(
        &mut self,
        release: &Release,
        p: &crate::layout::View<'_>,
        heap: &Range<u64>,
        wanted: u64,
    ) -> Result<(), Refused> {
        let refuse = |text| Err((Rule::VgpuHeap, text, status::INVALID_ARGUMENT));
        let len = heap.end - heap.start;
        if heap.start % 4096 != 0 || len != wanted {
            return refuse(format!("{heap:x?} for a type that wants {wanted:#x}"));
        }
        // The logs lie behind the communication buffers, and all of it inside the heap. In spite of the names the logs'
        // places are framebuffer addresses (`vgpu.c`); that of the control buffer is an offset.
        let mut expected = vec![
            ("ctrlBuffOffset", 0),
            ("initTaskLogBuffOffset", heap.start + BUFFERS),
            ("initTaskLogBuffSize", INIT_LOG),
            ("vgpuTaskLogBuffOffset", heap.start + BUFFERS + INIT_LOG),
            ("vgpuTaskLogBuffSize", TASK_LOG),
        ];
        if release.plugin_kernel_log != 0 {
            expected.push(("kernelLogBuffOffset", heap.start + BUFFERS + INIT_LOG + TASK_LOG));
            expected.push(("kernelLogBuffSize", release.plugin_kernel_log));
        }
        for (field, value) in expected {
            let found = p.get(field);
            if found != value {
                return refuse(format!("{field} is {found:#x} instead of {value:#x}"));
            }
        }
        if BUFFERS + INIT_LOG + TASK_LOG + release.plugin_kernel_log > len {
            return refuse(format!("buffers and logs do not fit in {len:#x}"));
        }
        Ok(())
    }

    /// Guest memory and heap must lie in usable framebuffer and touch no other vGPU's.
    fn check_overlap(&mut self, gfid: u32, segments: &[Range<u64>], heap: &Range<u64>) -> Result<(), Refused> {
        let refuse = |text| Err((Rule::VgpuOverlap, text, status::INVALID_ARGUMENT));
        let usable = self.firmware.as_ref().map_or(0, |f| f.reserved_start);
        let mine: Vec<_> = segments.iter().chain([heap]).collect();
        if let Some(range) = mine.iter().find(|r| r.end > usable) {
            return refuse(format!(
                "{range:x?} reaches into what the firmware reserves from {usable:#x}"
            ));
        }
        for (i, a) in mine.iter().enumerate() {
            if let Some(b) = mine[i + 1..].iter().find(|b| overlap(a, b)) {
                return refuse(format!("{a:x?} and {b:x?} of gfid {gfid}"));
            }
        }
        for other in self.plugins.values() {
            let theirs = other.segments.iter().chain([&other.heap]);
            for b in theirs {
                if let Some(a) = mine.iter().find(|a| overlap(a, b)) {
                    return refuse(format!("{a:x?} of gfid {gfid} and {b:x?} of gfid {}", other.gfid));
                }
            }
        }
        Ok(())
    }
}

fn overlap<T: PartialOrd>(a: &Range<T>, b: &Range<T>) -> bool {
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests;
