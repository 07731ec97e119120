// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Memory of the test machine.

use novabridge_core::platform::DmaKind;
use std::alloc::{alloc_zeroed, dealloc, Layout};
use std::ptr::{self, NonNull};

const PAGE: u64 = 4096;

/// Zeroed heap memory.
pub struct Allocation {
    ptr: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the memory is owned, and reached through raw pointers only.
unsafe impl Send for Allocation {}

impl Allocation {
    pub fn new(len: usize, align: usize) -> Self {
        assert_ne!(len, 0, "an allocation of no bytes");
        let layout = Layout::from_size_align(len, align).expect("a sane allocation");
        // SAFETY: the layout is not of size 0.
        let ptr = NonNull::new(unsafe { alloc_zeroed(layout) }).expect("the test machine has memory");
        Allocation { ptr, layout }
    }

    pub fn ptr(&self) -> NonNull<u8> {
        self.ptr
    }

    pub fn len(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.ptr.as_ptr(), self.layout) };
    }
}

/// DMA memory: pages with device addresses.
pub struct Pages {
    memory: Allocation,
    kind: DmaKind,
    first: u64,
}

impl Pages {
    /// `len` bytes, rounded up, at device page `first`.
    pub fn new(len: u64, kind: DmaKind, first: u64) -> Self {
        let len = (len + PAGE - 1) & !(PAGE - 1);
        Pages {
            memory: Allocation::new(len as usize, PAGE as usize),
            kind,
            first,
        }
    }

    pub fn cpu(&self) -> NonNull<u8> {
        self.memory.ptr()
    }

    pub fn len(&self) -> u64 {
        self.memory.len() as u64
    }

    pub fn count(&self) -> u64 {
        self.len() / PAGE
    }

    /// Device address of a page. Scattered pages lie in the opposite order, so that nobody takes them for contiguous.
    pub fn addr(&self, page: u64) -> u64 {
        let page = match self.kind {
            DmaKind::Contiguous => page,
            DmaKind::Scattered => self.count() - 1 - page,
        };
        (self.first + page) * PAGE
    }

    /// Offset in this memory of device address `addr`.
    fn offset(&self, addr: u64) -> Option<u64> {
        let page = (addr / PAGE)
            .checked_sub(self.first)
            .filter(|page| *page < self.count())?;
        let page = match self.kind {
            DmaKind::Contiguous => page,
            DmaKind::Scattered => self.count() - 1 - page,
        };
        Some(page * PAGE + addr % PAGE)
    }

    pub fn read(&self, off: u64, to: &mut [u8]) {
        assert!(off + to.len() as u64 <= self.len());
        // SAFETY: inside the allocation, as asserted; `to` is a separate slice.
        unsafe { ptr::copy_nonoverlapping(self.cpu().as_ptr().add(off as usize), to.as_mut_ptr(), to.len()) };
    }

    pub fn write(&self, off: u64, from: &[u8]) {
        assert!(off + from.len() as u64 <= self.len());
        // SAFETY: inside the allocation, as asserted; `from` is a separate slice.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), self.cpu().as_ptr().add(off as usize), from.len()) };
    }
}

/// Cuts `addr..addr+len` at page borders and calls `piece(pages, offset in pages, offset in the range, length)` for each.
pub fn walk<'a>(
    all: impl Iterator<Item = &'a Pages> + Clone,
    addr: u64,
    len: usize,
    mut piece: impl FnMut(&Pages, u64, usize, usize),
) -> Option<()> {
    let mut done = 0;
    while done < len {
        let at = addr + done as u64;
        let (pages, off) = all.clone().find_map(|pages| Some((pages, pages.offset(at)?)))?;
        let n = ((PAGE - at % PAGE) as usize).min(len - done);
        piece(pages, off, done, n);
        done += n;
    }
    Some(())
}
