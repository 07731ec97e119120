// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A made-up VBIOS of the real structure, and every way to damage it.

use super::*;
use crate::error::{Error, Kind};
use crate::testing::Machine;
use crate::wire::{get_u32, put, put_u16, put_u32};

const PCI_AT_LEN: usize = 0x1000;
const EFI_LEN: usize = 0x400;
const FWSEC_LEN: usize = 0x1800;
/// Offsets in the FWSEC images.
const TABLE: usize = 0x100;
const DESC: usize = 0xa00;
const SIGNATURES: usize = 2;
const DESC_LEN: usize = 44 + SIGNATURES * fwsec::SIGNATURE_SIZE;
const IMEM_LEN: usize = 0x400;
const DMEM_LEN: usize = 0x500;
/// Offsets in the data.
const INTERFACE: usize = 0x10;
const MAPPER: usize = 0x40;
const BUFFER: usize = 0x100;
const SIGNATURE_AT: usize = 0x200;

fn image(kind: u8, len: usize, last: bool) -> Vec<u8> {
    let mut image = vec![0; len];
    put_u16(&mut image, 0, if kind == 0 { 0xaa55 } else { 0x4e56 }).unwrap();
    put_u16(&mut image, 0x18, 0x20).unwrap();
    put(&mut image, 0x20, b"PCIR").unwrap();
    put_u16(&mut image, 0x2a, 24).unwrap();
    put_u16(&mut image, 0x30, (len / 512) as u16).unwrap();
    image[0x34] = kind;
    // The standard structure says "last" for every image but the chain goes on: NVIDIA's own structure decides.
    image[0x35] = 0x80;
    put(&mut image, 0x40, b"NPDE").unwrap();
    put_u16(&mut image, 0x48, (len / 512) as u16).unwrap();
    image[0x4a] = if last { 0x80 } else { 0 };
    image
}

fn rom() -> Vec<u8> {
    let mut pci_at = image(0, PCI_AT_LEN, false);
    put(&mut pci_at, 0x200, b"\xff\xb8BIT\0\x00\x01\x0c\x06\x02").unwrap();
    put(&mut pci_at, 0x20c, b"B\x01\x00\x00\x00\x00").unwrap();
    put(&mut pci_at, 0x212, b"\x70\x02\x04\x00\x00\x03").unwrap();
    put_u32(&mut pci_at, 0x300, (PCI_AT_LEN + TABLE) as u32).unwrap();

    // Two images that make one: the table lies in the first, what it points to in the second.
    let mut fwsec = image(0xe0, 0x800, false);
    fwsec.extend(image(0xe0, FWSEC_LEN - 0x800, true));
    let mut payload = vec![0; DESC_LEN + IMEM_LEN + DMEM_LEN];
    let descriptor = [
        1 | 3 << 8 | (DESC_LEN as u32) << 16,
        0,
        SIGNATURE_AT as u32,
        INTERFACE as u32,
        0,
        IMEM_LEN as u32,
        0,
        0,
        DMEM_LEN as u32,
    ];
    for (index, word) in descriptor.iter().enumerate() {
        put_u32(&mut payload, index * 4, *word).unwrap();
    }
    put_u16(&mut payload, 36, 0x400).unwrap();
    payload[38] = 9;
    payload[39] = SIGNATURES as u8;
    put_u16(&mut payload, 40, 0b1010).unwrap();
    payload[44..44 + 384].fill(0xa1);
    payload[44 + 384..DESC_LEN].fill(0xa3);
    payload[DESC_LEN..DESC_LEN + IMEM_LEN].fill(0xc0);
    let data = &mut payload[DESC_LEN + IMEM_LEN..];
    put(data, INTERFACE, b"\x01\x04\x08\x02").unwrap();
    put_u32(data, INTERFACE + 4, 1).unwrap();
    put_u32(data, INTERFACE + 12, 4).unwrap();
    put_u32(data, INTERFACE + 16, MAPPER as u32).unwrap();
    put_u32(data, MAPPER + 8, BUFFER as u32).unwrap();

    put(&mut fwsec, TABLE, b"\x01\x04\x06\x02").unwrap();
    put(&mut fwsec, TABLE + 4, b"\x05\x00\xff\xff\xff\xff").unwrap();
    put(&mut fwsec, TABLE + 10, b"\x85\x00").unwrap();
    put_u32(&mut fwsec, TABLE + 12, (PCI_AT_LEN + DESC) as u32).unwrap();
    put(&mut fwsec, DESC, &payload).unwrap();

    [pci_at, image(3, EFI_LEN, false), fwsec, vec![0xff; 0x2000]].concat()
}

/// Offset of the FWSEC images in the ROM.
const FWSEC: usize = PCI_AT_LEN + EFI_LEN;

fn build(rom: &[u8], command: Command, version: u32) -> crate::Result<Vec<u8>> {
    let fwsec = Fwsec::find(rom)?;
    let mut image = vec![0; fwsec.ucode.len()];
    fwsec.build(&mut image, command, version)?;
    Ok(image)
}

#[test]
fn fwsec_is_found_behind_the_efi_image() {
    let rom = rom();
    let fwsec = Fwsec::find(&rom).unwrap();
    assert_eq!(fwsec.ucode.len(), IMEM_LEN + DMEM_LEN);
    assert_eq!((fwsec.imem_sec.src, fwsec.imem_sec.len), (0, IMEM_LEN as u32));
    assert_eq!((fwsec.dmem.src, fwsec.dmem.len), (IMEM_LEN as u32, DMEM_LEN as u32));
    assert_eq!((fwsec.brom.engine_id_mask, fwsec.brom.ucode_id), (0x400, 9));
    assert!(fwsec.is_signed() && fwsec.imem_ns.is_none());
}

#[test]
fn frts_is_written_into_the_command_buffer() {
    let command = Command::Frts {
        addr: 0xb_ffe0_0000,
        size: 0x10_0000,
    };
    let image = build(&rom(), command, 1).unwrap();
    assert!(image[..IMEM_LEN].iter().all(|b| *b == 0xc0));
    let word = |off: usize| get_u32(&image, IMEM_LEN + off).unwrap();
    assert_eq!(word(MAPPER + 44), 0x15);
    let buffer: Vec<u32> = (0..11).map(|index| word(BUFFER + index * 4)).collect();
    assert_eq!(buffer, [1, 24, 0, 0, 0, 2, 1, 20, 0xbf_fe00, 0x100, 2]);
}

#[test]
fn sb_has_no_region() {
    let image = build(&rom(), Command::Sb, 1).unwrap();
    let word = |off: usize| get_u32(&image, IMEM_LEN + off).unwrap();
    assert_eq!(word(MAPPER + 44), 0x19);
    let buffer: Vec<u32> = (0..11).map(|index| word(BUFFER + index * 4)).collect();
    assert_eq!(buffer, [1, 24, 0, 0, 0, 2, 0, 0, 0, 0, 0]);
}

#[test]
fn the_fuses_choose_the_signature() {
    let signature = |version| build(&rom(), Command::Sb, version).map(|image| image[IMEM_LEN + SIGNATURE_AT]);
    assert_eq!(signature(1), Ok(0xa1));
    assert_eq!(signature(3), Ok(0xa3));
    for version in [0, 2, 4, 15, 16, 40] {
        assert_eq!(
            signature(version),
            Err(Error::mismatch(Kind::NoSignature, version.into(), 0b1010))
        );
    }
}

#[test]
fn turing_microcode_is_unsigned_and_split() {
    let mut rom = rom();
    let words = [
        1 | 2 << 8 | 60 << 16,
        0,
        0,
        0,
        INTERFACE,
        0x100,
        0x400,
        0x1000,
        0x1300,
        0x100,
        0x400,
        0,
        0x300,
    ];
    for (index, word) in words.iter().enumerate() {
        put_u32(&mut rom, FWSEC + DESC + index * 4, *word as u32).unwrap();
    }
    let fwsec = Fwsec::find(&rom).unwrap();
    assert!(!fwsec.is_signed());
    let ns = fwsec.imem_ns.unwrap();
    assert_eq!((ns.src, ns.dst, ns.len), (0, 0x100, 0x300));
    assert_eq!(
        (fwsec.imem_sec.src, fwsec.imem_sec.dst, fwsec.imem_sec.len),
        (0x300, 0x400, 0x100)
    );
    assert_eq!((fwsec.dmem.src, fwsec.dmem.dst, fwsec.dmem.len), (0x400, 0, 0x300));
}

/// One damage at a time, and what it is called.
#[test]
fn each_damage_has_its_own_error() {
    let at = |off: usize| FWSEC + off;
    let data = at(DESC + DESC_LEN + IMEM_LEN);
    let cases: &[(usize, &[u8], Kind)] = &[
        (0, b"\x00", Kind::RomSignature),
        (0x18, b"\xff\xff", Kind::RomPcir),
        (0x20, b"X", Kind::RomPcir),
        (0x48, b"\xff\xff", Kind::RomImageLength),
        (0x34, b"\x03", Kind::RomNoPciAt),
        (0x4a, b"\x80", Kind::RomNoFwsec),
        (0x200, b"\x00", Kind::BitMissing),
        (0x212, b"\x71", Kind::BitToken),
        (0x216, b"\xfd\x0f", Kind::BitToken),
        (0x209, b"\xff", Kind::BitToken),
        (0x300, b"\x00\x00\x00\x00", Kind::VbiosPointer),
        (0x300, b"\xff\xff\xff\xff", Kind::VbiosPointer),
        (at(TABLE + 10), b"\x45", Kind::PmuTable),
        (at(TABLE + 2), b"\x00", Kind::PmuTable),
        (at(TABLE + 12), b"\x00\x00\x00\x00", Kind::VbiosPointer),
        (at(DESC), b"\x00", Kind::FwsecDescriptor),
        (at(DESC + 1), b"\x04", Kind::FwsecVersion),
        (at(DESC + 2), b"\x10\x00", Kind::FwsecDescriptor),
        (at(DESC + 2), b"\xff\xff", Kind::FwsecDescriptor),
        (at(DESC + 20), b"\xff\xff\xff\xff", Kind::FwsecRange),
        (at(DESC + 32), b"\xff\xff\xff\xff", Kind::FwsecRange),
        (at(DESC + 8), b"\x81\x03", Kind::FwsecSignatures),
        (at(DESC + 39), b"\x03", Kind::FwsecSignatures),
        (at(DESC + 12), b"\xff\xff\xff\xff", Kind::AppInterface),
        (data + INTERFACE, b"\x02", Kind::AppInterface),
        (data + INTERFACE + 12, b"\x05", Kind::DmemmapperMissing),
        (data + INTERFACE + 16, b"\xf0\x04", Kind::DmemmapperRange),
        (data + INTERFACE + 16, b"\xff\xff\xff\xff", Kind::DmemmapperRange),
        (data + MAPPER + 8, b"\xf0\x04", Kind::DmemmapperRange),
    ];
    for (off, bytes, kind) in cases {
        let mut rom = rom();
        put(&mut rom, *off, bytes).unwrap();
        let found = build(&rom, Command::Sb, 1).map(|_| ()).map_err(|error| error.kind());
        assert_eq!(found, Err(*kind), "{bytes:x?} at {off:#x}");
    }
}

#[test]
fn regions_are_pages_below_16_tib() {
    for (addr, size) in [(1, 4096), (4096, 4097), (1 << 44, 4096)] {
        let error = build(&rom(), Command::Frts { addr, size }, 1).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidArgument);
    }
}

#[test]
fn no_truncation_and_no_byte_makes_it_panic() {
    let rom = rom();
    let used = FWSEC + FWSEC_LEN;
    for len in 0..used {
        assert!(build(&rom[..len], Command::Sb, 1).is_err(), "cut at {len:#x}");
    }
    assert!(build(&rom[..used], Command::Sb, 1).is_ok());
    for off in 0..used {
        for flip in [0x01, 0x80, 0xff] {
            let mut rom = rom.clone();
            rom[off] ^= flip;
            let _ = build(&rom, Command::Sb, 1);
        }
    }
}

fn machine(rom: Vec<u8>) -> Machine {
    let machine = Machine::new();
    for (index, word) in rom.chunks_exact(4).enumerate() {
        machine.set(
            prom::PROM + index as u32 * 4,
            u32::from_le_bytes(word.try_into().unwrap()),
        );
    }
    machine
}

#[test]
fn the_window_is_read_up_to_the_last_image() {
    let prom = prom::Prom::read(&machine(rom())).unwrap();
    assert_eq!(prom.bytes(), &rom()[..FWSEC + FWSEC_LEN]);
}

#[test]
fn settings_in_front_of_the_images_are_skipped() {
    // Version 3: total length -> flash status -> directory 4 KiB behind it -> images.
    let mut front = vec![0; 0x3000];
    put_u32(&mut front, 0, u32::from_le_bytes(*b"NVGI")).unwrap();
    put_u32(&mut front, 4, 3 << 8).unwrap();
    put_u32(&mut front, 8, 0x40).unwrap();
    put_u32(&mut front, 0x40, 0x100).unwrap();
    put_u32(&mut front, 0x1100, u32::from_le_bytes(*b"RFRD")).unwrap();
    put_u32(&mut front, 0x1108, 0x3000).unwrap();
    let read = |front: &[u8]| prom::Prom::read(&machine([front, &rom()].concat()));
    assert_eq!(read(&front).unwrap().bytes(), &rom()[..FWSEC + FWSEC_LEN]);

    put_u32(&mut front, 0x1108, 0x3002).unwrap();
    assert_eq!(read(&front).err().unwrap().kind(), Kind::RomIfr);
    put_u32(&mut front, 0x1100, 0).unwrap();
    assert_eq!(read(&front).err().unwrap().kind(), Kind::RomIfr);
    // Version 2: the word behind the fixed data.
    put_u32(&mut front, 4, 0x20 << 16 | 2 << 8).unwrap();
    put_u32(&mut front, 0x24, 0x3000).unwrap();
    assert_eq!(read(&front).unwrap().bytes(), &rom()[..FWSEC + FWSEC_LEN]);
    // Registers have offsets that are multiples of 4.
    put_u32(&mut front, 4, 0x21 << 16 | 2 << 8).unwrap();
    assert_eq!(read(&front).err().unwrap().kind(), Kind::RomIfr);
    put_u32(&mut front, 4, 4 << 8).unwrap();
    assert_eq!(read(&front).err().unwrap().kind(), Kind::RomIfr);
}

#[test]
fn a_chain_without_end_is_refused() {
    let mut endless = image(0xe0, 0x8_0000, false);
    endless.extend(image(0xe0, 0x8_0200, false));
    assert_eq!(
        prom::Prom::read(&machine(endless)).err().unwrap().kind(),
        Kind::RomImageLength
    );
}
