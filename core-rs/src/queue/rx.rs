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
    sequence: u32,
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
            sequence: 0,
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
        let outcome = self.copy_out(shared, available);
        let consumed = match &outcome {
            Ok((pages, _)) => *pages,
            Err(refusal) => refusal.pages,
        };
        self.read = advance(self.read, consumed);
        shared.release_messages(self.read)?;
        match outcome {
            Ok((_, len)) => self.judge(len).map(Some),
            Err(refusal) => Err(refusal.error),
        }
    }

    /// Copies the next element out. Returns its pages and its bytes.
    fn copy_out(&mut self, shared: &Shared<P>, available: u32) -> core::result::Result<(u32, usize), Refusal> {
        let everything = |error| Refusal {
            error,
            pages: available,
        };
        let format = self.format;
        let table = format.table();
        let read = self.read;
        let headers = part(&mut self.element, 0, format.headers()).map_err(everything)?;
        shared.read_message(read, 0, headers).map_err(everything)?;
        let pages = wire::get_u32(headers, table.element.elem_count).map_err(everything)?;
        let length = wire::get_u32(headers, format.rpc(table.rpc_header.length)).map_err(everything)?;

        if pages == 0 || pages > format.max_pages() {
            let error = Error::mismatch(Kind::ElementPages, format.max_pages().into(), pages.into());
            return Err(everything(error));
        }
        if pages > available {
            let error = Error::mismatch(Kind::ElementIncomplete, pages.into(), available.into());
            return Err(everything(error));
        }
        let this = |error| Refusal { error, pages };
        let header = table.rpc_header.payload;
        let payload = (length as usize)
            .checked_sub(header)
            .ok_or_else(|| this(Error::mismatch(Kind::MessageTooShort, header as u64, length.into())))?;
        if format.pages_for(payload) != pages {
            let needed = format.pages_for(payload);
            return Err(this(Error::mismatch(Kind::ElementLength, pages.into(), needed.into())));
        }
        let body = part(&mut self.element, format.headers(), payload).map_err(this)?;
        shared.read_message(read, format.headers() as u64, body).map_err(this)?;
        Ok((pages, format.headers().saturating_add(payload)))
    }

    /// Judges the copied element of `len` bytes.
    fn judge(&mut self, len: usize) -> Result<Message<'_>> {
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
        let expected = self.sequence;
        // After a gap go on from what was found: one lost element is one error, not an endless row of them.
        self.sequence = sequence.wrapping_add(1);
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

/// Why an element was refused and how many pages go with it.
struct Refusal {
    error: Error,
    pages: u32,
}

fn part<P: Platform>(block: &mut Block<P>, at: usize, len: usize) -> Result<&mut [u8]> {
    block
        .bytes_mut()
        .get_mut(at..at.saturating_add(len))
        .ok_or_else(|| Error::found(Kind::ElementLength, len as u64))
}
