// SPDX-License-Identifier: MIT
//! The ROM: a synthetic VBIOS with the real structure and made-up contents.
//!
//! PCI-AT image (BIT with a falcon data token), EFI image, two FWSEC images, of which the first holds the falcon ucode
//! table and the second the FWSEC ucode with its signatures. Pointers of the falcon data count the PCI-AT and FWSEC images
//! as contiguous, as if the EFI image were not there.
//!
//! Sources: Linux 7.3 `Documentation/gpu/nova/core/{vbios,fwsec}.rst`, nova-core `vbios.rs`, nouveau `subdev/gsp/fwsec.c`,
//! OpenRM 570.144 `kernel_gsp_vbios_tu102.c`, `kernel_gsp_fwsec.c`; PCI Firmware Specification 3.x for the image headers.

use crate::{
    bytes::{get_u16, pattern, put, put_u16, put_u32},
    hostile::Mode,
};

mod fwsec;

pub(crate) use fwsec::{Command, Fwsec};

/// Length of the images, in bytes; multiples of 512.
const PCI_AT_LEN: usize = 0x8000;
const EFI_LEN: usize = 0x2000;
const FWSEC1_LEN: usize = 0x1000;

const CODE_PCI_AT: u8 = 0x00;
const CODE_EFI: u8 = 0x03;
const CODE_FWSEC: u8 = 0xe0;

/// Where an image's PCI data structure is, and behind it (at the next 16 bytes) NVIDIA's extension of it.
const PCIR: usize = 0x1b0;
const PCIR_LEN: usize = 0x18;
const NPDE: usize = (PCIR + PCIR_LEN + 15) & !15;
const BIT: usize = 0x200;
const FALCON_DATA: usize = 0x400;
/// The falcon ucode table in the first FWSEC image, from that image's start.
const UCODE_TABLE: usize = 0x300;

/// BIT token "falcon data".
const TOKEN_FALCON_DATA: u8 = 0x70;
/// Application ids of the falcon ucode table.
const APP_FWSEC_DEBUG: u8 = 0x45;
const APP_FWSEC_PROD: u8 = 0x85;

/// The ROM and what FWSEC in it looks like.
pub(crate) struct Vbios {
    rom: Vec<u8>,
    pub fwsec: Fwsec,
}

impl Vbios {
    /// Builds the ROM for PCI device `device`, spoiled as the hostile modes say.
    pub fn new(device: u16, hostile: impl Fn(Mode) -> bool) -> Self {
        let fwsec = Fwsec::new(&hostile);
        let mut pci_at = image(CODE_PCI_AT, device, PCI_AT_LEN, false, 1);
        let mut fwsec1 = image(CODE_FWSEC, device, FWSEC1_LEN, false, 3);
        let mut fwsec2 = vec![0; 0x200];
        fwsec2.extend_from_slice(&fwsec.stored());
        fwsec2.resize((fwsec2.len() + 511) & !511, 0);
        let header = image(CODE_FWSEC, device, fwsec2.len(), !hostile(Mode::VbiosNoLast), 4);
        put(&mut fwsec2, 0, &header[..0x200]);

        // The falcon data's own address space: PCI-AT and FWSEC without the EFI image between them.
        let table = PCI_AT_LEN + UCODE_TABLE;
        let ucode = if hostile(Mode::VbiosUcodeOutside) {
            0x00ff_0000
        } else {
            PCI_AT_LEN + FWSEC1_LEN + 0x200
        };
        bit(&mut pci_at, !hostile(Mode::VbiosNoFalconData));
        put_u32(&mut pci_at, FALCON_DATA, table as u32);
        ucode_table(&mut fwsec1, ucode as u32);

        if hostile(Mode::VbiosNoSignature) {
            put(&mut pci_at, 0, &[0, 0]);
        }
        if hostile(Mode::VbiosNoPcir) {
            put(&mut pci_at, PCIR, b"RICP");
        }
        if hostile(Mode::VbiosZeroLength) {
            put_u16(&mut fwsec1, PCIR + 16, 0);
            put_u16(&mut fwsec1, NPDE + 8, 0);
        }
        if hostile(Mode::VbiosNoBit) {
            put(&mut pci_at, BIT + 2, b"TIB");
        }
        if hostile(Mode::VbiosNoFwsec) {
            fwsec1[PCIR + 20] = CODE_EFI;
            fwsec2[PCIR + 20] = CODE_EFI;
        }

        let mut rom = pci_at;
        rom.extend_from_slice(&image(CODE_EFI, device, EFI_LEN, false, 2));
        rom.extend_from_slice(&fwsec1);
        rom.extend_from_slice(&fwsec2);
        Vbios { rom, fwsec }
    }

    /// The word at `off` of the ROM; an erased flash reads as ones.
    pub fn read(&self, off: u32) -> u32 {
        match self.rom.get(off as usize..off as usize + 4) {
            Some(w) => u32::from_le_bytes(w.try_into().unwrap_or_default()),
            None => u32::MAX,
        }
    }
}

/// An image of `len` bytes: ROM header, PCI data structure, NVIDIA's extension of it, and content.
fn image(code: u8, device: u16, len: usize, last: bool, seed: u64) -> Vec<u8> {
    let blocks = (len / 512) as u16;
    let last = if last { 0x80 } else { 0 };
    let mut image = vec![0; 0x200];
    // ROM header: FWSEC images carry NVIDIA's own signature "VN".
    put_u16(&mut image, 0, if code == CODE_FWSEC { 0x4e56 } else { 0xaa55 });
    image[2] = blocks as u8;
    put_u16(&mut image, 0x18, PCIR as u16);

    put(&mut image, PCIR, if code == CODE_FWSEC { b"NPDS" } else { b"PCIR" });
    put_u16(&mut image, PCIR + 4, 0x10de);
    put_u16(&mut image, PCIR + 6, device);
    put_u16(&mut image, PCIR + 10, PCIR_LEN as u16);
    image[PCIR + 12] = 3;
    put(&mut image, PCIR + 13, &[0x00, 0x00, 0x03]);
    put_u16(&mut image, PCIR + 16, blocks);
    image[PCIR + 20] = code;
    image[PCIR + 21] = last;

    put(&mut image, NPDE, b"NPDE");
    put_u16(&mut image, NPDE + 4, 0x0101);
    put_u16(&mut image, NPDE + 6, 12);
    put_u16(&mut image, NPDE + 8, blocks);
    image[NPDE + 10] = last;

    image.extend_from_slice(&pattern(seed, len.saturating_sub(0x200)));
    image
}

/// Puts the BIOS information table into the PCI-AT image.
fn bit(image: &mut [u8], falcon_data: bool) {
    const HEADER: usize = 12;
    const TOKEN: usize = 6;
    let falcon = if falcon_data { TOKEN_FALCON_DATA } else { 0x6f };
    let tokens: [(u8, u8, u16, u16); 3] = [
        (0x42, 2, 0x25, 0x500),
        (0x69, 2, 0x58, 0x540),
        (falcon, 2, 4, FALCON_DATA as u16),
    ];
    image[BIT..BIT + HEADER + TOKEN * tokens.len()].fill(0);
    put(image, BIT, &[0xff, 0xb8]);
    put(image, BIT + 2, b"BIT\0");
    put_u16(image, BIT + 6, 0x0100);
    put(image, BIT + 8, &[HEADER as u8, TOKEN as u8, tokens.len() as u8]);
    for (i, (id, version, size, at)) in tokens.into_iter().enumerate() {
        let entry = BIT + HEADER + i * TOKEN;
        put(image, entry, &[id, version]);
        put_u16(image, entry + 2, size);
        put_u16(image, entry + 4, at);
    }
    let sum = image[BIT..BIT + HEADER].iter().fold(0u8, |sum, b| sum.wrapping_add(*b));
    image[BIT + HEADER - 1] = sum.wrapping_neg();
    debug_assert_eq!(get_u16(image, BIT), 0xb8ff);
}

/// Puts the falcon ucode table into the first FWSEC image.
fn ucode_table(image: &mut [u8], fwsec: u32) {
    const HEADER: usize = 6;
    const ENTRY: usize = 6;
    let entries = [
        (0x01, 0x07, 0x40),
        (APP_FWSEC_DEBUG, 0x07, 0x80),
        (APP_FWSEC_PROD, 0x07, fwsec),
    ];
    // Version, header, entry, count, descriptor version and size.
    put(
        image,
        UCODE_TABLE,
        &[1, HEADER as u8, ENTRY as u8, entries.len() as u8, 3, 0x2c],
    );
    for (i, (application, target, at)) in entries.into_iter().enumerate() {
        let entry = UCODE_TABLE + HEADER + i * ENTRY;
        put(image, entry, &[application, target]);
        put_u32(image, entry + 2, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::{get, get_u32};

    /// Walks the chain as a driver does: lengths from NPDE, until an image says it is the last.
    fn chain(vbios: &Vbios) -> Vec<(u8, usize, usize)> {
        let rom = &vbios.rom;
        let mut found = Vec::new();
        let mut at = 0;
        loop {
            let pcir = at + usize::from(get_u16(rom, at + 0x18));
            let npde = (pcir + usize::from(get_u16(rom, pcir + 10)) + 15) & !15;
            assert_eq!(&get::<4>(rom, npde), b"NPDE");
            let len = usize::from(get_u16(rom, npde + 8)) * 512;
            found.push((rom[pcir + 20], at, len));
            if rom[npde + 10] & 0x80 != 0 {
                return found;
            }
            at += len;
        }
    }

    #[test]
    fn the_chain_leads_to_the_ucode() {
        let vbios = Vbios::new(0x26b1, |_| false);
        let images = chain(&vbios);
        let codes: Vec<_> = images.iter().map(|i| i.0).collect();
        assert_eq!(codes, [CODE_PCI_AT, CODE_EFI, CODE_FWSEC, CODE_FWSEC]);
        let last = images[3];
        assert_eq!(last.1 + last.2, vbios.rom.len());

        let pointer = get_u32(&vbios.rom, FALCON_DATA) as usize - PCI_AT_LEN;
        let fwsec = images[2].1;
        let table = fwsec + pointer;
        let entry = table + 6 + 2 * 6;
        assert_eq!(vbios.rom[entry], APP_FWSEC_PROD);
        let descriptor = fwsec + get_u32(&vbios.rom, entry + 2) as usize - PCI_AT_LEN;
        assert_eq!(get_u32(&vbios.rom, descriptor) & 0xff01, 0x0301);
        assert_eq!(vbios.read(0) & 0xffff, 0xaa55);
        assert_eq!(vbios.read(0xf_fffc), u32::MAX);
    }

    #[test]
    fn the_bit_sums_to_zero() {
        let vbios = Vbios::new(0x26b1, |_| false);
        let sum = vbios.rom[BIT..BIT + 12].iter().fold(0u8, |s, b| s.wrapping_add(*b));
        assert_eq!(sum, 0);
    }
}
