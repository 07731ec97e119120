// SPDX-License-Identifier: MIT
//! The shared memory and its two message queues, seen from the firmware.
//!
//! Sources: OpenRM `msgq_priv.h`, `message_queue_priv.h`, `message_queue_cpu.c`; nouveau `rm/r535/rpc.c` and `gsp.c`
//! (`r535_gsp_shared_init`), nova-core `gsp/cmdq.rs` (Linux 7.3).

use super::{require, rpc::Message};
use crate::{
    board::Board,
    bytes::{get_u32, get_u64, put, put_u32},
    hostile::Mode,
    layout::Release,
    violation::Rule,
};
use std::collections::VecDeque;

mod shared;

use shared::Shared;

const PAGE: usize = 4096;
/// One queue: its header page and its elements.
const QUEUE_LEN: u64 = 0x40000;
const ELEMENTS: u32 = 63;
/// Offsets in a queue: transmit header, receive header, first element.
const WRITE_PTR: u64 = 16;
const RX_HEADER: u64 = 0x20;
const FIRST: u64 = 0x1000;
/// Offsets in an element.
const CHECKSUM: usize = 32;
const SEQUENCE: usize = 36;
const COUNT: usize = 40;
const RPC: usize = 48;
const RPC_HEADER: usize = 32;
/// Most pages and payload of one element.
const MAX_PAGES: usize = 16;
const MAX_PAYLOAD: usize = MAX_PAGES * PAGE - RPC - RPC_HEADER;

const RPC_VERSION: u32 = 0x0300_0000;
const RPC_SIGNATURE: u32 = 0x4350_5256;
const CONTINUATION: u32 = 71;

/// Both queues.
pub(crate) struct Queues {
    shared: Shared,
    command: u64,
    status: u64,
    read: u32,
    read_sequence: u32,
    write: u32,
    write_sequence: u32,
    /// A message whose continuation records have not all come.
    partial: Option<(Message, usize)>,
    /// Elements that wait for room, padded to pages.
    waiting: VecDeque<Vec<u8>>,
    endless: bool,
}

impl Queues {
    /// Opens the queues the RM arguments describe.
    pub fn open(
        board: &mut Board,
        release: &Release,
        shared: u64,
        count: u64,
        command: u64,
        status: u64,
    ) -> Option<Self> {
        let rule = Rule::SharedMemory;
        require(board, rule, shared != 0 && shared % PAGE as u64 == 0, || {
            format!("it is at {shared:#x}")
        })?;
        require(board, rule, (1..=4096).contains(&count), || {
            format!("{count} page addresses")
        })?;
        let total = count * PAGE as u64;
        let table = (count * 8 + PAGE as u64 - 1) & !(PAGE as u64 - 1);
        for (name, offset) in [("command", command), ("status", status)] {
            let fits = offset >= table
                && offset % PAGE as u64 == 0
                && offset.checked_add(QUEUE_LEN).is_some_and(|e| e <= total);
            require(board, rule, fits, || {
                format!("the {name} queue is at {offset:#x} of {total:#x}")
            })?;
        }
        require(board, rule, command.abs_diff(status) >= QUEUE_LEN, || {
            "the queues overlap".to_owned()
        })?;
        let bytes = board.fetch(shared, (count * 8) as usize, "shared memory page addresses")?;
        let pages: Vec<_> = (0..count as usize).map(|i| get_u64(&bytes, 8 * i)).collect();
        let bad = pages.iter().position(|p| *p == 0 || p % PAGE as u64 != 0);
        require(board, rule, bad.is_none(), || {
            format!("page address {} is {:#x}", bad.unwrap_or(0), pages[bad.unwrap_or(0)])
        })?;
        require(board, rule, pages[0] == shared, || {
            format!("the first page address is {:#x}", pages[0])
        })?;
        let shared = Shared { pages };

        // The driver has made the command queue's header; the firmware makes the other.
        let header = shared.read(board, command, release.size("msgqTxHeader"))?;
        let tx = release.view("msgqTxHeader", &header);
        let made = [
            "version", "size", "msgSize", "msgCount", "flags", "rxHdrOff", "entryOff",
        ]
        .map(|f| tx.get(f));
        let expected = [0, QUEUE_LEN, PAGE as u64, ELEMENTS.into(), 1, RX_HEADER, FIRST];
        require(board, Rule::QueueHeader, made == expected, || {
            format!("{made:x?} instead of {expected:x?}")
        })?;
        let layout = release.layout("msgqTxHeader");
        let mut header = layout.zeroed();
        for (field, value) in [
            ("size", QUEUE_LEN),
            ("msgSize", PAGE as u64),
            ("msgCount", ELEMENTS.into()),
            ("flags", 1),
            ("rxHdrOff", RX_HEADER),
            ("entryOff", FIRST),
        ] {
            layout.set(&mut header, field, value);
        }
        shared.write(board, status, &header);
        shared.write(board, status + RX_HEADER, &0u32.to_le_bytes());
        Some(Queues {
            shared,
            command,
            status,
            read: 0,
            read_sequence: 0,
            write: 0,
            write_sequence: 0,
            partial: None,
            waiting: VecDeque::new(),
            endless: false,
        })
    }

    /// Takes the next whole message from the command queue. `Err` when the queue makes no sense any more.
    pub fn receive(&mut self, board: &mut Board, release: &Release) -> Result<Option<Message>, ()> {
        loop {
            let Some(write) = self.shared.read_u32(board, self.command + WRITE_PTR) else {
                return Err(());
            };
            if !board.check(write < ELEMENTS, Rule::QueuePointer, || {
                format!("the write pointer is {write:#x}")
            }) {
                return Err(());
            }
            let available = (write + ELEMENTS - self.read) % ELEMENTS;
            if available == 0 {
                return Ok(None);
            }
            let element = self.element(board, available).ok_or(())?;
            self.check(board, &element);
            let pages = element.len() / PAGE;
            self.read = (self.read + pages as u32) % ELEMENTS;
            self.read_sequence = self.read_sequence.wrapping_add(1);
            let shown = if board.is(Mode::WildReadPointer) {
                0x7777
            } else {
                self.read
            };
            self.shared.write(board, self.status + RX_HEADER, &shown.to_le_bytes());
            if let Some(message) = self.assemble(board, release, &element) {
                board.count("commands", 1);
                return Ok(Some(message));
            }
        }
    }

    /// Copies the element at the read pointer out of shared memory.
    fn element(&self, board: &mut Board, available: u32) -> Option<Vec<u8>> {
        let mut element = self.shared.read(board, self.slot(self.command, self.read), PAGE)?;
        let count = get_u32(&element, COUNT);
        let fits = count >= 1 && count as usize <= MAX_PAGES && count <= available;
        require(board, Rule::ElementCount, fits, || {
            format!("{count} of {available} pages written")
        })?;
        for page in 1..count {
            let slot = (self.read + page) % ELEMENTS;
            element.extend(self.shared.read(board, self.slot(self.command, slot), PAGE)?);
        }
        Some(element)
    }

    fn slot(&self, queue: u64, slot: u32) -> u64 {
        queue + FIRST + u64::from(slot) * PAGE as u64
    }

    fn check(&self, board: &mut Board, element: &[u8]) {
        let length = get_u32(element, RPC + 8) as usize;
        let need = (RPC + length).div_ceil(PAGE);
        let pages = element.len() / PAGE;
        board.check(length >= RPC_HEADER && need == pages, Rule::RpcLength, || {
            format!("{length} bytes in {pages} pages")
        });
        // Whole words up to the message's end, as `_checkSum32` goes: what lies behind in the page does not count.
        let end = (RPC + length).next_multiple_of(8).min(element.len());
        let fold = checksum(&element[..end]);
        board.check(fold == 0, Rule::Checksum, || format!("the element folds to {fold:#x}"));
        let sequence = get_u32(element, SEQUENCE);
        board.check(sequence == self.read_sequence, Rule::ElementSequence, || {
            format!("{sequence} instead of {}", self.read_sequence)
        });
        let header = (get_u32(element, RPC), get_u32(element, RPC + 4));
        board.check(header == (RPC_VERSION, RPC_SIGNATURE), Rule::RpcHeader, || {
            format!("version {:#x}, signature {:#x}", header.0, header.1)
        });
        let results = (get_u32(element, RPC + 16), get_u32(element, RPC + 20));
        board.check(results == (u32::MAX, u32::MAX), Rule::RpcHeader, || {
            format!("result {:#x}, private result {:#x}", results.0, results.1)
        });
    }

    /// Adds an element to the message it belongs to; the message when it is whole.
    fn assemble(&mut self, board: &mut Board, release: &Release, element: &[u8]) -> Option<Message> {
        let length = (get_u32(element, RPC + 8) as usize).clamp(RPC_HEADER, element.len() - RPC);
        let function = get_u32(element, RPC + 12);
        let payload = &element[RPC + RPC_HEADER..RPC + length];
        let (mut message, wanted) = match self.partial.take() {
            Some((mut message, wanted)) if function == CONTINUATION => {
                message.payload.extend_from_slice(payload);
                (message, wanted)
            }
            None if function == CONTINUATION => {
                board.violate(Rule::Continuation, "a continuation record with nothing to continue");
                return None;
            }
            partial => {
                if let Some((message, wanted)) = partial {
                    let (function, have) = (message.function, message.payload.len());
                    board.violate(
                        Rule::Continuation,
                        format!("function {function} ends at {have} of {wanted} bytes"),
                    );
                }
                let message = Message {
                    function,
                    sequence: get_u32(element, RPC + 24),
                    payload: payload.to_vec(),
                };
                let wanted = message.wanted(release);
                (message, wanted)
            }
        };
        if message.payload.len() < wanted {
            board.check(payload.len() == MAX_PAYLOAD, Rule::Continuation, || {
                format!("a record of {} bytes is continued before it is full", payload.len())
            });
            self.partial = Some((message, wanted));
            return None;
        }
        let len = message.payload.len();
        board.check(len == wanted, Rule::RpcLength, || {
            format!(
                "function {} has {len} bytes of payload instead of {wanted}",
                message.function
            )
        });
        message.payload.truncate(wanted);
        Some(message)
    }

    /// Queues an answer to `command`.
    pub fn reply(&mut self, board: &mut Board, command: &Message, result: u32, payload: &[u8]) {
        let result = board.value(Mode::RpcResult, 0x55).unwrap_or(result);
        self.send(board, command.function, command.sequence, result, payload);
        self.endless = board.is(Mode::EndlessContinuation);
    }

    /// Queues an event.
    pub fn event(&mut self, board: &mut Board, function: u32, payload: &[u8]) {
        self.event_with(board, function, 0, payload);
    }

    /// Queues an event that carries a result.
    pub fn event_with(&mut self, board: &mut Board, function: u32, result: u32, payload: &[u8]) {
        let payload = if board.is(Mode::TruncatedEvent) { &[] } else { payload };
        board.count("events", 1);
        self.send(board, function, 0, result, payload);
    }

    fn send(&mut self, board: &mut Board, function: u32, sequence: u32, result: u32, payload: &[u8]) {
        let (first, mut rest) = payload.split_at(payload.len().min(MAX_PAYLOAD));
        self.push(board, function, sequence, result, first);
        while !rest.is_empty() {
            let (next, after) = rest.split_at(rest.len().min(MAX_PAYLOAD));
            self.push(board, CONTINUATION, sequence, result, next);
            rest = after;
        }
    }

    /// Builds one element, spoiled as the hostile modes say.
    fn push(&mut self, board: &mut Board, function: u32, sequence: u32, result: u32, payload: &[u8]) {
        let length = RPC_HEADER + payload.len();
        let pages = (RPC + length).div_ceil(PAGE);
        let mut element = vec![0; pages * PAGE];
        if board.is(Mode::WrongSequence) {
            self.write_sequence = self.write_sequence.wrapping_add(1);
        }
        let told_length = match () {
            () if board.is(Mode::OversizeLength) => pages * PAGE,
            () if board.is(Mode::ShortLength) => RPC_HEADER - 1,
            () => length,
        };
        let told_pages = match () {
            () if board.is(Mode::ZeroElements) => 0,
            () if board.is(Mode::ManyElements) => 0x7fff_ffff,
            () => pages as u32,
        };
        put_u32(&mut element, SEQUENCE, self.write_sequence);
        put_u32(&mut element, COUNT, told_pages);
        let version = if board.is(Mode::BadHeaderVersion) {
            0x0200_0000
        } else {
            RPC_VERSION
        };
        let signature = if board.is(Mode::BadSignature) {
            0x5652_5043
        } else {
            RPC_SIGNATURE
        };
        for (at, value) in [
            (0, version),
            (4, signature),
            (8, told_length as u32),
            (12, function),
            (16, result),
            (20, result),
            (24, sequence),
        ] {
            put_u32(&mut element, RPC + at, value);
        }
        put(&mut element, RPC + RPC_HEADER, payload);
        let spoil = u32::from(board.is(Mode::BadChecksum));
        let sum = checksum(&element) ^ spoil;
        put_u32(&mut element, CHECKSUM, sum);
        self.write_sequence = self.write_sequence.wrapping_add(1);
        self.waiting.push_back(element);
    }

    /// Whether something waits for room.
    pub fn pending(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Moves what waits into the status queue as far as there is room; true when something was moved.
    pub fn flush(&mut self, board: &mut Board) -> bool {
        if self.waiting.is_empty() && !self.endless {
            return false;
        }
        let Some(read) = self.shared.read_u32(board, self.command + RX_HEADER) else {
            return false;
        };
        if !board.check(read < ELEMENTS, Rule::QueuePointer, || {
            format!("the read pointer is {read:#x}")
        }) {
            return false;
        }
        // One slot stays empty, so that full and empty differ.
        let mut room = ELEMENTS - 1 - (self.write + ELEMENTS - read) % ELEMENTS;
        let mut moved = false;
        loop {
            if self.waiting.is_empty() && self.endless {
                self.push(board, CONTINUATION, 0, 0, &[0; 64]);
            }
            let Some(pages) = self.waiting.front().map(|e| (e.len() / PAGE) as u32) else {
                break;
            };
            if pages > room {
                break;
            }
            let element = self.waiting.pop_front().unwrap_or_default();
            for page in element.chunks(PAGE) {
                self.shared.write(board, self.slot(self.status, self.write), page);
                self.write = (self.write + 1) % ELEMENTS;
            }
            room -= pages;
            moved = true;
        }
        if moved {
            let shown = if board.is(Mode::WildWritePointer) {
                0xffff_0000
            } else {
                self.write
            };
            self.shared.write(board, self.status + WRITE_PTR, &shown.to_le_bytes());
        }
        moved
    }
}

/// The queue's checksum over an element: all 64-bit words combined by exclusive or, and then their halves.
fn checksum(element: &[u8]) -> u32 {
    let fold = element.chunks_exact(8).fold(0u64, |sum, word| {
        sum ^ u64::from_le_bytes(word.try_into().unwrap_or_default())
    });
    (fold >> 32) as u32 ^ fold as u32
}

#[cfg(test)]
mod tests;
