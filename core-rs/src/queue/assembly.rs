// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A reply put together from the elements it came in.
//!
//! The reply to a long command is as long as the command and is split the same way: a full element with the command's function
//! number, then elements of function `continuation_record`, all full but the last. Nothing in the elements says how many
//! there will be; the receiver knows the total from the command (OpenRM 570.144, `rpc.c`, `_issueRpcLarge`).

use super::element::Format;
use super::rx::Receiver;
use crate::error::{Error, Kind, Result};
use crate::mem::Block;
use crate::platform::Platform;

/// The reply that is being received, or the last one that was.
pub struct Assembly<P: Platform> {
    format: Format,
    /// The element of a reply that needed only one: exchanged with the receiver's, not copied.
    single: Block<P>,
    /// The kept beginning of a reply that comes in parts.
    joined: Option<Block<P>>,
    total: usize,
    got: usize,
}

impl<P: Platform> Assembly<P> {
    /// Holding an empty reply.
    ///
    /// # Errors
    /// Those of the platform's `mem_alloc`.
    pub fn new(platform: &P, format: Format) -> Result<Self> {
        Ok(Assembly {
            format,
            single: Block::new(platform, format.max_element())?,
            joined: None,
            total: 0,
            got: 0,
        })
    }

    /// Prepares for a reply of at most `total` payload bytes, of which the first `keep` matter. Memory is asked for only when
    /// the reply may come in parts.
    ///
    /// # Errors
    /// Those of the platform's `mem_alloc`.
    pub fn begin(&mut self, platform: &P, total: usize, keep: usize) -> Result<()> {
        self.joined = if total > self.format.max_payload() {
            Some(Block::new(platform, keep.clamp(1, total))?)
        } else {
            None
        };
        self.total = total;
        self.got = 0;
        Ok(())
    }

    /// Takes the message that `receiver` received last as the next part. `true` when the reply is complete.
    ///
    /// # Errors
    /// [`Kind::ContinuationLength`]: a further part that is empty, longer than what is missing, or neither full nor the last.
    pub fn take(&mut self, receiver: &mut Receiver<P>) -> Result<bool> {
        let max = self.format.max_payload();
        let len = receiver.payload().len();
        match self.joined.as_mut() {
            Some(joined) if self.got != 0 || len == max => {
                let missing = self.total.saturating_sub(self.got);
                if len != missing.min(max) {
                    return Err(Error::mismatch(Kind::ContinuationLength, missing as u64, len as u64));
                }
                // What is not kept is only counted.
                let free = joined.bytes_mut().get_mut(self.got..).unwrap_or(&mut []);
                for (to, from) in free.iter_mut().zip(receiver.payload()) {
                    *to = *from;
                }
                self.got = self.got.saturating_add(len);
                Ok(self.got >= self.total)
            }
            // Complete in one element, if shorter than it might have been.
            _ => {
                self.joined = None;
                self.got = len;
                receiver.exchange(&mut self.single);
                Ok(true)
            }
        }
    }

    /// Gives the memory of a reply that came in parts back.
    pub fn end(&mut self) {
        self.joined = None;
        self.got = 0;
    }

    /// `true` between the first and the last part.
    pub fn is_open(&self) -> bool {
        self.joined.is_some() && self.got != 0 && self.got < self.total
    }

    /// The reply's payload, as far as it is kept.
    pub fn payload(&self) -> &[u8] {
        match &self.joined {
            Some(joined) => joined.bytes().get(..self.got).unwrap_or_else(|| joined.bytes()),
            None => self
                .single
                .bytes()
                .get(self.format.headers()..)
                .and_then(|bytes| bytes.get(..self.got))
                .unwrap_or(&[]),
        }
    }
}
