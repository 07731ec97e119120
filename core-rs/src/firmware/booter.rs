// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! High-secure microcode for a falcon: booter (load and unload) and scrubber.
//!
//! The container's header is "hs header v2", nine words:
//!
//! ```text
//! 0  signatures: offset in the file    12 *first signature: where the count to skip stands    24 number of signatures: where
//! 4  signatures: length of all         16 meta data: offset                                   28 load header: offset
//! 8  *place to patch: where it stands  20 meta data: length                                   32 load header: length
//! ```
//!
//! Three of them are offsets *of words in the file*: the place the signature is patched to, the offset of the first one, and
//! their number. Source: nouveau `nvfw/hs.c`, nova-core `firmware/booter.rs`; figures of all shipped files in
//! `core-rs/tests/firmware_files.rs`.

use crate::error::{Error, Kind, Result};
use crate::firmware::bin_hdr::BinHdr;
use crate::wire::{bytes, get_u32};

const HS_HEADER_SIZE: usize = 36;
const META_SIZE: u32 = 12;
/// Load header without its list of applications, and one entry of that list.
const LOAD_HEADER_SIZE: usize = 20;
const APP_SIZE: usize = 16;

/// A piece of the image, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Offset in the image.
    pub offset: u32,
    /// Length.
    pub size: u32,
}

/// The first piece that shares a byte with one before it.
pub(super) fn overlap(pieces: &[Piece]) -> Option<Piece> {
    let end = |piece: &Piece| piece.offset.saturating_add(piece.size);
    let share = |a: &Piece, b: &Piece| a.size != 0 && b.size != 0 && a.offset < end(b) && b.offset < end(a);
    let mut rest = pieces.iter().enumerate();
    rest.find(|(index, piece)| pieces.iter().take(*index).any(|earlier| share(earlier, piece)))
        .map(|(_, piece)| *piece)
}

/// Checked microcode, its signature not yet patched in.
#[derive(Clone, Copy, Debug)]
pub struct HsFirmware<'a> {
    /// The image to load.
    pub image: &'a [u8],
    /// Offset in the image that the signature goes to.
    pub patch_at: u32,
    /// Version of the newest signature, compared with the fuses.
    pub fuse_version: u32,
    /// Mask of the engines the microcode may run on.
    pub engine_mask: u16,
    /// Number of the microcode, for the boot ROM and the fuse register.
    pub ucode_id: u8,
    /// Non-secure code.
    pub os_code: Piece,
    /// Data.
    pub os_data: Piece,
    /// Secure code: the first application.
    pub app_code: Piece,
    signatures: &'a [u8],
    signature_size: usize,
    signature_count: u32,
}

impl<'a> HsFirmware<'a> {
    /// Checks `file`.
    ///
    /// # Errors
    /// As [`BinHdr::parse`]; [`Kind::HsSignatures`] (outside the file, none, or of unequal length), [`Kind::HsPatch`] (the
    /// signature would be patched outside the data), [`Kind::HsMeta`], [`Kind::HsLoadHeader`], [`Kind::HsPiece`],
    /// [`Kind::HsOverlap`].
    pub fn parse(file: &'a [u8]) -> Result<Self> {
        let bin = BinHdr::parse(file, HS_HEADER_SIZE)?;
        let word = |index: usize| get_u32(bin.header, index.wrapping_mul(4));

        let (signatures, signature_size, signature_count) = signatures(&bin, word(0)?, word(1)?, word(3)?, word(6)?)?;
        let meta_at = word(4)?;
        let meta = match bytes(file, meta_at as usize, META_SIZE as usize) {
            Ok(meta) if word(5)? == META_SIZE => meta,
            _ => return Err(Error::found(Kind::HsMeta, u64::from(meta_at))),
        };
        let engine_mask = u16::try_from(get_u32(meta, 4)?).map_err(|_| Kind::HsMeta)?;
        let ucode_id = u8::try_from(get_u32(meta, 8)?).map_err(|_| Kind::HsMeta)?;

        let load_at = word(7)?;
        let load_size = word(8)? as usize;
        let load = bytes(file, load_at as usize, load_size)
            .map_err(|_| Error::found(Kind::HsLoadHeader, u64::from(load_at)))?;
        let apps = get_u32(load, 16).map_err(|_| Error::found(Kind::HsLoadHeader, u64::from(load_at)))? as usize;
        let needed = apps.saturating_mul(APP_SIZE).saturating_add(LOAD_HEADER_SIZE);
        if apps == 0 || needed > load_size {
            return Err(Error::mismatch(Kind::HsLoadHeader, needed as u64, load_size as u64));
        }
        let piece = |at: usize| -> Result<Piece> {
            let piece = Piece {
                offset: get_u32(load, at)?,
                size: get_u32(load, at.wrapping_add(4))?,
            };
            match bytes(bin.data, piece.offset as usize, piece.size as usize) {
                Ok(_) => Ok(piece),
                Err(_) => Err(Error::found(Kind::HsPiece, u64::from(piece.offset))),
            }
        };
        let os_data = piece(8)?;

        let patch_word = word(2)?;
        let patch_at =
            get_u32(file, patch_word as usize).map_err(|_| Error::found(Kind::HsPatch, u64::from(patch_word)))?;
        // The boot ROM looks for the signature in DMEM, at an offset from where the data is loaded.
        let in_data = patch_at
            .checked_sub(os_data.offset)
            .map(|off| (off as usize).saturating_add(signature_size));
        if !matches!(in_data, Some(end) if end <= os_data.size as usize) {
            return Err(Error::mismatch(
                Kind::HsPatch,
                u64::from(os_data.offset),
                u64::from(patch_at),
            ));
        }
        let (os_code, app_code) = (piece(0)?, piece(LOAD_HEADER_SIZE)?);
        if let Some(second) = overlap(&[os_code, app_code, os_data]) {
            return Err(Error::found(Kind::HsOverlap, u64::from(second.offset)));
        }
        Ok(HsFirmware {
            image: bin.data,
            patch_at,
            fuse_version: get_u32(meta, 0)?,
            engine_mask,
            ucode_id,
            os_code,
            os_data,
            app_code,
            signatures,
            signature_size,
            signature_count,
        })
    }

    /// Signature `index` of the file, newest first.
    pub fn signature_at(&self, index: u32) -> Option<&'a [u8]> {
        let at = (index as usize).checked_mul(self.signature_size)?;
        bytes(self.signatures, at, self.signature_size).ok()
    }

    /// How many signatures the file carries.
    pub fn signature_count(&self) -> u32 {
        self.signature_count
    }

    /// Offset of the signature in the data, which is what the boot ROM is told.
    pub fn pkc_offset(&self) -> u32 {
        self.patch_at.wrapping_sub(self.os_data.offset)
    }

    /// The signature for hardware whose fuses say `version` ([`crate::chip::fuse_version`]): signatures are sorted newest
    /// first and the newest has [`HsFirmware::fuse_version`]; unfused hardware takes the last one.
    ///
    /// # Errors
    /// [`Kind::NoSignature`] (expected: the fuses' version, found: the file's).
    pub fn signature(&self, version: u32) -> Result<&'a [u8]> {
        let index = match version {
            0 => self.signature_count.checked_sub(1),
            _ => self.fuse_version.checked_sub(version),
        };
        let found = index.and_then(|index| self.signature_at(index));
        found.ok_or_else(|| Error::mismatch(Kind::NoSignature, u64::from(version), u64::from(self.fuse_version)))
    }
}

/// All signatures, the length of one and their number. `first` and `count` are offsets of words in the file.
fn signatures<'a>(bin: &BinHdr<'a>, at: u32, total: u32, first: u32, count: u32) -> Result<(&'a [u8], usize, u32)> {
    let bad = || Error::found(Kind::HsSignatures, u64::from(at));
    let first = get_u32(bin.file, first as usize).map_err(|_| bad())?;
    let count = get_u32(bin.file, count as usize).map_err(|_| bad())?;
    let start = at.checked_add(first).ok_or_else(bad)?;
    // They come before the data, as the headers do.
    let before = bytes(bin.file, 0, bin.data_offset)?;
    let all = bytes(before, start as usize, total as usize).map_err(|_| bad())?;
    match (total.checked_div(count), total.checked_rem(count)) {
        (Some(each), Some(0)) if each != 0 => Ok((all, each as usize, count)),
        _ => Err(Error::mismatch(Kind::HsSignatures, u64::from(total), u64::from(count))),
    }
}
