// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The headers in front of every element: `GSP_MSG_QUEUE_ELEMENT`, then `rpc_message_header_v`.

use crate::mem::GSP_PAGE_SIZE;
use crate::release::Release;
use crate::wire;
use crate::Result;

/// `NV_VGPU_MSG_RESULT_RPC_PENDING`: what a command's result fields hold until it is answered (OpenRM `rpc_headers.h`).
const RESULT_PENDING: u32 = 0xffff_ffff;
/// Room for both headers of any release (48 + 32 bytes from 535 to 590).
const HEADERS_MAX: usize = 96;

/// How a release frames its messages.
#[derive(Clone, Copy)]
pub struct Format {
    release: &'static Release,
}

impl Format {
    /// That of `release`.
    pub const fn new(release: &'static Release) -> Self {
        Format { release }
    }

    /// The release's table.
    pub(super) const fn table(&self) -> &'static Release {
        self.release
    }

    /// Bytes of both headers.
    pub(super) const fn headers(&self) -> usize {
        self.rpc(self.release.rpc_header.payload)
    }

    /// Where the field at `offset` of the RPC header stands in an element.
    pub(super) const fn rpc(&self, offset: usize) -> usize {
        self.release.element.rpc.wrapping_add(offset)
    }

    /// Most bytes of an element.
    pub(super) const fn max_element(&self) -> usize {
        self.release.queue.element_size_max
    }

    /// Most pages of an element.
    pub(super) const fn max_pages(&self) -> u32 {
        (self.max_element() / GSP_PAGE_SIZE as usize) as u32
    }

    /// Most payload bytes of an element.
    pub const fn max_payload(&self) -> usize {
        self.max_element().saturating_sub(self.headers())
    }

    /// Pages an element with `payload` bytes takes.
    pub(super) fn pages_for(&self, payload: usize) -> u32 {
        let bytes = self.headers().saturating_add(payload) as u64;
        (bytes.saturating_add(GSP_PAGE_SIZE - 1) / GSP_PAGE_SIZE) as u32
    }

    /// Both headers of a command's element, checksum zero. Fields not named stay zero: the authentication tag and data are
    /// for confidential computing.
    pub(super) fn encode(&self, function: u32, rpc_sequence: u32, sequence: u32, payload: usize) -> Result<Headers> {
        let element = &self.release.element;
        let rpc = &self.release.rpc_header;
        let mut headers = Headers {
            bytes: [0; HEADERS_MAX],
            len: self.headers(),
        };
        for (offset, value) in [
            (element.seq_num, sequence),
            (element.elem_count, self.pages_for(payload)),
            (self.rpc(rpc.header_version), self.release.rpc.header_version),
            (self.rpc(rpc.signature), self.release.rpc.signature),
            (self.rpc(rpc.length), rpc.payload.saturating_add(payload) as u32),
            (self.rpc(rpc.function), function),
            (self.rpc(rpc.rpc_result), RESULT_PENDING),
            (self.rpc(rpc.rpc_result_private), RESULT_PENDING),
            (self.rpc(rpc.sequence), rpc_sequence),
        ] {
            wire::put_u32(&mut headers.bytes, offset, value)?;
        }
        Ok(headers)
    }
}

/// Encoded headers.
pub(super) struct Headers {
    bytes: [u8; HEADERS_MAX],
    len: usize,
}

impl Headers {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    pub(super) fn put_u32(&mut self, offset: usize, value: u32) -> Result<()> {
        wire::put_u32(&mut self.bytes, offset, value)
    }
}
