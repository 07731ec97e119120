// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! GET_GSP_STATIC_INFO: what the running firmware says about the GPU.

use super::channel::{Channel, ReplySize};
use crate::error::{Error, Kind, Result};
use crate::mem::Block;
use crate::platform::Platform;
use crate::release::Release;
use crate::text::Text;
use crate::wire;

/// Most frame-buffer regions any release describes (`NV2080_CTRL_CMD_FB_GET_FB_REGION_INFO_MAX_ENTRIES`).
pub const REGIONS_MAX: usize = 16;
/// Bytes of the GPU's name, terminator included.
const NAME_MAX: usize = 64;

/// A range of the frame buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Region {
    /// First byte.
    pub start: u64,
    /// Byte behind the last.
    pub end: u64,
}

/// The firmware's own RM objects, good for controls that need no client of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InternalHandles {
    /// Client.
    pub client: u32,
    /// Device.
    pub device: u32,
    /// Subdevice.
    pub subdevice: u32,
}

/// What is used of the static information.
#[derive(Clone, Copy)]
pub struct StaticInfo {
    /// The GPU's marketing name.
    pub gpu_name: Text<NAME_MAX>,
    /// The firmware's own objects.
    pub handles: InternalHandles,
    /// Bytes of the frame buffer.
    pub fb_length: u64,
    /// Highest graphics function id: how many VFs the firmware prepared for.
    pub max_gfid: u32,
    regions: [Region; REGIONS_MAX],
    region_count: usize,
}

impl StaticInfo {
    /// Frame-buffer regions free for our use, ascending, not overlapping.
    pub fn regions(&self) -> &[Region] {
        self.regions.get(..self.region_count).unwrap_or(&[])
    }

    /// Bytes in those regions.
    pub fn usable(&self) -> u64 {
        self.regions().iter().fold(0, |sum: u64, region| {
            sum.saturating_add(region.end.saturating_sub(region.start))
        })
    }
}

#[cfg(test)]
impl StaticInfo {
    /// Makes `start..end` the only usable region.
    pub(crate) fn limit_for_test(&mut self, start: u64, end: u64) {
        self.regions[0] = Region { start, end };
        self.region_count = 1;
    }
}

/// Asks for the static information. `fb_size` is the frame buffer's size as the hardware says it.
///
/// # Errors
/// - Those of [`Channel::call`] and of the platform's `mem_alloc`.
/// - [`Kind::MessageTooShort`]: a shorter reply than the release's struct.
/// - [`Kind::FbRegionCount`], [`Kind::FbRegion`]: regions that are too many, reversed, overlapping or outside the frame buffer.
pub fn get<P: Platform>(channel: &Channel<P>, fb_size: u64) -> Result<StaticInfo> {
    let release = channel.release();
    let body = Block::new(channel.platform(), release.static_info.size)?;
    let function = release.functions.get_gsp_static_info;
    channel.call(function, &[body.bytes()], ReplySize::ONE_ELEMENT, |reply| {
        parse(release, fb_size, reply)
    })
}

fn parse(release: &Release, fb_size: u64, reply: &[u8]) -> Result<StaticInfo> {
    let layout = &release.static_info;
    if reply.len() < layout.size {
        let found = reply.len() as u64;
        return Err(Error::mismatch(Kind::MessageTooShort, layout.size as u64, found));
    }
    let mut info = StaticInfo {
        gpu_name: Text::new(),
        handles: InternalHandles {
            client: wire::get_u32(reply, layout.h_internal_client)?,
            device: wire::get_u32(reply, layout.h_internal_device)?,
            subdevice: wire::get_u32(reply, layout.h_internal_subdevice)?,
        },
        fb_length: wire::get_u64(reply, layout.fb_length)?,
        max_gfid: wire::get_u32(reply, layout.sriov_max_gfid)?,
        regions: [Region::default(); REGIONS_MAX],
        region_count: 0,
    };
    let name = wire::bytes(reply, layout.gpu_name.at, layout.gpu_name.len())?;
    info.gpu_name.printable(wire::until_nul(name));
    parse_regions(
        release,
        fb_size,
        reply.get(layout.fb_regions..).unwrap_or(&[]),
        &mut info,
    )?;
    Ok(info)
}

/// Usable is what is neither the firmware's own nor protected and can do everything (nova-core `usable_fb_regions`).
fn parse_regions(release: &Release, fb_size: u64, list: &[u8], info: &mut StaticInfo) -> Result<()> {
    let regions = &release.fb_regions.regions;
    let layout = &release.fb_region;
    let count = wire::get_u32(list, release.fb_regions.count)?;
    if count as usize > regions.count {
        return Err(Error::mismatch(Kind::FbRegionCount, regions.count as u64, count.into()));
    }
    let mut previous_end = 0;
    for index in 0..count as usize {
        let at = regions.offset(index).unwrap_or(list.len());
        let field = |offset: usize| at.saturating_add(offset);
        let start = wire::get_u64(list, field(layout.base))?;
        let limit = wire::get_u64(list, field(layout.limit))?;
        if start < previous_end || limit < start || limit >= fb_size {
            return Err(Error::mismatch(Kind::FbRegion, fb_size, limit));
        }
        previous_end = limit.saturating_add(1);
        let usable = wire::get_u64(list, field(layout.reserved))? == 0
            && wire::get_u8(list, field(layout.protected))? == 0
            && wire::get_u8(list, field(layout.support_compressed))? != 0
            && wire::get_u8(list, field(layout.support_iso))? != 0;
        if !usable {
            continue;
        }
        if let Some(slot) = info.regions.get_mut(info.region_count) {
            *slot = Region {
                start,
                end: previous_end,
            };
            info.region_count = info.region_count.saturating_add(1);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release;

    const FB: u64 = 48 << 30;

    struct Described {
        base: u64,
        limit: u64,
        reserved: u64,
        flags: [u8; 3],
    }

    const OPEN: [u8; 3] = [1, 1, 0];

    fn reply(release: &Release, regions: &[Described]) -> Vec<u8> {
        let mut bytes = vec![0; release.static_info.size];
        let list = release.static_info.fb_regions;
        wire::put_u32(&mut bytes, list, regions.len() as u32).unwrap();
        for (index, region) in regions.iter().enumerate().take(REGIONS_MAX) {
            let at = list + 8 + index * 48;
            wire::put_u64(&mut bytes, at, region.base).unwrap();
            wire::put_u64(&mut bytes, at + 8, region.limit).unwrap();
            wire::put_u64(&mut bytes, at + 16, region.reserved).unwrap();
            bytes[at + 28..at + 31].copy_from_slice(&region.flags);
        }
        bytes
    }

    fn region(base: u64, limit: u64) -> Described {
        Described {
            base,
            limit,
            reserved: 0,
            flags: OPEN,
        }
    }

    #[test]
    fn only_open_regions_are_usable() {
        for release in release::ALL {
            let regions = [
                region(0, 0xfff_ffff),
                Described {
                    reserved: 0x1000,
                    ..region(0x1000_0000, 0x1fff_ffff)
                },
                Described {
                    flags: [1, 1, 1],
                    ..region(0x2000_0000, 0x2fff_ffff)
                },
                Described {
                    flags: [0, 1, 0],
                    ..region(0x3000_0000, 0x3fff_ffff)
                },
                region(0x4000_0000, FB - 1),
            ];
            let mut bytes = reply(release, &regions);
            let name = release.static_info.gpu_name.at;
            bytes[name..name + 9].copy_from_slice(b"RTX\n6000\0");
            wire::put_u32(&mut bytes, release.static_info.h_internal_subdevice, 0xabcd).unwrap();
            let info = parse(release, FB, &bytes).unwrap();
            let open: Vec<_> = info.regions().iter().map(|r| (r.start, r.end)).collect();
            assert_eq!(open, [(0, 0x1000_0000), (0x4000_0000, FB)]);
            assert_eq!(info.usable(), 0x1000_0000 + FB - 0x4000_0000);
            assert_eq!(info.gpu_name.as_str(), "RTX.6000");
            assert_eq!(info.handles.subdevice, 0xabcd);
        }
    }

    #[test]
    fn impossible_regions_are_refused() {
        let release = release::ALL[0];
        let kind = |regions: &[Described]| parse(release, FB, &reply(release, regions)).err().map(|e| e.kind());
        assert_eq!(kind(&[region(0, FB - 1)]), None);
        assert_eq!(kind(&[region(0, FB)]), Some(Kind::FbRegion));
        assert_eq!(kind(&[region(0x2000, 0x1000)]), Some(Kind::FbRegion));
        assert_eq!(kind(&[region(0, 0x1fff), region(0x1000, 0x2fff)]), Some(Kind::FbRegion));
        assert_eq!(kind(&[region(u64::MAX, u64::MAX)]), Some(Kind::FbRegion));
        let many: Vec<_> = (0..17).map(|i| region(i * 0x1000, i * 0x1000 + 0xfff)).collect();
        assert_eq!(kind(&many), Some(Kind::FbRegionCount));
    }

    #[test]
    fn a_short_reply_is_refused() {
        let release = release::ALL[1];
        let bytes = reply(release, &[]);
        assert!(parse(release, FB, &bytes).is_ok());
        let short = parse(release, FB, &bytes[..bytes.len() - 1]).err().unwrap();
        assert_eq!(short.kind(), Kind::MessageTooShort);
    }
}
