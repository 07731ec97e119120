// SPDX-License-Identifier: MIT
//! The queues against a driver made of plain memory.

use super::*;
use crate::{
    bytes::put_u64,
    layout::release,
    testing::{board, Memory},
};
use sha2::{Digest, Sha256};

const SHARED: u64 = 0x10000;
const COMMAND: u64 = 0x1000;
const STATUS: u64 = 0x41000;

fn open(memory: &Memory, board: &mut Board) -> Queues {
    let mut table = vec![0; 129 * 8];
    for i in 0..129 {
        put_u64(&mut table, 8 * i, SHARED + 4096 * i as u64);
    }
    memory.put(SHARED, &table);
    let header = [0, 0x40000, 0x1000, 63, 0, 1, 0x20, 0x1000u32]
        .map(u32::to_le_bytes)
        .concat();
    memory.put(SHARED + COMMAND, &header);
    Queues::open(board, release("570.144").unwrap(), SHARED, 129, COMMAND, STATUS).unwrap()
}

/// What a driver would put into the command queue, from an element the firmware made.
fn loop_back(memory: &Memory, element: &[u8], slot: u64) {
    let mut element = element.to_vec();
    for at in [RPC + 16, RPC + 20] {
        put_u32(&mut element, at, u32::MAX);
    }
    put_u32(&mut element, CHECKSUM, 0);
    let sum = checksum(&element);
    put_u32(&mut element, CHECKSUM, sum);
    for (i, page) in element.chunks(PAGE).enumerate() {
        memory.put(SHARED + COMMAND + FIRST + (slot + i as u64) % 63 * 4096, page);
    }
}

#[test]
fn the_published_vectors_come_out() {
    // facts: UNLOADING_GUEST_DRIVER, and a 4096-byte pattern as function 76.
    let memory = Memory::new(1 << 20);
    let mut board = board(&memory);
    let mut queues = open(&memory, &mut board);
    queues.push(&mut board, 47, 0, u32::MAX, &[0; 8]);
    assert_eq!(get_u32(&queues.waiting[0], CHECKSUM), 0x4050_5250);
    let sum = Sha256::digest(&queues.waiting[0]);
    assert_eq!(sum[..4], [0xf9, 0xa7, 0xcc, 0x9a]);
    let pattern: Vec<u8> = (0..4096u32).map(|i| (i ^ i >> 8) as u8).collect();
    queues.write_sequence = 9;
    queues.push(&mut board, 76, 5, u32::MAX, &pattern);
    assert_eq!(queues.waiting[1].len(), 2 * PAGE);
    assert_eq!(get_u32(&queues.waiting[1], CHECKSUM), 0x4050_4234);
}

#[test]
fn a_large_message_goes_around_the_ring_and_comes_back() {
    let memory = Memory::new(1 << 20);
    let mut board = board(&memory);
    let mut queues = open(&memory, &mut board);
    let r570 = release("570.144").unwrap();
    // An RM control of 334344 bytes of parameters takes 6 elements.
    let mut payload = crate::bytes::pattern(1, 24 + 334_344);
    put_u32(&mut payload, 16, 334_344);
    queues.send(&mut board, 76, 3, 0, &payload);
    let elements: Vec<_> = queues.waiting.drain(..).collect();
    assert_eq!(elements.len(), 6);
    let mut slot = 0;
    let mut got = None;
    for element in elements {
        loop_back(&memory, &element, slot);
        slot = (slot + (element.len() / PAGE) as u64) % 63;
        memory.put(SHARED + COMMAND + WRITE_PTR, &(slot as u32).to_le_bytes());
        assert!(got.is_none());
        got = queues.receive(&mut board, r570).unwrap();
    }
    assert_eq!(got.unwrap().payload, payload);
    assert_eq!(board.violations, []);
}

#[test]
fn a_full_status_queue_is_waited_for() {
    let memory = Memory::new(1 << 20);
    let mut board = board(&memory);
    let mut queues = open(&memory, &mut board);
    for _ in 0..70 {
        queues.event(&mut board, 0x1006, &[1; 12]);
    }
    assert!(queues.flush(&mut board));
    assert_eq!(queues.waiting.len(), 70 - 62);
    assert!(!queues.flush(&mut board));
    memory.put(SHARED + COMMAND + RX_HEADER, &5u32.to_le_bytes());
    assert!(queues.flush(&mut board));
    assert_eq!(queues.waiting.len(), 3);
    assert_eq!(get_u32(&memory.take(SHARED + STATUS + WRITE_PTR, 4), 0), (62 + 5) % 63);
}

#[test]
fn spoiled_elements_are_reported() {
    let memory = Memory::new(1 << 20);
    let mut board = board(&memory);
    let mut queues = open(&memory, &mut board);
    let r570 = release("570.144").unwrap();
    queues.push(&mut board, 47, 0, 0, &[0; 8]);
    let element = queues.waiting[0].clone();
    loop_back(&memory, &element, 0);
    memory.put(SHARED + COMMAND + FIRST + 84, &[1]);
    memory.put(SHARED + COMMAND + WRITE_PTR, &1u32.to_le_bytes());
    assert!(queues.receive(&mut board, r570).unwrap().is_some());
    assert_eq!(board.violations[0].rule, Rule::Checksum);
    // What a page still holds behind the message is no part of it.
    queues.push(&mut board, 47, 0, 0, &[0; 8]);
    let element = queues.waiting[1].clone();
    loop_back(&memory, &element, 1);
    memory.put(SHARED + COMMAND + FIRST + 4096 + 100, &[1]);
    memory.put(SHARED + COMMAND + WRITE_PTR, &2u32.to_le_bytes());
    assert!(queues.receive(&mut board, r570).unwrap().is_some());
    assert_eq!(board.violations.len(), 1);
    memory.put(SHARED + COMMAND + WRITE_PTR, &63u32.to_le_bytes());
    assert!(queues.receive(&mut board, r570).is_err());
    assert_eq!(board.violations[1].rule, Rule::QueuePointer);
}
