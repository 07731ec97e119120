// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! RUN_CPU_SEQUENCER: register work the firmware asks the CPU to do while it boots.
//!
//! The payload is a list of operations, each an opcode word and a fixed number of operand words. This file reads the list;
//! `boot/sequencer.rs` carries it out. The list comes from the device: every operation is checked to lie inside the list,
//! and the list inside the message.
//!
//! Source: OpenRM 535.113.01 and 570.144 (same in both), `rmgspseq.h` and `rpc_run_cpu_sequencer_v17_00` in
//! `g_rpc-structures.h`.

use crate::error::{Error, Kind, Result};
use crate::release::Release;
use crate::wire;

/// Words of the save area ([`Op::Store`] writes one of them).
pub const SAVE_SLOTS: usize = 8;

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Writes `value` to register `addr`.
    Write {
        /// BAR0 offset.
        addr: u32,
        /// New content.
        value: u32,
    },
    /// Replaces the bits of `mask` in register `addr` by those of `value`.
    Modify {
        /// BAR0 offset.
        addr: u32,
        /// Bits to replace.
        mask: u32,
        /// Their new content.
        value: u32,
    },
    /// Waits until the bits of `mask` in register `addr` equal `value`.
    Poll {
        /// BAR0 offset.
        addr: u32,
        /// Bits to look at.
        mask: u32,
        /// What they shall be.
        value: u32,
        /// Microseconds to wait; 0 = the executor's default.
        timeout_us: u32,
        /// The firmware's code for a time-out here.
        error: u32,
    },
    /// Waits.
    DelayUs(u32),
    /// Reads register `addr` into save slot `index`.
    Store {
        /// BAR0 offset.
        addr: u32,
        /// Save slot, below [`SAVE_SLOTS`].
        index: u32,
    },
    /// Resets the GSP falcon and leaves it with its DMA set up for the host.
    CoreReset,
    /// Starts the GSP falcon.
    CoreStart,
    /// Waits until the GSP falcon has halted.
    CoreWaitForHalt,
    /// Puts the GSP back into RISC-V mode and resumes it through SEC2.
    CoreResume,
}

/// A checked list of operations: iterate to get them.
#[derive(Clone, Copy)]
pub struct Sequence<'a> {
    words: &'a [u8],
}

impl<'a> Sequence<'a> {
    /// Reads the list's frame.
    ///
    /// # Errors
    /// - [`Kind::MessageTooShort`]: the message ends before the list begins.
    /// - [`Kind::SequencerLength`]: the list is longer than its buffer or than the message.
    pub fn parse(release: &Release, payload: &'a [u8]) -> Result<Self> {
        let layout = &release.run_cpu_sequencer;
        let buffer = wire::get_u32(payload, layout.buffer_size_dwords)?;
        let used = wire::get_u32(payload, layout.cmd_index)?;
        if used > buffer {
            return Err(Error::mismatch(Kind::SequencerLength, buffer.into(), used.into()));
        }
        let available = payload
            .get(layout.commands..)
            .ok_or_else(|| Error::mismatch(Kind::MessageTooShort, layout.commands as u64, payload.len() as u64))?;
        let words = (used as usize)
            .checked_mul(4)
            .and_then(|bytes| available.get(..bytes))
            .ok_or_else(|| Error::mismatch(Kind::SequencerLength, (available.len() / 4) as u64, used.into()))?;
        Ok(Sequence { words })
    }

    fn word(&mut self) -> Result<u32> {
        let word = wire::get_u32(self.words, 0).map_err(|_| Error::new(Kind::SequencerTruncated))?;
        self.words = self.words.get(4..).unwrap_or(&[]);
        Ok(word)
    }

    fn op(&mut self) -> Result<Op> {
        Ok(match self.word()? {
            0 => Op::Write {
                addr: self.word()?,
                value: self.word()?,
            },
            1 => Op::Modify {
                addr: self.word()?,
                mask: self.word()?,
                value: self.word()?,
            },
            2 => Op::Poll {
                addr: self.word()?,
                mask: self.word()?,
                value: self.word()?,
                timeout_us: self.word()?,
                error: self.word()?,
            },
            3 => Op::DelayUs(self.word()?),
            4 => Op::Store {
                addr: self.word()?,
                index: match self.word()? {
                    index if (index as usize) < SAVE_SLOTS => index,
                    index => {
                        return Err(Error::mismatch(
                            Kind::SequencerSaveSlot,
                            SAVE_SLOTS as u64 - 1,
                            index.into(),
                        ))
                    }
                },
            },
            5 => Op::CoreReset,
            6 => Op::CoreStart,
            7 => Op::CoreWaitForHalt,
            8 => Op::CoreResume,
            other => return Err(Error::found(Kind::SequencerOpcode, other.into())),
        })
    }
}

/// Yields the operations in order; after an error, nothing more.
///
/// Errors: [`Kind::SequencerOpcode`], [`Kind::SequencerTruncated`], [`Kind::SequencerSaveSlot`].
impl Iterator for Sequence<'_> {
    type Item = Result<Op>;

    fn next(&mut self) -> Option<Result<Op>> {
        if self.words.is_empty() {
            return None;
        }
        let op = self.op();
        if op.is_err() {
            self.words = &[];
        }
        Some(op)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release;

    fn message(buffer: u32, used: u32, words: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0; release::ALL[0].run_cpu_sequencer.commands];
        bytes[..4].copy_from_slice(&buffer.to_le_bytes());
        bytes[4..8].copy_from_slice(&used.to_le_bytes());
        bytes.extend(words.iter().flat_map(|w| w.to_le_bytes()));
        bytes
    }

    fn ops(words: &[u32]) -> Vec<Result<Op>> {
        let bytes = message(words.len() as u32, words.len() as u32, words);
        let sequence = Sequence::parse(release::ALL[0], &bytes).unwrap();
        sequence.collect()
    }

    /// The opcodes and the save area are written into the code; the tables say that they are the same in every release.
    #[test]
    fn the_tables_agree() {
        for release in release::ALL {
            let op = &release.sequencer;
            let numbers = [op.reg_write, op.reg_modify, op.reg_poll, op.delay_us, op.reg_store];
            assert_eq!(numbers, [0, 1, 2, 3, 4]);
            assert_eq!(
                [op.core_reset, op.core_start, op.core_wait_for_halt, op.core_resume],
                [5, 6, 7, 8]
            );
            assert_eq!(release.run_cpu_sequencer.reg_save_area.count, SAVE_SLOTS);
        }
    }

    #[test]
    fn every_opcode() {
        let words = [
            0, 0x10, 0x11, 1, 0x20, 0x21, 0x22, 2, 0x30, 0x31, 0x32, 0x33, 0x34, 3, 0x40, 4, 0x50, 7, 5, 6, 7, 8,
        ];
        let expected = [
            Op::Write {
                addr: 0x10,
                value: 0x11,
            },
            Op::Modify {
                addr: 0x20,
                mask: 0x21,
                value: 0x22,
            },
            Op::Poll {
                addr: 0x30,
                mask: 0x31,
                value: 0x32,
                timeout_us: 0x33,
                error: 0x34,
            },
            Op::DelayUs(0x40),
            Op::Store { addr: 0x50, index: 7 },
            Op::CoreReset,
            Op::CoreStart,
            Op::CoreWaitForHalt,
            Op::CoreResume,
        ];
        assert_eq!(ops(&words), expected.map(Ok));
    }

    #[test]
    fn an_operation_must_end_inside_the_list() {
        for words in [&[0u32, 1][..], &[2, 1, 2, 3, 4], &[3], &[4, 1]] {
            let got = ops(words);
            assert_eq!(got, [Err(Error::new(Kind::SequencerTruncated))], "{words:?}");
        }
    }

    #[test]
    fn unknown_opcode_and_save_slot_end_the_list() {
        assert_eq!(
            ops(&[5, 9, 6]),
            [Ok(Op::CoreReset), Err(Error::found(Kind::SequencerOpcode, 9))]
        );
        assert_eq!(
            ops(&[4, 0, 8, 5]),
            [Err(Error::mismatch(Kind::SequencerSaveSlot, 7, 8))]
        );
    }

    #[test]
    fn the_list_must_lie_inside_buffer_and_message() {
        let kind = |bytes: &[u8]| Sequence::parse(release::ALL[0], bytes).err().map(|e| e.kind());
        assert_eq!(kind(&message(1, 2, &[5, 5])), Some(Kind::SequencerLength));
        assert_eq!(kind(&message(9, 3, &[5, 5])), Some(Kind::SequencerLength));
        assert_eq!(kind(&message(u32::MAX, u32::MAX, &[5])), Some(Kind::SequencerLength));
        assert_eq!(kind(&message(9, 0, &[])[..39]), Some(Kind::MessageTooShort));
        assert_eq!(kind(&message(9, 2, &[5, 5])), None);
    }
}
