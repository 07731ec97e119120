// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The container of booter, scrubber and bootloader files (`nvfw_bin_hdr`).
//!
//! ```text
//! 0   magic 0x10de
//! 4   version 1
//! 8   size: the whole rounded up to 256 bytes, so it may exceed the file
//! 12  offset of a header that depends on the kind of file
//! 16  offset of the data
//! 20  length of the data
//! ```
//! Source: OpenRM `nouveau/extract-firmware-nouveau.py`, nouveau `nvfw/fw.h`.

use crate::error::{Error, Kind, Result};
use crate::wire::{bytes, get_u32, tail};

/// Bytes of the container's header.
pub const BIN_HDR_SIZE: usize = 24;
const MAGIC: u32 = 0x10de;
const VERSION: u32 = 1;

/// A checked container.
#[derive(Clone, Copy, Debug)]
pub struct BinHdr<'a> {
    /// The whole file: the inner headers count from its start.
    pub file: &'a [u8],
    /// From the inner header to the end of the file.
    pub header: &'a [u8],
    /// Offset of the inner header in the file.
    pub header_offset: usize,
    /// The data.
    pub data: &'a [u8],
    /// Offset of the data in the file.
    pub data_offset: usize,
}

impl<'a> BinHdr<'a> {
    /// Checks the container of `file`, whose inner header has `header_size` bytes.
    ///
    /// # Errors
    /// [`Kind::BinTruncated`], [`Kind::BinMagic`], [`Kind::BinVersion`], [`Kind::BinHeaderRange`], [`Kind::BinDataRange`]
    /// (outside the file, or empty), [`Kind::BinOverlap`], [`Kind::BinSize`] (`size` ends before the data does).
    pub fn parse(file: &'a [u8], header_size: usize) -> Result<Self> {
        let outer = bytes(file, 0, BIN_HDR_SIZE)
            .map_err(|_| Error::mismatch(Kind::BinTruncated, BIN_HDR_SIZE as u64, file.len() as u64))?;
        let word = |off| get_u32(outer, off);
        if word(0)? != MAGIC {
            return Err(Error::mismatch(Kind::BinMagic, u64::from(MAGIC), u64::from(word(0)?)));
        }
        if word(4)? != VERSION {
            return Err(Error::mismatch(
                Kind::BinVersion,
                u64::from(VERSION),
                u64::from(word(4)?),
            ));
        }
        let (size, header_offset) = (word(8)? as usize, word(12)? as usize);
        let (data_offset, data_size) = (word(16)? as usize, word(20)? as usize);

        let len = file.len() as u64;
        bytes(file, header_offset, header_size)
            .map_err(|_| Error::mismatch(Kind::BinHeaderRange, len, header_offset as u64))?;
        let header = tail(file, header_offset)?;
        let data = match bytes(file, data_offset, data_size) {
            Ok(data) if !data.is_empty() => data,
            _ => return Err(Error::mismatch(Kind::BinDataRange, len, data_offset as u64)),
        };
        if header_offset < BIN_HDR_SIZE {
            return Err(Error::found(Kind::BinOverlap, header_offset as u64));
        }
        // The data is the last thing of every file; the inner headers and signatures come before it.
        if data_offset < header_offset.saturating_add(header_size) {
            return Err(Error::found(Kind::BinOverlap, data_offset as u64));
        }
        let end = data_offset.saturating_add(data_size);
        if size < end {
            return Err(Error::mismatch(Kind::BinSize, end as u64, size as u64));
        }
        Ok(BinHdr {
            file,
            header,
            header_offset,
            data,
            data_offset,
        })
    }
}
