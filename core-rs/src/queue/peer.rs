// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The other end of the queues, for tests.
//!
//! It knows the shared memory by its own numbers and reads it by device address through the page table it finds there, so a
//! mistake in `layout.rs` or `element.rs` does not cancel out. Anything wrong with a command is a panic.

use crate::testing::Machine;
use std::collections::VecDeque;

const PAGE: u64 = 0x1000;
const RING: u32 = 63;
pub const STATUS: u64 = 0x41000;
const COMMAND: u64 = 0x1000;
const MAX: usize = 65536 - 80;

/// A whole command, or a whole message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rpc {
    pub function: u32,
    pub sequence: u32,
    pub payload: Vec<u8>,
    /// How many elements it came in.
    pub elements: usize,
}

pub struct Peer {
    machine: Machine,
    pages: Vec<u64>,
    command_read: u32,
    command_sequence: u32,
    status_write: u32,
    pub status_sequence: u32,
    /// Elements of a command that is not complete.
    partial: Option<Rpc>,
    /// Elements that found the status queue full.
    backlog: VecDeque<Vec<u8>>,
}

impl Peer {
    /// Takes up the shared memory at device address `addr` and writes the header of its own queue.
    pub fn new(machine: &Machine, addr: u64) -> Self {
        let table = machine.device_read(addr, 129 * 8).expect("a page table");
        let pages: Vec<u64> = table
            .chunks(8)
            .map(|e| u64::from_le_bytes(e.try_into().unwrap()))
            .collect();
        assert_eq!(pages[0], addr, "the page table does not map itself first");
        let peer = Peer {
            machine: machine.clone(),
            pages,
            command_read: 0,
            command_sequence: 0,
            status_write: 0,
            status_sequence: 0,
            partial: None,
            backlog: VecDeque::new(),
        };
        let shape = |peer: &Peer, queue| peer.words(queue, 9);
        assert_eq!(shape(&peer, COMMAND), [0, 0x40000, 0x1000, 63, 0, 1, 0x20, 0x1000, 0]);
        for (index, word) in [0, 0x40000, 0x1000, 63, 0, 1, 0x20, 0x1000, 0].into_iter().enumerate() {
            peer.put(STATUS + 4 * index as u64, word);
        }
        peer
    }

    pub fn read(&self, mut at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![];
        while bytes.len() < len {
            let n = ((PAGE - at % PAGE) as usize).min(len - bytes.len());
            let addr = self.pages[(at / PAGE) as usize] + at % PAGE;
            bytes.extend(self.machine.device_read(addr, n).expect("a mapped page"));
            at += n as u64;
        }
        bytes
    }

    fn words(&self, at: u64, count: usize) -> Vec<u32> {
        let bytes = self.read(at, count * 4);
        bytes
            .chunks(4)
            .map(|w| u32::from_le_bytes(w.try_into().unwrap()))
            .collect()
    }

    /// Writes one word of the shared memory.
    pub fn put(&self, at: u64, word: u32) {
        let addr = self.pages[(at / PAGE) as usize] + at % PAGE;
        self.machine
            .device_write(addr, &word.to_le_bytes())
            .expect("a mapped page");
    }

    /// Elements waiting.
    pub fn pending(&self) -> u32 {
        (self.words(COMMAND + 16, 1)[0] + RING - self.command_read) % RING
    }

    /// Takes the next element, padding included, and checks it.
    pub fn take_element(&mut self) -> Option<Vec<u8>> {
        let available = self.pending();
        if available == 0 {
            return None;
        }
        let ring = |page: u32| COMMAND + PAGE + u64::from(page % RING) * PAGE;
        let mut element = self.read(ring(self.command_read), PAGE as usize);
        let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let count = word(&element, 40);
        assert!(
            (1..=16).contains(&count) && count <= available,
            "element of {count} pages"
        );
        for page in 1..count {
            element.extend(self.read(ring(self.command_read + page), PAGE as usize));
        }
        let length = word(&element, 56) as usize;
        assert_eq!((48 + length + 4095) / 4096, count as usize);
        // As the firmware does: whole words, the last one as it lies in memory.
        let whole = (48 + length + 7) / 8 * 8;
        let sum = element[..whole]
            .chunks(8)
            .fold(0, |s, w| s ^ u64::from_le_bytes(w.try_into().unwrap()));
        assert_eq!((sum >> 32) as u32, sum as u32, "wrong checksum");
        assert_eq!(word(&element, 36), self.command_sequence, "wrong sequence");
        assert_eq!([word(&element, 48), word(&element, 52)], [0x0300_0000, 0x4350_5256]);
        assert_eq!([word(&element, 64), word(&element, 68)], [u32::MAX; 2]);
        self.command_sequence += 1;
        self.command_read = (self.command_read + count) % RING;
        self.put(STATUS + 0x20, self.command_read);
        Some(element)
    }

    /// Takes the next whole command. A full element may go on in another one: `total` says how long the payload of a function
    /// that begins with these bytes is.
    pub fn take(&mut self, total: impl Fn(u32, &[u8]) -> usize) -> Option<Rpc> {
        while let Some(element) = self.take_element() {
            let word = |at: usize| u32::from_le_bytes(element[at..at + 4].try_into().unwrap());
            let (function, payload) = (word(60), element[80..48 + word(56) as usize].to_vec());
            let mut rpc = match self.partial.take() {
                None => Rpc {
                    function,
                    sequence: word(72),
                    payload: vec![],
                    elements: 0,
                },
                Some(rpc) => {
                    assert_eq!(function, 71, "not a continuation record");
                    rpc
                }
            };
            rpc.payload.extend(payload);
            rpc.elements += 1;
            if rpc.payload.len() >= total(rpc.function, &rpc.payload) {
                return Some(rpc);
            }
            self.partial = Some(rpc);
        }
        None
    }

    /// Sends a message, split where it must be.
    pub fn send(&mut self, function: u32, sequence: u32, result: u32, payload: &[u8]) {
        let mut function = function;
        let mut rest = payload;
        loop {
            let (part, more) = rest.split_at(rest.len().min(MAX));
            let element = self.element(function, sequence, result, part);
            self.send_element(&element);
            rest = more;
            function = 71;
            if rest.is_empty() {
                return;
            }
        }
    }

    /// A correct element.
    pub fn element(&self, function: u32, sequence: u32, result: u32, payload: &[u8]) -> Vec<u8> {
        let pages = (80 + payload.len() + 4095) / 4096;
        let mut bytes = vec![0; 32];
        let length = 32 + payload.len() as u32;
        for word in [
            0,
            self.status_sequence,
            pages as u32,
            0,
            0x0300_0000,
            0x4350_5256,
            length,
            function,
            result,
            0,
            sequence,
            0,
        ] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(payload);
        seal(&mut bytes);
        bytes
    }

    /// Puts an element into the status queue as it is; it takes the pages its bytes need. What finds no room waits for
    /// [`Peer::flush`].
    pub fn send_element(&mut self, element: &[u8]) {
        self.status_sequence += 1;
        self.backlog.push_back(element.to_vec());
        self.flush();
    }

    /// Sends what waits, as far as there is room.
    pub fn flush(&mut self) {
        while let Some(element) = self.backlog.pop_front() {
            let pages = ((element.len() + 4095) / 4096) as u32;
            let used = (self.status_write + RING - self.status_read()) % RING;
            if used + pages >= RING {
                self.backlog.push_front(element);
                return;
            }
            for (index, page) in element.chunks(PAGE as usize).enumerate() {
                let at = STATUS + PAGE + u64::from((self.status_write + index as u32) % RING) * PAGE;
                let addr = self.pages[(at / PAGE) as usize];
                self.machine.device_write(addr, page).expect("a mapped page");
            }
            self.status_write = (self.status_write + pages) % RING;
            self.put(STATUS + 16, self.status_write);
        }
    }

    /// How far the core has read.
    pub fn status_read(&self) -> u32 {
        self.words(COMMAND + 0x20, 1)[0]
    }

    /// Where the next element goes.
    pub fn status_write(&self) -> u32 {
        self.status_write
    }
}

/// Writes the checksum of an element.
pub fn seal(element: &mut [u8]) {
    element[32..36].fill(0);
    let sum = element.chunks(8).fold(0, |sum: u64, word| {
        let mut padded = [0; 8];
        padded[..word.len()].copy_from_slice(word);
        sum ^ u64::from_le_bytes(padded)
    });
    element[32..36].copy_from_slice(&((sum >> 32) as u32 ^ sum as u32).to_le_bytes());
}
