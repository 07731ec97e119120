// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What the opaque handles stand for.
//!
//! A `struct nvb_gpu *` is the address of a [`Gpu`](GpuObject). A `struct nvb_vgpu *` is the address of one of its GPU's
//! [`Slot`]s plus a small number: slots lie at multiples of 256 and live as long as their GPU, and the number is the low byte of
//! a serial number that each vGPU gets anew. So a handle of a vGPU that was destroyed is told from the one that has its slot now,
//! unless exactly a multiple of 256 vGPUs were made meanwhile, and never reaches memory that was given back.

use crate::cplatform::{CPlatform, Table};
use crate::types::event::nvb_event_fn;
use core::ffi::c_void;
use core::mem::size_of;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU64, Ordering};
use novabridge_core::error::{errno, Result};
use novabridge_core::gpu::Gpu;
use novabridge_core::platform::Platform;
use novabridge_core::sync::Mutex;
use novabridge_core::vgpu::VgpuId;

/// struct nvb_gpu - a GPU; opaque
pub struct nvb_gpu {
    _opaque: [u8; 0],
}

/// struct nvb_vgpu - a vGPU; opaque
pub struct nvb_vgpu {
    _opaque: [u8; 0],
}

/// Marks a [`GpuObject`] that lives ("NVB_GPU" and a version).
const GPU_MAGIC: u64 = 0x4e56_425f_4750_5501;
/// Marks a [`Slot`].
const SLOT_MAGIC: u64 = 0x4e56_425f_5647_5001;
/// More vGPUs than any GPU has VFs (OpenRM: MAX_PARTITIONS_WITH_GFID is at most 48).
const SLOTS: usize = 64;
/// Distance of slots; a power of two, because the bits below tell vGPUs apart.
const SLOT_STRIDE: usize = 256;

/// Who receives events.
pub struct Handler {
    /// The function, or nobody.
    pub function: nvb_event_fn,
    /// Its first argument.
    pub ctx: *mut c_void,
}

// SAFETY: the core only hands the pointer back to the caller's function, which the ABI lets run on any thread.
unsafe impl Send for Handler {}

/// A GPU and what the ABI adds to it. The mark is where it is in a [`Slot`], too.
#[repr(C)]
pub struct GpuObject {
    magic: AtomicU64,
    /// The GPU.
    pub gpu: Gpu<CPlatform>,
    /// Held while events are handed out.
    pub handler: Mutex<CPlatform, Handler>,
    serial: AtomicU64,
    slots: NonNull<u8>,
    table: NonNull<Table>,
}

/// A vGPU's place.
#[repr(C, align(64))]
struct Slot {
    magic: u64,
    owner: *const GpuObject,
    /// Serial number of the vGPU that has the place; 0 = nobody, [`CLAIMED`] = somebody is making one.
    serial: AtomicU64,
    /// The core's id of that vGPU.
    id: AtomicU64,
}

impl Slot {
    /// Gives the place, which is claimed, to a vGPU.
    fn fill(&self, serial: u64, id: VgpuId) {
        // Whoever reads this id sees that the serial number is no longer the one before.
        self.id.store(id.to_bits(), Ordering::Release);
        self.serial.store(serial, Ordering::Release);
    }

    /// The vGPU that has the place, if its serial number ends with `tag`; `None` too when it goes while we look.
    fn look(&self, tag: usize) -> Option<(u64, VgpuId)> {
        let serial = self.serial.load(Ordering::Acquire);
        if serial == 0 || serial == CLAIMED || serial as usize % SLOT_STRIDE != tag {
            return None;
        }
        let id = VgpuId::from_bits(self.id.load(Ordering::Acquire));
        // The id is of this serial number only if the place did not change hands in between.
        (self.serial.load(Ordering::Relaxed) == serial).then_some((serial, id))
    }
}

/// Serial numbers never get here.
const CLAIMED: u64 = u64::MAX;
/// One stride more than needed, because the platform aligns to 16 only.
const SLOTS_LEN: usize = (SLOTS + 1) * SLOT_STRIDE;

impl GpuObject {
    /// Makes a GPU over a copy of `table`.
    pub fn create(table: Table) -> Result<*mut nvb_gpu> {
        // SAFETY: `table` lives longer than this handle, which ends with the function.
        let local = unsafe { CPlatform::new(NonNull::from(&table)) };
        let table_mem = local.mem_alloc(size_of::<Table>())?.cast::<Table>();
        // SAFETY: as above; and the memory is ours, aligned to 16 and large enough.
        unsafe { ptr::copy_nonoverlapping(&table, table_mem.as_ptr(), 1) };
        // SAFETY: the copy is freed behind everything made with this handle: below on failure, or in `destroy`.
        let platform = unsafe { CPlatform::new(table_mem) };
        let made = Self::create_on(platform, table_mem);
        if made.is_err() {
            // SAFETY: `create_on` gave back all that used the copy.
            unsafe { local.mem_free(table_mem.cast(), size_of::<Table>()) };
        }
        made
    }

    fn create_on(platform: CPlatform, table: NonNull<Table>) -> Result<*mut nvb_gpu> {
        let handler = Mutex::new(
            &platform,
            Handler {
                function: None,
                ctx: ptr::null_mut(),
            },
        )?;
        let slots = platform.mem_alloc(SLOTS_LEN)?;
        let object = match platform.mem_alloc(size_of::<GpuObject>()) {
            Ok(mem) => mem.cast::<GpuObject>(),
            Err(e) => {
                // SAFETY: allocated above, used by nobody.
                unsafe { platform.mem_free(slots, SLOTS_LEN) };
                return Err(e);
            }
        };
        let at = object.as_ptr();
        // SAFETY: fresh memory of the right size; no field wants more than the 16 bytes the platform aligns to.
        if let Err(e) = unsafe { Self::place_gpu(&platform, ptr::addr_of_mut!((*at).gpu)) } {
            // SAFETY: allocated above, used by nobody.
            unsafe {
                platform.mem_free(object.cast(), size_of::<GpuObject>());
                platform.mem_free(slots, SLOTS_LEN);
            }
            return Err(e);
        }
        // SAFETY: as above; these and `gpu` are all fields.
        unsafe {
            ptr::addr_of_mut!((*at).magic).write(AtomicU64::new(GPU_MAGIC));
            ptr::addr_of_mut!((*at).handler).write(handler);
            ptr::addr_of_mut!((*at).serial).write(AtomicU64::new(0));
            ptr::addr_of_mut!((*at).slots).write(slots);
            ptr::addr_of_mut!((*at).table).write(table);
        }
        for index in 0..SLOTS {
            // SAFETY: `slot_at` stays inside the allocation; the memory is ours.
            unsafe {
                slot_at(slots, index).write(Slot {
                    magic: SLOT_MAGIC,
                    owner: object.as_ptr(),
                    serial: AtomicU64::new(0),
                    id: AtomicU64::new(0),
                });
            }
        }
        Ok(object.as_ptr().cast())
    }

    /// Makes the largest field where it is to be. By itself, as its temporary copies and the caller's in one frame are more than the
    /// kernel grants a function.
    ///
    /// # Safety
    ///
    /// `at` is writable and aligned.
    #[inline(never)]
    unsafe fn place_gpu(platform: &CPlatform, at: *mut Gpu<CPlatform>) -> Result<()> {
        let gpu = Gpu::new(platform)?;
        // SAFETY: our caller's promise.
        unsafe { at.write(gpu) };
        Ok(())
    }

    /// The GPU of a handle.
    ///
    /// # Safety
    ///
    /// `handle` is NULL or readable for the size of an object, and an object is not destroyed while the result is used.
    pub unsafe fn of<'a>(handle: *mut nvb_gpu) -> core::result::Result<&'a GpuObject, i32> {
        let object = handle.cast::<GpuObject>();
        if object.is_null() || object as usize % core::mem::align_of::<GpuObject>() != 0 {
            return Err(-errno::EINVAL);
        }
        // The mark first, through the pointer: only what carries it is known to be an object.
        // SAFETY: our caller's promise; the pointer is aligned, and the mark an integer.
        let magic = unsafe { (*ptr::addr_of!((*object).magic)).load(Ordering::Relaxed) };
        if magic != GPU_MAGIC {
            return Err(-errno::EINVAL);
        }
        // SAFETY: an object, which lives as long as our caller promises.
        Ok(unsafe { &*object })
    }

    /// Ends a GPU.
    ///
    /// # Safety
    ///
    /// `handle` is a live GPU that nobody else uses any more.
    pub unsafe fn destroy(handle: *mut nvb_gpu) {
        let object = handle.cast::<GpuObject>();
        // SAFETY: our caller's promise: alive.
        unsafe { (*object).destroy_vgpus() };
        // SAFETY: our caller's promise: alive, and ours alone.
        let (table, table_mem, slots) = unsafe {
            (*object).magic.store(0, Ordering::Relaxed);
            (ptr::read((*object).table.as_ptr()), (*object).table, (*object).slots)
        };
        // SAFETY: the copy on the stack outlives this handle, which ends with the function.
        let platform = unsafe { CPlatform::new(NonNull::from(&table)) };
        // SAFETY: dropped once; nothing of it is used behind this. The table is freed last, for the drop still calls it.
        unsafe {
            ptr::drop_in_place(object);
            platform.mem_free(NonNull::new_unchecked(object.cast()), size_of::<GpuObject>());
            platform.mem_free(slots, SLOTS_LEN);
            platform.mem_free(table_mem.cast(), size_of::<Table>());
        }
    }

    /// Destroys what the user left alive.
    fn destroy_vgpus(&self) {
        self.gpu.end_interrupts();
        for index in 0..SLOTS {
            // SAFETY: the slots live as long as the object and are only shared.
            let slot = unsafe { &*slot_at(self.slots, index) };
            if slot.serial.swap(0, Ordering::AcqRel) != 0 {
                // It is gone either way; what the firmware answers is in the log.
                let _ = self
                    .gpu
                    .vgpu_destroy(VgpuId::from_bits(slot.id.load(Ordering::Relaxed)));
            }
        }
    }

    /// Takes a free slot.
    pub fn claim(&self) -> Option<Claim<'_>> {
        for index in 0..SLOTS {
            // SAFETY: the slots live as long as the object and are only shared.
            let slot = unsafe { &*slot_at(self.slots, index) };
            if slot
                .serial
                .compare_exchange(0, CLAIMED, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
            {
                return Some(Claim {
                    object: self,
                    slot,
                    kept: false,
                });
            }
        }
        None
    }
}

/// Place number `index` in the memory at `slots`, which is `SLOTS_LEN` long.
fn slot_at(slots: NonNull<u8>, index: usize) -> *mut Slot {
    let start = slots.as_ptr();
    let skip = (start as usize).wrapping_neg() % SLOT_STRIDE;
    start
        .wrapping_add(skip)
        .wrapping_add(index.wrapping_mul(SLOT_STRIDE))
        .cast()
}

/// A slot that is being filled; free again when dropped unless kept.
pub struct Claim<'a> {
    object: &'a GpuObject,
    slot: &'a Slot,
    kept: bool,
}

impl Claim<'_> {
    /// Puts the core's vGPU `id` into the slot, and returns its handle.
    pub fn keep(mut self, id: VgpuId) -> *mut nvb_vgpu {
        let serial = self.object.serial.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        self.slot.fill(serial, id);
        self.kept = true;
        let tag = serial as usize % SLOT_STRIDE;
        (self.slot as *const Slot as *mut u8).wrapping_add(tag).cast()
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.slot.serial.store(0, Ordering::Release);
        }
    }
}

/// A vGPU that lived when its handle was looked at.
pub struct VgpuRef<'a> {
    /// Its GPU.
    pub object: &'a GpuObject,
    /// The core's id of it.
    pub id: VgpuId,
    slot: &'a Slot,
    serial: u64,
}

impl<'a> VgpuRef<'a> {
    /// The vGPU of a handle.
    ///
    /// # Safety
    ///
    /// `handle` is NULL or came from [`Claim::keep`] of a GPU that is not destroyed while the result is used.
    pub unsafe fn of(handle: *mut nvb_vgpu) -> core::result::Result<Self, i32> {
        let tag = handle as usize % SLOT_STRIDE;
        let slot = handle.cast::<u8>().wrapping_sub(tag).cast::<Slot>();
        if slot.is_null() {
            return Err(-errno::EINVAL);
        }
        // SAFETY: our caller's promise: a slot of a GPU that lives, and slots live as long; aligned to `SLOT_STRIDE`.
        let slot = unsafe { &*slot };
        if slot.magic != SLOT_MAGIC {
            return Err(-errno::EINVAL);
        }
        let (serial, id) = match slot.look(tag) {
            Some(found) => found,
            None => return Err(-errno::ESTALE),
        };
        Ok(VgpuRef {
            // SAFETY: the owner outlives its slots.
            object: unsafe { &*slot.owner },
            id,
            slot,
            serial,
        })
    }

    /// Ends the handle, unless somebody else did.
    pub fn release(&self) {
        let _ = self
            .slot
            .serial
            .compare_exchange(self.serial, 0, Ordering::AcqRel, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    struct Place(Slot);

    // SAFETY: the test uses nothing of the slot but its atomics.
    unsafe impl Sync for Place {}

    impl Place {
        fn slot(&self) -> &Slot {
            &self.0
        }
    }

    /// One thread has a place change hands, the other looks at it with the handle of whoever had it last.
    #[test]
    fn a_handle_never_gets_the_id_of_another_vgpu() {
        const CHANGES: u64 = 1_000_000;
        let place = Place(Slot {
            magic: SLOT_MAGIC,
            owner: ptr::null(),
            serial: AtomicU64::new(0),
            id: AtomicU64::new(0),
        });
        thread::scope(|scope| {
            let changing = scope.spawn(|| {
                for serial in 1..CHANGES {
                    place.slot().serial.store(CLAIMED, Ordering::Relaxed);
                    place.slot().fill(serial, VgpuId::from_bits(serial));
                }
            });
            while !changing.is_finished() {
                let tag = place.slot().serial.load(Ordering::Relaxed) as usize % SLOT_STRIDE;
                if let Some((serial, id)) = place.slot().look(tag) {
                    assert_eq!(id.to_bits(), serial);
                }
            }
        });
    }
}
