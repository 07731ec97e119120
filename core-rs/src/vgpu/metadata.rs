// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The vGPU metadata file: which vGPU types a firmware release offers on which GPU.
//!
//! ```text
//! header   "NVVGPUMT", CRC-32, vGPU release, firmware release, number of blobs
//! blob     type, size including this header; type 0 describes the vGPU types of one device id:
//!   the control that tells the firmware, and its parameters, which are sent as they are;
//!   the few fields of each type that the host needs
//! ```
//!
//! Numbers are little endian and 64 bits wide unless said otherwise. Source: RFC v2 of the vGPU series on the kvm list,
//! `metadata.h` and `metadata.c`. The file comes from the firmware directory and is not trusted.

use super::types::VgpuType;
use crate::error::{Error, Kind, Result};
use crate::release::Release;
use crate::wire;

const MAGIC: &[u8; 8] = b"NVVGPUMT";
/// The checksum covers everything from here to the end.
const CHECKED_FROM: usize = 16;

/// Offsets in the file's header.
mod header {
    pub const CRC: usize = 8;
    pub const VGPU_MAJOR: usize = 16;
    pub const VGPU_MINOR: usize = 24;
    pub const FIRMWARE: usize = 160;
    pub const FIRMWARE_LEN: usize = 64;
    pub const BLOBS: usize = 224;
    pub const SIZE: usize = 232;
}

/// Offsets in a blob; the first two fields are in every blob.
mod blob {
    pub const TYPE: usize = 0;
    pub const SIZE: usize = 8;
    pub const HEADER: usize = 16;
    pub const DEVICE: usize = 16;
    pub const RECORDS_SIZE: usize = 40;
    pub const RECORDS: usize = 48;
    pub const CONTROL: usize = 56;
    pub const CONTROL_SIZE: usize = 64;
    pub const BODY: usize = 72;
}
/// A blob that describes vGPU types; there are no others.
const TYPE_BLOB: u64 = 0;
/// Bytes of a record that are known. Longer records are from a later tool; what it added is not needed.
pub const RECORD: usize = 96;

/// The vGPU types of one device id.
#[derive(Clone, Copy, Debug)]
pub struct TypeSet<'a> {
    /// Records, `stride` bytes each.
    pub records: &'a [u8],
    /// Bytes from one record to the next.
    pub stride: usize,
    /// Parameters of the control that tells the firmware.
    pub upload: &'a [u8],
}

impl<'a> TypeSet<'a> {
    /// Record number `index`.
    pub fn record(&self, index: usize) -> Option<&'a [u8]> {
        let start = index.checked_mul(self.stride)?;
        self.records.get(start..start.checked_add(self.stride)?)
    }
}

/// Finds the vGPU types for `device` in `file`, for firmware `release`.
///
/// # Errors
/// - [`Kind::MetadataTruncated`], [`Kind::MetadataMagic`], [`Kind::MetadataChecksum`]: not a whole metadata file.
/// - [`Kind::MetadataRelease`]: it is for another firmware release.
/// - [`Kind::MetadataVgpuRelease`]: it is for another vGPU release.
/// - [`Kind::MetadataBlobs`]: no blobs, or more than can be in the file.
/// - [`Kind::MetadataBlobType`], [`Kind::MetadataBlobSize`]: a blob of unknown kind, or one that does not add up.
/// - [`Kind::MetadataControl`]: the control is not the one of this release, or its parameters have another size.
/// - [`Kind::MetadataRecords`]: no records, or records that do not divide their space.
/// - [`Kind::MetadataDevice`]: nothing for this device.
/// - Those of [`VgpuType::parse`]; [`Kind::VgpuTypeTwice`].
pub fn find<'a>(file: &'a [u8], release: &Release, device: u16) -> Result<TypeSet<'a>> {
    check_header(file, release)?;
    let blobs = wire::get_u64(file, header::BLOBS)?;
    let space = file.len().saturating_sub(header::SIZE) / blob::HEADER;
    if blobs == 0 || blobs > space as u64 {
        return Err(Error::mismatch(Kind::MetadataBlobs, space as u64, blobs));
    }
    let mut rest = wire::tail(file, header::SIZE)?;
    let mut found = None;
    // Every blob is checked, whichever device it is for: half a file is no file.
    for _ in 0..blobs {
        let size = blob_size(rest)?;
        let (this, behind) = (wire::bytes(rest, 0, size)?, wire::tail(rest, size)?);
        let set = type_blob(this, release)?;
        if wire::get_u64(this, blob::DEVICE)? == u64::from(device) && found.is_none() {
            found = Some(set);
        }
        rest = behind;
    }
    found.ok_or_else(|| Error::found(Kind::MetadataDevice, device.into()))
}

fn check_header(file: &[u8], release: &Release) -> Result<()> {
    if file.len() <= header::SIZE {
        let found = file.len() as u64;
        return Err(Error::mismatch(Kind::MetadataTruncated, header::SIZE as u64, found));
    }
    if wire::bytes(file, 0, MAGIC.len())? != MAGIC {
        return Err(Error::found(Kind::MetadataMagic, wire::get_u64(file, 0)?));
    }
    let stated = wire::get_u32(file, header::CRC)?;
    let crc = crc32(wire::tail(file, CHECKED_FROM)?);
    if crc != stated {
        return Err(Error::mismatch(Kind::MetadataChecksum, stated.into(), crc.into()));
    }
    let firmware = wire::bytes(file, header::FIRMWARE, header::FIRMWARE_LEN)?;
    if wire::until_nul(firmware) != release.name.as_bytes() {
        return Err(Kind::MetadataRelease.into());
    }
    let major = wire::get_u64(file, header::VGPU_MAJOR)?;
    let minor = wire::get_u64(file, header::VGPU_MINOR)?;
    if major != release.vgpu.major {
        return Err(Error::mismatch(Kind::MetadataVgpuRelease, release.vgpu.major, major));
    }
    match release.vgpu.minor {
        Some(expected) if minor != expected => Err(Error::mismatch(Kind::MetadataVgpuRelease, expected, minor)),
        _ => Ok(()),
    }
}

/// The size of the blob at the beginning of `rest`, which lies inside.
fn blob_size(rest: &[u8]) -> Result<usize> {
    let wrong = |size| Error::mismatch(Kind::MetadataBlobSize, rest.len() as u64, size);
    if rest.len() < blob::HEADER {
        return Err(wrong(0));
    }
    let kind = wire::get_u64(rest, blob::TYPE)?;
    if kind != TYPE_BLOB {
        return Err(Error::found(Kind::MetadataBlobType, kind));
    }
    let size = wire::get_u64(rest, blob::SIZE)?;
    if size <= blob::BODY as u64 || size > rest.len() as u64 {
        return Err(wrong(size));
    }
    Ok(size as usize)
}

fn type_blob<'a>(blob: &'a [u8], release: &Release) -> Result<TypeSet<'a>> {
    let records_size = wire::get_u64(blob, blob::RECORDS_SIZE)?;
    let count = wire::get_u64(blob, blob::RECORDS)?;
    let control = wire::get_u64(blob, blob::CONTROL)?;
    let control_size = wire::get_u64(blob, blob::CONTROL_SIZE)?;

    let sum = (blob::BODY as u64)
        .checked_add(records_size)
        .and_then(|sum| sum.checked_add(control_size));
    if sum != Some(blob.len() as u64) {
        let found = sum.unwrap_or(u64::MAX);
        return Err(Error::mismatch(Kind::MetadataBlobSize, blob.len() as u64, found));
    }
    let (expected, size) = (release.controls.vgpu_add_type, release.add_vgpu_type.size as u64);
    if control != u64::from(expected) {
        return Err(Error::mismatch(Kind::MetadataControl, expected.into(), control));
    }
    if control_size != size {
        return Err(Error::mismatch(Kind::MetadataControl, size, control_size));
    }
    let most = release.add_vgpu_type.infos.count as u64;
    let stride = records_size.checked_div(count).unwrap_or(0);
    if count > most || stride < RECORD as u64 || stride.checked_mul(count) != Some(records_size) {
        return Err(Error::mismatch(Kind::MetadataRecords, most, count));
    }
    let set = TypeSet {
        records: wire::bytes(blob, blob::BODY, records_size as usize)?,
        stride: stride as usize,
        upload: wire::tail(blob, blob::BODY.saturating_add(records_size as usize))?,
    };
    check_records(&set, release)?;
    Ok(set)
}

fn check_records(set: &TypeSet<'_>, release: &Release) -> Result<()> {
    let ids = || {
        (0..)
            .map_while(|index| set.record(index))
            .map(|record| VgpuType::parse(record, release))
    };
    for (index, this) in ids().enumerate() {
        let id = this?.id;
        if ids()
            .take(index)
            .any(|earlier| earlier.map_or(false, |earlier| earlier.id == id))
        {
            return Err(Error::found(Kind::VgpuTypeTwice, id.into()));
        }
    }
    Ok(())
}

/// CRC-32 as the kernel's `crc32_le` with seed ~0: reflected polynomial 0xedb88320, no final inversion.
fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        let index = (crc ^ u32::from(*byte)) & 0xff;
        let step = CRC_TABLE.get(index as usize).copied().unwrap_or(0);
        step ^ crc >> 8
    })
}

static CRC_TABLE: [u32; 256] = crc_table();

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 { 0xedb8_8320 ^ crc >> 1 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::tests::{metadata_file, seal};
    use super::*;
    use crate::release;

    const DEVICE: u16 = 0x26b1;
    /// Where the only blob and its records begin.
    const BLOB: usize = 232;
    const RECORDS: usize = BLOB + 72;

    fn kind(file: &[u8]) -> Option<Kind> {
        find(file, release::ALL[0], DEVICE).err().map(|error| error.kind())
    }

    /// The file with `bytes` at `at` and the checksum put right.
    fn with(at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut file = metadata_file(release::ALL[0]);
        file[at..at + bytes.len()].copy_from_slice(bytes);
        seal(&mut file);
        file
    }

    fn with_u64(at: usize, value: u64) -> Option<Kind> {
        kind(&with(at, &value.to_le_bytes()))
    }

    #[test]
    fn the_parts_of_a_file() {
        for release in release::ALL {
            let file = metadata_file(release);
            let set = find(&file, release, DEVICE).unwrap();
            assert_eq!((set.stride, set.records.len()), (96, 288));
            assert_eq!(set.upload.len(), release.add_vgpu_type.size);
            assert_eq!(VgpuType::parse(set.record(1).unwrap(), release).unwrap().id, 942);
            assert!(set.record(3).is_none() && set.record(usize::MAX).is_none());
        }
    }

    #[test]
    fn crc_as_the_kernel_counts_it() {
        // crc32_le(~0, "123456789") without the final inversion.
        assert_eq!(crc32(b"123456789"), !0xcbf4_3926);
        assert_eq!(crc32(b""), u32::MAX);
    }

    #[test]
    fn any_damage_shows() {
        let file = metadata_file(release::ALL[0]);
        for at in (0..400).chain((400..file.len()).step_by(997)) {
            if (12..16).contains(&at) {
                // Padding behind the checksum; nobody reads it.
                continue;
            }
            let mut file = file.clone();
            file[at] ^= 4;
            assert!(kind(&file).is_some(), "{at}");
        }
        for len in (0..400).chain((400..file.len()).step_by(997)) {
            assert!(kind(&file[..len]).is_some(), "{len}");
        }
    }

    #[test]
    fn other_releases_are_refused() {
        let old = metadata_file(release::ALL[1]);
        assert_eq!(kind(&old), Some(Kind::MetadataRelease));
        assert_eq!(kind(&with(160, b"570.144.1")), Some(Kind::MetadataRelease));
        assert_eq!(kind(&with(160, b"570.14\0")), Some(Kind::MetadataRelease));
        assert_eq!(with_u64(16, 17), Some(Kind::MetadataVgpuRelease));
        assert_eq!(with_u64(24, 2), Some(Kind::MetadataVgpuRelease));
        let file = metadata_file(release::ALL[0]);
        let other = find(&file, release::ALL[0], 0x2684);
        assert_eq!(other.unwrap_err().kind(), Kind::MetadataDevice);
    }

    #[test]
    fn each_kind_of_nonsense_has_its_error() {
        let file = metadata_file(release::ALL[0]);
        assert_eq!(kind(&file[..232]), Some(Kind::MetadataTruncated));
        assert_eq!(kind(&with(0, b"NVVGPUMX")), Some(Kind::MetadataMagic));
        for blobs in [0, 1 << 40, u64::MAX] {
            assert_eq!(with_u64(224, blobs), Some(Kind::MetadataBlobs));
        }
        // A second blob there is no room for.
        assert_eq!(with_u64(224, 2), Some(Kind::MetadataBlobSize));
        assert_eq!(with_u64(BLOB, 1), Some(Kind::MetadataBlobType));
        for size in [0, 16, 72, file.len() as u64 - 231, u64::MAX] {
            assert_eq!(with_u64(BLOB + 8, size), Some(Kind::MetadataBlobSize), "{size}");
        }
        for size in [0, 287, 289, u64::MAX, u64::MAX - 400_000] {
            assert_eq!(with_u64(BLOB + 40, size), Some(Kind::MetadataBlobSize), "{size}");
        }
        for count in [0, 4, 5, 65, u64::MAX] {
            assert_eq!(with_u64(BLOB + 48, count), Some(Kind::MetadataRecords), "{count}");
        }
        assert_eq!(with_u64(BLOB + 56, 0x2080_4001), Some(Kind::MetadataControl));
        assert_eq!(with_u64(BLOB + 56, 0x1_2080_4003), Some(Kind::MetadataControl));
        assert_eq!(with_u64(BLOB + 64, 334_336), Some(Kind::MetadataBlobSize));
    }

    #[test]
    fn types_that_cannot_be() {
        let id = RECORDS + 96;
        assert_eq!(kind(&with(id, &941u32.to_le_bytes())), Some(Kind::VgpuTypeTwice));
        assert_eq!(kind(&with(id, &[0; 4])), Some(Kind::VgpuTypeInvalid));
        for name in [&b"\0"[..], b"line\nbreak\0", b"\xc3\xa4\0", &[b'x'; 32]] {
            assert_eq!(kind(&with(id + 4, name)), Some(Kind::VgpuTypeInvalid), "{name:?}");
        }
        // Frame buffer, heap, BAR1; then the number of instances.
        for (at, value) in [
            (56, 0),
            (56, u64::MAX),
            (56, (1 << 44) + 1),
            (64, 0),
            (64, 0x27_3fff),
            (64, u64::MAX),
            (72, 0),
            (72, u64::MAX),
            (80, 0),
        ] {
            assert_eq!(with_u64(id + at, value), Some(Kind::VgpuTypeInvalid), "{at} {value:#x}");
        }
        assert_eq!(with_u64(id + 64, 0x27_4000), None);
    }
}
