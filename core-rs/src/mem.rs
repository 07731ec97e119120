// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Memory of the platform as owned Rust objects: [`Dma`], [`Block`], [`Firmware`].
//!
//! This file and `sync.rs` hold the core's `unsafe` code.
//!
//! DMA memory can change under us at any time (the device writes it), so it is never exposed as a Rust reference: reads and
//! writes copy, with volatile accesses for the words that both sides exchange.

use crate::error::{Error, Kind, Result};
use crate::platform::{DmaKind, Platform, RawDma, RawFirmware};
use core::ptr::{self, NonNull};

/// Size of a page as the GSP sees it; 4 KiB whatever the host's page size is.
pub const GSP_PAGE_SIZE: u64 = 4096;

/// DMA memory, given back when dropped.
pub struct Dma<P: Platform> {
    raw: RawDma,
    platform: P,
}

impl<P: Platform> Dma<P> {
    /// Allocates `len` zeroed bytes.
    pub fn new(platform: &P, len: u64, kind: DmaKind) -> Result<Self> {
        if len == 0 {
            return Err(Kind::InvalidArgument.into());
        }
        let raw = platform.dma_alloc(len, kind)?;
        Ok(Dma {
            raw,
            platform: platform.clone(),
        })
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.raw.len
    }

    /// `true` never: zero-length memory is refused at allocation.
    pub fn is_empty(&self) -> bool {
        self.raw.len == 0
    }

    /// Device address of byte 0 of contiguous memory.
    pub fn addr(&self) -> u64 {
        self.raw.addr
    }

    /// Device address of 4 KiB page `page`.
    pub fn page_addr(&self, page: u64) -> Result<u64> {
        if page >= self.raw.len / GSP_PAGE_SIZE {
            return Err(Error::mismatch(
                Kind::InvalidArgument,
                self.raw.len / GSP_PAGE_SIZE,
                page,
            ));
        }
        match self.raw.kind {
            DmaKind::Contiguous => Ok(self.raw.addr.wrapping_add(page.wrapping_mul(GSP_PAGE_SIZE))),
            DmaKind::Scattered => self.platform.dma_page_addr(&self.raw, page),
        }
    }

    /// Makes CPU writes to `off..off+len` visible to the device.
    pub fn sync_for_device(&self, off: u64, len: u64) -> Result<()> {
        self.check(off, len)?;
        self.platform.dma_sync_for_device(&self.raw, off, len)
    }

    fn check(&self, off: u64, len: u64) -> Result<usize> {
        match off.checked_add(len) {
            Some(end) if end <= self.raw.len => Ok(off as usize),
            _ => Err(Error::mismatch(Kind::InvalidArgument, self.raw.len, off)),
        }
    }

    /// Copies `src` to `off`.
    pub fn write(&self, off: u64, src: &[u8]) -> Result<()> {
        let at = self.check(off, src.len() as u64)?;
        // SAFETY: `check` proved off..off+len inside the allocation, which is valid and never aliased by a reference
        // (`Platform`'s promise); `src` is a distinct Rust slice.
        unsafe { ptr::copy_nonoverlapping(src.as_ptr(), self.raw.cpu.as_ptr().add(at), src.len()) };
        Ok(())
    }

    /// Copies from `off` into `dst`.
    pub fn read(&self, off: u64, dst: &mut [u8]) -> Result<()> {
        let at = self.check(off, dst.len() as u64)?;
        // SAFETY: as in `write`, in the other direction.
        unsafe { ptr::copy_nonoverlapping(self.raw.cpu.as_ptr().add(at), dst.as_mut_ptr(), dst.len()) };
        Ok(())
    }

    /// Fills `off..off+len` with `byte`.
    pub fn fill(&self, off: u64, len: u64, byte: u8) -> Result<()> {
        let at = self.check(off, len)?;
        // SAFETY: `check` proved the range inside the allocation.
        unsafe { ptr::write_bytes(self.raw.cpu.as_ptr().add(at), byte, len as usize) };
        Ok(())
    }

    /// Reads the little-endian word at `off` (a multiple of 4), volatile.
    pub fn read_u32(&self, off: u64) -> Result<u32> {
        let at = self.check_word(off, 4)?;
        // SAFETY: inside the allocation (checked) and aligned: the base is page aligned and `off` a multiple of 4.
        Ok(u32::from_le(unsafe {
            ptr::read_volatile(self.raw.cpu.as_ptr().add(at).cast::<u32>())
        }))
    }

    /// Writes the little-endian word at `off` (a multiple of 4), volatile.
    pub fn write_u32(&self, off: u64, value: u32) -> Result<()> {
        let at = self.check_word(off, 4)?;
        // SAFETY: as in `read_u32`.
        unsafe { ptr::write_volatile(self.raw.cpu.as_ptr().add(at).cast::<u32>(), value.to_le()) };
        Ok(())
    }

    /// Writes the little-endian double word at `off` (a multiple of 8), volatile.
    pub fn write_u64(&self, off: u64, value: u64) -> Result<()> {
        let at = self.check_word(off, 8)?;
        // SAFETY: as in `read_u32`, with `off` a multiple of 8.
        unsafe { ptr::write_volatile(self.raw.cpu.as_ptr().add(at).cast::<u64>(), value.to_le()) };
        Ok(())
    }

    fn check_word(&self, off: u64, size: u64) -> Result<usize> {
        if off % size != 0 {
            return Err(Error::found(Kind::InvalidArgument, off));
        }
        self.check(off, size)
    }
}

impl<P: Platform> Drop for Dma<P> {
    fn drop(&mut self) {
        // SAFETY: `raw` came from `dma_alloc`, is owned by us alone and dropped once.
        unsafe { self.platform.dma_free(&self.raw) };
    }
}

// SAFETY: a `Dma` owns its memory and may be given back from any thread.
unsafe impl<P: Platform + Send> Send for Dma<P> {}
// SAFETY: shared access only copies or exchanges words, never hands out references. Threads that write the same bytes race for
// their content, as each of them does with the device anyway; whoever needs more than that holds a lock of his own.
unsafe impl<P: Platform + Sync> Sync for Dma<P> {}

/// Plain zeroed bytes of the platform, given back when dropped.
pub struct Block<P: Platform> {
    ptr: NonNull<u8>,
    len: usize,
    platform: P,
}

impl<P: Platform> Block<P> {
    /// Allocates `len` zeroed bytes.
    pub fn new(platform: &P, len: usize) -> Result<Self> {
        if len == 0 {
            return Err(Kind::InvalidArgument.into());
        }
        let ptr = platform.mem_alloc(len)?;
        Ok(Block {
            ptr,
            len,
            platform: platform.clone(),
        })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `ptr` is valid for `len` initialised bytes and owned by `self`.
        unsafe { core::slice::from_raw_parts(self.ptr.as_ptr(), self.len) }
    }

    /// The bytes, to write.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; `&mut self` makes the access exclusive.
        unsafe { core::slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len) }
    }
}

impl<P: Platform> Drop for Block<P> {
    fn drop(&mut self) {
        // SAFETY: `ptr` came from `mem_alloc(len)`, is owned by us alone and dropped once.
        unsafe { self.platform.mem_free(self.ptr, self.len) };
    }
}

// SAFETY: a `Block` owns its bytes like a `Box<[u8]>` does.
unsafe impl<P: Platform + Send> Send for Block<P> {}
// SAFETY: shared access only reads.
unsafe impl<P: Platform + Sync> Sync for Block<P> {}

/// A fixed number of values in the platform's memory, dropped and given back when dropped.
pub struct Values<P: Platform, T> {
    ptr: NonNull<T>,
    /// Values made so far: all of them once `new` has returned.
    len: usize,
    bytes: usize,
    platform: P,
}

/// What `mem_alloc` aligns to.
const MEM_ALIGN: usize = 16;

impl<P: Platform, T> Values<P, T> {
    /// Makes `len` values. If one cannot be made, those before it are dropped again.
    pub fn new(platform: &P, len: usize, mut make: impl FnMut(usize) -> Result<T>) -> Result<Self> {
        let bytes = core::mem::size_of::<T>().checked_mul(len).unwrap_or(0);
        if bytes == 0 || core::mem::align_of::<T>() > MEM_ALIGN {
            return Err(Error::found(Kind::InvalidArgument, len as u64));
        }
        let mut values = Values {
            ptr: platform.mem_alloc(bytes)?.cast::<T>(),
            len: 0,
            bytes,
            platform: platform.clone(),
        };
        for index in 0..len {
            let value = make(index)?;
            // SAFETY: `index < len`, so the place lies in the allocation, which is aligned for `T` (checked above) and not
            // shared with anybody yet.
            unsafe { values.ptr.as_ptr().add(index).write(value) };
            values.len = index.wrapping_add(1);
        }
        Ok(values)
    }

    /// The values.
    pub fn as_slice(&self) -> &[T] {
        // SAFETY: `len` values have been made, and they are owned by `self`.
        unsafe { core::slice::from_raw_parts(self.ptr.as_ptr(), self.len) }
    }

    /// The values, to change.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as in `as_slice`; `&mut self` makes the access exclusive.
        unsafe { core::slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len) }
    }
}

impl<P: Platform, T> Drop for Values<P, T> {
    fn drop(&mut self) {
        // SAFETY: exactly the values made so far are dropped, once; then the memory, which came from `mem_alloc(bytes)` and is
        // used by nobody else, is given back.
        unsafe {
            ptr::drop_in_place(ptr::slice_from_raw_parts_mut(self.ptr.as_ptr(), self.len));
            self.platform.mem_free(self.ptr.cast(), self.bytes);
        }
    }
}

// SAFETY: `Values` owns its values like a `Box<[T]>` does.
unsafe impl<P: Platform + Send, T: Send> Send for Values<P, T> {}
// SAFETY: shared access gives `&T` only.
unsafe impl<P: Platform + Sync, T: Sync> Sync for Values<P, T> {}

/// A firmware file, given back when dropped.
pub struct Firmware<P: Platform> {
    raw: RawFirmware,
    platform: P,
}

impl<P: Platform> Firmware<P> {
    /// Loads the file `name`.
    pub fn load(platform: &P, name: &str) -> Result<Self> {
        let raw = platform.firmware_get(name)?;
        Ok(Firmware {
            raw,
            platform: platform.clone(),
        })
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: valid and unchanging for `len` bytes until `firmware_put`, which only `drop` calls.
        unsafe { core::slice::from_raw_parts(self.raw.data.as_ptr(), self.raw.len as usize) }
    }
}

impl<P: Platform> Drop for Firmware<P> {
    fn drop(&mut self) {
        // SAFETY: `raw` came from `firmware_get` and is owned by us alone.
        unsafe { self.platform.firmware_put(&self.raw) };
    }
}

/// A value in the platform's memory, dropped and given back when dropped: what is too large to be moved over a kernel stack more
/// than once.
pub struct Owned<P: Platform, T> {
    ptr: NonNull<T>,
    platform: P,
}

impl<P: Platform, T> Owned<P, T> {
    /// Puts what `make` makes into new memory. The memory comes first: when there is none, nothing is made that would have to be
    /// undone.
    pub fn new(platform: &P, make: impl FnOnce() -> Result<T>) -> Result<Self> {
        let size = core::mem::size_of::<T>();
        if core::mem::align_of::<T>() > MEM_ALIGN || size == 0 {
            return Err(Kind::InvalidArgument.into());
        }
        let ptr = platform.mem_alloc(size)?.cast::<T>();
        match make() {
            Ok(value) => {
                // SAFETY: fresh memory of the value's size, aligned for it (checked).
                unsafe { ptr.as_ptr().write(value) };
                Ok(Owned {
                    ptr,
                    platform: platform.clone(),
                })
            }
            Err(e) => {
                // SAFETY: allocated above with this size, used by nobody.
                unsafe { platform.mem_free(ptr.cast(), size) };
                Err(e)
            }
        }
    }
}

impl<P: Platform, T> core::ops::Deref for Owned<P, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: `new` wrote a value there, which is ours until `drop`.
        unsafe { self.ptr.as_ref() }
    }
}

impl<P: Platform, T> Drop for Owned<P, T> {
    fn drop(&mut self) {
        // SAFETY: the value is dropped once, and then its memory, which came from `mem_alloc` of this size, is used by nobody.
        unsafe {
            ptr::drop_in_place(self.ptr.as_ptr());
            self.platform.mem_free(self.ptr.cast(), core::mem::size_of::<T>());
        }
    }
}

// SAFETY: an `Owned` owns its value like a `Box` does.
unsafe impl<P: Platform + Send, T: Send> Send for Owned<P, T> {}
// SAFETY: shared access gives `&T` only.
unsafe impl<P: Platform + Sync, T: Sync> Sync for Owned<P, T> {}
