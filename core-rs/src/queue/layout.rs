// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The memory both queues live in, and the pointers kept there.
//!
//! ```text
//! 0x00000  page table: the device address of each of the 129 pages, this one first
//! 0x01000  command queue: page 0 headers, then 63 pages of elements (we write, the GSP reads)
//! 0x41000  status queue: the same (the GSP writes, we read)
//! ```
//!
//! A queue's header page belongs to the side that writes the queue: it holds that side's write pointer for this queue and its
//! *read pointer for the other queue*. So each side writes one queue and only reads the other.
//!
//! Pointers count pages, 0..63. A queue is empty when both pointers are equal and full when one more page would make them so.
//!
//! Source: OpenRM 535.113.01 and 570.144, `message_queue_cpu.c` (`GspMsgQueuesInit`) and `msgq/msgq_priv.h`
//! (`msgqTxHeader`, `msgqRxHeader`); nouveau `rm/r535/gsp.c` (`r535_gsp_shared_init`).

use super::element::Format;
use crate::error::{Error, Kind, Result};
use crate::mem::{Dma, GSP_PAGE_SIZE};
use crate::platform::{DmaKind, Platform};
use crate::release::Release;
use core::sync::atomic::{fence, Ordering};

/// One queue in bytes, header page included.
const QUEUE_SIZE: u64 = 0x4_0000;
/// Element pages of a queue.
pub(super) const PAGES: u32 = 0x3f;
/// The page table fills one page.
const TABLE_SIZE: u64 = GSP_PAGE_SIZE;
const COMMAND_QUEUE: u64 = TABLE_SIZE;
const STATUS_QUEUE: u64 = COMMAND_QUEUE + QUEUE_SIZE;
const TOTAL_SIZE: u64 = STATUS_QUEUE + QUEUE_SIZE;
/// Pages of the whole area, and so entries of the page table.
const TOTAL_PAGES: u64 = TOTAL_SIZE / GSP_PAGE_SIZE;
/// Element pages in bytes: where an element wraps around.
const RING_SIZE: u64 = PAGES as u64 * GSP_PAGE_SIZE;

/// Version of the header.
const HEADER_VERSION: u32 = 0;
/// `MSGQ_FLAGS_SWAP_RX`: the read pointer kept beside a write pointer is the one for the other queue.
const FLAGS_SWAP_RX: u32 = 1;
/// Elements begin behind the header page.
const ENTRIES_OFFSET: u64 = GSP_PAGE_SIZE;

/// What the firmware is told about the queues (`MESSAGE_QUEUE_INIT_ARGUMENTS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitArguments {
    /// Device address of the shared memory.
    pub shared_mem_addr: u64,
    /// Entries of its page table.
    pub pte_count: u32,
    /// Offset of the command queue in the shared memory.
    pub cmd_queue_offset: u64,
    /// Offset of the status queue in the shared memory.
    pub stat_queue_offset: u64,
}

/// The shared memory.
pub struct Shared<P: Platform> {
    dma: Dma<P>,
    format: Format,
}

impl<P: Platform> Shared<P> {
    /// Allocates the memory, writes the page table and our queue's header.
    ///
    /// # Errors
    /// Those of the platform's `dma_alloc`.
    pub fn new(platform: &P, release: &'static Release) -> Result<Self> {
        let dma = Dma::new(platform, TOTAL_SIZE, DmaKind::Contiguous)?;
        for page in 0..TOTAL_PAGES {
            dma.write_u64(page.wrapping_mul(8), dma.page_addr(page)?)?;
        }
        let header = &release.tx_header;
        let read_header = header.size as u32;
        for (field, value) in [
            (header.version, HEADER_VERSION),
            (header.queue_size, QUEUE_SIZE as u32),
            (header.msg_size, GSP_PAGE_SIZE as u32),
            (header.msg_count, PAGES),
            (header.flags, FLAGS_SWAP_RX),
            (header.rx_hdr_off, read_header),
            (header.entry_off, ENTRIES_OFFSET as u32),
        ] {
            dma.write_u32(COMMAND_QUEUE.wrapping_add(field as u64), value)?;
        }
        Ok(Shared {
            dma,
            format: Format::new(release),
        })
    }

    /// What the firmware is told about the queues.
    pub fn init_arguments(&self) -> InitArguments {
        InitArguments {
            shared_mem_addr: self.dma.addr(),
            pte_count: TOTAL_PAGES as u32,
            cmd_queue_offset: COMMAND_QUEUE,
            stat_queue_offset: STATUS_QUEUE,
        }
    }

    /// How messages are framed.
    pub fn format(&self) -> Format {
        self.format
    }

    /// How far the GSP has read our commands.
    pub(super) fn command_read_pointer(&self) -> Result<u32> {
        checked(self.dma.read_u32(self.read_pointer_of(STATUS_QUEUE))?)
    }

    /// Hands all command pages before `page` to the GSP.
    pub(super) fn publish_commands(&self, page: u32) -> Result<()> {
        // The elements must be in memory before the pointer says so, and the pointer before the doorbell rings.
        fence(Ordering::SeqCst);
        self.dma.write_u32(self.write_pointer_of(COMMAND_QUEUE), page)?;
        fence(Ordering::SeqCst);
        Ok(())
    }

    /// How far the GSP has written its messages.
    pub(super) fn status_write_pointer(&self) -> Result<u32> {
        let page = checked(self.dma.read_u32(self.write_pointer_of(STATUS_QUEUE))?)?;
        // What lies before the pointer must not be read earlier than the pointer.
        fence(Ordering::SeqCst);
        Ok(page)
    }

    /// Gives all status pages before `page` back to the GSP.
    pub(super) fn release_messages(&self, page: u32) -> Result<()> {
        // Our copies must be complete before the GSP may write there again.
        fence(Ordering::SeqCst);
        self.dma.write_u32(self.read_pointer_of(COMMAND_QUEUE), page)
    }

    /// Checks that the GSP shaped its queue as we read it.
    ///
    /// # Errors
    /// [`Kind::QueueShape`] with the field's expected and found value.
    pub(super) fn check_status_header(&self) -> Result<()> {
        let header = &self.format.table().tx_header;
        for (field, expected) in [
            (header.version, HEADER_VERSION),
            (header.queue_size, QUEUE_SIZE as u32),
            (header.msg_size, GSP_PAGE_SIZE as u32),
            (header.msg_count, PAGES),
            (header.entry_off, ENTRIES_OFFSET as u32),
        ] {
            let found = self.dma.read_u32(STATUS_QUEUE.wrapping_add(field as u64))?;
            if found != expected {
                return Err(Error::mismatch(Kind::QueueShape, expected.into(), found.into()));
            }
        }
        Ok(())
    }

    /// The write pointer in the header page of `queue`.
    fn write_pointer_of(&self, queue: u64) -> u64 {
        queue.wrapping_add(self.format.table().tx_header.write_ptr as u64)
    }

    /// The read pointer in the header page of `queue`: it counts in the *other* queue.
    fn read_pointer_of(&self, queue: u64) -> u64 {
        let table = self.format.table();
        let offset = table.tx_header.size.wrapping_add(table.rx_header.read_ptr);
        queue.wrapping_add(offset as u64)
    }

    /// Writes `bytes` to the command ring, `offset` bytes behind the start of page `page`.
    pub(super) fn write_command(&self, page: u32, offset: u64, bytes: &[u8]) -> Result<()> {
        let (at, room) = ring_position(page, offset);
        let (head, tail) = bytes.split_at(bytes.len().min(room as usize));
        let base = COMMAND_QUEUE + ENTRIES_OFFSET;
        self.dma.write(base.wrapping_add(at), head)?;
        if !tail.is_empty() {
            self.dma.write(base, tail)?;
        }
        Ok(())
    }

    /// Copies from the status ring, `offset` bytes behind the start of page `page`.
    pub(super) fn read_message(&self, page: u32, offset: u64, bytes: &mut [u8]) -> Result<()> {
        let (at, room) = ring_position(page, offset);
        let cut = bytes.len().min(room as usize);
        let (head, tail) = bytes.split_at_mut(cut);
        let base = STATUS_QUEUE + ENTRIES_OFFSET;
        self.dma.read(base.wrapping_add(at), head)?;
        if !tail.is_empty() {
            self.dma.read(base, tail)?;
        }
        Ok(())
    }
}

/// Byte position in the ring and the bytes from there to the ring's end.
fn ring_position(page: u32, offset: u64) -> (u64, u64) {
    let at = u64::from(page).wrapping_mul(GSP_PAGE_SIZE).wrapping_add(offset) % RING_SIZE;
    (at, RING_SIZE.wrapping_sub(at))
}

/// A pointer the GSP wrote, if it lies in the ring.
fn checked(page: u32) -> Result<u32> {
    if page < PAGES {
        Ok(page)
    } else {
        Err(Error::mismatch(Kind::QueuePointer, (PAGES - 1).into(), page.into()))
    }
}

/// Pages from `from` up to `to`, going round.
pub(super) fn distance(from: u32, to: u32) -> u32 {
    to.wrapping_add(PAGES).wrapping_sub(from) % PAGES
}

/// The page `count` behind `page`, going round.
pub(super) fn advance(page: u32, count: u32) -> u32 {
    page.wrapping_add(count) % PAGES
}
