// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Worked layouts, computed from nouveau's and OpenRM's sources, for chips that can be booted and others.

use super::heap::Mode;
use super::layout::Inputs;
use super::rules::{Rules, GA100, GA10X, GH100, TU10X};
use super::*;
use crate::chip;
use crate::error::{Error, Kind};
use crate::firmware::booter::Piece;
use crate::firmware::bootloader::Bootloader;
use crate::release::{find, Release};
use crate::testing::Machine;
use crate::wire::{get_u32, get_u64, get_u8};
use proptest::prelude::*;

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

fn r535() -> &'static Release {
    find(b"535.113.01").unwrap()
}

fn r570() -> &'static Release {
    find(b"570.144").unwrap()
}

fn inputs(fb_gib: u64, bootloader_size: u64, image_size: u64) -> Inputs {
    Inputs {
        fb_size: fb_gib * GIB,
        vga_workspace: None,
        mmu_lock: None,
        bootloader_size,
        image_size,
        mode: Mode::BareMetal,
    }
}

/// Start of VGA workspace, FRTS, bootloader, image, heap, WPR2, non-WPR heap; then sizes of FRTS, heap, WPR2.
fn figures(rules: &Rules, release: &Release, inputs: &Inputs) -> [u64; 10] {
    let l = Layout::new(rules, release, inputs).unwrap();
    assert_eq!(l.vga_workspace.end(), l.fb_size);
    assert_eq!(l.wpr.end(), l.frts.end());
    assert_eq!(
        l.non_wpr_heap,
        Span {
            start: l.wpr.start - MIB,
            size: MIB
        }
    );
    [
        l.vga_workspace.start,
        l.frts.start,
        l.bootloader.start,
        l.image.start,
        l.heap.start,
        l.wpr.start,
        l.non_wpr_heap.start,
        l.frts.size,
        l.heap.size,
        l.wpr.size,
    ]
}

#[test]
#[rustfmt::skip]
fn worked_layouts() {
    assert_eq!(figures(&TU10X, r535(), &inputs(11, 0x1000, 0x16a3350)), [
        0x2bff00000, 0x2bfe00000, 0x2bfdff000, 0x2be750000, 0x2b7d00000, 0x2b7c00000, 0x2b7b00000, 0x100000, 0x6a00000, 0x8300000,
    ]);
    assert_eq!(figures(&TU10X, r570(), &inputs(11, 0x1000, 0x1b34ea0)), [
        0x2bff00000, 0x2bfe00000, 0x2bfdff000, 0x2be2c0000, 0x2b7800000, 0x2b7700000, 0x2b7600000, 0x100000, 0x6a00000, 0x8800000,
    ]);
    assert_eq!(figures(&GA100, r535(), &inputs(40, 0x1000, 0x16a3350)), [
        0x9fff00000, 0x9fff00000, 0x9ffeff000, 0x9fe850000, 0x9f7c00000, 0x9f7b00000, 0x9f7a00000, 0, 0x6c00000, 0x8400000,
    ]);
    assert_eq!(figures(&GA10X, r570(), &inputs(24, 0x6000, 0x3c99000)), [
        0x5fff00000, 0x5ffe00000, 0x5ffdfa000, 0x5fc160000, 0x5f4000000, 0x5f3f00000, 0x5f3e00000, 0x100000, 0x8100000, 0xc000000,
    ]);
    assert_eq!(figures(&GA10X, r535(), &inputs(48, 0x8000, 0x2448000)), [
        0xbfff00000, 0xbffe00000, 0xbffdf8000, 0xbfd9b0000, 0xbf5800000, 0xbf5700000, 0xbf5600000, 0x100000, 0x8100000, 0xa800000,
    ]);
    assert_eq!(figures(&GA10X, r570(), &inputs(48, 0x9000, 0x3c99000)), [
        0xbfff00000, 0xbffe00000, 0xbffdf7000, 0xbfc150000, 0xbf3e00000, 0xbf3d00000, 0xbf3c00000, 0x100000, 0x8300000, 0xc200000,
    ]);
}

#[test]
#[rustfmt::skip]
fn worked_layout_of_a_vgpu_host() {
    let vgpu = Inputs { mode: Mode::VgpuHost { vfs: 16 }, ..inputs(48, 0x8000, 0x2448000) };
    assert_eq!(figures(&GA10X, r535(), &vgpu), [
        0xbfff00000, 0xbffe00000, 0xbffdf8000, 0xbfd9b0000, 0xbdb400000, 0xbdb300000, 0xbdb200000, 0x100000, 0x22500000, 0x24c00000,
    ]);
}

#[test]
fn worked_heap_requests() {
    // GiB of framebuffer; MiB of heap for Turing and GA100, r535 GA10x and Ada, r570 GA10x and Ada, r570 Hopper and Blackwell.
    let table = [
        (4, [105, 125, 127, 133]),
        (8, [105, 125, 127, 133]),
        (11, [106, 126, 128, 134]),
        (12, [106, 126, 128, 134]),
        (16, [106, 126, 128, 134]),
        (32, [107, 127, 129, 135]),
        (40, [108, 128, 130, 136]),
        (48, [109, 129, 131, 137]),
        (96, [113, 133, 135, 141]),
        (192, [122, 142, 144, 150]),
        (288, [131, 151, 153, 159]),
    ];
    for (gib, expected) in table {
        let request = |rules, release| heap::request(rules, release, Mode::BareMetal, gib * GIB) / MIB;
        let found = [
            request(&TU10X, r535()),
            request(&GA10X, r535()),
            request(&GA10X, r570()),
            request(&GH100, r570()),
        ];
        assert_eq!(found, expected, "{gib} GiB");
        assert_eq!(request(&GA100, r570()), expected[0]);
    }
    // GH100 with 80 GiB, GB202 with 32 GiB.
    assert_eq!(heap::request(&GH100, r570(), Mode::BareMetal, 80 * GIB), 0x8c00000);
    assert_eq!(heap::request(&GH100, r570(), Mode::BareMetal, 32 * GIB), 0x8700000);
}

#[test]
fn heap_requests_are_clamped() {
    let request = |rules, release, size| heap::request(rules, release, Mode::BareMetal, size) / MIB;
    // 96 KiB per GiB: 2 TiB of framebuffer would ask for 192 MiB on top.
    assert_eq!(request(&TU10X, r535(), 2048 * GIB), 256);
    assert_eq!(request(&GA10X, r535(), 4096 * GIB), 276);
    assert_eq!(request(&GA10X, r570(), 4096 * GIB), 280);
    // No release asks for less than its own minimum; a table that did would be held to it.
    assert_eq!(request(&GA10X, r570(), u64::MAX), 280);
    for vfs in [1, 32, 1000] {
        assert_eq!(heap::request(&GA10X, r570(), Mode::VgpuHost { vfs }, GIB), 581 * MIB);
        assert_eq!(heap::partitions(r570(), Mode::VgpuHost { vfs }), vfs.min(32) as u8);
    }
}

#[test]
fn the_vga_workspace_bounds_wpr2() {
    let start = |vga_workspace| {
        let inputs = Inputs {
            vga_workspace,
            ..inputs(48, 0x9000, 0x3c99000)
        };
        Layout::new(&GA10X, r570(), &inputs).map(|l| (l.vga_workspace.start, l.wpr.end()))
    };
    let end = 48 * GIB;
    assert_eq!(start(None), Ok((end - MIB, end - MIB)));
    // Where the VBIOS left it, if that is inside the last MiB; WPR2 ends at 128 KiB.
    assert_eq!(start(Some(end - 0x30000)), Ok((end - 0x30000, end - 0x40000)));
    // Elsewhere, it is going to be moved.
    assert_eq!(start(Some(end - MIB - 1)), Ok((end - 0x20000, end - 0x20000)));
    assert_eq!(start(Some(0)), Ok((end - 0x20000, end - 0x20000)));
    assert_eq!(start(Some(end)), Err(Error::mismatch(Kind::FbWorkspace, end, end)));
}

#[test]
fn the_mmu_lock_bounds_wpr2_on_ga100_alone() {
    let end = |rules, lock| {
        let inputs = Inputs {
            mmu_lock: Some(lock),
            ..inputs(40, 0x1000, 0x16a3350)
        };
        let layout = Layout::new(rules, r535(), &inputs).unwrap();
        assert_eq!(layout.vga_workspace.start, 40 * GIB - MIB);
        layout.wpr.end()
    };
    assert_eq!(end(&GA100, 39 * GIB + 0x1000), 39 * GIB);
    assert_eq!(end(&GA100, u64::MAX), 40 * GIB - MIB);
    assert_eq!(end(&GA10X, 39 * GIB), 40 * GIB - MIB);
}

#[test]
fn a_small_framebuffer_is_refused() {
    for fb_size in [0, 1, MIB, 64 * MIB, 130 * MIB] {
        let inputs = Inputs {
            fb_size,
            ..inputs(0, 0x9000, 0x3c99000)
        };
        let error = Layout::new(&GA10X, r570(), &inputs).unwrap_err();
        assert_eq!(error, Error::found(Kind::FbTooSmall, fb_size));
    }
}

proptest! {
    /// Whatever goes in: a refusal, or ranges that are in order, apart, inside the framebuffer and aligned.
    #[test]
    fn layouts_never_overlap(
        fb_size in prop_oneof![any::<u64>(), 0..(1u64 << 44)],
        vga_workspace in proptest::option::of(any::<u64>()),
        mmu_lock in proptest::option::of(any::<u64>()),
        bootloader_size in prop_oneof![any::<u64>(), 0..0x100000u64],
        image_size in prop_oneof![any::<u64>(), 0..0x4000000u64],
        vgpu in any::<bool>(),
        family in 0..3usize,
    ) {
        let mode = if vgpu { Mode::VgpuHost { vfs: 16 } } else { Mode::BareMetal };
        let inputs = Inputs { fb_size, vga_workspace, mmu_lock, bootloader_size, image_size, mode };
        let rules = [TU10X, GA100, GA10X][family];
        if let Ok(l) = Layout::new(&rules, r570(), &inputs) {
            let order = [l.non_wpr_heap, Span { start: l.wpr.start, size: 256 }, l.heap, l.image, l.bootloader, l.frts, l.vga_workspace];
            for pair in order.windows(2) {
                prop_assert!(pair[0].start.checked_add(pair[0].size).unwrap() <= pair[1].start, "{:x?}", l);
            }
            prop_assert_eq!(l.vga_workspace.end(), fb_size);
            prop_assert_eq!(l.wpr.end(), l.frts.end());
            prop_assert_eq!((l.wpr.start | l.heap.start | l.heap.size) % MIB, 0);
            prop_assert!(l.heap.size >= heap::request(&rules, r570(), mode, fb_size));
        }
    }
}

#[test]
fn metadata_says_the_layout() {
    let inputs = Inputs {
        mode: Mode::VgpuHost { vfs: 16 },
        ..inputs(48, 0x8000, 0x2448000)
    };
    let layout = Layout::new(&GA10X, r535(), &inputs).unwrap();
    let piece = |offset| Piece { offset, size: 0x100 };
    let bootloader = Bootloader {
        image: &[],
        version: 5,
        app_version: 0,
        boot: piece(0x7000),
        params: piece(0),
        manifest: piece(0x30),
        data: piece(0x800),
        code: piece(0x4800),
        fb_reserved: 0,
    };
    let sources = wpr_meta::Sources {
        radix3: 0x11,
        bootloader: 0x22,
        signature: 0x33,
        signature_size: 4096,
    };
    let mut meta = vec![0; 256];
    wpr_meta::write(&mut meta, r535(), &layout, &bootloader, &sources).unwrap();
    let expected: &[(usize, u64)] = &[
        (0, 0xdc3a_ae21_371a_60b3),
        (8, 1),
        (16, 0x11),
        (24, 0x2448000),
        (32, 0x22),
        (40, 0x8000),
        (48, 0x4800),
        (56, 0x800),
        (64, 0x30),
        (72, 0x33),
        (80, 4096),
        (88, 0xbdb200000),
        (96, 0xbdb200000),
        (104, 0x100000),
        (112, 0xbdb300000),
        (120, 0xbdb400000),
        (128, 0x22500000),
        (136, 0xbfd9b0000),
        (144, 0xbffdf8000),
        (152, 0xbffe00000),
        (160, 0x100000),
        (168, 0xbfff00000),
        (176, 0xc00000000),
        (184, 0xbfff00000),
        (192, 0x100000),
        (200, 0),
        (248, 0),
    ];
    for (off, value) in expected {
        assert_eq!(get_u64(&meta, *off), Ok(*value), "at {off}");
    }
    assert_eq!(get_u8(&meta, 240), Ok(16));
    // Bytes 208..240 and 241..248 stay zero: partition RPC, crash queue, and what 570 uses for flags and the PMU.
    assert!(meta[208..240].iter().chain(&meta[241..248]).all(|b| *b == 0));
    assert_eq!(get_u32(&meta, 244), Ok(0));

    assert!(wpr_meta::write(&mut [0; 255], r535(), &layout, &bootloader, &sources).is_err());
}

#[test]
fn the_hardware_is_asked() {
    let machine = Machine::new();
    machine.set(0x1183a4, 49152);
    let fb = probe::read(&machine, &chip::AD102).unwrap();
    assert_eq!(
        fb,
        probe::Framebuffer {
            size: 48 * GIB,
            vga_workspace: None,
            mmu_lock: None
        }
    );

    machine.set(0x625f04, 0x00bf_ff08);
    assert_eq!(
        probe::read(&machine, &chip::AD102).unwrap().vga_workspace,
        Some(0xbfff0000)
    );
    machine.set(0x820c04, 1);
    assert_eq!(probe::read(&machine, &chip::AD102).unwrap().vga_workspace, None);

    for size in [0, 0xbadf_1100] {
        machine.set(0x1183a4, size);
        assert_eq!(probe::read(&machine, &chip::AD102).unwrap_err().kind(), Kind::FbSize);
    }
}
