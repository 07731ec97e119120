// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The RISC-V bootloader that starts GSP-RM, described by `RM_RISCV_UCODE_DESC`.
//!
//! The descriptor's version goes with the file, not with the release: Turing and GA100 files have version 4 (19 words), later
//! ones version 5 (21 words), both with the same fields up to word 18. Source: OpenRM `rmRiscvUcode.h`.

use crate::error::{Error, Kind, Result};
use crate::firmware::bin_hdr::BinHdr;
use crate::firmware::booter::{overlap, Piece};
use crate::wire::{bytes, get_u32};

/// Words of the descriptor by its version.
const WORDS: [(u32, usize); 2] = [(4, 19), (5, 21)];

/// A checked bootloader.
#[derive(Clone, Copy, Debug)]
pub struct Bootloader<'a> {
    /// The image, loaded as a whole.
    pub image: &'a [u8],
    /// Version of the descriptor.
    pub version: u32,
    /// Version of the application, told to the hardware before the start.
    pub app_version: u32,
    /// The bootloader proper.
    pub boot: Piece,
    /// Its parameters.
    pub params: Piece,
    /// Manifest for the boot ROM.
    pub manifest: Piece,
    /// The monitor's data.
    pub data: Piece,
    /// The monitor's code.
    pub code: Piece,
    /// Framebuffer it wants for itself; 0 where the descriptor does not say.
    pub fb_reserved: u32,
}

impl<'a> Bootloader<'a> {
    /// Checks `file`.
    ///
    /// # Errors
    /// As [`BinHdr::parse`]; [`Kind::BootloaderVersion`]; [`Kind::BootloaderPiece`] (a piece lies outside the data);
    /// [`Kind::BootloaderOverlap`].
    pub fn parse(file: &'a [u8]) -> Result<Self> {
        let version = get_u32(BinHdr::parse(file, 4)?.header, 0)?;
        let words = match WORDS.iter().find(|(known, _)| *known == version) {
            Some((_, words)) => *words,
            None => return Err(Error::found(Kind::BootloaderVersion, u64::from(version))),
        };
        let bin = BinHdr::parse(file, words.wrapping_mul(4))?;
        let word = |index: usize| get_u32(bin.header, index.wrapping_mul(4));
        let piece = |index: usize| -> Result<Piece> {
            let piece = Piece {
                offset: word(index)?,
                size: word(index.wrapping_add(1))?,
            };
            match bytes(bin.data, piece.offset as usize, piece.size as usize) {
                Ok(_) => Ok(piece),
                Err(_) => Err(Error::found(Kind::BootloaderPiece, u64::from(piece.offset))),
            }
        };
        let (boot, params, manifest, data, code) = (piece(1)?, piece(3)?, piece(8)?, piece(10)?, piece(12)?);
        if let Some(second) = overlap(&[boot, params, manifest, data, code]) {
            return Err(Error::found(Kind::BootloaderOverlap, u64::from(second.offset)));
        }
        Ok(Bootloader {
            image: bin.data,
            version,
            app_version: word(7)?,
            boot,
            params,
            manifest,
            data,
            code,
            fb_reserved: if words > 19 { word(19)? } else { 0 },
        })
    }
}
