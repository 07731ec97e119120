// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Memory that a device reads and writes too: its BARs, and buffers for its DMA.

use anyhow::{ensure, Context, Result};
use nix::sys::mman::{mmap, mmap_anonymous, munmap, MapFlags, ProtFlags};
use std::{ffi::c_void, num::NonZeroUsize, os::fd::AsFd, ptr::NonNull};

/// A mapping. All accesses are volatile and inside it.
pub struct Mapping {
    start: NonNull<c_void>,
    len: usize,
}

impl Mapping {
    /// Maps `len` bytes of a file, from byte `offset`, shared.
    pub fn of_file(file: impl AsFd, offset: u64, len: u64) -> Result<Mapping> {
        let (len, size) = sizes(len)?;
        let offset = i64::try_from(offset).context("offset of a mapping")?;
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing that Rust knows of.
        let start = unsafe { mmap(None, size, protection(), MapFlags::MAP_SHARED, file, offset) };
        Ok(Mapping {
            start: start.context("mapping")?,
            len,
        })
    }

    /// Maps `len` bytes of fresh memory, all of it present.
    pub fn of_memory(len: u64) -> Result<Mapping> {
        let (len, size) = sizes(len)?;
        // SAFETY: as above.
        let start = unsafe { mmap_anonymous(None, size, protection(), MapFlags::MAP_PRIVATE | MapFlags::MAP_POPULATE) };
        Ok(Mapping {
            start: start.context("allocating")?,
            len,
        })
    }

    /// The process's address of the mapping.
    pub fn address(&self) -> u64 {
        self.start.as_ptr() as u64
    }

    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.len as u64
    }

    fn word(&self, offset: u64) -> Result<*mut u32> {
        let inside = offset.checked_add(4).is_some_and(|end| end <= self.len());
        ensure!(
            inside && offset & 3 == 0,
            "offset {offset:#x} in a mapping of {:#x} bytes",
            self.len
        );
        // SAFETY: offset is inside the mapping, which is one allocation.
        Ok(unsafe { self.start.as_ptr().cast::<u8>().add(offset as usize).cast() })
    }

    /// Reads a 32-bit word.
    pub fn read32(&self, offset: u64) -> Result<u32> {
        let word = self.word(offset)?;
        // SAFETY: word() checked bounds and alignment; the mapping is readable.
        Ok(u32::from_le(unsafe { word.read_volatile() }))
    }

    /// Writes a 32-bit word.
    pub fn write32(&self, offset: u64, value: u32) -> Result<()> {
        let word = self.word(offset)?;
        // SAFETY: word() checked bounds and alignment; the mapping is writable, and nothing in it is borrowed.
        unsafe { word.write_volatile(value.to_le()) };
        Ok(())
    }

    /// Fills `words` words from `offset` on with values that depend on `seed` and on the place.
    pub fn fill(&self, offset: u64, words: u64, seed: u32) -> Result<()> {
        (0..words).try_for_each(|i| self.write32(offset + 4 * i, pattern(seed, i)))
    }

    /// Checks that `words` words from `offset` on are what [`Mapping::fill`] writes.
    pub fn expect(&self, what: &str, offset: u64, words: u64, seed: u32) -> Result<()> {
        for i in 0..words {
            let (found, expected) = (self.read32(offset + 4 * i)?, pattern(seed, i));
            ensure!(
                found == expected,
                "{what}, word {i}: expected {expected:#010x}, found {found:#010x}"
            );
        }
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that was made, and no pointer into it outlives self. An error would mean that it
        // is gone already, and there is nobody to tell.
        let _ = unsafe { munmap(self.start, self.len) };
    }
}

fn protection() -> ProtFlags {
    ProtFlags::PROT_READ | ProtFlags::PROT_WRITE
}

fn sizes(len: u64) -> Result<(usize, NonZeroUsize)> {
    let len = usize::try_from(len).context("length of a mapping")?;
    Ok((len, NonZeroUsize::new(len).context("length of a mapping is 0")?))
}

/// Never the same for two seeds at the same place, nor for neighbours.
fn pattern(seed: u32, index: u64) -> u32 {
    seed.wrapping_mul(0x9e37_79b1) ^ (index as u32).wrapping_mul(0x85eb_ca6b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accesses_stay_inside() {
        let memory = Mapping::of_memory(4096).unwrap();
        memory.write32(4092, 0x1234_5678).unwrap();
        assert_eq!(memory.read32(4092).unwrap(), 0x1234_5678);
        assert!(memory.read32(4096).is_err());
        assert!(memory.read32(4094).is_err());
        assert!(memory.read32(u64::MAX - 1).is_err());
    }

    #[test]
    fn patterns_differ() {
        let memory = Mapping::of_memory(4096).unwrap();
        memory.fill(0, 1024, 1).unwrap();
        memory.expect("itself", 0, 1024, 1).unwrap();
        assert!(memory.expect("another seed", 0, 1024, 2).is_err());
        assert!(memory.expect("shifted", 4, 1023, 1).is_err());
    }
}
