// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Sending commands.

use super::checksum::Checksum;
use super::layout::{advance, distance, Shared, PAGES};
use crate::error::{Error, Kind, Result};
use crate::platform::Platform;

/// Writing 0 here tells the GSP to look at the command queue (`NV_PGSP_QUEUE_HEAD(0)`; nova-core `regs.rs`, nouveau
/// `r535_gsp_cmdq_push`).
const DOORBELL: u32 = 0x11_0c00;
/// How long the GSP may leave the queue full (nova-core `CmdqInner::ALLOCATE_TIMEOUT`, OpenRM `GspMsgQueueSendCommand`: 1 s).
const SPACE_TIMEOUT_NS: u64 = 1_000_000_000;
/// Interval of looking for space. The GSP raises no interrupt when it has read a command, so there is nothing to wait for.
const SPACE_INTERVAL_US: u32 = 10;

/// A command to send.
#[derive(Clone, Copy)]
pub struct Command<'a> {
    /// RPC function.
    pub function: u32,
    /// RPC sequence number; its reply carries the same.
    pub sequence: u32,
    /// The payload, in pieces so that nobody has to join them first.
    pub payload: &'a [&'a [u8]],
}

/// Our end of the command queue; by default at the start of an empty one.
#[derive(Default)]
pub struct Sender {
    write: u32,
    sequence: u32,
    /// A command was sent only in part.
    broken: bool,
}

impl Sender {
    /// Sends `command`, in as many elements as it needs. `idle` runs whenever the queue is full, before sleeping; it should
    /// empty the other queue, because a GSP that cannot send may stop reading.
    ///
    /// # Errors
    /// - [`Kind::QueueFull`]: the GSP did not make room in time.
    /// - [`Kind::ChannelBroken`]: an earlier command was sent only in part.
    /// - [`Kind::QueuePointer`]: the GSP's read pointer lies outside the ring.
    /// - [`Kind::MessageTooLong`]: more payload than a length field can say.
    /// - [`Kind::DeviceGone`] or [`Kind::Platform`]: the doorbell could not be written.
    pub fn send<P: Platform>(
        &mut self,
        shared: &Shared<P>,
        platform: &P,
        command: Command<'_>,
        mut idle: impl FnMut(),
    ) -> Result<()> {
        if self.broken {
            return Err(Kind::ChannelBroken.into());
        }
        let total = total_len(command.payload)?;
        let format = shared.format();
        let mut start = 0;
        let mut function = command.function;
        loop {
            let len = total.saturating_sub(start).min(format.max_payload());
            let sent = self
                .wait_for_space(shared, platform, format.pages_for(len), &mut idle)
                .and_then(|()| self.send_element(shared, function, command, start, len))
                .and_then(|()| platform.write32(DOORBELL, 0));
            if let Err(error) = sent {
                // The firmware would take the next command for the rest of this one.
                self.broken = start != 0;
                return Err(error);
            }
            start = start.saturating_add(len);
            if start >= total {
                return Ok(());
            }
            function = format.table().functions.continuation_record;
        }
    }

    fn send_element<P: Platform>(
        &mut self,
        shared: &Shared<P>,
        function: u32,
        command: Command<'_>,
        start: usize,
        len: usize,
    ) -> Result<()> {
        let format = shared.format();
        let mut headers = format.encode(function, command.sequence, self.sequence, len)?;
        let mut sum = Checksum::new();
        sum.add(headers.bytes());
        let mut at = format.headers() as u64;
        for piece in window(command.payload, start, len) {
            sum.add(piece);
            shared.write_command(self.write, at, piece)?;
            at = at.wrapping_add(piece.len() as u64);
        }
        // The firmware folds whole words, so what follows the last byte in its word must not be left from an older element.
        let padding = (at as usize).wrapping_neg() & 7;
        shared.write_command(self.write, at, [0; 8].get(..padding).unwrap_or(&[]))?;
        headers.put_u32(format.table().element.checksum, sum.finish())?;
        shared.write_command(self.write, 0, headers.bytes())?;

        let next = advance(self.write, format.pages_for(len));
        shared.publish_commands(next)?;
        self.write = next;
        self.sequence = self.sequence.wrapping_add(1);
        Ok(())
    }

    fn wait_for_space<P: Platform>(
        &self,
        shared: &Shared<P>,
        platform: &P,
        pages: u32,
        idle: &mut impl FnMut(),
    ) -> Result<()> {
        let start = platform.now_ns();
        loop {
            // One page stays free: equal pointers mean empty.
            let used = distance(shared.command_read_pointer()?, self.write);
            let free = (PAGES - 1).saturating_sub(used);
            if free >= pages {
                return Ok(());
            }
            if platform.now_ns().saturating_sub(start) >= SPACE_TIMEOUT_NS {
                return Err(Error::mismatch(Kind::QueueFull, pages.into(), free.into()));
            }
            idle();
            platform.sleep_us(SPACE_INTERVAL_US);
        }
    }
}

fn total_len(payload: &[&[u8]]) -> Result<usize> {
    let total = payload
        .iter()
        .try_fold(0usize, |sum, piece| sum.checked_add(piece.len()))
        .unwrap_or(usize::MAX);
    if total > u32::MAX as usize {
        return Err(Error::mismatch(Kind::MessageTooLong, u32::MAX.into(), total as u64));
    }
    Ok(total)
}

/// The pieces of `payload` cut down to its bytes `start..start + len`.
fn window<'a>(payload: &'a [&'a [u8]], start: usize, len: usize) -> impl Iterator<Item = &'a [u8]> {
    let mut skip = start;
    let mut left = len;
    payload.iter().filter_map(move |piece| {
        let from = skip.min(piece.len());
        skip = skip.saturating_sub(from);
        let rest = piece.get(from..)?;
        let taken = rest.get(..rest.len().min(left))?;
        left = left.saturating_sub(taken.len());
        (!taken.is_empty()).then_some(taken)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_over_pieces() {
        let payload: [&[u8]; 4] = [b"abc", b"", b"defg", b"h"];
        let cut = |start, len| window(&payload, start, len).flatten().copied().collect::<Vec<u8>>();
        assert_eq!(cut(0, 8), b"abcdefgh");
        assert_eq!(cut(2, 3), b"cde");
        assert_eq!(cut(3, 4), b"defg");
        assert_eq!(cut(7, 9), b"h");
        assert_eq!(cut(8, 1), b"");
    }
}
