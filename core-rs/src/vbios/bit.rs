// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The BIT table of the PCI-AT image and the PMU lookup table it points to.

use super::rom::Rom;
use crate::error::{Error, Kind, Result};
use crate::wire::{bytes, get_u16, get_u32, get_u8, tail};

/// Id 0xb8ff and signature of the table.
const PATTERN: &[u8] = b"\xff\xb8BIT\0";
/// Token with the pointer to the PMU lookup table.
const TOKEN_FALCON_DATA: u8 = 0x70;
/// Entry of the lookup table with the production FWSEC.
const FWSEC_PROD: u8 = 0x85;

/// Offset of FWSEC's descriptor in [`Rom::fwsec`].
///
/// # Errors
/// [`Kind::BitMissing`], [`Kind::BitToken`], [`Kind::VbiosPointer`], [`Kind::PmuTable`].
pub(super) fn fwsec_descriptor(rom: &Rom<'_>) -> Result<usize> {
    let table = tail(rom.fwsec, rom.fwsec_offset(falcon_data(rom.pci_at)?)?)?;
    let bad = |_| Error::from(Kind::PmuTable);
    let (header, entry_len) = (get_u8(table, 1).map_err(bad)?, get_u8(table, 2).map_err(bad)?);
    for index in 0..usize::from(get_u8(table, 3).map_err(bad)?) {
        let at = index.saturating_mul(entry_len.into()).saturating_add(header.into());
        // One byte of id, one of target, then the pointer.
        let entry = bytes(table, at, 6).map_err(bad)?;
        if get_u8(entry, 0)? == FWSEC_PROD {
            return rom.fwsec_offset(get_u32(entry, 2)?);
        }
    }
    Err(Error::mismatch(Kind::PmuTable, u64::from(FWSEC_PROD), 0))
}

/// The pointer in token 0x70.
fn falcon_data(pci_at: &[u8]) -> Result<u32> {
    let at = pci_at
        .windows(PATTERN.len())
        .position(|window| window == PATTERN)
        .ok_or(Kind::BitMissing)?;
    let table = tail(pci_at, at)?;
    let bad = |_| Error::from(Kind::BitToken);
    let (header, token_len) = (get_u8(table, 8).map_err(bad)?, get_u8(table, 9).map_err(bad)?);
    for index in 0..usize::from(get_u8(table, 10).map_err(bad)?) {
        let at = index.saturating_mul(token_len.into()).saturating_add(header.into());
        // Id, version, length of the data, offset of the data.
        let token = bytes(table, at, 6).map_err(bad)?;
        if get_u8(token, 0)? == TOKEN_FALCON_DATA {
            return get_u32(pci_at, get_u16(token, 4)?.into()).map_err(bad);
        }
    }
    Err(Error::mismatch(Kind::BitToken, u64::from(TOKEN_FALCON_DATA), 0))
}
