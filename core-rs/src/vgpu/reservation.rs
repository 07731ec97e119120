// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What each vGPU has of the GPU, and the rules by which it gets it.

use super::space::{self, Range};
use super::types::VgpuType;
use crate::error::{Error, Kind, Result};
use crate::mem::Values;
use crate::platform::Platform;
use crate::rpc::static_info::{Region, StaticInfo, REGIONS_MAX};

/// Management heaps need no VMMU segment of their own, because no guest reaches them; 2 MiB suit the firmware's large pages.
const HEAP_ALIGN: u64 = 2 << 20;

/// What one vGPU has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// Number of its type.
    pub type_id: u32,
    /// Its channel ids.
    pub channels: Range,
    /// Its guest frame buffer.
    pub framebuffer: Range,
    /// The whole VMMU segments that its frame buffer lies in: nobody else may have a part of them, because the guest reaches
    /// all of each.
    segments: Range,
    /// Its management heap.
    pub heap: Range,
}

/// A VF and what its vGPU has.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Counts the vGPUs that were here, so that a handle of an earlier one is seen to be stale.
    generation: u32,
    held: Option<Reservation>,
    /// The firmware could not be brought to stop the vGPU; what it has stays its own.
    quarantined: bool,
    /// Held only to find out how many would fit.
    trial: bool,
}

/// What there is to give.
#[derive(Clone, Copy, Debug)]
pub struct Supply {
    channels: u32,
    segment: u64,
    partitions: u32,
    regions: [Region; REGIONS_MAX],
}

impl Supply {
    /// `channels` channel ids, the usable frame buffer of `info` in VMMU segments of `segment` bytes (a power of two), and
    /// `partitions` of the firmware, one for each vGPU.
    pub fn new(channels: u32, segment: u64, partitions: u32, info: &StaticInfo) -> Self {
        let mut regions = [Region::default(); REGIONS_MAX];
        for (to, from) in regions.iter_mut().zip(info.regions()) {
            *to = *from;
        }
        Supply {
            channels,
            segment,
            partitions,
            regions,
        }
    }

    /// Bytes of a VMMU segment.
    pub fn segment(&self) -> u64 {
        self.segment
    }

    /// Channel ids in all.
    pub fn channels(&self) -> u32 {
        self.channels
    }

    fn regions(&self) -> impl DoubleEndedIterator<Item = Range> + '_ {
        self.regions.iter().map(|region| Range {
            start: region.start,
            end: region.end,
        })
    }
}

/// The VFs and what is reserved for them.
pub struct Table<P: Platform> {
    supply: Supply,
    slots: Values<P, Slot>,
}

impl<P: Platform> Table<P> {
    /// For `vfs` VFs, all without vGPU.
    ///
    /// # Errors
    /// Those of the platform's `mem_alloc`.
    pub fn new(platform: &P, vfs: u32, supply: Supply) -> Result<Self> {
        let slots = Values::new(platform, vfs as usize, |_| Ok(Slot::default()))?;
        Ok(Table { supply, slots })
    }

    /// Reserves for VF `vf` what a vGPU of type `kind` needs. Returns it and the handle's generation.
    ///
    /// # Errors
    /// - [`Kind::VfRange`], [`Kind::VfBusy`], [`Kind::VfQuarantined`].
    /// - [`Kind::VgpuTypesMixed`]: vGPUs of another type are alive; [`Kind::VgpuTypeExhausted`]: as many as allowed are.
    /// - [`Kind::NoChannels`], [`Kind::NoFramebuffer`].
    pub fn reserve(&mut self, vf: u32, kind: &VgpuType) -> Result<(Reservation, u32)> {
        let slot = self.slot(vf)?;
        if slot.quarantined {
            return Err(Error::found(Kind::VfQuarantined, vf.into()));
        }
        if slot.held.is_some() {
            return Err(Error::found(Kind::VfBusy, vf.into()));
        }
        let reservation = self.place(kind)?;
        let slot = self.slot_mut(vf)?;
        slot.held = Some(reservation);
        slot.generation = slot.generation.wrapping_add(1);
        Ok((reservation, slot.generation))
    }

    /// Gives back what VF `vf` has.
    pub fn release(&mut self, vf: u32) {
        if let Ok(slot) = self.slot_mut(vf) {
            slot.held = None;
        }
    }

    /// Withdraws what VF `vf` has from use until the firmware is restarted.
    pub fn quarantine(&mut self, vf: u32) {
        if let Ok(slot) = self.slot_mut(vf) {
            slot.quarantined = true;
        }
    }

    /// What VF `vf` has, if its vGPU is still that of `generation`.
    ///
    /// # Errors
    /// [`Kind::VgpuStale`], [`Kind::VfRange`].
    pub fn get(&self, vf: u32, generation: u32) -> Result<Reservation> {
        let slot = self.slot(vf)?;
        match slot.held {
            Some(held) if slot.generation == generation && !slot.quarantined => Ok(held),
            _ => Err(Error::mismatch(
                Kind::VgpuStale,
                slot.generation.into(),
                generation.into(),
            )),
        }
    }

    /// vGPUs there are, those being created or destroyed included.
    pub fn alive(&self) -> u32 {
        let slots = self.slots.as_slice().iter();
        slots.filter(|slot| slot.held.is_some() && !slot.quarantined).count() as u32
    }

    /// What there is to give.
    pub fn supply(&self) -> &Supply {
        &self.supply
    }

    /// Bytes of usable frame buffer that are not reserved.
    #[cfg(test)]
    pub fn free_framebuffer(&self) -> u64 {
        let all = self
            .supply
            .regions()
            .fold(0u64, |sum, region| sum.saturating_add(region.len()));
        self.reservations().fold(all, |left, held| {
            left.saturating_sub(held.segments.len()).saturating_sub(held.heap.len())
        })
    }

    /// How many vGPUs of type `kind` could be created now: found by reserving until it fails, then giving all back.
    pub fn available(&mut self, kind: &VgpuType) -> u32 {
        let mut count: u32 = 0;
        for vf in 0..self.slots.as_slice().len() as u32 {
            let free = self
                .slot(vf)
                .map_or(false, |slot| slot.held.is_none() && !slot.quarantined);
            if !free {
                continue;
            }
            let reservation = match self.place(kind) {
                Ok(reservation) => reservation,
                Err(_) => break,
            };
            if let Ok(slot) = self.slot_mut(vf) {
                slot.held = Some(reservation);
                slot.trial = true;
                count = count.saturating_add(1);
            }
        }
        for slot in self.slots.as_mut_slice().iter_mut().filter(|slot| slot.trial) {
            slot.held = None;
            slot.trial = false;
        }
        count
    }

    fn place(&self, kind: &VgpuType) -> Result<Reservation> {
        let mut same = 0u32;
        for held in self.reservations() {
            if held.type_id != kind.id {
                return Err(Error::mismatch(
                    Kind::VgpuTypesMixed,
                    held.type_id.into(),
                    kind.id.into(),
                ));
            }
            same = same.saturating_add(1);
        }
        // What the firmware was not started for it has no memory for, whatever the type says.
        if same >= kind.max_instances.min(self.supply.partitions) {
            return Err(Error::found(Kind::VgpuTypeExhausted, same.into()));
        }
        let channels = self.place_channels(kind)?;
        let (framebuffer, segments) = self.place_framebuffer(kind)?;
        // The heap from the other end, so that small heaps do not cut up the room for guests. It may fall into the segments
        // just found, so those count as taken.
        let taken = || self.taken().chain(core::iter::once(segments));
        let heap = space::highest(self.supply.regions().rev(), taken, kind.heap_size, HEAP_ALIGN)
            .ok_or_else(|| Error::found(Kind::NoFramebuffer, kind.heap_size))?;
        Ok(Reservation {
            type_id: kind.id,
            channels,
            framebuffer,
            segments,
            heap,
        })
    }

    /// An equal share for each of the type's instances, rounded down to a power of two, aligned to its size.
    fn place_channels(&self, kind: &VgpuType) -> Result<Range> {
        let none = || Error::found(Kind::NoChannels, self.supply.channels.into());
        let share = self.supply.channels.checked_div(kind.max_instances).unwrap_or(0);
        let count = u64::from(previous_power_of_two(share).ok_or_else(none)?);
        let all = Range {
            start: 0,
            end: self.supply.channels.into(),
        };
        let taken = || self.reservations().map(|held| held.channels);
        space::lowest(core::iter::once(all), taken, count, count).ok_or_else(none)
    }

    fn place_framebuffer(&self, kind: &VgpuType) -> Result<(Range, Range)> {
        let none = || Error::found(Kind::NoFramebuffer, kind.fb_length);
        let whole = space::align_up(kind.fb_length, self.supply.segment).ok_or_else(none)?;
        let segments =
            space::lowest(self.supply.regions(), || self.taken(), whole, self.supply.segment).ok_or_else(none)?;
        let framebuffer = Range::new(segments.start, kind.fb_length).ok_or_else(none)?;
        Ok((framebuffer, segments))
    }

    fn reservations(&self) -> impl Iterator<Item = &Reservation> {
        self.slots.as_slice().iter().filter_map(|slot| slot.held.as_ref())
    }

    fn taken(&self) -> impl Iterator<Item = Range> + '_ {
        self.reservations().flat_map(|held| [held.segments, held.heap])
    }

    fn slot(&self, vf: u32) -> Result<&Slot> {
        let slots = self.slots.as_slice();
        slots
            .get(vf as usize)
            .ok_or_else(|| Error::mismatch(Kind::VfRange, slots.len() as u64, vf.into()))
    }

    fn slot_mut(&mut self, vf: u32) -> Result<&mut Slot> {
        let count = self.slots.as_slice().len();
        self.slots
            .as_mut_slice()
            .get_mut(vf as usize)
            .ok_or_else(|| Error::mismatch(Kind::VfRange, count as u64, vf.into()))
    }
}

fn previous_power_of_two(value: u32) -> Option<u32> {
    let bits = 31u32.checked_sub(value.leading_zeros())?;
    1u32.checked_shl(bits)
}
