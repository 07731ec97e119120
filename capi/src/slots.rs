// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The places of a GPU's vGPUs, and the handles that stand for who has one.
//!
//! A handle is the address of a [`Slot`] plus a small number. Slots lie at multiples of [`STRIDE`] and live as long as their GPU;
//! the number is how often the slot was given to a vGPU, modulo [`STRIDE`]. Free slots are given in the order in which they became
//! free. So the handle of a vGPU that was destroyed never reaches memory that was given back, and stands for another vGPU only when
//! its slot was given [`STRIDE`] times more, each time behind all others that were free: with at most 128 vGPUs alive at once (no
//! GPU has as many) after 8192 creations at the earliest, which is what the header promises.

use crate::handle::{nvb_vgpu, GpuObject};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use novabridge_core::error::errno;
use novabridge_core::vgpu::VgpuId;

/// Marks a [`Slot`] ("NVB_VGP" and a version).
const MAGIC: u64 = 0x4e56_425f_5647_5001;
/// As many as the core takes VFs (`core-rs/src/vgpu/manager.rs`, VFS_MAX).
const COUNT: usize = 256;
/// Distance of slots; a power of two, because the bits below tell vGPUs apart.
const STRIDE: usize = 64;
/// Bytes of all slots: one stride more than they take, because the platform aligns to 16 only.
pub(crate) const LEN: usize = (COUNT + 1) * STRIDE;

/// What a slot is used for, in the lowest bits of its state; above them stands how often it was given to a vGPU.
const PHASES: u64 = 4;
/// Nobody has it.
const FREE: u64 = 0;
/// Somebody is about to give it away, or to free it.
const CLAIMED: u64 = 1;
/// A vGPU has it.
const TAKEN: u64 = 2;

/// A vGPU's place.
#[repr(C, align(64))]
pub struct Slot {
    magic: u64,
    owner: *const GpuObject,
    state: AtomicU64,
    /// The core's id of the vGPU that has it.
    id: AtomicU64,
    /// How many slots were freed before this one, when it was last.
    freed: AtomicU64,
}

impl Slot {
    /// Gives the slot, which is claimed, to a vGPU; `times` says how often that happened.
    fn give(&self, times: u64, id: VgpuId) {
        // Whoever reads this id sees that the state is no longer that of the vGPU before.
        self.id.store(id.to_bits(), Ordering::Release);
        self.state
            .store(times.wrapping_mul(PHASES).wrapping_add(TAKEN), Ordering::Release);
    }

    /// State and id of the vGPU that has the slot, if `tag` belongs to it; `None` too when it goes while we look.
    fn look(&self, tag: usize) -> Option<(u64, VgpuId)> {
        let state = self.state.load(Ordering::Acquire);
        if state % PHASES != TAKEN || tag_of(state) != tag {
            return None;
        }
        let id = VgpuId::from_bits(self.id.load(Ordering::Acquire));
        // The id is of this state only if the slot did not change hands in between.
        (self.state.load(Ordering::Relaxed) == state).then_some((state, id))
    }
}

/// What a handle has beside its slot's address.
fn tag_of(state: u64) -> usize {
    (state / PHASES) as usize % STRIDE
}

/// All slots of a GPU.
pub struct Slots {
    memory: NonNull<u8>,
    /// How many were freed so far.
    frees: AtomicU64,
}

impl Slots {
    /// Makes the slots of `owner` in `memory`.
    ///
    /// # Safety
    ///
    /// `memory` is writable for [`LEN`] bytes, which are used for nothing else as long as a slot of them is.
    pub unsafe fn new(memory: NonNull<u8>, owner: *const GpuObject) -> Self {
        let slots = Slots {
            memory,
            frees: AtomicU64::new(0),
        };
        for index in 0..COUNT {
            // SAFETY: `at` stays inside the memory, and aligns.
            unsafe {
                slots.at(index).write(Slot {
                    magic: MAGIC,
                    owner,
                    state: AtomicU64::new(FREE),
                    id: AtomicU64::new(0),
                    freed: AtomicU64::new(0),
                });
            }
        }
        slots
    }

    /// The memory that they are in.
    pub fn memory(&self) -> NonNull<u8> {
        self.memory
    }

    fn at(&self, index: usize) -> *mut Slot {
        let start = self.memory.as_ptr();
        let skip = (start as usize).wrapping_neg() % STRIDE;
        start.wrapping_add(skip).wrapping_add(index.wrapping_mul(STRIDE)).cast()
    }

    fn all(&self) -> impl Iterator<Item = &Slot> {
        // SAFETY: `new` made all of them, and they are only shared.
        (0..COUNT).map(|index| unsafe { &*self.at(index) })
    }

    /// Takes the slot that has been free for longest.
    pub fn claim(&self) -> Option<Claim<'_>> {
        loop {
            let free = |slot: &&Slot| slot.state.load(Ordering::Relaxed) % PHASES == FREE;
            let oldest = |slot: &&Slot| slot.freed.load(Ordering::Relaxed);
            let slot = self.all().filter(free).min_by_key(oldest)?;
            let state = slot.state.load(Ordering::Relaxed);
            let claimed = state.wrapping_add(CLAIMED);
            // Who loses here looks again, for somebody else has got one.
            let won = || {
                slot.state
                    .compare_exchange(state, claimed, Ordering::Acquire, Ordering::Relaxed)
            };
            if state % PHASES == FREE && won().is_ok() {
                let times = state / PHASES;
                return Some(Claim { slot, times });
            }
        }
    }

    /// Frees the slot that was found with `state`, unless somebody else did.
    pub fn free(&self, slot: &Slot, state: u64) {
        let freed = state.wrapping_sub(TAKEN);
        let freeing = freed.wrapping_add(CLAIMED);
        let won = slot
            .state
            .compare_exchange(state, freeing, Ordering::AcqRel, Ordering::Relaxed);
        if won.is_ok() {
            let before = self.frees.fetch_add(1, Ordering::Relaxed);
            slot.freed.store(before.wrapping_add(1), Ordering::Relaxed);
            slot.state.store(freed, Ordering::Release);
        }
    }

    /// Takes all slots from who has them; their ids.
    pub fn clear(&self) -> impl Iterator<Item = VgpuId> + '_ {
        let taken = |slot: &&Slot| slot.state.swap(CLAIMED, Ordering::AcqRel) % PHASES == TAKEN;
        self.all()
            .filter(taken)
            .map(|slot| VgpuId::from_bits(slot.id.load(Ordering::Relaxed)))
    }
}

/// A slot that is about to be given to a vGPU; free again when dropped before that.
pub struct Claim<'a> {
    slot: &'a Slot,
    times: u64,
}

impl Claim<'_> {
    /// Gives the slot to the core's vGPU `id`, and returns its handle.
    pub fn keep(self, id: VgpuId) -> *mut nvb_vgpu {
        let times = self.times.wrapping_add(1);
        let slot = self.slot;
        // It is not free again.
        core::mem::forget(self);
        slot.give(times, id);
        let tag = times as usize % STRIDE;
        (slot as *const Slot as *mut u8).wrapping_add(tag).cast()
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let free = self.times.wrapping_mul(PHASES).wrapping_add(FREE);
        self.slot.state.store(free, Ordering::Release);
    }
}

/// What a handle stands for.
pub struct Found<'a> {
    /// The slot.
    pub slot: &'a Slot,
    /// Its state, by which [`Slots::free`] knows that nothing has changed.
    pub state: u64,
    /// The core's id of the vGPU.
    pub id: VgpuId,
    /// The GPU.
    pub owner: *const GpuObject,
}

/// The vGPU of a handle: -EINVAL if it is no handle, -ESTALE if the vGPU was destroyed.
///
/// # Safety
///
/// `handle` is NULL or came from [`Claim::keep`], and the memory of its slots is not given back while the result is used.
pub unsafe fn find<'a>(handle: *mut nvb_vgpu) -> Result<Found<'a>, i32> {
    let tag = handle as usize % STRIDE;
    let slot = handle.cast::<u8>().wrapping_sub(tag).cast::<Slot>();
    if slot.is_null() {
        return Err(-errno::EINVAL);
    }
    // SAFETY: our caller's promise: a slot that lives; aligned to `STRIDE`.
    let slot = unsafe { &*slot };
    if slot.magic != MAGIC {
        return Err(-errno::EINVAL);
    }
    let (state, id) = slot.look(tag).ok_or(-errno::ESTALE)?;
    Ok(Found {
        slot,
        state,
        id,
        owner: slot.owner,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;
    use std::thread;

    /// Memory with slots.
    struct Places {
        slots: Slots,
        _memory: Vec<u128>,
    }

    // SAFETY: the tests use nothing of the slots but their atomics.
    unsafe impl Sync for Places {}

    impl Places {
        fn new() -> Self {
            let mut memory = vec![0u128; LEN / 16];
            let start = NonNull::new(memory.as_mut_ptr().cast()).unwrap();
            Places {
                // SAFETY: as long as is asked for, and kept beside the slots; a vector that moves leaves its memory where it is.
                slots: unsafe { Slots::new(start, ptr::null()) },
                _memory: memory,
            }
        }

        fn create(&self, id: u64) -> *mut nvb_vgpu {
            self.slots.claim().unwrap().keep(VgpuId::from_bits(id))
        }

        fn found(&self, handle: *mut nvb_vgpu) -> Result<Found<'_>, i32> {
            // SAFETY: the slots live.
            unsafe { find(handle) }
        }

        fn first(&self) -> &Slot {
            self.slots.all().next().unwrap()
        }

        fn destroy(&self, handle: *mut nvb_vgpu) {
            let found = self.found(handle).ok().unwrap();
            self.slots.free(found.slot, found.state);
            assert_eq!(self.found(handle).err(), Some(-errno::ESTALE));
        }
    }

    #[test]
    fn a_handle_is_stale_for_thousands_of_creations() {
        let places = Places::new();
        let alive: Vec<_> = (0..128).map(|id| places.create(id)).collect();
        let old = places.create(1000);
        places.destroy(old);
        for id in 0..8191 {
            // One that is not made after all changes nothing.
            drop(places.slots.claim());
            let new = places.create(id);
            assert_ne!(new, old, "{id}");
            places.destroy(new);
        }
        for (id, handle) in alive.iter().enumerate() {
            assert_eq!(places.found(*handle).ok().unwrap().id.to_bits(), id as u64);
        }
        assert_eq!(places.slots.clear().count(), 128);
    }

    #[test]
    fn there_are_as_many_as_said() {
        let places = Places::new();
        let handles: Vec<_> = (0..COUNT as u64).map(|id| places.create(id)).collect();
        assert!(places.slots.claim().is_none());
        places.destroy(handles[77]);
        places.create(0);
        assert!(places.slots.claim().is_none());
    }

    /// One thread has a slot change hands, the other looks at it with the handle of whoever had it last.
    #[test]
    fn a_handle_never_gets_the_id_of_another_vgpu() {
        const CHANGES: u64 = 1_000_000;
        let places = Places::new();
        thread::scope(|scope| {
            let changing = scope.spawn(|| {
                for times in 1..CHANGES {
                    places.first().state.store(CLAIMED, Ordering::Relaxed);
                    places.first().give(times, VgpuId::from_bits(times));
                }
            });
            while !changing.is_finished() {
                let tag = tag_of(places.first().state.load(Ordering::Relaxed));
                if let Some((state, id)) = places.first().look(tag) {
                    assert_eq!(id.to_bits(), state / PHASES);
                }
            }
        });
    }
}
