// SPDX-License-Identifier: MIT
//! The memory both sides share, page by page.

use super::PAGE;
use crate::{board::Board, bytes::get_u32, violation::Rule};

/// The shared memory, through the page addresses at its start.
pub(super) struct Shared {
    pub pages: Vec<u64>,
}

impl Shared {
    /// Calls `each` with the address and length of every page-bounded piece of a range.
    fn pieces(&self, at: u64, len: usize, mut each: impl FnMut(u64, std::ops::Range<usize>) -> bool) -> bool {
        let mut done = 0;
        while done < len {
            let pos = at as usize + done;
            let take = (PAGE - pos % PAGE).min(len - done);
            let Some(page) = self.pages.get(pos / PAGE) else {
                return false;
            };
            if !each(page + (pos % PAGE) as u64, done..done + take) {
                return false;
            }
            done += take;
        }
        true
    }

    pub fn read(&self, board: &mut Board, at: u64, len: usize) -> Option<Vec<u8>> {
        let mut out = vec![0; len];
        let read = self.pieces(at, len, |addr, range| board.dma_read(0, addr, &mut out[range]));
        if !read {
            board.violate(Rule::DmaFault, format!("shared memory at {at:#x}"));
        }
        read.then_some(out)
    }

    pub fn write(&self, board: &mut Board, at: u64, data: &[u8]) {
        if !self.pieces(at, data.len(), |addr, range| board.dma_write(0, addr, &data[range])) {
            board.violate(Rule::DmaFault, format!("shared memory at {at:#x}"));
        }
    }

    pub fn read_u32(&self, board: &mut Board, at: u64) -> Option<u32> {
        self.read(board, at, 4).map(|b| get_u32(&b, 0))
    }
}
