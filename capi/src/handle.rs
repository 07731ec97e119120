// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What the opaque handles stand for: a `struct nvb_gpu *` is the address of a [`GpuObject`], a `struct nvb_vgpu *` that of one of
//! its [slots](crate::slots) and a little more.

use crate::cplatform::{CPlatform, Table};
use crate::slots::{self, Slot, Slots};
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

/// Who receives events.
pub struct Handler {
    /// The function, or nobody.
    pub function: nvb_event_fn,
    /// Its first argument.
    pub ctx: *mut c_void,
}

// SAFETY: the core only hands the pointer back to the caller's function, which the ABI lets run on any thread.
unsafe impl Send for Handler {}

/// A GPU and what the ABI adds to it. The mark is where it is in a slot, too.
#[repr(C)]
pub struct GpuObject {
    magic: AtomicU64,
    /// The GPU.
    pub gpu: Gpu<CPlatform>,
    /// Held while events are handed out.
    pub handler: Mutex<CPlatform, Handler>,
    /// Of its vGPUs.
    pub slots: Slots,
    table: NonNull<Table>,
}

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
        let slots = platform.mem_alloc(slots::LEN)?;
        let object = match platform.mem_alloc(size_of::<GpuObject>()) {
            Ok(mem) => mem.cast::<GpuObject>(),
            Err(e) => {
                // SAFETY: allocated above, used by nobody.
                unsafe { platform.mem_free(slots, slots::LEN) };
                return Err(e);
            }
        };
        let at = object.as_ptr();
        // SAFETY: fresh memory of the right size; no field wants more than the 16 bytes the platform aligns to.
        if let Err(e) = unsafe { Self::place_gpu(&platform, ptr::addr_of_mut!((*at).gpu)) } {
            // SAFETY: allocated above, used by nobody.
            unsafe {
                platform.mem_free(object.cast(), size_of::<GpuObject>());
                platform.mem_free(slots, slots::LEN);
            }
            return Err(e);
        }
        // SAFETY: as above; these and `gpu` are all fields.
        unsafe {
            ptr::addr_of_mut!((*at).magic).write(AtomicU64::new(GPU_MAGIC));
            ptr::addr_of_mut!((*at).handler).write(handler);
            // The slots' memory is given back behind the object's.
            ptr::addr_of_mut!((*at).slots).write(Slots::new(slots, at));
            ptr::addr_of_mut!((*at).table).write(table);
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
            (
                ptr::read((*object).table.as_ptr()),
                (*object).table,
                (*object).slots.memory(),
            )
        };
        // SAFETY: the copy on the stack outlives this handle, which ends with the function.
        let platform = unsafe { CPlatform::new(NonNull::from(&table)) };
        // SAFETY: dropped once; nothing of it is used behind this. The table is freed last, for the drop still calls it.
        unsafe {
            ptr::drop_in_place(object);
            platform.mem_free(NonNull::new_unchecked(object.cast()), size_of::<GpuObject>());
            platform.mem_free(slots, slots::LEN);
            platform.mem_free(table_mem.cast(), size_of::<Table>());
        }
    }

    /// Destroys what the user left alive.
    fn destroy_vgpus(&self) {
        self.gpu.end_interrupts();
        for id in self.slots.clear() {
            // It is gone either way; what the firmware answers is in the log.
            let _ = self.gpu.vgpu_destroy(id);
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
    state: u64,
}

impl<'a> VgpuRef<'a> {
    /// The vGPU of a handle.
    ///
    /// # Safety
    ///
    /// `handle` is NULL or came from a GPU's [`Slots`], and that GPU is not destroyed while the result is used.
    pub unsafe fn of(handle: *mut nvb_vgpu) -> core::result::Result<Self, i32> {
        // SAFETY: our caller's promise: slots live as long as their GPU.
        let found = unsafe { slots::find(handle) }?;
        Ok(VgpuRef {
            // SAFETY: the owner of a slot is its GPU, which lives.
            object: unsafe { &*found.owner },
            id: found.id,
            slot: found.slot,
            state: found.state,
        })
    }

    /// Ends the handle, unless somebody else did.
    pub fn release(&self) {
        self.object.slots.free(self.slot, self.state);
    }
}
