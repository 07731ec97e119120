// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! How much memory GSP-RM asks for (`gsp_fw_heap.h`).

use super::rules::{BaseSize, Libos, Rules};
use crate::release::Release;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// What the firmware runs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The host alone.
    BareMetal,
    /// vGPUs, this many at most.
    VgpuHost {
        /// Virtual functions of the device.
        vfs: u32,
    },
}

/// Bytes of heap to ask for with `fb_size` bytes of framebuffer.
pub fn request(rules: &Rules, release: &Release, mode: Mode, fb_size: u64) -> u64 {
    let values = &release.heap;
    if let Mode::VgpuHost { .. } = mode {
        // One figure, whatever the number of vGPUs.
        return values.vgpu_host;
    }
    let (carveout, min, max) = match rules.libos {
        Libos::V2 => (values.libos2_carveout, values.libos2_min, values.libos2_max),
        Libos::V3 => (values.libos3_carveout, values.libos3_min, values.libos3_max),
    };
    let base = match rules.base {
        BaseSize::Tu10x => values.base_tu10x,
        BaseSize::Gh100 => values.base_gh100,
    };
    let gib = fb_size / GIB + u64::from(fb_size % GIB != 0);
    carveout
        .saturating_add(base)
        .saturating_add(mebibytes(values.per_gib_fb.saturating_mul(gib)))
        .saturating_add(mebibytes(values.client_alloc))
        .max(min)
        .min(max)
}

/// Partitions that take their heap from GSP-RM's; the firmware serves a limited number.
pub fn partitions(release: &Release, mode: Mode) -> u8 {
    match mode {
        Mode::BareMetal => 0,
        Mode::VgpuHost { vfs } => vfs.min(release.limits.max_partitions).min(u32::from(u8::MAX)) as u8,
    }
}

/// Rounds up to whole MiB.
fn mebibytes(bytes: u64) -> u64 {
    bytes.saturating_add(MIB - 1) & !(MIB - 1)
}
