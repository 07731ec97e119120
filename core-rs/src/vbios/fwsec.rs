// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! FWSEC as the VBIOS describes it (`FalconUCodeDescV2`, `FalconUCodeDescV3`).

use super::dmemmapper::{self, Command};
use super::{bit, rom::Rom};
use crate::error::{Error, Kind, Result};
use crate::falcon::{Brom, Section};
use crate::wire::{bytes, get_u16, get_u32, get_u8, put, tail};

const V2_LEN: usize = 60;
const V3_LEN: usize = 44;
/// An RSA-3072 signature.
pub const SIGNATURE_SIZE: usize = 384;

/// FWSEC inside the VBIOS, checked.
#[derive(Clone, Copy, Debug)]
pub struct Fwsec<'a> {
    /// Code and data as they lie in the VBIOS. Not to be run: see [`Fwsec::build`].
    pub ucode: &'a [u8],
    /// Code the signature covers.
    pub imem_sec: Section,
    /// Code in front of it that is not covered (Turing).
    pub imem_ns: Option<Section>,
    /// Data.
    pub dmem: Section,
    /// What the boot ROM is told; all zero where the microcode carries no signature (Turing).
    pub brom: Brom,
    /// Offset of the application interface table in the data.
    interface: u32,
    /// Versions there are signatures for: bit n is version n.
    versions: u16,
    signatures: &'a [u8],
}

impl<'a> Fwsec<'a> {
    /// Finds FWSEC in `rom`.
    ///
    /// # Errors
    /// As [`Rom::parse`]; [`Kind::BitMissing`], [`Kind::BitToken`], [`Kind::VbiosPointer`], [`Kind::PmuTable`];
    /// [`Kind::FwsecDescriptor`], [`Kind::FwsecVersion`], [`Kind::FwsecRange`] (code or data lies outside the VBIOS),
    /// [`Kind::FwsecSignatures`].
    pub fn find(rom: &'a [u8]) -> Result<Self> {
        let rom = Rom::parse(rom)?;
        let desc = tail(rom.fwsec, bit::fwsec_descriptor(&rom)?)?;
        let header = get_u32(desc, 0).map_err(|_| Kind::FwsecDescriptor)?;
        // Bit 0: bits 15:8 are the version; bits 31:16 are the length, signatures included.
        if header & 1 == 0 {
            return Err(Error::found(Kind::FwsecDescriptor, u64::from(header)));
        }
        let ucode = tail(desc, (header >> 16) as usize).map_err(|_| Kind::FwsecDescriptor)?;
        let desc = bytes(desc, 0, (header >> 16) as usize)?;
        match (header >> 8) & 0xff {
            2 if desc.len() >= V2_LEN => Self::v2(desc, ucode),
            3 if desc.len() >= V3_LEN => Self::v3(desc, ucode),
            2 | 3 => Err(Error::found(Kind::FwsecDescriptor, u64::from(header))),
            version => Err(Error::found(Kind::FwsecVersion, u64::from(version))),
        }
    }

    fn v2(desc: &'a [u8], rest: &'a [u8]) -> Result<Self> {
        let word = |off| get_u32(desc, off);
        let (imem_base, imem_len) = (word(20)?, word(24)?);
        let (sec_base, sec_len) = (word(32)?.saturating_sub(word(28)?), word(36)?);
        let ns_len = imem_len
            .checked_sub(sec_len)
            .ok_or_else(|| Error::found(Kind::FwsecRange, u64::from(sec_len)))?;
        Fwsec {
            ucode: ucode(rest, imem_len, word(48)?)?,
            imem_sec: Section {
                src: sec_base,
                dst: imem_base.wrapping_add(sec_base),
                len: sec_len,
            },
            imem_ns: Some(Section {
                src: 0,
                dst: imem_base,
                len: ns_len,
            }),
            dmem: Section {
                src: word(40)?,
                dst: word(44)?,
                len: word(48)?,
            },
            brom: Brom::default(),
            interface: word(16)?,
            versions: 0,
            signatures: &[],
        }
        .checked()
    }

    fn v3(desc: &'a [u8], rest: &'a [u8]) -> Result<Self> {
        let word = |off| get_u32(desc, off);
        let (imem_len, dmem_len) = (word(20)?, word(32)?);
        let count = get_u8(desc, 39)?;
        let signatures = bytes(desc, V3_LEN, usize::from(count).saturating_mul(SIGNATURE_SIZE))
            .map_err(|_| Error::found(Kind::FwsecSignatures, u64::from(count)))?;
        Fwsec {
            ucode: ucode(rest, imem_len, dmem_len)?,
            imem_sec: Section {
                src: 0,
                dst: word(16)?,
                len: imem_len,
            },
            imem_ns: None,
            dmem: Section {
                src: imem_len,
                dst: word(28)?,
                len: dmem_len,
            },
            brom: Brom {
                pkc_data_offset: word(8)?,
                engine_id_mask: get_u16(desc, 36)?,
                ucode_id: get_u8(desc, 38)?,
            },
            interface: word(12)?,
            versions: get_u16(desc, 40)?,
            signatures,
        }
        .checked()
    }

    /// All sections lie inside the microcode, and the signature's place inside the data.
    fn checked(self) -> Result<Self> {
        for section in [Some(self.imem_sec), self.imem_ns, Some(self.dmem)].iter().flatten() {
            bytes(self.ucode, section.src as usize, section.len as usize)
                .map_err(|_| Error::found(Kind::FwsecRange, u64::from(section.src)))?;
        }
        // The data comes behind the code, where the command is written.
        if self.dmem.src < self.imem_sec.src.saturating_add(self.imem_sec.len) {
            return Err(Error::found(Kind::FwsecRange, u64::from(self.dmem.src)));
        }
        let signature_end = (self.brom.pkc_data_offset as usize).saturating_add(SIGNATURE_SIZE);
        if self.is_signed() && signature_end > self.dmem.len as usize {
            return Err(Error::mismatch(
                Kind::FwsecSignatures,
                u64::from(self.dmem.len),
                signature_end as u64,
            ));
        }
        Ok(self)
    }

    /// Whether a signature has to be chosen by the fuses of engine and id in [`Fwsec::brom`].
    pub fn is_signed(&self) -> bool {
        !self.signatures.is_empty()
    }

    /// The signature for hardware whose fuses say `version` ([`crate::chip::fuse_version`]). There is one for each bit that
    /// is set in a mask of versions, lowest first.
    ///
    /// # Errors
    /// [`Kind::NoSignature`] (expected: the fuses' version, found: the mask).
    pub fn signature(&self, version: u32) -> Result<&'a [u8]> {
        let none = || Error::mismatch(Kind::NoSignature, u64::from(version), u64::from(self.versions));
        let bit = 1u16.checked_shl(version).ok_or_else(none)?;
        if self.versions & bit == 0 {
            return Err(none());
        }
        let index = (self.versions & bit.wrapping_sub(1)).count_ones() as usize;
        bytes(self.signatures, index.saturating_mul(SIGNATURE_SIZE), SIGNATURE_SIZE).map_err(|_| none())
    }

    /// Writes what can be run into `image` (as long as [`Fwsec::ucode`]): the microcode with `command` in its data and the
    /// signature for fuse version `version` in its place.
    ///
    /// # Errors
    /// [`Kind::OutOfBounds`] for a shorter `image`; as [`Fwsec::signature`]; those of the DMEMMAPPER, see
    /// [`dmemmapper::patch`].
    pub fn build(&self, image: &mut [u8], command: Command, version: u32) -> Result<()> {
        put(image, 0, self.ucode)?;
        let data = crate::wire::bytes_mut(image, self.dmem.src as usize, self.dmem.len as usize)?;
        dmemmapper::patch(data, self.interface, command)?;
        if self.is_signed() {
            put(data, self.brom.pkc_data_offset as usize, self.signature(version)?)?;
        }
        Ok(())
    }
}

/// Code and data of the microcode, which follow its descriptor.
fn ucode(rest: &[u8], imem: u32, dmem: u32) -> Result<&[u8]> {
    let len = (imem as usize).saturating_add(dmem as usize);
    bytes(rest, 0, len).map_err(|_| Error::mismatch(Kind::FwsecRange, rest.len() as u64, len as u64))
}
