// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Both queues against the test peer.

use super::peer::{seal, Peer, STATUS};
use super::*;
use crate::error::{Error, Kind};
use crate::release;
use crate::testing::Machine;
use sha2::{Digest, Sha256};
use std::cell::RefCell;

struct Ends {
    machine: Machine,
    shared: Shared<Machine>,
    sender: Sender,
    receiver: Receiver<Machine>,
    peer: Peer,
}

fn ends() -> Ends {
    let machine = Machine::new();
    let shared = Shared::new(&machine, release::ALL[0]).unwrap();
    let peer = Peer::new(&machine, shared.init_arguments().shared_mem_addr);
    let receiver = Receiver::new(&machine, shared.format()).unwrap();
    Ends {
        machine,
        shared,
        sender: Sender::default(),
        receiver,
        peer,
    }
}

impl Ends {
    fn send(&mut self, function: u32, sequence: u32, payload: &[&[u8]]) -> crate::Result<()> {
        let command = Command {
            function,
            sequence,
            payload,
        };
        self.sender.send(&self.shared, &self.machine, command, || {})
    }

    fn receive(&mut self) -> crate::Result<Option<(u32, Vec<u8>)>> {
        let message = self.receiver.receive(&self.shared)?;
        Ok(message.map(|m| (m.function, m.payload.to_vec())))
    }

    fn refused(&mut self) -> Error {
        self.receive().expect_err("a bad element was accepted")
    }
}

/// As nova-core's continuation test fills its payloads.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i ^ i >> 8) as u8).collect()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

#[test]
fn the_firmware_is_told_where_the_queues_are() {
    let ends = ends();
    let arguments = ends.shared.init_arguments();
    assert_eq!(arguments.pte_count, 129);
    assert_eq!(
        (arguments.cmd_queue_offset, arguments.stat_queue_offset),
        (0x1000, 0x41000)
    );
}

/// The fact sheet's vectors: checksum and hash of the element, padded to pages, computed from the public sources.
#[test]
fn golden_elements() {
    let mut alloc = vec![];
    // GSP_RM_ALLOC of NV01_ROOT: client, parent, object, class, status, size, flags, reserved; then client, process, name.
    for value in [0xc1d0_0000, 0, 0xc1d0_0000, 0, 0, 108, 0, 0, 0xc1d0_0000, u32::MAX] {
        alloc.extend(u32::to_le_bytes(value));
    }
    alloc.resize(140, 0);
    let vectors = [
        (
            47,
            vec![0; 8],
            0,
            0,
            1,
            0x4050_5250,
            "f9a7cc9a3432a49be027417bb652dbf9c9949396c8ee5288b5116abc0ad4587b",
        ),
        (
            103,
            alloc,
            8,
            4,
            1,
            0x7e7f_ad03,
            "e7ac33f346a4d527bc192707c4afd625f6d6680a8e356bb374ad53ab239c1827",
        ),
        (
            76,
            pattern(4096),
            9,
            5,
            2,
            0x4050_4234,
            "d5e92de7e58b34bd0d1454eaf428f82cd85d1b221e3867e589be24e607fca65b",
        ),
    ];
    let mut ends = ends();
    let mut sent = 0;
    for (function, payload, element_sequence, rpc_sequence, pages, checksum, hash) in vectors {
        while sent < element_sequence {
            ends.send(0, 0, &[]).unwrap();
            ends.peer.take_element().unwrap();
            sent += 1;
        }
        ends.send(function, rpc_sequence, &[&payload]).unwrap();
        sent += 1;
        let element = ends.peer.take_element().unwrap();
        assert_eq!(element.len(), pages * 4096);
        assert_eq!(word(&element, 32), checksum);
        let digest = Sha256::digest(&element);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, hash);
    }
}

/// Sends `len` payload bytes; gives the payload length of each element.
fn split(len: usize) -> Vec<usize> {
    let mut ends = ends();
    let payload = pattern(len);
    let parts = RefCell::new(vec![]);
    let mut joined = vec![];
    // The first 24 bytes apart, as a control's header would be.
    let (head, body) = payload.split_at(len.min(24));
    let command = Command {
        function: 76,
        sequence: 1,
        payload: &[head, body],
    };
    let peer = RefCell::new(ends.peer);
    let take = |joined: &mut Vec<u8>| {
        while let Some(element) = peer.borrow_mut().take_element() {
            let payload = &element[80..48 + word(&element, 56) as usize];
            let first = parts.borrow().is_empty();
            assert_eq!(word(&element, 60), if first { 76 } else { 71 });
            joined.extend_from_slice(payload);
            parts.borrow_mut().push(payload.len());
        }
    };
    ends.sender
        .send(&ends.shared, &ends.machine, command, || take(&mut joined))
        .unwrap();
    take(&mut joined);
    assert_eq!(joined, payload);
    parts.into_inner()
}

#[test]
fn long_commands_are_split_as_the_firmware_expects() {
    // ADD_VGPU_TYPE and BOOTLOAD of 535.113.01, 550.163.01 and 570.144: payload, then further elements and the last one.
    for (len, further, last) in [(316960, 4, 55136), (325664, 4, 63840), (334368, 5, 7088)] {
        let parts = split(len);
        assert_eq!(parts.len(), 1 + further);
        assert!(parts[..further].iter().all(|part| *part == 65456));
        assert_eq!(parts[further], last);
    }
    assert_eq!(split(6520), [6520]);
    assert_eq!(split(6640), [6640]);
}

#[test]
fn continuation_sizes_of_nova_core() {
    // `nova_core_gsp_continuation`: a 64-byte header, MAX_FIRST = 65456 - 64.
    let (max, first) = (65456, 65456 - 64);
    for (payload, continuations) in [
        (0, 0),
        (first, 0),
        (first + 1, 1),
        (first + max, 1),
        (first + max + 1, 2),
        (first + max * 3 + max / 2, 4),
    ] {
        assert_eq!(split(64 + payload).len() - 1, continuations, "{payload}");
    }
}

#[test]
fn commands_wrap_around_the_ring() {
    let mut ends = ends();
    for round in 0..200usize {
        let payload = pattern(round * 331 % 40000);
        ends.send(76, round as u32, &[&payload]).unwrap();
        let rpc = ends.peer.take(|_, _| 0).unwrap();
        assert_eq!((rpc.sequence, rpc.payload), (round as u32, payload));
    }
}

#[test]
fn bytes_behind_an_odd_end_are_not_left_from_before() {
    let mut ends = ends();
    for _ in 0..63 {
        ends.send(1, 0, &[&[0xff; 4000]]).unwrap();
        ends.peer.take_element().unwrap();
    }
    for len in 0..16 {
        ends.send(1, 0, &[&[0x11; 16][..len]]).unwrap();
        // The peer folds whole words as they lie in memory.
        ends.peer.take_element().unwrap();
    }
}

#[test]
fn a_full_queue_is_waited_for_and_given_up() {
    let mut ends = ends();
    for _ in 0..62 {
        ends.send(1, 0, &[]).unwrap();
    }
    assert_eq!(ends.peer.pending(), 62);
    let before = crate::platform::Platform::now_ns(&ends.machine);
    let error = ends.send(1, 0, &[]).unwrap_err();
    assert_eq!(error, Error::mismatch(Kind::QueueFull, 1, 0));
    let waited = crate::platform::Platform::now_ns(&ends.machine) - before;
    assert!((1_000_000_000..1_100_000_000).contains(&waited), "{waited}");
    // Nothing was half done: as soon as there is room it goes on.
    while ends.peer.take_element().is_some() {}
    ends.send(1, 0, &[]).unwrap();
    ends.peer.take_element().unwrap();
}

#[test]
fn a_command_cut_in_the_middle_breaks_the_channel() {
    let mut ends = ends();
    let payload = pattern(300_000);
    assert_eq!(ends.send(76, 0, &[&payload]).unwrap_err().kind(), Kind::QueueFull);
    while ends.peer.take_element().is_some() {}
    assert_eq!(ends.send(1, 0, &[]).unwrap_err().kind(), Kind::ChannelBroken);
}

#[test]
fn a_read_pointer_outside_the_ring_is_refused() {
    let mut ends = ends();
    for pointer in [63, 64, u32::MAX] {
        ends.peer.put(STATUS + 0x20, pointer);
        let error = ends.send(1, 0, &[]).unwrap_err();
        assert_eq!(error, Error::mismatch(Kind::QueuePointer, 62, pointer.into()));
    }
}

#[test]
fn messages_of_every_length_around_the_ring() {
    let mut ends = ends();
    assert_eq!(ends.receive(), Ok(None));
    for round in 0..300usize {
        let payload = pattern(round * 257 % 65457);
        ends.peer.send(0x1003, 0, 0, &payload);
        assert_eq!(ends.receive(), Ok(Some((0x1003, payload))));
        assert_eq!(ends.peer.status_read(), ends.peer.status_write());
    }
    ends.peer.send(0x1003, 0, 0, &pattern(65456));
    assert_eq!(ends.receive().unwrap().unwrap().1.len(), 65456);
    assert_eq!(ends.receive(), Ok(None));
}

/// One element with a word changed and, if asked for, a checksum that hides it.
fn tampered(peer: &Peer, at: usize, value: u32, sealed: bool) -> Vec<u8> {
    let mut element = peer.element(0x1003, 0, 0, &pattern(5000));
    element[at..at + 4].copy_from_slice(&value.to_le_bytes());
    if sealed {
        seal(&mut element);
    }
    element
}

#[test]
fn each_kind_of_nonsense_has_its_error() {
    const PAGES: usize = 40;
    const LENGTH: usize = 56;
    let cases = [
        (PAGES, 0, Kind::ElementPages),
        (PAGES, 17, Kind::ElementPages),
        (PAGES, u32::MAX, Kind::ElementPages),
        (PAGES, 3, Kind::ElementIncomplete),
        (PAGES, 16, Kind::ElementIncomplete),
        (PAGES, 1, Kind::ElementLength),
        (LENGTH, 0, Kind::MessageTooShort),
        (LENGTH, 31, Kind::MessageTooShort),
        (LENGTH, 8145, Kind::ElementLength),
        (LENGTH, 4048, Kind::ElementLength),
        (LENGTH, u32::MAX, Kind::ElementLength),
        (36, 7, Kind::ElementSequence),
        (52, 0x4350_5257, Kind::RpcSignature),
        (48, 0x0400_0000, Kind::RpcVersion),
    ];
    for (at, value, kind) in cases {
        let mut ends = ends();
        let element = tampered(&ends.peer, at, value, true);
        ends.peer.send_element(&element);
        assert_eq!(ends.refused().kind(), kind, "{at} = {value:#x}");
        // It is consumed, however little was believed of it, and the next one is taken.
        assert_eq!(ends.receive(), Ok(None));
        assert_eq!(ends.peer.status_read(), ends.peer.status_write());
        ends.peer.status_sequence = if kind == Kind::ElementSequence { 8 } else { 1 };
        ends.peer.send(0x1005, 0, 0, b"next");
        assert_eq!(ends.receive(), Ok(Some((0x1005, b"next".to_vec()))));
    }
}

#[test]
fn any_changed_word_fails_the_checksum_or_worse() {
    for at in (0..5080).step_by(4) {
        let mut ends = ends();
        let original = ends.peer.element(0x1003, 0, 0, &pattern(5000));
        let element = tampered(&ends.peer, at, word(&original, at) ^ 0x0001_0000, false);
        ends.peer.send_element(&element);
        ends.refused();
        ends.peer.send(0x1005, 0, 0, b"next");
        assert_eq!(ends.receive(), Ok(Some((0x1005, b"next".to_vec()))), "{at}");
    }
}

#[test]
fn a_lost_element_is_one_error() {
    let mut ends = ends();
    ends.peer.send(0x1003, 0, 0, &[1]);
    ends.receive().unwrap();
    ends.peer.status_sequence += 1;
    ends.peer.send(0x1003, 0, 0, &[2]);
    assert_eq!(ends.refused(), Error::mismatch(Kind::ElementSequence, 1, 2));
    ends.peer.send(0x1003, 0, 0, &[3]);
    assert_eq!(ends.receive(), Ok(Some((0x1003, vec![3]))));
}

#[test]
fn a_write_pointer_outside_the_ring_is_refused() {
    let mut ends = ends();
    for pointer in [63, 0x8000_0000, u32::MAX] {
        ends.peer.put(STATUS + 16, pointer);
        assert_eq!(ends.refused(), Error::mismatch(Kind::QueuePointer, 62, pointer.into()));
    }
}

#[test]
fn a_queue_of_another_shape_is_refused() {
    for (field, value) in [(0, 1), (4, 0x80000), (8, 0x2000), (12, 62), (28, 0x2000)] {
        let mut ends = ends();
        ends.peer.put(STATUS + field, value);
        ends.peer.send(0x1003, 0, 0, &[]);
        assert_eq!(ends.refused().kind(), Kind::QueueShape, "{field}");
    }
}

/// Receives a reply of `total` bytes of which `keep` matter, sent as `parts`.
fn assemble(total: usize, keep: usize, parts: &[&[u8]]) -> crate::Result<Option<Vec<u8>>> {
    let mut ends = ends();
    let mut assembly = Assembly::new(&ends.machine, ends.shared.format())?;
    assembly.begin(&ends.machine, total, keep)?;
    for part in parts {
        ends.peer.send(76, 1, 0, part);
        ends.receive()?;
        if assembly.take(&mut ends.receiver)? {
            assert!(!assembly.is_open());
            return Ok(Some(assembly.payload().to_vec()));
        }
        assert!(assembly.is_open());
    }
    Ok(None)
}

#[test]
fn split_replies_are_joined() {
    let whole = pattern(65456 * 2 + 100);
    let parts: Vec<&[u8]> = whole.chunks(65456).collect();
    assert_eq!(assemble(whole.len(), whole.len(), &parts), Ok(Some(whole.clone())));
    assert_eq!(assemble(whole.len(), 24, &parts), Ok(Some(whole[..24].to_vec())));
    assert_eq!(
        assemble(whole.len(), 70_000, &parts),
        Ok(Some(whole[..70_000].to_vec()))
    );
    assert_eq!(assemble(whole.len(), 24, &parts[..2]), Ok(None));
    // A reply that could have been long but is not: the firmware had nothing to say.
    assert_eq!(
        assemble(whole.len(), 24, &[&whole[..30]]),
        Ok(Some(whole[..30].to_vec()))
    );
    assert_eq!(assemble(0, 0, &[b"short"]), Ok(Some(b"short".to_vec())));
}

#[test]
fn parts_of_impossible_length_are_refused() {
    let whole = pattern(65456 * 2 + 100);
    let (full, rest) = whole.split_at(65456);
    for second in [&rest[..0], &rest[..65455], &rest[..99]] {
        let error = assemble(whole.len(), 24, &[full, second]).unwrap_err();
        assert_eq!(error.kind(), Kind::ContinuationLength);
    }
    let last = [full, &rest[..65456], &rest[..101]];
    let error = assemble(whole.len(), 24, &last).unwrap_err();
    assert_eq!(error.kind(), Kind::ContinuationLength);
}

#[test]
fn everything_is_given_back() {
    let machine = Machine::new();
    let whole = ends_on(&machine).map(drop);
    assert!(whole.is_ok());
    let requests = machine.requests();
    assert!(requests > 3);
    for n in 1..=requests {
        machine.fail_request(n);
        assert!(ends_on(&machine).is_err(), "request {n}");
        assert_eq!(machine.outstanding(), Default::default(), "request {n}");
    }
}

fn ends_on(machine: &Machine) -> crate::Result<(Shared<Machine>, Receiver<Machine>, Assembly<Machine>)> {
    let shared = Shared::new(machine, release::ALL[0])?;
    let receiver = Receiver::new(machine, shared.format())?;
    let mut assembly = Assembly::new(machine, shared.format())?;
    assembly.begin(machine, 100_000, 100)?;
    Ok((shared, receiver, assembly))
}
