// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Memory that the device reaches by addresses of its own.

use std::alloc::{alloc_zeroed, dealloc, Layout};
use std::collections::BTreeMap;

const PAGE: u64 = 4096;
/// Device addresses begin here, above what 32 bits hold, so that a cut address is noticed.
const FIRST: u64 = 0x12_0000_0000;

/// Pages by device address.
#[derive(Default)]
pub struct Arena {
    pages: BTreeMap<u64, usize>,
    next: u64,
}

/// An allocation.
pub struct Piece {
    cpu: *mut u8,
    layout: Layout,
    addrs: Vec<u64>,
}

// SAFETY: a piece owns its memory.
unsafe impl Send for Piece {}

impl Piece {
    /// For the CPU.
    pub fn cpu(&self) -> *mut u8 {
        self.cpu
    }

    /// Bytes of it.
    pub fn size(&self) -> u64 {
        self.layout.size() as u64
    }

    /// Device address of page `page`.
    pub fn addr(&self, page: u64) -> Option<u64> {
        self.addrs.get(page as usize).copied()
    }
}

impl Arena {
    /// Allocates `len` zeroed bytes. Scattered pages get addresses that run backwards with holes between them, so that nobody
    /// can take them for one range.
    pub fn alloc(&mut self, len: u64, contiguous: bool) -> Option<Piece> {
        if len == 0 || len % PAGE != 0 {
            return None;
        }
        let layout = Layout::from_size_align(len as usize, PAGE as usize).ok()?;
        // SAFETY: the layout has a size.
        let cpu = unsafe { alloc_zeroed(layout) };
        if cpu.is_null() {
            return None;
        }
        let count = len / PAGE;
        let stride = if contiguous { PAGE } else { 3 * PAGE };
        let base = FIRST + self.next;
        // A hole behind each allocation catches accesses beyond its end.
        self.next += (count + 1) * stride;
        let addrs: Vec<u64> = (0..count)
            .map(|page| {
                if contiguous {
                    base + page * stride
                } else {
                    base + (count - 1 - page) * stride
                }
            })
            .collect();
        for (page, addr) in addrs.iter().enumerate() {
            self.pages.insert(*addr, cpu as usize + page * PAGE as usize);
        }
        Some(Piece { cpu, layout, addrs })
    }

    /// Takes a piece back; the device no longer reaches it.
    pub fn free(&mut self, piece: Piece) {
        for addr in &piece.addrs {
            self.pages.remove(addr);
        }
        // SAFETY: allocated with this layout, and a piece is freed once because it is taken by value.
        unsafe { dealloc(piece.cpu, piece.layout) };
    }

    /// The device reads; false when an address is not mapped.
    pub fn read(&self, addr: u64, buf: &mut [u8]) -> bool {
        self.walk(addr, buf.len(), |done, at, len| {
            // SAFETY: `walk` hands out ranges inside mapped pages; the CPU side copies with volatile or plain accesses of its own,
            // as with a real device.
            unsafe { std::ptr::copy_nonoverlapping(at as *const u8, buf.as_mut_ptr().add(done), len) };
        })
    }

    /// The device writes; false when an address is not mapped.
    pub fn write(&self, addr: u64, data: &[u8]) -> bool {
        self.walk(addr, data.len(), |done, at, len| {
            // SAFETY: as in `read`.
            unsafe { std::ptr::copy_nonoverlapping(data.as_ptr().add(done), at as *mut u8, len) };
        })
    }

    fn walk(&self, addr: u64, len: usize, mut each: impl FnMut(usize, usize, usize)) -> bool {
        let mut done = 0;
        while done < len {
            let at = addr + done as u64;
            let within = (at % PAGE) as usize;
            let Some(page) = self.pages.get(&(at - within as u64)) else {
                return false;
            };
            let part = (PAGE as usize - within).min(len - done);
            each(done, page + within, part);
            done += part;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scattered_pages_are_no_range() {
        let mut arena = Arena::default();
        let piece = arena.alloc(3 * PAGE, false).unwrap();
        let addrs: Vec<u64> = (0..3).map(|p| piece.addr(p).unwrap()).collect();
        assert!(addrs[0] > addrs[1] && addrs[1] > addrs[2]);
        assert!(!arena.write(addrs[1] + PAGE - 1, &[1, 2]));
        assert!(arena.write(addrs[1], &[7]));
        // SAFETY: inside the piece.
        assert_eq!(unsafe { *piece.cpu().add(PAGE as usize) }, 7);
        arena.free(piece);
        assert!(!arena.read(addrs[0], &mut [0]));
    }

    #[test]
    fn contiguous_pages_are_one_range() {
        let mut arena = Arena::default();
        let piece = arena.alloc(2 * PAGE, true).unwrap();
        let addr = piece.addr(0).unwrap();
        assert!(arena.write(addr + PAGE - 1, &[1, 2]));
        let mut back = [0; 2];
        assert!(arena.read(addr + PAGE - 1, &mut back) && back == [1, 2]);
        assert!(!arena.read(addr + 2 * PAGE - 1, &mut back));
        arena.free(piece);
    }
}
