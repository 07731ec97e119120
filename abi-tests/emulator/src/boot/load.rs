// SPDX-License-Identifier: MIT
//! booter_load: what it demands of `GspFwWprMeta` and of everything that leads on from it.
//!
//! Sources: OpenRM 535.113.01 and 570.144 `gsp_fw_wpr_meta.h`, `gsp_fw_heap.h`, `kernel_gsp_tu102.c`
//! (`kgspCalculateFbLayout`); nouveau `tu102.c`, nova-core `fb.rs` (Linux 7.3).

use super::radix3;
use crate::{
    device::Device,
    files::{self, Bootloader, GspImage},
    gsp::Firmware,
    layout::{releases, Release, View},
    registers::vga_workspace,
    violation::Rule,
};

const MAGIC: u64 = 0xdc3a_ae21_371a_60b3;
const VERIFIED: u64 = 0xa0a0_a0a0_a0a0_a0a0;
const MIB: u64 = 1 << 20;
/// The part of the framebuffer, from its end, that GFW has scrubbed.
const SCRUBBED_TOP: u64 = 256 * MIB;
/// Partitions a vGPU host's heap is made for at most (`MAX_PARTITIONS_WITH_GFID`).
const MAX_PARTITIONS: u64 = 32;

/// Collects what is wrong with the metadata.
struct Wrong(Vec<String>);

impl Wrong {
    fn unless(&mut self, ok: bool, what: impl FnOnce() -> String) {
        if !ok {
            self.0.push(what());
        }
    }

    fn equal(&mut self, meta: &View<'_>, field: &str, expected: u64) {
        let found = meta.get(field);
        self.unless(found == expected, || {
            format!("{field} is {found:#x} instead of {expected:#x}")
        });
    }

    fn aligned(&mut self, meta: &View<'_>, field: &str, to: u64) {
        let found = meta.get(field);
        self.unless(found % to == 0, || {
            format!("{field} {found:#x} is not a multiple of {to:#x}")
        });
    }

    /// `first` + `len` ends at or below `second`.
    fn below(&mut self, meta: &View<'_>, first: &str, len: u64, second: &str) {
        let (a, b) = (meta.get(first), meta.get(second));
        self.unless(a.checked_add(len).is_some_and(|end| end <= b), || {
            format!("{first} {a:#x} + {len:#x} reaches over {second} {b:#x}")
        });
    }
}

impl Device {
    /// Does booter_load's work with the metadata at `address`; `None`, with violations, when it refuses.
    pub(super) fn load(&mut self, release: &'static Release, address: u64) -> Option<Firmware> {
        let size = release.size("GspFwWprMeta");
        if !self.board.check(address % 256 == 0, Rule::WprMeta, || {
            format!("the metadata is at {address:#x}")
        }) {
            return None;
        }
        let bytes = self.board.fetch(address, size, "GspFwWprMeta")?;
        let meta = release.view("GspFwWprMeta", &bytes);
        let dir = self.board.config.firmware_dir.clone();
        let load = |name: &str| files::path(&dir, name, &release.release);
        let files = GspImage::load(&load("gsp")).and_then(|i| Ok((i, Bootloader::load(&load("bootloader"))?)));
        let (image, bootloader) = match files {
            Ok(files) => files,
            Err(why) => {
                self.board.violate(Rule::FirmwareFile, why);
                return None;
            }
        };

        let mut wrong = Wrong(Vec::new());
        self.check_meta(release, &meta, &image, &bootloader, &mut wrong);
        let refused = !wrong.0.is_empty();
        for what in wrong.0 {
            self.board.violate(Rule::WprMeta, what);
        }
        if refused || !self.check_contents(&meta, &image, &bootloader) || !self.check_surroundings(release, &meta) {
            return None;
        }

        let (start, end) = (meta.get("gspFwWprStart"), meta.get("gspFwWprEnd"));
        let mut verified = bytes.clone();
        release.layout("GspFwWprMeta").set(&mut verified, "verified", VERIFIED);
        let written = self.board.fb.write(start, &verified);
        debug_assert!(written, "the region was checked");
        self.regs.wpr2 = start..end;
        Some(Firmware::new(
            release,
            bootloader.app_version,
            meta.get("nonWprHeapOffset"),
            start..end,
            meta.get("gspFwHeapVfPartitionCount") as u32,
        ))
    }

    fn check_meta(&self, release: &Release, meta: &View<'_>, image: &GspImage, loader: &Bootloader, w: &mut Wrong) {
        let fb = self.board.config.fb_size;
        let vga = vga_workspace(fb);
        w.equal(meta, "magic", MAGIC);
        w.equal(meta, "revision", 1);
        w.equal(meta, "verified", 0);
        w.equal(meta, "bootCount", 0);
        w.equal(meta, "fbSize", fb);
        w.equal(meta, "vgaWorkspaceOffset", vga);
        w.equal(meta, "vgaWorkspaceSize", fb - vga);
        w.equal(meta, "sizeOfRadix3Elf", image.len);
        w.equal(meta, "sizeOfBootloader", loader.data.len() as u64);
        w.equal(meta, "bootloaderCodeOffset", loader.code_offset);
        w.equal(meta, "bootloaderDataOffset", loader.data_offset);
        w.equal(meta, "bootloaderManifestOffset", loader.manifest_offset);
        w.equal(meta, "sizeOfSignature", image.signature.len() as u64);
        for address in [
            "sysmemAddrOfRadix3Elf",
            "sysmemAddrOfBootloader",
            "sysmemAddrOfSignature",
        ] {
            w.aligned(meta, address, 4096);
            w.unless(meta.get(address) != 0, || format!("{address} is 0"));
        }

        // Top down, as the layout is made.
        w.equal(meta, "gspFwWprEnd", vga & !0x1_ffff);
        w.equal(meta, "frtsOffset", self.regs.wpr2.start);
        w.equal(meta, "frtsSize", self.regs.wpr2.end - self.regs.wpr2.start);
        w.below(meta, "frtsOffset", meta.get("frtsSize"), "gspFwWprEnd");
        w.aligned(meta, "bootBinOffset", 4096);
        w.below(meta, "bootBinOffset", loader.data.len() as u64, "frtsOffset");
        w.aligned(meta, "gspFwOffset", 64 << 10);
        w.below(meta, "gspFwOffset", image.len, "bootBinOffset");
        let heap = meta.get("gspFwHeapSize");
        w.aligned(meta, "gspFwHeapOffset", MIB);
        w.aligned(meta, "gspFwHeapSize", MIB);
        w.below(meta, "gspFwHeapOffset", heap, "gspFwOffset");
        w.aligned(meta, "gspFwWprStart", MIB);
        w.below(
            meta,
            "gspFwWprStart",
            release.size("GspFwWprMeta") as u64,
            "gspFwHeapOffset",
        );
        w.aligned(meta, "nonWprHeapOffset", MIB);
        w.equal(meta, "nonWprHeapSize", MIB);
        w.below(meta, "nonWprHeapOffset", meta.get("nonWprHeapSize"), "gspFwWprStart");
        w.equal(meta, "gspFwRsvdStart", meta.get("nonWprHeapOffset"));

        let partitions = meta.get("gspFwHeapVfPartitionCount");
        w.unless(partitions <= MAX_PARTITIONS, || {
            format!("heap for {partitions} partitions")
        });
        let (least, most) = heap_bounds(release, fb, partitions != 0);
        w.unless((least..=most).contains(&heap), || {
            format!("gspFwHeapSize {heap:#x} is not from {least:#x} to {most:#x}, with {partitions} partitions")
        });
        for reserved in ["flags", "pmuReservedSize"] {
            let value = meta.opt(reserved).unwrap_or(0);
            w.unless(value == 0, || format!("{reserved} is {value:#x}"));
        }
    }

    /// Compares image, bootloader and signature with the files.
    fn check_contents(&mut self, meta: &View<'_>, image: &GspImage, loader: &Bootloader) -> bool {
        let root = meta.get("sysmemAddrOfRadix3Elf");
        let Some(hash) = radix3::hash(&mut self.board, root, image.len) else {
            return false;
        };
        let dir = self.board.config.firmware_dir.clone();
        let mut good = self.board.check(hash == image.hash, Rule::ImageHash, || {
            format!(
                "the image is not .fwimage of {}; {}",
                image.version,
                other_release(&hash, &dir)
            )
        });
        for (name, address, expected) in [
            ("bootloader", "sysmemAddrOfBootloader", &loader.data),
            ("signature", "sysmemAddrOfSignature", &image.signature),
        ] {
            let found = self.board.fetch(meta.get(address), expected.len(), name);
            good &= self.board.check(found.as_ref() == Some(expected), Rule::ImageHash, || {
                format!("the {name} is not that of the file")
            });
        }
        good
    }

    /// What has to be done before booter_load runs.
    fn check_surroundings(&mut self, release: &Release, meta: &View<'_>) -> bool {
        let flush = self.regs.flush_page();
        let flush_reachable = flush != 0 && self.board.dma_read(0, flush, &mut [0; 8]);
        self.board.check(flush_reachable, Rule::SysmemFlush, || {
            format!("the flush page is {flush:#x}")
        });
        let below_top = meta.get("gspFwWprStart") < self.board.config.fb_size - SCRUBBED_TOP;
        let scrubbed = !below_top || !release.scrubber || self.regs.secure_scratch_15 >> 29 >= 3;
        let scrubbed = self.board.check(scrubbed, Rule::Scrubber, || {
            format!("WPR2 starts at {:#x}", meta.get("gspFwWprStart"))
        });
        let not_running = !self.gsp.riscv_active;
        let not_running = self.board.check(not_running, Rule::Booter, || {
            "booter_load ran while the RISC-V core is active".to_owned()
        });
        scrubbed && not_running
    }
}

/// Whether a hash is that of another release's image, in words.
fn other_release(hash: &files::Hash, dir: &std::path::Path) -> String {
    releases()
        .iter()
        .find(|r| GspImage::load(&files::path(dir, "gsp", &r.release)).is_ok_and(|i| i.hash == *hash))
        .map_or("it is no known one".to_owned(), |r| {
            format!("it is that of {}", r.release)
        })
}

/// Least and most heap, in bytes: the request, and what rounding the image down to 1 MiB can add.
fn heap_bounds(release: &Release, fb: u64, vgpu_host: bool) -> (u64, u64) {
    if vgpu_host {
        return (release.heap_vgpu_mib * MIB, release.heap_vgpu_max_mib * MIB);
    }
    let gib = (fb + (1 << 30) - 1) >> 30;
    let per_fb = (96 * 1024 * gib + MIB - 1) & !(MIB - 1);
    let request = release.heap_carveout_mib * MIB + 8 * MIB + per_fb + 96 * MIB;
    let request = request.clamp(release.heap_min_mib * MIB, (release.heap_max_mib - 1) * MIB);
    (request, release.heap_max_mib * MIB)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::release;

    #[test]
    fn heap_sizes_are_the_published_ones() {
        // AD102 with 48 GiB: 129 MiB for 535.113.01, 131 MiB for 570.144.
        let r535 = release("535.113.01").unwrap();
        let r570 = release("570.144").unwrap();
        assert_eq!(heap_bounds(r535, 48 << 30, false).0, 0x810_0000);
        assert_eq!(heap_bounds(r570, 48 << 30, false).0, 0x830_0000);
        assert_eq!(heap_bounds(r535, 48 << 30, true).0, 0x2250_0000);
    }
}
