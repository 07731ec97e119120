// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The table of vGPU types.

use super::buffers::Buffers;
use super::metadata::{self, TypeSet};
use crate::error::{Error, Kind, Result};
use crate::mem::{Block, Firmware};
use crate::platform::Platform;
use crate::release::Release;
use crate::rm::{self, Target};
use crate::rpc::Channel;
use crate::text::Text;
use crate::wire;

/// Offsets in a type's record of the metadata file (RFC v2, `vgpu_mgr.h`, `struct nvidia_vgpu_type`).
mod record {
    pub const ID: usize = 0;
    pub const NAME: usize = 4;
    pub const NAME_LEN: usize = 32;
    pub const VDEV: usize = 40;
    pub const FB_LENGTH: usize = 56;
    pub const HEAP: usize = 64;
    pub const BAR1_MIB: usize = 72;
    pub const MAX_INSTANCE: usize = 80;
    pub const ECC: usize = 84;
}
const MIB: u64 = 1 << 20;
/// More frame buffer than any GPU has; keeps sums of sizes from overflowing.
const SIZE_MAX: u64 = 1 << 44;
/// What a guest sees as vendor of a vGPU.
pub const VENDOR: u16 = 0x10de;

/// A vGPU type.
#[derive(Clone, Copy)]
pub struct VgpuType {
    /// Number.
    pub id: u32,
    /// Name, as "RTX6000-Ada-1Q".
    pub name: Text<{ record::NAME_LEN }>,
    /// PCI device id the guest sees.
    pub device: u16,
    /// PCI subsystem id the guest sees.
    pub subdevice: u16,
    /// Bytes of guest frame buffer.
    pub fb_length: u64,
    /// Bytes of management heap.
    pub heap_size: u64,
    /// Bytes of the guest's BAR1.
    pub bar1_size: u64,
    /// How many of them one GPU carries.
    pub max_instances: u32,
    /// It may be used while ECC is on.
    pub ecc: bool,
}

impl VgpuType {
    /// Reads a record of the metadata file.
    ///
    /// # Errors
    /// [`Kind::VgpuTypeInvalid`] (`found` is the type's number): no instances, no or absurdly much frame buffer or BAR1, a heap
    /// too small for the communication buffers, or a name that is not printable.
    pub fn parse(record: &[u8], release: &Release) -> Result<Self> {
        let id = wire::get_u32(record, record::ID)?;
        let invalid = || Error::found(Kind::VgpuTypeInvalid, id.into());
        let vdev = wire::get_u64(record, record::VDEV)?;
        let mut parsed = VgpuType {
            id,
            name: Text::new(),
            device: (vdev >> 16) as u16,
            subdevice: vdev as u16,
            fb_length: wire::get_u64(record, record::FB_LENGTH)?,
            heap_size: wire::get_u64(record, record::HEAP)?,
            bar1_size: wire::get_u64(record, record::BAR1_MIB)?.saturating_mul(MIB),
            max_instances: wire::get_u32(record, record::MAX_INSTANCE)?,
            ecc: wire::get_u32(record, record::ECC)? != 0,
        };
        let name = wire::until_nul(wire::bytes(record, record::NAME, record::NAME_LEN)?);
        // The name becomes a line of sysfs: no control characters. Its terminator must fit where the C ABI copies it.
        let printable = name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        if name.is_empty() || name.len() >= record::NAME_LEN || !printable {
            return Err(invalid());
        }
        parsed.name.str(core::str::from_utf8(name).map_err(|_| invalid())?);

        let sane = |size: u64| (1..=SIZE_MAX).contains(&size);
        if parsed.max_instances == 0
            || id == 0
            || !sane(parsed.fb_length)
            || !sane(parsed.bar1_size)
            || !sane(parsed.heap_size)
            || parsed.heap_size < Buffers::of(release).total
        {
            return Err(invalid());
        }
        Ok(parsed)
    }
}

/// The types the running firmware knows.
pub struct Types<P: Platform> {
    release: &'static Release,
    records: Block<P>,
    stride: usize,
}

impl<P: Platform> Types<P> {
    /// Loads the metadata file of the release, tells the firmware the types for PCI device id `device`, and keeps them.
    ///
    /// # Errors
    /// Those of the platform's `firmware_get` and `mem_alloc`, of [`metadata::find`] and of [`rm::control()`].
    pub fn load(channel: &Channel<P>, target: Target, device: u16) -> Result<Self> {
        let platform = channel.platform();
        let release = channel.release();
        let mut name = Text::<64>::new();
        name.str("nvidia/vgpu-").str(release.name).str(".bin");
        let file = Firmware::load(platform, name.as_str())?;
        let set = metadata::find(file.bytes(), release, device)?;

        let mut records = Block::new(platform, set.records.len())?;
        wire::put(records.bytes_mut(), 0, set.records)?;
        let command = release.controls.vgpu_add_type;
        rm::control(channel, target, command, set.upload, 0, |_| Ok(()))?;
        Ok(Types {
            release,
            records,
            stride: set.stride,
        })
    }

    /// The types in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = VgpuType> + '_ {
        let set = TypeSet {
            records: self.records.bytes(),
            stride: self.stride,
            upload: &[],
        };
        // Every record was read once when the file was loaded, so none fails now.
        (0..)
            .map_while(move |index| set.record(index))
            .filter_map(|record| VgpuType::parse(record, self.release).ok())
    }

    /// The type with number `id`.
    ///
    /// # Errors
    /// [`Kind::VgpuTypeUnknown`].
    pub fn find(&self, id: u32) -> Result<VgpuType> {
        self.iter()
            .find(|known| known.id == id)
            .ok_or_else(|| Error::found(Kind::VgpuTypeUnknown, id.into()))
    }
}
