// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The GSP-RM image: what its ELF container holds.

use crate::error::{Error, Kind, Result};
use crate::firmware::elf::Elf;
use crate::release::{self, Release};

/// Bytes of a signature section.
pub const SIGNATURE_SIZE: usize = 4096;
/// Longest `.fwversion` the core reads; the longest known is 10 characters.
const MAX_VERSION: usize = 31;

/// A checked GSP-RM image.
#[derive(Clone, Copy, Debug)]
pub struct GspImage<'a> {
    /// What the GSP runs (`.fwimage`).
    pub image: &'a [u8],
    /// The signature for the chip asked for.
    pub signature: &'a [u8],
    /// The release, from `.fwversion`.
    pub release: &'static Release,
}

impl<'a> GspImage<'a> {
    /// Checks `file` and picks the signature in section `signature_section`.
    ///
    /// # Errors
    /// As [`Elf::parse`], [`Elf::section`], [`version`] and [`release::find`]; [`Kind::FwImageEmpty`];
    /// [`Kind::SignatureSize`].
    pub fn parse(file: &'a [u8], signature_section: &str) -> Result<Self> {
        let elf = Elf::parse(file)?;
        let release = release::find(version(&elf)?)?;
        let image = elf.section(".fwimage")?.data;
        if image.is_empty() {
            return Err(Kind::FwImageEmpty.into());
        }
        let signature = elf.section(signature_section)?.data;
        if signature.len() != SIGNATURE_SIZE {
            return Err(Error::mismatch(
                Kind::SignatureSize,
                SIGNATURE_SIZE as u64,
                signature.len() as u64,
            ));
        }
        Ok(GspImage {
            image,
            signature,
            release,
        })
    }
}

/// The text of `.fwversion`, without its NUL.
///
/// # Errors
/// As [`Elf::section`]; [`Kind::FwVersion`] unless it is 1 to 31 printable characters and one NUL.
pub fn version<'a>(elf: &Elf<'a>) -> Result<&'a [u8]> {
    match elf.section(".fwversion")?.data.split_last() {
        Some((0, text)) if (1..=MAX_VERSION).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic) => Ok(text),
        _ => Err(Kind::FwVersion.into()),
    }
}
