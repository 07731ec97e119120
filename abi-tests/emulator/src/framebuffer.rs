// SPDX-License-Identifier: MIT
//! The board's memory: reserved address space, committed as it is touched.

use std::io;

/// All of the framebuffer, from offset 0.
///
/// It is shared with whatever maps it (a guest's BAR1), so it is only ever read and written by volatile-safe copies and
/// never lent out as a slice.
pub struct Framebuffer {
    base: *mut u8,
    len: u64,
}

// SAFETY: the mapping is owned, lives as long as the value and every access goes through raw copies that tolerate
// concurrent writers (as real framebuffer memory does).
unsafe impl Send for Framebuffer {}
// SAFETY: as above.
unsafe impl Sync for Framebuffer {}

impl Framebuffer {
    /// Reserves `len` bytes that read as zero.
    ///
    /// # Errors
    /// Whatever `mmap` says.
    pub fn new(len: u64) -> io::Result<Self> {
        let size = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        // SAFETY: an anonymous private mapping at an address of the kernel's choice; no memory of ours is affected.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Framebuffer { base: base.cast(), len })
    }

    /// Bytes of framebuffer.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Start of the mapping, for a bus adapter that maps it into a guest.
    pub fn as_ptr(&self) -> *mut u8 {
        self.base
    }

    fn range(&self, at: u64, len: usize) -> Option<*mut u8> {
        let end = at.checked_add(len as u64)?;
        // SAFETY: `at` is inside the mapping, or one past its end for an empty range.
        (end <= self.len).then(|| unsafe { self.base.add(at as usize) })
    }

    /// Copies out of the framebuffer; false when the range is not all inside.
    #[must_use]
    pub fn read(&self, at: u64, buf: &mut [u8]) -> bool {
        let Some(from) = self.range(at, buf.len()) else {
            return false;
        };
        // SAFETY: `range` checked the source, `buf` is ours and outside the mapping.
        unsafe { std::ptr::copy_nonoverlapping(from, buf.as_mut_ptr(), buf.len()) };
        true
    }

    /// Copies into the framebuffer; false when the range is not all inside.
    #[must_use]
    pub fn write(&self, at: u64, data: &[u8]) -> bool {
        let Some(to) = self.range(at, data.len()) else {
            return false;
        };
        // SAFETY: `range` checked the destination, `data` is ours and outside the mapping.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), to, data.len()) };
        true
    }
}

impl Drop for Framebuffer {
    fn drop(&mut self) {
        // SAFETY: base and len are those of the mapping made in `new`.
        unsafe { libc::munmap(self.base.cast(), self.len as usize) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked() {
        let fb = Framebuffer::new(1 << 20).unwrap();
        assert!(fb.write((1 << 20) - 4, &[1, 2, 3, 4]));
        assert!(!fb.write((1 << 20) - 3, &[1, 2, 3, 4]));
        assert!(!fb.write(u64::MAX, &[1]));
        let mut b = [0; 4];
        assert!(fb.read((1 << 20) - 4, &mut b));
        assert_eq!(b, [1, 2, 3, 4]);
    }
}
