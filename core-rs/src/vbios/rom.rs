// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The chain of ROM images.

use crate::error::{Error, Kind, Result};
use crate::wire::{bytes, get_u16, get_u8, tail};

/// Longest ROM that is looked at.
pub const MAX_ROM: usize = 0x10_0000;
/// Bytes at the start of an image that hold its headers.
pub const HEADERS: usize = 1024;

/// Images start at multiples of this.
const BLOCK: usize = 512;
const PCIR_LEN: usize = 24;
const NPDE_LEN: usize = 11;
const LAST: u8 = 0x80;

/// Type of a ROM image: the code type of its PCI data structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageType {
    /// For x86 firmware; holds the BIT table.
    PciAt,
    /// Notebook system information; always the last.
    Nbsi,
    /// Firmware security.
    Fwsec,
    /// Of no interest here (EFI and others).
    Other(u8),
}

/// What an image's headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its type.
    pub kind: ImageType,
    /// Bytes to the next image.
    pub len: usize,
    /// No image follows.
    pub last: bool,
}

impl Image {
    /// Reads the headers at the start of `data`, which holds at least [`HEADERS`] bytes or all that is left of the ROM.
    ///
    /// # Errors
    /// [`Kind::RomSignature`], [`Kind::RomPcir`], [`Kind::RomImageLength`].
    pub fn parse(data: &[u8]) -> Result<Self> {
        let signature = get_u16(data, 0).map_err(|_| Kind::RomSignature)?;
        // "VN" stands where a ROM of NVIDIA is not meant for the host.
        if signature != 0xaa55 && signature != 0x4e56 {
            return Err(Error::mismatch(Kind::RomSignature, 0xaa55, u64::from(signature)));
        }
        let at = usize::from(get_u16(data, 0x18).map_err(|_| Kind::RomPcir)?);
        let pcir = bytes(data, at, PCIR_LEN).map_err(|_| Error::found(Kind::RomPcir, at as u64))?;
        match bytes(pcir, 0, 4)? {
            b"PCIR" | b"NPDS" => {}
            _ => return Err(Error::found(Kind::RomPcir, at as u64)),
        }
        let kind = match get_u8(pcir, 20)? {
            0x00 => ImageType::PciAt,
            0x70 => ImageType::Nbsi,
            0xe0 => ImageType::Fwsec,
            other => ImageType::Other(other),
        };
        // NVIDIA's own structure behind the standard one knows better where the next image is.
        let behind = at.saturating_add(usize::from(get_u16(pcir, 10)?)).saturating_add(15) & !15;
        let (blocks, last) = match bytes(data, behind, NPDE_LEN) {
            Ok(npde) if bytes(npde, 0, 4)? == b"NPDE" && get_u16(npde, 8)? != 0 => {
                (get_u16(npde, 8)?, get_u8(npde, 10)?)
            }
            _ => (get_u16(pcir, 16)?, get_u8(pcir, 21)?),
        };
        if blocks == 0 {
            return Err(Error::found(Kind::RomImageLength, 0));
        }
        Ok(Image {
            kind,
            len: usize::from(blocks).saturating_mul(BLOCK),
            last: last & LAST != 0 || kind == ImageType::Nbsi,
        })
    }
}

/// The images that lead to FWSEC.
#[derive(Clone, Copy, Debug)]
pub struct Rom<'a> {
    /// The first PCI-AT image.
    pub pci_at: &'a [u8],
    /// From the first FWSEC image to the end of the last image.
    pub fwsec: &'a [u8],
}

impl<'a> Rom<'a> {
    /// Walks the chain of images in `rom`.
    ///
    /// # Errors
    /// As [`Image::parse`]; [`Kind::RomImageLength`] (an image ends behind the ROM); [`Kind::RomNoPciAt`],
    /// [`Kind::RomNoFwsec`].
    pub fn parse(rom: &'a [u8]) -> Result<Self> {
        let (mut pci_at, mut fwsec_at) = (None, None);
        let mut at = 0usize;
        loop {
            let rest = tail(rom, at)?;
            let image = Image::parse(rest)?;
            let data = bytes(rest, 0, image.len)
                .map_err(|_| Error::mismatch(Kind::RomImageLength, rest.len() as u64, image.len as u64))?;
            match (image.kind, fwsec_at) {
                // Behind the first FWSEC image, all that comes belongs to it.
                (_, Some(_)) => {}
                (ImageType::PciAt, None) => pci_at = pci_at.or(Some(data)),
                (ImageType::Fwsec, None) => fwsec_at = Some(at),
                (_, None) => {}
            }
            at = at.saturating_add(image.len);
            if image.last || at >= MAX_ROM {
                break;
            }
        }
        let pci_at = pci_at.ok_or(Kind::RomNoPciAt)?;
        let fwsec_at = fwsec_at.ok_or(Kind::RomNoFwsec)?;
        Ok(Rom {
            pci_at,
            fwsec: bytes(rom, fwsec_at, at.saturating_sub(fwsec_at))?,
        })
    }

    /// The offset in [`Rom::fwsec`] that a pointer of the VBIOS means: it counts as if that followed the PCI-AT image.
    ///
    /// # Errors
    /// [`Kind::VbiosPointer`] for a pointer into the PCI-AT image or behind the ROM.
    pub fn fwsec_offset(&self, pointer: u32) -> Result<usize> {
        match (pointer as usize).checked_sub(self.pci_at.len()) {
            Some(off) if off < self.fwsec.len() => Ok(off),
            _ => Err(Error::found(Kind::VbiosPointer, u64::from(pointer))),
        }
    }
}
