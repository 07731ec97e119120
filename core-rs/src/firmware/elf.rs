// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The ELF container of the GSP image: named sections, nothing else.
//!
//! ELF64, little endian, relocatable, RISC-V, without program headers. Sections are found by name; the signature sections lie
//! at unaligned offsets, so no alignment is asked for. The whole section table is checked at once: a section that is
//! not looked up still must not lie about where it is.

use crate::error::{Error, Kind, Result};
use crate::wire::{bytes, get_u16, get_u32, get_u64, get_u8, tail, until_nul};

/// Bytes of the ELF header and of a section header.
const HEADER: usize = 64;
/// More sections than any image has (the newest has 14); bounds the pairwise check for overlaps.
const MAX_SECTIONS: usize = 64;

const ET_REL: u16 = 1;
const EM_RISCV: u16 = 0xf3;
const SHT_NULL: u32 = 0;
const SHT_STRTAB: u32 = 3;
const SHT_NOBITS: u32 = 8;
const SHF_COMPRESSED: u64 = 1 << 11;

/// A checked ELF file.
#[derive(Clone, Copy, Debug)]
pub struct Elf<'a> {
    file: &'a [u8],
    headers: &'a [u8],
    names: &'a [u8],
}

/// One section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section<'a> {
    /// Name without its NUL.
    pub name: &'a [u8],
    /// Contents; empty for a section that takes no space in the file.
    pub data: &'a [u8],
    /// Offset of the contents in the file.
    pub offset: u64,
}

impl<'a> Elf<'a> {
    /// Checks `file` as a whole.
    ///
    /// # Errors
    /// One kind for each way the file can be wrong, see `Kind::Elf*`.
    pub fn parse(file: &'a [u8]) -> Result<Self> {
        let short = |_| Error::mismatch(Kind::ElfTruncated, HEADER as u64, file.len() as u64);
        let header = bytes(file, 0, HEADER).map_err(short)?;
        expect(Kind::ElfMagic, 0x464c_457f, get_u32(header, 0)?)?;
        expect(Kind::ElfClass, 2, get_u8(header, 4)?)?;
        expect(Kind::ElfEndianness, 1, get_u8(header, 5)?)?;
        expect(Kind::ElfVersion, 1, get_u8(header, 6)?)?;
        expect(Kind::ElfType, ET_REL, get_u16(header, 16)?)?;
        expect(Kind::ElfMachine, EM_RISCV, get_u16(header, 18)?)?;
        expect(Kind::ElfVersion, 1, get_u32(header, 20)?)?;
        expect(Kind::ElfHeaderSize, HEADER as u16, get_u16(header, 52)?)?;
        expect(Kind::ElfProgramHeaders, 0, get_u16(header, 56)?)?;
        expect(Kind::ElfHeaderSize, HEADER as u16, get_u16(header, 58)?)?;

        let count = usize::from(get_u16(header, 60)?);
        if count == 0 || count > MAX_SECTIONS {
            return Err(Error::mismatch(
                Kind::ElfSectionCount,
                MAX_SECTIONS as u64,
                count as u64,
            ));
        }
        let at = get_u64(header, 40)?;
        let headers = slice(file, at, count.saturating_mul(HEADER) as u64)
            .ok_or_else(|| Error::mismatch(Kind::ElfSectionTable, file.len() as u64, at))?;

        let mut elf = Elf {
            file,
            headers,
            names: &[],
        };
        elf.check_ranges(at)?;
        let names = usize::from(get_u16(header, 62)?);
        elf.names = elf.name_table(names)?;
        for index in 0..count {
            elf.name(elf.header(index)?)?;
        }
        Ok(elf)
    }

    /// The sections in file order, the unnamed first one included.
    pub fn sections(&self) -> impl Iterator<Item = Section<'a>> + 'a {
        let elf = *self;
        // `parse` has been through every header: nothing is left out here.
        elf.headers.chunks_exact(HEADER).filter_map(move |header| {
            let (offset, len) = range(header).ok()?;
            Some(Section {
                name: elf.name(header).ok()?,
                data: slice(elf.file, offset, len)?,
                offset,
            })
        })
    }

    /// The section `name`.
    ///
    /// # Errors
    /// [`Kind::SectionMissing`], or [`Kind::SectionDuplicate`] when two have that name.
    pub fn section(&self, name: &str) -> Result<Section<'a>> {
        let mut found = self.sections().filter(|section| section.name == name.as_bytes());
        match (found.next(), found.next()) {
            (Some(section), None) => Ok(section),
            (None, _) => Err(Kind::SectionMissing.into()),
            (Some(_), Some(second)) => Err(Error::found(Kind::SectionDuplicate, second.offset)),
        }
    }

    fn header(&self, index: usize) -> Result<&'a [u8]> {
        bytes(self.headers, index.saturating_mul(HEADER), HEADER)
    }

    /// Every section lies inside the file and shares no byte with another one, the ELF header or the section table.
    fn check_ranges(&self, table: u64) -> Result<()> {
        let table = (table, self.headers.len() as u64);
        let header = (0, HEADER as u64);
        if overlap(table, header) {
            return Err(Error::found(Kind::ElfOverlap, table.0));
        }
        for (index, section) in self.headers.chunks_exact(HEADER).enumerate() {
            if get_u64(section, 8)? & SHF_COMPRESSED != 0 {
                return Err(Error::found(Kind::ElfCompressed, index as u64));
            }
            let this = range(section)?;
            if slice(self.file, this.0, this.1).is_none() {
                return Err(Error::mismatch(Kind::ElfSectionRange, self.file.len() as u64, this.0));
            }
            if overlap(this, header) || overlap(this, table) {
                return Err(Error::found(Kind::ElfOverlap, this.0));
            }
            for earlier in self.headers.chunks_exact(HEADER).take(index) {
                if overlap(this, range(earlier)?) {
                    return Err(Error::found(Kind::ElfOverlap, this.0));
                }
            }
        }
        Ok(())
    }

    fn name_table(&self, index: usize) -> Result<&'a [u8]> {
        let bad = || Error::found(Kind::ElfNames, index as u64);
        let header = self.header(index).map_err(|_| bad())?;
        if get_u32(header, 4)? != SHT_STRTAB {
            return Err(bad());
        }
        let (offset, len) = range(header)?;
        let names = slice(self.file, offset, len).ok_or_else(bad)?;
        // With a NUL at the end, every name inside the table ends.
        match names.last() {
            Some(0) => Ok(names),
            _ => Err(bad()),
        }
    }

    fn name(&self, header: &[u8]) -> Result<&'a [u8]> {
        let at = get_u32(header, 0)?;
        match tail(self.names, at as usize) {
            Ok(name) if !name.is_empty() => Ok(until_nul(name)),
            _ => Err(Error::mismatch(Kind::ElfNames, self.names.len() as u64, u64::from(at))),
        }
    }
}

/// Offset and length of a section's contents in the file.
fn range(header: &[u8]) -> Result<(u64, u64)> {
    match get_u32(header, 4)? {
        SHT_NULL | SHT_NOBITS => Ok((0, 0)),
        _ => Ok((get_u64(header, 24)?, get_u64(header, 32)?)),
    }
}

fn slice(file: &[u8], offset: u64, len: u64) -> Option<&[u8]> {
    let end = offset.checked_add(len)?;
    file.get(usize::try_from(offset).ok()?..usize::try_from(end).ok()?)
}

/// Whether two ranges, both inside the file, share a byte.
fn overlap(a: (u64, u64), b: (u64, u64)) -> bool {
    a.1 != 0 && b.1 != 0 && a.0 < b.0.saturating_add(b.1) && b.0 < a.0.saturating_add(a.1)
}

fn expect<T: Into<u64> + PartialEq>(kind: Kind, expected: T, found: T) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::mismatch(kind, expected.into(), found.into()))
    }
}
