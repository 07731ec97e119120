// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! How FWSEC is told what to do: a command in its data, found through its application interface table.

use crate::error::{Error, Kind, Result};
use crate::wire::{bytes, get_u32, get_u8, put_u32, put_u64};

/// Entry of the interface table that leads to the DMEMMAPPER.
const APP_DMEMMAPPER: u32 = 4;
const CMD_FRTS: u32 = 0x15;
const CMD_SB: u32 = 0x19;
/// Fields of the DMEMMAPPER (version 3) and its length.
const CMD_IN_BUFFER: usize = 8;
const INIT_CMD: usize = 44;
const MAPPER_LEN: usize = 64;
/// The FRTS region lies in the framebuffer.
const REGION_FB: u32 = 2;
/// Structures in the command buffer: "read the VBIOS" and the FRTS region.
const READ_VBIOS_LEN: u32 = 24;
const FRTS_REGION_LEN: u32 = 20;
/// Unit of the region's address and length.
const PAGE_SHIFT: u32 = 12;

/// What FWSEC shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Make WPR2 and put a verified copy of the VBIOS at `addr` in the framebuffer.
    Frts {
        /// Framebuffer address, a multiple of 4 KiB.
        addr: u64,
        /// Length in bytes, a multiple of 4 KiB.
        size: u64,
    },
    /// Load the applications that run before an operating system; before the GPU can be booted again.
    Sb,
}

/// Writes `command` into FWSEC's `data`, whose interface table is at `interface`.
///
/// # Errors
/// [`Kind::AppInterface`] (malformed table), [`Kind::DmemmapperMissing`], [`Kind::DmemmapperRange`] (it or its buffer lies
/// outside the data); [`Kind::InvalidArgument`] for a region that is no pages or above 16 TiB.
pub fn patch(data: &mut [u8], interface: u32, command: Command) -> Result<()> {
    let mapper = find(data, interface)?;
    let range = |_| Error::found(Kind::DmemmapperRange, mapper as u64);
    bytes(data, mapper, MAPPER_LEN).map_err(range)?;
    let buffer = get_u32(data, mapper.saturating_add(CMD_IN_BUFFER))? as usize;
    bytes(data, buffer, (READ_VBIOS_LEN + FRTS_REGION_LEN) as usize).map_err(range)?;

    let code = match command {
        Command::Frts { .. } => CMD_FRTS,
        Command::Sb => CMD_SB,
    };
    put_u32(data, mapper.saturating_add(INIT_CMD), code)?;

    // Version, length, address, size, flags.
    put_u32(data, buffer, 1)?;
    put_u32(data, buffer.saturating_add(4), READ_VBIOS_LEN)?;
    put_u64(data, buffer.saturating_add(8), 0)?;
    put_u32(data, buffer.saturating_add(16), 0)?;
    put_u32(data, buffer.saturating_add(20), 2)?;
    if let Command::Frts { addr, size } = command {
        let region = buffer.saturating_add(READ_VBIOS_LEN as usize);
        put_u32(data, region, 1)?;
        put_u32(data, region.saturating_add(4), FRTS_REGION_LEN)?;
        put_u32(data, region.saturating_add(8), pages(addr)?)?;
        put_u32(data, region.saturating_add(12), pages(size)?)?;
        put_u32(data, region.saturating_add(16), REGION_FB)?;
    }
    Ok(())
}

fn pages(bytes: u64) -> Result<u32> {
    let bad = || Error::found(Kind::InvalidArgument, bytes);
    if bytes.trailing_zeros() < PAGE_SHIFT {
        return Err(bad());
    }
    u32::try_from(bytes >> PAGE_SHIFT).map_err(|_| bad())
}

/// Offset of the DMEMMAPPER in `data`.
fn find(data: &[u8], interface: u32) -> Result<usize> {
    let at = interface as usize;
    let header = bytes(data, at, 4).map_err(|_| Error::found(Kind::AppInterface, u64::from(interface)))?;
    let version = get_u8(header, 0)?;
    if version != 1 {
        return Err(Error::mismatch(Kind::AppInterface, 1, u64::from(version)));
    }
    let (header_len, entry_len) = (usize::from(get_u8(header, 1)?), usize::from(get_u8(header, 2)?));
    for index in 0..usize::from(get_u8(header, 3)?) {
        let at = index
            .saturating_mul(entry_len)
            .saturating_add(header_len)
            .saturating_add(at);
        let entry = bytes(data, at, 8).map_err(|_| Error::found(Kind::AppInterface, at as u64))?;
        if get_u32(entry, 0)? == APP_DMEMMAPPER {
            return Ok(get_u32(entry, 4)? as usize);
        }
    }
    Err(Kind::DmemmapperMissing.into())
}
