// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The parsers against the real firmware files.
//!
//! `NOVABRIDGE_FIRMWARE` names the directory that holds `nvidia/`, e.g. of Debian's firmware-nvidia-graphics; `scripts/test` sets
//! it. The figures are of the package 20260916-1.

use novabridge_core::firmware::booter::{HsFirmware, Piece};
use novabridge_core::firmware::bootloader::Bootloader;
use novabridge_core::firmware::elf::Elf;
use novabridge_core::firmware::gsp::{self, GspImage};
use novabridge_core::Kind;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::PathBuf;

/// The directory, or loud words when there is none.
fn directory() -> Option<PathBuf> {
    let directory = std::env::var_os("NOVABRIDGE_FIRMWARE").map(PathBuf::from);
    if directory.is_none() {
        // Past the test harness, which keeps what the print macros say to itself.
        let words = "*** NOT TESTED: NOVABRIDGE_FIRMWARE does not name the directory of the real firmware files ***";
        let _ = writeln!(std::io::stderr(), "\n{words}\n");
    }
    directory
}

/// Calls `check` with each listed file's bytes; a listed file that is absent fails the test.
fn each<T>(files: &[T], name: impl Fn(&T) -> String, check: impl Fn(&T, &[u8])) {
    let Some(directory) = directory() else { return };
    for file in files {
        let path = directory.join("nvidia").join(name(file));
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        eprintln!("{}", path.display());
        check(file, &bytes);
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// File, length, SHA-256, length of the image, version, families in file order.
type Image = (
    &'static str,
    usize,
    &'static str,
    usize,
    &'static str,
    &'static [&'static str],
);

const IMAGES: &[Image] = &[
    (
        "tu102/gsp/gsp-535.113.01.bin",
        23_750_944,
        "be2c3bb39cee2c4bd6680dce9eb75b26105c576e5aaf2c82f59d11a79f103749",
        0x16a3350,
        "535.113.01",
        &["ga100", "tu11x", "tu10x"],
    ),
    (
        "ga102/gsp/gsp-535.113.01.bin",
        38_061_600,
        "e30231ec0d317021770e16c81ae2c0553f728d0344248827582f78132c9447d4",
        0x2448000,
        "535.113.01",
        &["cc_gh100", "gh100", "ad10x", "ga10x"],
    ),
    (
        "tu102/gsp/gsp-570.144.bin",
        28_542_040,
        "3052aee2872182a14d8d7c069e3a14fe4642405894b24692c4aca4101dfb1809",
        0x1b34ea0,
        "570.144",
        &["ga100", "tu11x", "tu10x"],
    ),
    (
        "ga102/gsp/gsp-570.144.bin",
        63_571_696,
        "a8c3ebeed280323aedb51c061f321e73379cce7a9ae643a33dd03915df027f7f",
        0x3c99000,
        "570.144",
        &["gb20x", "cc_gb10x", "gb10x", "cc_gh100", "gh100", "ad10x", "ga10x"],
    ),
];

#[test]
fn gsp_images() {
    each(
        IMAGES,
        |image| image.0.to_string(),
        |(_, len, hash, image_len, version, families), bytes| {
            assert_eq!((bytes.len(), &*sha256(bytes)), (*len, *hash));
            let elf = Elf::parse(bytes).unwrap();
            assert_eq!(gsp::version(&elf), Ok(version.as_bytes()));
            let found: Vec<String> = elf
                .sections()
                .filter_map(|s| {
                    Some(
                        std::str::from_utf8(s.name)
                            .ok()?
                            .strip_prefix(".fwsignature_")?
                            .to_string(),
                    )
                })
                .collect();
            assert_eq!(found, *families);
            for family in *families {
                let gsp = GspImage::parse(bytes, &format!(".fwsignature_{family}")).unwrap();
                assert_eq!((gsp.image.len(), gsp.release.name), (*image_len, *version));
                assert_eq!(gsp.signature[..8], [1, 0, 2, 0, 0xc8, 8, 0, 0]);
                assert_eq!(gsp.image.as_ptr() as usize - bytes.as_ptr() as usize, 0x40);
            }
            // Turing's image is itself an ELF file, the others' are raw.
            let inner_elf = families.contains(&"tu10x");
            let gsp = GspImage::parse(bytes, &format!(".fwsignature_{}", families[0])).unwrap();
            assert_eq!(gsp.image.starts_with(b"\x7fELF"), inner_elf);
            let missing = GspImage::parse(bytes, ".fwsignature_none").unwrap_err();
            assert_eq!(missing.kind(), Kind::SectionMissing);
        },
    );
}

/// File, length, SHA-256, data (offset, length), signatures (number, length), where patched, (fuse version, engine, id),
/// (code, data, application).
type Microcode = (
    &'static str,
    usize,
    &'static str,
    (usize, usize),
    (u32, usize),
    u32,
    (u32, u16, u8),
    [(u32, u32); 3],
);

#[rustfmt::skip]
const MICROCODE: &[Microcode] = &[
    ("ad102/gsp/booter_load-535.113.01", 55928, "7d4ef3258da016f5208cfb1b348a9a1d69aaa13c2f8d4ee8c05d66bd05b45cd6", (0x378, 0xd700), (2, 384), 0x7710, (1, 1, 3), [(0, 0x100), (0x7700, 0x6000), (0x100, 0x7600)]),
    ("ad102/gsp/booter_load-570.144", 57720, "8b293e19b637c5e22c87a2428d1c71bb13e0904e8a88ac6b3c6c1f2679c6e37a", (0x378, 0xde00), (2, 384), 0x7e10, (1, 1, 3), [(0, 0x100), (0x7e00, 0x6000), (0x100, 0x7d00)]),
    ("ad102/gsp/booter_unload-535.113.01", 39800, "d036dfee0545c36e2194bc555cb268a5e11a6f13b5f66a7dec40838efc6ad87e", (0x378, 0x9800), (2, 384), 0x4910, (1, 1, 3), [(0, 0x100), (0x4900, 0x4e00), (0x100, 0x4800)]),
    ("ad102/gsp/booter_unload-570.144", 41592, "975b85a14ded8e430d30f000c3c1afdd55c15dee04f35ff9dfd876acd7e67186", (0x378, 0x9f00), (2, 384), 0x5010, (1, 1, 3), [(0, 0x100), (0x5000, 0x4e00), (0x100, 0x4f00)]),
    ("ad102/gsp/scrubber-570.144", 8312, "c397358e5c4258dab070966589c7b172eb00771fd15d0bb74b8e22f327c1909b", (0x378, 0x1d00), (2, 384), 0x1a00, (1, 1, 13), [(0, 0x100), (0x1a00, 0x300), (0x100, 0x1900)]),
    ("ga100/gsp/booter_load-535.113.01", 59128, "1d11d861ef1f41ee0a3437684ec29d0a5573be0c65b2823d38a2a8ec395c8ed9", (0x1f8, 0xe500), (1, 384), 0x8300, (0, 1, 3), [(0, 0x100), (0x8100, 0x6400), (0x100, 0x8000)]),
    ("ga100/gsp/booter_load-570.144", 60664, "46bafe32b2d1f59713fc8369b5e59e7267d7da4413ad6486aef69d50daa764cd", (0x1f8, 0xeb00), (1, 384), 0x8900, (0, 1, 3), [(0, 0x100), (0x8700, 0x6400), (0x100, 0x8600)]),
    ("ga100/gsp/booter_unload-535.113.01", 38904, "0518f894d45977d817b6308448ea482e93ede1096808d49c6ed62c7604772f0c", (0x1f8, 0x9600), (1, 384), 0x4900, (0, 1, 3), [(0, 0x100), (0x4700, 0x4f00), (0x100, 0x4600)]),
    ("ga100/gsp/booter_unload-570.144", 40440, "33bea24690c3880a82b47b1a67cbd3cb48707d1c9c26a5db40df6e9682de4da6", (0x1f8, 0x9c00), (1, 384), 0x4f00, (0, 1, 3), [(0, 0x100), (0x4d00, 0x4f00), (0x100, 0x4c00)]),
    ("ga102/gsp/booter_load-535.113.01", 59768, "3ab46bf4c70d72e8fc89d98e6bdc9b83a61954a586629d26b8b5653a620237e0", (0x378, 0xe600), (2, 384), 0x8410, (1, 1, 3), [(0, 0x100), (0x8400, 0x6200), (0x100, 0x8300)]),
    ("ga102/gsp/booter_load-570.144", 61304, "4497e3eff7e95c774b8a569d17b27c08c9650158d10b229d2be81cdcad9a085b", (0x378, 0xec00), (2, 384), 0x8a10, (1, 1, 3), [(0, 0x100), (0x8a00, 0x6200), (0x100, 0x8900)]),
    ("ga102/gsp/booter_unload-535.113.01", 39544, "09240c83595856a0fe70d2ab3ec7325455cd8adfc48ec7b47f6fced1e5431beb", (0x378, 0x9700), (2, 384), 0x4a10, (1, 1, 3), [(0, 0x100), (0x4a00, 0x4d00), (0x100, 0x4900)]),
    ("ga102/gsp/booter_unload-570.144", 41080, "8e63db5b78d7d3e349f20a2d11099c3d7109081393cb09ffc0a28133324ae009", (0x378, 0x9d00), (2, 384), 0x5010, (1, 1, 3), [(0, 0x100), (0x5000, 0x4d00), (0x100, 0x4f00)]),
    ("tu102/gsp/booter_load-535.113.01", 57992, "e1c574cc0734aebeae7954ad727917141d11f472e15dd206791857e63df84fda", (0x88, 0xe200), (1, 16), 0x8200, (0, 1, 13), [(0, 0x100), (0x8000, 0x6200), (0x100, 0x7f00)]),
    ("tu102/gsp/booter_load-570.144", 59272, "7bb181f544a942299bbf4642da6d9bb58bfed8459725094e2ace56647cd3ec8c", (0x88, 0xe700), (1, 16), 0x8700, (0, 1, 13), [(0, 0x100), (0x8500, 0x6200), (0x100, 0x8400)]),
    ("tu102/gsp/booter_unload-535.113.01", 38024, "68cddb9e6d61d7bf78b06197e6bce8fc6f25b2f34d570c517f85974b4f360a2a", (0x88, 0x9400), (1, 16), 0x4900, (0, 1, 13), [(0, 0x100), (0x4700, 0x4d00), (0x100, 0x4600)]),
    ("tu102/gsp/booter_unload-570.144", 39304, "5c7f1aa37d045cc20bb81584a830e8dfa4483f1cd63943de83a58c4be19a1782", (0x88, 0x9900), (1, 16), 0x4e00, (0, 1, 13), [(0, 0x100), (0x4c00, 0x4d00), (0x100, 0x4b00)]),
    ("tu116/gsp/booter_load-535.113.01", 57992, "aeca340bbc42f739d34a1c64c91b0176f264df5e1b8ff5a054e91d53d70a5cf8", (0x88, 0xe200), (1, 16), 0x8200, (0, 1, 13), [(0, 0x100), (0x8000, 0x6200), (0x100, 0x7f00)]),
    ("tu116/gsp/booter_load-570.144", 59016, "9bd01804b4b91d92904e7735b025e07a3c935bc6fb92e3833e85c297546025b9", (0x88, 0xe600), (1, 16), 0x8600, (0, 1, 13), [(0, 0x100), (0x8400, 0x6200), (0x100, 0x8300)]),
    ("tu116/gsp/booter_unload-535.113.01", 38024, "3653ff42f0d64d2918e9f250bf10ee332fc9d8ab775afcfb695566e95c295acf", (0x88, 0x9400), (1, 16), 0x4900, (0, 1, 13), [(0, 0x100), (0x4700, 0x4d00), (0x100, 0x4600)]),
    ("tu116/gsp/booter_unload-570.144", 39048, "bf4a2b778722dde57850839bb9f7651ae29592ce85d6df4160d2d228ff430156", (0x88, 0x9800), (1, 16), 0x4d00, (0, 1, 13), [(0, 0x100), (0x4b00, 0x4d00), (0x100, 0x4a00)]),
];

#[test]
fn microcode() {
    each(
        MICROCODE,
        |file| format!("{}.bin", file.0),
        |(_, len, hash, data, signatures, patch_at, meta, pieces), bytes| {
            assert_eq!((bytes.len(), &*sha256(bytes)), (*len, *hash));
            // The stated size is rounded up to 256 bytes, behind the end of the file.
            let stated = u32::from_le_bytes(bytes[8..12].try_into().unwrap()) as usize;
            assert_eq!(stated, (len + 255) / 256 * 256);
            let hs = HsFirmware::parse(bytes).unwrap();
            let at = hs.image.as_ptr() as usize - bytes.as_ptr() as usize;
            assert_eq!((at, hs.image.len()), *data);
            assert_eq!((hs.signature_count(), hs.signature_at(0).unwrap().len()), *signatures);
            assert_eq!(
                (hs.patch_at, (hs.fuse_version, hs.engine_mask, hs.ucode_id)),
                (*patch_at, *meta)
            );
            let found = [hs.os_code, hs.os_data, hs.app_code].map(|Piece { offset, size }| (offset, size));
            assert_eq!(found, *pieces);
            // Unfused hardware takes the last signature, the newest fuses the first.
            assert_eq!(hs.signature(0).unwrap(), hs.signature_at(signatures.0 - 1).unwrap());
            if hs.fuse_version != 0 {
                assert_eq!(hs.signature(hs.fuse_version).unwrap(), hs.signature_at(0).unwrap());
            }
            assert_eq!(hs.signature(hs.fuse_version + 1).unwrap_err().kind(), Kind::NoSignature);
        },
    );
}

/// File, length, start of the SHA-256, descriptor's version, length of the data, then (offset, length) of bootloader, manifest,
/// monitor data, monitor code, and the framebuffer it reserves.
type Boot = (&'static str, usize, &'static str, u32, usize, [(u32, u32); 4], u32);

#[rustfmt::skip]
const BOOTLOADERS: &[Boot] = &[
    ("tu102/gsp/bootloader-535.113.01", 4196, "12e987b636c2f00f", 4, 0x1000, [(0, 0x488), (0, 0), (0, 0), (0, 0)], 0),
    ("tu102/gsp/bootloader-570.144", 4196, "12e987b636c2f00f", 4, 0x1000, [(0, 0x488), (0, 0), (0, 0), (0, 0)], 0),
    ("ga100/gsp/bootloader-535.113.01", 4196, "e7670009c98791b8", 4, 0x1000, [(0, 0x488), (0, 0), (0, 0), (0, 0)], 0),
    ("ga100/gsp/bootloader-570.144", 4196, "e7670009c98791b8", 4, 0x1000, [(0, 0x488), (0, 0), (0, 0), (0, 0)], 0),
    ("ga102/gsp/bootloader-535.113.01", 20588, "076d2a0675131ad8", 5, 0x5000, [(0x4000, 0x458), (0, 0x800), (0x800, 0x1000), (0x1800, 0x2500)], 0x5000),
    ("ga102/gsp/bootloader-570.144", 24684, "82428f532240727e", 5, 0x6000, [(0x5000, 0x880), (0, 0x800), (0x800, 0x1000), (0x1800, 0x2900)], 0x6000),
    ("ad102/gsp/bootloader-535.113.01", 32876, "044d3a21eff73eb1", 5, 0x8000, [(0x7000, 0x458), (0, 0x800), (0x800, 0x4000), (0x4800, 0x2500)], 0x8000),
    ("ad102/gsp/bootloader-570.144", 36972, "65ab2e6b6e0fca95", 5, 0x9000, [(0x8000, 0x880), (0, 0x800), (0x800, 0x4000), (0x4800, 0x2900)], 0x9000),
    ("gh100/gsp/bootloader-570.144", 168_044, "2176e42f05729ac4", 5, 0x29000, [(0, 0), (0, 0xa00), (0xa00, 0xa700), (0xb100, 0x1d500)], 0),
    ("gb100/gsp/bootloader-570.144", 200_812, "daebc2235c9756f2", 5, 0x31000, [(0, 0), (0, 0xa00), (0xa00, 0xa700), (0xb100, 0x25200)], 0),
    ("gb202/gsp/bootloader-570.144", 200_812, "d40b48e431d1707d", 5, 0x31000, [(0, 0), (0, 0xa00), (0xa00, 0xa800), (0xb200, 0x25800)], 0),
];

#[test]
fn bootloaders() {
    each(
        BOOTLOADERS,
        |file| format!("{}.bin", file.0),
        |(_, len, hash, version, image_len, pieces, fb_reserved), bytes| {
            assert_eq!((bytes.len(), &sha256(bytes)[..16]), (*len, *hash));
            let boot = Bootloader::parse(bytes).unwrap();
            assert_eq!(
                (boot.version, boot.app_version, boot.image.len()),
                (*version, 0, *image_len)
            );
            let found = [boot.boot, boot.manifest, boot.data, boot.code].map(|Piece { offset, size }| (offset, size));
            assert_eq!((found, boot.fb_reserved), (*pieces, *fb_reserved));
        },
    );
}

/// Files of one kind are refused by the parsers of the others, with words that say why.
#[test]
fn files_are_not_mistaken_for_one_another() {
    let Some(directory) = directory() else { return };
    let read = |name: &str| std::fs::read(directory.join("nvidia").join(name)).unwrap();
    let (booter, boot) = (
        read("ad102/gsp/booter_load-570.144.bin"),
        read("ad102/gsp/bootloader-570.144.bin"),
    );
    assert_eq!(Elf::parse(&booter).unwrap_err().kind(), Kind::ElfMagic);
    assert_eq!(Bootloader::parse(&booter).unwrap_err().kind(), Kind::BootloaderVersion);
    assert!(HsFirmware::parse(&boot).is_err());
    for len in (0..boot.len()).step_by(97) {
        assert!(Bootloader::parse(&boot[..len]).is_err());
    }
    for len in (0..booter.len()).step_by(97) {
        assert!(HsFirmware::parse(&booter[..len]).is_err());
    }
}
