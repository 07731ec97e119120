// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The layout's arithmetic.

use super::heap::{self, Mode};
use super::rules::Rules;
use crate::error::{Error, Kind, Result};
use crate::release::Release;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// The VGA workspace starts at most this far from the end, else the VBIOS has not moved it there yet.
const VGA_WINDOW: u64 = MIB;
/// Where the VBIOS moves the workspace: this far from the end.
const VGA_MOVED: u64 = 128 * KIB;
const WPR_END_ALIGN: u64 = 128 * KIB;
const BOOTLOADER_ALIGN: u64 = 4 * KIB;
const IMAGE_ALIGN: u64 = 64 * KIB;
const HEAP_ALIGN: u64 = MIB;
const NON_WPR_HEAP: u64 = MIB;

/// A range of the framebuffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u64,
    /// Length in bytes.
    pub size: u64,
}

impl Span {
    /// The first byte behind it.
    pub const fn end(&self) -> u64 {
        self.start.saturating_add(self.size)
    }
}

/// What the layout depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// Bytes of framebuffer.
    pub fb_size: u64,
    /// Where the VGA workspace is, as the display hardware says; `None` without display or valid answer.
    pub vga_workspace: Option<u64>,
    /// First byte the VBIOS has locked, where the chip has such a lock.
    pub mmu_lock: Option<u64>,
    /// Bytes of bootloader.
    pub bootloader_size: u64,
    /// Bytes of firmware image, not rounded.
    pub image_size: u64,
    /// What the firmware runs for.
    pub mode: Mode,
}

/// The layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of framebuffer.
    pub fb_size: u64,
    /// VGA workspace, to the end of the framebuffer.
    pub vga_workspace: Span,
    /// Made by FWSEC with command FRTS; empty where the chip has none.
    pub frts: Span,
    /// Bootloader.
    pub bootloader: Span,
    /// Firmware image.
    pub image: Span,
    /// GSP-RM heap.
    pub heap: Span,
    /// All that is write-protected, metadata to FRTS.
    pub wpr: Span,
    /// Heap outside of WPR2: the lowest byte the firmware takes is its first.
    pub non_wpr_heap: Span,
    /// vGPU partitions the firmware is told of.
    pub partitions: u8,
}

impl Layout {
    /// Lays out the framebuffer from the top down.
    ///
    /// # Errors
    /// [`Kind::FbTooSmall`] when it does not all fit; [`Kind::FbWorkspace`] for a workspace behind the framebuffer's end.
    pub fn new(rules: &Rules, release: &Release, inputs: &Inputs) -> Result<Self> {
        let fb_size = inputs.fb_size;
        let below = |top: u64, size: u64, align: u64| -> Result<u64> {
            let start = top
                .checked_sub(size)
                .ok_or_else(|| Error::found(Kind::FbTooSmall, fb_size))?;
            // Alignments are powers of two.
            Ok(start & !align.wrapping_sub(1))
        };

        let vga = vga_workspace(fb_size, inputs.vga_workspace)?;
        let top = match inputs.mmu_lock {
            Some(lock) if rules.mmu_lock => lock.min(vga),
            _ => vga,
        };
        let wpr_end = below(top, 0, WPR_END_ALIGN)?;
        let frts = below(wpr_end, rules.frts_size, 1)?;
        let bootloader = below(frts, inputs.bootloader_size, BOOTLOADER_ALIGN)?;
        let image = below(bootloader, inputs.image_size, IMAGE_ALIGN)?;
        let heap = below(image, heap::request(rules, release, inputs.mode, fb_size), HEAP_ALIGN)?;
        // What rounding leaves between heap and image belongs to the heap, in whole units.
        let heap_size = below(image, heap, HEAP_ALIGN)?;
        let wpr = below(heap, release.wpr_meta.size as u64, HEAP_ALIGN)?;
        let non_wpr_heap = below(wpr, NON_WPR_HEAP, 1)?;
        Ok(Layout {
            fb_size,
            vga_workspace: Span {
                start: vga,
                size: fb_size.wrapping_sub(vga),
            },
            frts: Span {
                start: frts,
                size: rules.frts_size,
            },
            bootloader: Span {
                start: bootloader,
                size: inputs.bootloader_size,
            },
            image: Span {
                start: image,
                size: inputs.image_size,
            },
            heap: Span {
                start: heap,
                size: heap_size,
            },
            wpr: Span {
                start: wpr,
                size: wpr_end.wrapping_sub(wpr),
            },
            non_wpr_heap: Span {
                start: non_wpr_heap,
                size: NON_WPR_HEAP,
            },
            partitions: heap::partitions(release, inputs.mode),
        })
    }
}

/// Where the VGA workspace is going to be.
fn vga_workspace(fb_size: u64, register: Option<u64>) -> Result<u64> {
    let small = || Error::found(Kind::FbTooSmall, fb_size);
    let window = fb_size.checked_sub(VGA_WINDOW).ok_or_else(small)?;
    match register {
        None => Ok(window),
        Some(addr) if addr >= fb_size => Err(Error::mismatch(Kind::FbWorkspace, fb_size, addr)),
        Some(addr) if addr < window => fb_size.checked_sub(VGA_MOVED).ok_or_else(small),
        Some(addr) => Ok(addr),
    }
}
