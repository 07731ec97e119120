// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Receiving messages.
//!
//! The GSP may change the shared memory at any time, so an element is copied out first and judged by the copy. The two numbers
//! needed before that (how many pages, how many bytes) are themselves taken from a copy of the headers and bounded by what the
//! write pointer says is there.

use super::checksum::Checksum;
use super::element::Format;
use super::layout::{advance, distance, Shared};
use crate::error::{Error, Kind, Result};
use crate::mem::Block;
use crate::platform::Platform;
use crate::wire;

/// A message, copied out and checked.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// RPC function, or event number.
    pub function: u32,
    /// `rpc_result`: 0 = success.
    pub result: u32,
    /// RPC sequence number; of the command this answers.
    pub sequence: u32,
    /// Payload behind the RPC header.
    pub payload: &'a [u8],
}

/// Our end of the status queue.
pub struct Receiver<P: Platform> {
    format: Format,
    read: u32,
    /// Sequence number of the next element; unknown after one that could not be read.
    sequence: Option<u32>,
    shape_checked: bool,
    /// The last element.
    element: Block<P>,
    /// Its payload's bytes.
    payload: usize,
}

impl<P: Platform> Receiver<P> {
    /// At the start of an empty queue.
    ///
    /// # Errors
    /// Those of the platform's `mem_alloc`.
    pub fn new(platform: &P, format: Format) -> Result<Self> {
        Ok(Receiver {
            format,
            read: 0,
            sequence: Some(0),
            shape_checked: false,
            element: Block::new(platform, format.max_element())?,
            payload: 0,
        })
    }

    /// The payload of the last message received.
    pub(super) fn payload(&self) -> &[u8] {
        self.element
            .bytes()
            .get(self.format.headers()..)
            .and_then(|bytes| bytes.get(..self.payload))
            .unwrap_or(&[])
    }

    /// Hands the last element over for another buffer of the same size.
    pub(super) fn exchange(&mut self, buffer: &mut Block<P>) {
        core::mem::swap(&mut self.element, buffer);
        self.payload = 0;
    }

    /// The next message, if there is one.
    ///
    /// A refused element is consumed, so that the next call meets the next one; where its size cannot be believed, everything
    /// up to the write pointer is given up. Only a write pointer outside the ring or a wrongly shaped queue header stays.
    ///
    /// # Errors
    /// - [`Kind::QueuePointer`]: the GSP's write pointer lies outside the ring.
    /// - [`Kind::QueueShape`]: the GSP's queue header is not the known one.
    /// - [`Kind::ElementPages`]: an element of no or more than 16 pages.
    /// - [`Kind::ElementIncomplete`]: an element longer than what has been written.
    /// - [`Kind::MessageTooShort`]: a length below the RPC header's.
    /// - [`Kind::ElementLength`]: a length that needs another number of pages than stated.
    /// - [`Kind::ElementChecksum`], [`Kind::ElementSequence`], [`Kind::RpcSignature`], [`Kind::RpcVersion`].
    pub fn receive(&mut self, shared: &Shared<P>) -> Result<Option<Message<'_>>> {
        let write = shared.status_write_pointer()?;
        let available = distance(self.read, write);
        if available == 0 {
            return Ok(None);
        }
        if !self.shape_checked {
            shared.check_status_header()?;
            self.shape_checked = true;
        }
        let expected = self.sequence.take();
        let copied = self.copy_out(shared, available);
        // Where an element's size cannot be believed, neither can the place of the next one.
        let consumed = copied.as_ref().map_or(available, |(pages, _)| *pages);
        self.read = advance(self.read, consumed);
        shared.release_messages(self.read)?;
        let (_, len) = copied?;
        self.judge(len, expected).map(Some)
    }

    /// Copies the next element out. Returns its pages and its bytes.
    fn copy_out(&mut self, shared: &Shared<P>, available: u32) -> Result<(u32, usize)> {
        let format = self.format;
        let table = format.table();
        let element = self.element.bytes_mut();
        let headers = wire::bytes_mut(element, 0, format.headers())?;
        shared.read_message(self.read, 0, headers)?;
        let pages = wire::get_u32(headers, table.element.elem_count)?;
        let length = wire::get_u32(headers, format.rpc(table.rpc_header.length))?;

        if pages == 0 || pages > format.max_pages() {
            return Err(Error::mismatch(
                Kind::ElementPages,
                format.max_pages().into(),
                pages.into(),
            ));
        }
        if pages > available {
            return Err(Error::mismatch(Kind::ElementIncomplete, pages.into(), available.into()));
        }
        let header = table.rpc_header.payload;
        let payload = (length as usize)
            .checked_sub(header)
            .ok_or_else(|| Error::mismatch(Kind::MessageTooShort, header as u64, length.into()))?;
        let needed = format.pages_for(payload);
        if needed != pages {
            return Err(Error::mismatch(Kind::ElementLength, pages.into(), needed.into()));
        }
        let body = wire::bytes_mut(element, format.headers(), payload)?;
        shared.read_message(self.read, format.headers() as u64, body)?;
        Ok((pages, format.headers().saturating_add(payload)))
    }

    /// Judges the copied element of `len` bytes, which should be number `expected`.
    fn judge(&mut self, len: usize, expected: Option<u32>) -> Result<Message<'_>> {
        let format = self.format;
        let table = format.table();
        let rpc = &table.rpc_header;
        let bytes = self.element.bytes().get(..len).unwrap_or(&[]);
        let field = |offset| wire::get_u32(bytes, offset);
        let mut sum = Checksum::new();
        sum.add(bytes);
        if sum.finish() != 0 {
            return Err(Error::mismatch(Kind::ElementChecksum, 0, sum.finish().into()));
        }
        let sequence = field(table.element.seq_num)?;
        let expected = expected.unwrap_or(sequence);
        // After a gap go on from what was found: one lost element is one error, not an endless row of them.
        self.sequence = Some(sequence.wrapping_add(1));
        for (kind, expected, found) in [
            (Kind::ElementSequence, expected, sequence),
            (
                Kind::RpcSignature,
                table.rpc.signature,
                field(format.rpc(rpc.signature))?,
            ),
            (
                Kind::RpcVersion,
                table.rpc.header_version,
                field(format.rpc(rpc.header_version))?,
            ),
        ] {
            if found != expected {
                return Err(Error::mismatch(kind, expected.into(), found.into()));
            }
        }
        let payload = bytes.get(format.headers()..).unwrap_or(&[]);
        self.payload = payload.len();
        Ok(Message {
            function: field(format.rpc(rpc.function))?,
            result: field(format.rpc(rpc.rpc_result))?,
            sequence: field(format.rpc(rpc.sequence))?,
            payload,
        })
    }
}
