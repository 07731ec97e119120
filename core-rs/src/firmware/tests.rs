// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Made-up files of the real formats, and every way to damage them.

use super::booter::HsFirmware;
use super::bootloader::Bootloader;
use super::elf::Elf;
use super::gsp::GspImage;
use crate::error::{Error, Kind};
use crate::wire::{put, put_u16, put_u32, put_u64};

const SIGNATURE: &str = ".fwsignature_ad10x";

/// An ELF file with these sections (name, type, contents) and a section table behind them.
fn elf(sections: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut names = vec![0];
    let mut headers = vec![[0u8; 64]];
    let mut file = vec![0; 64];
    let mut add = |name: &str, kind: u32, data: &[u8], names: &mut Vec<u8>, file: &mut Vec<u8>| {
        let mut header = [0; 64];
        put_u32(&mut header, 0, names.len() as u32).unwrap();
        put_u32(&mut header, 4, kind).unwrap();
        put_u64(&mut header, 24, file.len() as u64).unwrap();
        put_u64(&mut header, 32, data.len() as u64).unwrap();
        names.extend(name.bytes().chain([0]));
        file.extend(data);
        headers.push(header);
    };
    for (name, kind, data) in sections {
        add(name, *kind, data, &mut names, &mut file);
    }
    let table = [&names[..], b".shstrtab\0"].concat();
    add(".shstrtab", 3, &table, &mut names, &mut file);

    put(&mut file, 0, b"\x7fELF\x02\x01\x01").unwrap();
    put_u16(&mut file, 16, 1).unwrap();
    put_u16(&mut file, 18, 0xf3).unwrap();
    put_u32(&mut file, 20, 1).unwrap();
    let table_at = file.len() as u64;
    put_u64(&mut file, 40, table_at).unwrap();
    put_u16(&mut file, 52, 64).unwrap();
    put_u16(&mut file, 58, 64).unwrap();
    put_u16(&mut file, 60, headers.len() as u16).unwrap();
    put_u16(&mut file, 62, headers.len() as u16 - 1).unwrap();
    file.extend(headers.concat());
    file
}

/// The image is 100 bytes, so the signature lies at an unaligned offset.
fn gsp() -> Vec<u8> {
    elf(&[
        (".fwimage", 1, &[0x13; 100]),
        (".fwversion", 1, b"570.144\0"),
        (".fwsignature_ga10x", 1, &[0xaa; 4096]),
        (SIGNATURE, 1, &[0xbb; 4096]),
        (".bss", 8, &[]),
    ])
}

fn parse_gsp(file: &[u8]) -> crate::Result<()> {
    let gsp = GspImage::parse(file, SIGNATURE)?;
    assert!(gsp.image.len() <= file.len() && gsp.signature.len() == 4096);
    Ok(())
}

#[test]
fn sections_are_found_by_name() {
    let file = gsp();
    let gsp = GspImage::parse(&file, SIGNATURE).unwrap();
    assert_eq!((gsp.image, gsp.release.name), (&[0x13; 100][..], "570.144"));
    assert!(gsp.signature.iter().all(|b| *b == 0xbb));
    let elf = Elf::parse(&file).unwrap();
    assert_eq!(elf.section(SIGNATURE).unwrap().offset % 2, 0);
    assert_eq!(elf.section(SIGNATURE).unwrap().offset % 16, 0xc);
    assert_eq!(elf.section(".fwsignature_gh100"), Err(Kind::SectionMissing.into()));
    assert_eq!(elf.sections().count(), 7);
}

#[test]
fn each_damage_of_the_image_has_its_own_error() {
    let file = gsp();
    let table = file.len() - 7 * 64;
    // Offsets of section headers: 1 image, 2 version, 3 and 4 signatures, 5 .bss, 6 names.
    let header = |index: usize, field: usize| table + index * 64 + field;
    let cases: &[(usize, &[u8], Kind)] = &[
        (0, b"\0", Kind::ElfMagic),
        (4, b"\x01", Kind::ElfClass),
        (5, b"\x02", Kind::ElfEndianness),
        (6, b"\x00", Kind::ElfVersion),
        (20, b"\x02", Kind::ElfVersion),
        (16, b"\x02", Kind::ElfType),
        (18, b"\x3e", Kind::ElfMachine),
        (52, b"\x34", Kind::ElfHeaderSize),
        (58, b"\x28", Kind::ElfHeaderSize),
        (56, b"\x01", Kind::ElfProgramHeaders),
        (60, b"\x00\x00", Kind::ElfSectionCount),
        (60, b"\x41\x00", Kind::ElfSectionCount),
        (60, b"\x08\x00", Kind::ElfSectionTable),
        (40, b"\xff\xff\xff\xff\xff\xff\xff\xff", Kind::ElfSectionTable),
        (40, b"\x20\x00\x00\x00", Kind::ElfOverlap),
        (62, b"\x07\x00", Kind::ElfNames),
        (62, b"\x01\x00", Kind::ElfNames),
        (header(1, 0), b"\xff\xff\xff\xff", Kind::ElfNames),
        (
            header(1, 24),
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            Kind::ElfSectionRange,
        ),
        (
            header(1, 32),
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            Kind::ElfSectionRange,
        ),
        (header(1, 24), b"\x10", Kind::ElfOverlap),
        (header(3, 24), b"\x60", Kind::ElfOverlap),
        (header(1, 8), b"\0\x08", Kind::ElfCompressed),
        (header(1, 0), b"\x0b", Kind::SectionMissing),
        (header(1, 32), b"\0", Kind::FwImageEmpty),
        (header(3, 0), b"\x28", Kind::SectionDuplicate),
        (header(4, 32), b"\xff\x0f", Kind::SignatureSize),
        (64 + 100 + 7, b"x", Kind::FwVersion),
        (64 + 100 + 3, b"\x07", Kind::FwVersion),
        (header(2, 32), b"\x01", Kind::FwVersion),
        (64 + 100, b"6", Kind::UnknownRelease),
    ];
    for (off, bytes, kind) in cases {
        let mut file = gsp();
        put(&mut file, *off, bytes).unwrap();
        let found = parse_gsp(&file).map_err(|error| error.kind());
        assert_eq!(found, Err(*kind), "{bytes:x?} at {off:#x}");
    }
}

#[test]
fn no_truncation_and_no_byte_of_the_image_makes_it_panic() {
    let file = gsp();
    for len in 0..file.len() {
        let kind = parse_gsp(&file[..len]).unwrap_err().kind();
        assert_eq!(
            kind,
            if len < 64 {
                Kind::ElfTruncated
            } else {
                Kind::ElfSectionTable
            },
            "cut at {len:#x}"
        );
    }
    let table = file.len() - 7 * 64;
    for off in (0..200).chain(table - 100..file.len()) {
        for value in (0..=255).step_by(17) {
            let mut file = file.clone();
            file[off] = value;
            let _ = parse_gsp(&file);
        }
    }
}

const DATA: usize = 0x400;
const DATA_LEN: usize = 0x800;
const SIGNATURES: usize = 2;

/// A microcode file with two signatures of 384 bytes; its last 0x28 bytes are the padding that `size` counts and the file
/// does not have.
fn microcode() -> Vec<u8> {
    let mut file = vec![0; DATA + DATA_LEN];
    let outer = [
        0x10de,
        1,
        (DATA + DATA_LEN + 0x28) as u32,
        0x18,
        DATA as u32,
        DATA_LEN as u32,
    ];
    // Signatures, place, first, meta data, number, load header.
    let inner = [0x60, 2 * 384, 0x3c, 0x40, 0x44, 12, 0x50, 0x360, 36];
    // At 0x3c: place, first; 0x44: fuse version, engine, id; 0x50: number.
    let words = [0x610, 0, 2, 1, 3, SIGNATURES as u32];
    let load = [0, 0x100, 0x600, 0x200, 1, 0x100, 0x500, 0, 0];
    for (at, list) in [(0, &outer[..]), (0x18, &inner), (0x3c, &words), (0x360, &load)] {
        for (index, word) in list.iter().enumerate() {
            put_u32(&mut file, at + index * 4, *word).unwrap();
        }
    }
    file[0x60..0x60 + 384].fill(0xa1);
    file[0x60 + 384..0x60 + 768].fill(0xa2);
    file
}

#[test]
fn the_fuses_choose_the_signature() {
    let file = microcode();
    let hs = HsFirmware::parse(&file).unwrap();
    assert_eq!((hs.image.len(), hs.patch_at, hs.pkc_offset()), (DATA_LEN, 0x610, 0x10));
    assert_eq!(
        (hs.fuse_version, hs.engine_mask, hs.ucode_id, hs.signature_count()),
        (2, 1, 3, 2)
    );
    let first = |version| hs.signature(version).map(|signature| (signature.len(), signature[0]));
    // Newest first; unfused hardware takes the oldest.
    assert_eq!(first(2), Ok((384, 0xa1)));
    assert_eq!(first(1), Ok((384, 0xa2)));
    assert_eq!(first(0), Ok((384, 0xa2)));
    assert_eq!(first(3), Err(Error::mismatch(Kind::NoSignature, 3, 2)));
}

#[test]
fn each_damage_of_microcode_has_its_own_error() {
    let cases: &[(usize, u32, Kind)] = &[
        (0, 0x10df, Kind::BinMagic),
        (4, 2, Kind::BinVersion),
        (8, (DATA + DATA_LEN - 1) as u32, Kind::BinSize),
        (12, 0x14, Kind::BinOverlap),
        (12, (DATA - 35) as u32, Kind::BinOverlap),
        (12, u32::MAX, Kind::BinHeaderRange),
        (16, u32::MAX, Kind::BinDataRange),
        (20, u32::MAX, Kind::BinDataRange),
        (20, 0, Kind::BinDataRange),
        (16, 0x20, Kind::BinOverlap),
        (0x18, u32::MAX, Kind::HsSignatures),
        (0x1c, u32::MAX, Kind::HsSignatures),
        (0x1c, 767, Kind::HsSignatures),
        (0x1c, 0, Kind::HsSignatures),
        (0x20, u32::MAX, Kind::HsPatch),
        (0x24, u32::MAX, Kind::HsSignatures),
        (0x28, u32::MAX, Kind::HsMeta),
        (0x2c, 16, Kind::HsMeta),
        (0x30, u32::MAX, Kind::HsSignatures),
        (0x34, u32::MAX, Kind::HsLoadHeader),
        (0x38, u32::MAX, Kind::HsLoadHeader),
        (0x38, 19, Kind::HsLoadHeader),
        (0x38, 35, Kind::HsLoadHeader),
        (0x3c, 0x5ff, Kind::HsPatch),
        (0x3c, 0x681, Kind::HsPatch),
        (0x40, u32::MAX, Kind::HsSignatures),
        (0x48, 0x1_0000, Kind::HsMeta),
        (0x4c, 0x100, Kind::HsMeta),
        (0x50, 0, Kind::HsSignatures),
        (0x50, 5, Kind::HsSignatures),
        (0x360, 0x701, Kind::HsPiece),
        (0x364, u32::MAX, Kind::HsPiece),
        (0x36c, 0x201, Kind::HsPiece),
        (0x370, 0, Kind::HsLoadHeader),
        (0x370, u32::MAX, Kind::HsLoadHeader),
        (0x378, 0x701, Kind::HsPiece),
        (0x364, 0x101, Kind::HsOverlap),
        (0x374, 0xff, Kind::HsOverlap),
        (0x368, 0x5ff, Kind::HsOverlap),
        (0x1c, 2 * 600, Kind::HsSignatures),
    ];
    for (off, word, kind) in cases {
        let mut file = microcode();
        put_u32(&mut file, *off, *word).unwrap();
        let found = HsFirmware::parse(&file).map(|_| ()).map_err(|error| error.kind());
        assert_eq!(found, Err(*kind), "{word:#x} at {off:#x}");
    }
}

/// A bootloader with a descriptor of `words` words.
fn bootloader(version: u32, words: usize) -> Vec<u8> {
    let data = 24 + words * 4;
    let mut file = vec![0; data + 0x800];
    for (index, word) in [0x10de, 1, data as u32 + 0x900, 0x18, data as u32, 0x800]
        .iter()
        .enumerate()
    {
        put_u32(&mut file, index * 4, *word).unwrap();
    }
    let desc = [
        version, 0x700, 0x58, 0x758, 0x10, 0, 0, 9, 0, 0x80, 0x80, 0x100, 0x180, 0x250,
    ];
    for (index, word) in desc.iter().enumerate() {
        put_u32(&mut file, 24 + index * 4, *word).unwrap();
    }
    put_u32(&mut file, 24 + 19 * 4, 0x5000).unwrap();
    file
}

#[test]
fn both_descriptors_of_bootloaders_are_read() {
    for (version, words, fb_reserved) in [(4, 19, 0), (5, 21, 0x5000)] {
        let file = bootloader(version, words);
        let boot = Bootloader::parse(&file).unwrap();
        assert_eq!(
            (boot.version, boot.app_version, boot.fb_reserved),
            (version, 9, fb_reserved)
        );
        assert_eq!(
            (boot.code.offset, boot.data.offset, boot.manifest.size),
            (0x180, 0x80, 0x80)
        );
        assert_eq!(
            (boot.boot.offset, boot.params.offset, boot.image.len()),
            (0x700, 0x758, 0x800)
        );
    }
}

#[test]
fn each_damage_of_a_bootloader_has_its_own_error() {
    let kind = |off: usize, word: u32| {
        let mut file = bootloader(5, 21);
        put_u32(&mut file, off, word).unwrap();
        Bootloader::parse(&file).unwrap_err().kind()
    };
    assert_eq!(kind(24, 6), Kind::BootloaderVersion);
    for index in [1, 2, 3, 4, 8, 9, 10, 11, 12, 13] {
        assert_eq!(kind(24 + index * 4, 0x801), Kind::BootloaderPiece, "word {index}");
        assert_eq!(kind(24 + index * 4, u32::MAX), Kind::BootloaderPiece, "word {index}");
    }
    // Manifest 0+0x80, data 0x80+0x100, code 0x180+0x250.
    assert_eq!(kind(24 + 9 * 4, 0x81), Kind::BootloaderOverlap);
    assert_eq!(kind(24 + 10 * 4, 0xff), Kind::BootloaderOverlap);
    // The data may not start inside the longer descriptor.
    assert_eq!(kind(16, 24 + 20 * 4), Kind::BinOverlap);
}

#[test]
fn no_truncation_and_no_byte_of_a_file_makes_it_panic() {
    for file in [microcode(), bootloader(4, 19), bootloader(5, 21)] {
        for len in 0..file.len() {
            assert!(HsFirmware::parse(&file[..len]).is_err() && Bootloader::parse(&file[..len]).is_err());
        }
        for off in 0..0x400 {
            for value in (0..=255).step_by(17) {
                let mut file = file.clone();
                file[off] = value;
                if let Ok(hs) = HsFirmware::parse(&file) {
                    for version in [0, 1, 2, u32::MAX] {
                        let _ = hs.signature(version);
                    }
                }
                let _ = Bootloader::parse(&file);
            }
        }
    }
}
