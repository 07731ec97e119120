// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `GspFwWprMeta`: what the booter is told, and copies to the start of WPR2.

use super::layout::Layout;
use crate::error::Result;
use crate::firmware::bootloader::Bootloader;
use crate::release::Release;
use crate::wire::{put_u32_opt, put_u64, put_u8, put_u8_opt};

/// Where in system memory the booter finds the pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sources {
    /// Device address of the radix-3 table.
    pub radix3: u64,
    /// Device address of the bootloader.
    pub bootloader: u64,
    /// Device address of the signature.
    pub signature: u64,
    /// Bytes of signature.
    pub signature_size: u64,
}

/// Writes the metadata into `meta`, which holds zeros.
///
/// # Errors
/// [`Kind::OutOfBounds`](crate::Kind::OutOfBounds) when `meta` is shorter than `release.wpr_meta.size`.
pub fn write(
    meta: &mut [u8],
    release: &Release,
    layout: &Layout,
    bootloader: &Bootloader<'_>,
    sources: &Sources,
) -> Result<()> {
    let at = &release.wpr_meta;
    let fields = [
        (at.magic, release.wpr.magic),
        (at.revision, release.wpr.revision),
        (at.radix3_addr, sources.radix3),
        (at.radix3_size, layout.image.size),
        (at.bootloader_addr, sources.bootloader),
        (at.bootloader_size, layout.bootloader.size),
        (at.bootloader_code_offset, u64::from(bootloader.code.offset)),
        (at.bootloader_data_offset, u64::from(bootloader.data.offset)),
        (at.bootloader_manifest_offset, u64::from(bootloader.manifest.offset)),
        (at.signature_addr, sources.signature),
        (at.signature_size, sources.signature_size),
        (at.rsvd_start, layout.non_wpr_heap.start),
        (at.non_wpr_heap_offset, layout.non_wpr_heap.start),
        (at.non_wpr_heap_size, layout.non_wpr_heap.size),
        (at.wpr_start, layout.wpr.start),
        (at.heap_offset, layout.heap.start),
        (at.heap_size, layout.heap.size),
        (at.image_offset, layout.image.start),
        (at.boot_bin_offset, layout.bootloader.start),
        (at.frts_offset, layout.frts.start),
        (at.frts_size, layout.frts.size),
        (at.wpr_end, layout.wpr.end()),
        (at.fb_size, layout.fb_size),
        (at.vga_workspace_offset, layout.vga_workspace.start),
        (at.vga_workspace_size, layout.vga_workspace.size),
        (at.boot_count, 0),
        (at.verified, 0),
    ];
    for (off, value) in fields {
        put_u64(meta, off, value)?;
    }
    put_u8(meta, at.vf_partition_count, layout.partitions)?;
    put_u8_opt(meta, at.flags, 0)?;
    // Nothing is reserved for the PMU before Blackwell.
    put_u32_opt(meta, at.pmu_reserved_size, 0)
}
