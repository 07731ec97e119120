// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Objects, controls and queries against a scripted resource manager.

use super::*;
use crate::error::{Error, Kind};
use crate::queue::peer::{Peer, Rpc};
use crate::release::{self, Release};
use crate::rpc::Channel;
use crate::testing::Machine;
use crate::wire;
use std::sync::{Arc, Mutex};

const DOORBELL: u32 = 0x110c00;
const TARGET: Target = Target {
    client: 0xc1d0_0001,
    object: 0x5d1d_0000,
};

/// A channel whose other end answers each command with what `answer` makes of its payload.
fn channel(
    release: &'static Release,
    mut answer: impl FnMut(u32, &mut Vec<u8>) + Send + 'static,
) -> (Channel<Machine>, Arc<Mutex<Vec<Rpc>>>) {
    let machine = Machine::new();
    let channel = Channel::new(&machine, release).unwrap();
    let mut peer = Peer::new(&machine, channel.init_arguments().shared_mem_addr);
    let seen = Arc::new(Mutex::new(vec![]));
    let log = seen.clone();
    machine.on_write(DOORBELL, move |_| {
        while let Some(rpc) = peer.take(|_, _| 0) {
            let mut reply = rpc.payload.clone();
            answer(rpc.function, &mut reply);
            peer.send(rpc.function, rpc.sequence, 0, &reply);
            log.lock().unwrap().push(rpc);
        }
    });
    (channel, seen)
}

fn words(rpc: &Rpc, count: usize) -> Vec<u32> {
    (0..count)
        .map(|i| wire::get_u32(&rpc.payload, 4 * i).unwrap())
        .collect()
}

#[test]
fn a_client_and_its_end() {
    for (version, root_size) in [("535.113.01", 108), ("570.144", 120)] {
        let (channel, seen) = channel(release::find(version.as_bytes()).unwrap(), |_, _| {});
        let client = Client::new(&channel, 5).unwrap();
        assert_eq!(client.handle(), 0xc1d0_0005);
        client.free(&channel).unwrap();
        let seen = seen.lock().unwrap();
        let functions: Vec<_> = seen.iter().map(|rpc| rpc.function).collect();
        assert_eq!(functions, [103, 103, 103, 10]);
        // Client, parent, object, class, status, size, flags, reserved; then the class's parameters.
        let root = [
            0xc1d0_0005,
            0,
            0xc1d0_0005,
            0,
            0,
            root_size,
            0,
            0,
            0xc1d0_0005,
            u32::MAX,
        ];
        assert_eq!(words(&seen[0], 10), root);
        assert_eq!(seen[0].payload.len(), 32 + root_size as usize);
        let device = [0xc1d0_0005, 0xc1d0_0005, 0xde1d_0000, 0x80, 0, 56, 0, 0, 0, 0xc1d0_0005];
        assert_eq!(words(&seen[1], 10), device);
        assert_eq!(
            words(&seen[2], 9),
            [0xc1d0_0005, 0xde1d_0000, 0x5d1d_0000, 0x2080, 0, 4, 0, 0, 0]
        );
        assert_eq!(words(&seen[3], 4), [0xc1d0_0005, 0, 0xc1d0_0005, 0]);
    }
}

#[test]
fn a_client_that_is_half_made_is_freed() {
    for failing in 0..3 {
        let mut allocations = 0;
        let (channel, seen) = channel(release::ALL[0], move |function, reply| {
            if function == 103 {
                if allocations == failing {
                    wire::put_u32(reply, 16, 0x51).unwrap();
                }
                allocations += 1;
            }
        });
        let error = Client::new(&channel, 1).unwrap_err();
        assert_eq!(error, Error::found(Kind::RmNoMemory, 0x51));
        assert_eq!(seen.lock().unwrap().last().unwrap().function, 10);
    }
}

#[test]
fn a_control_and_what_comes_back() {
    let (channel, seen) = channel(release::ALL[0], |_, reply| {
        reply[24..28].copy_from_slice(b"back");
    });
    let back = control(&channel, TARGET, 0x2080_4008, b"sent", 4, |params| Ok(params.to_vec()));
    assert_eq!(back, Ok(b"back".to_vec()));
    let rpc = &seen.lock().unwrap()[0];
    assert_eq!(
        (rpc.function, words(rpc, 6)),
        (76, vec![0xc1d0_0001, 0x5d1d_0000, 0x2080_4008, 0, 4, 0])
    );
    assert_eq!(&rpc.payload[24..], b"sent");
}

#[test]
fn replies_that_do_not_fit_are_refused() {
    type Spoil = fn(&mut Vec<u8>);
    let cases: [(Spoil, Kind); 6] = [
        (|reply| reply.truncate(23), Kind::ControlReply),
        (|reply| reply.truncate(27), Kind::ControlReply),
        (|reply| reply.clear(), Kind::ControlReply),
        (|reply| reply[8] ^= 1, Kind::ControlReply),
        (|reply| reply[16] = 3, Kind::ControlReply),
        (|reply| reply[12] = 0x56, Kind::RmNotSupported),
    ];
    for (index, (spoil, kind)) in cases.into_iter().enumerate() {
        let (channel, _) = channel(release::ALL[1], move |_, reply| spoil(reply));
        let error = control(&channel, TARGET, 0x2080_4008, b"sent", 4, |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), kind, "case {index}");
    }
    let (channel, _) = channel(release::ALL[1], |_, reply| reply.truncate(31));
    assert_eq!(Client::new(&channel, 1).unwrap_err().kind(), Kind::AllocReply);
}

/// Asks for the GSP's vector with a table of (engine, vector), or of a length that is not its own.
fn vector(release: &'static Release, table: &'static [(u32, u32)], len: Option<u32>) -> crate::Result<u32> {
    let (channel, _) = channel(release, move |_, reply| {
        wire::put_u32(reply, 24, len.unwrap_or(table.len() as u32)).unwrap();
        for (index, (engine, vector)) in table.iter().enumerate() {
            let at = 28 + 16 * index;
            // The engine's index is 16 bits wide; nobody says what stands behind it.
            wire::put_u32(reply, at, 0xdead_0000 | *engine).unwrap();
            wire::put_u32(reply, at + 8, *vector).unwrap();
        }
    });
    gsp_vector(&channel, TARGET)
}

#[test]
fn the_gsps_vector() {
    let [new, old] = release::ALL;
    let table = &[(1, 9), (49, 33), (50, 34)];
    // The GSP is engine 50 in 570.144 and 49 in 535.113.01.
    assert_eq!(vector(new, table, None), Ok(34));
    assert_eq!(vector(old, table, None), Ok(33));
    let kind = |table, len| vector(new, table, len).unwrap_err().kind();
    assert_eq!(kind(&[(49, 33), (50, u32::MAX)], None), Kind::GspVectorMissing);
    assert_eq!(kind(&[(1, 9), (50, 3)], Some(1)), Kind::GspVectorMissing);
    assert_eq!(kind(&[], Some(129)), Kind::InterruptTable);
    assert_eq!(kind(&[], Some(u32::MAX)), Kind::InterruptTable);
    assert_eq!(vector(new, &[(50, 3)], Some(128)), Ok(3));
}

#[test]
fn numbers_of_the_gpu_are_believed_within_reason() {
    let ask = |value: u64, offset: usize| {
        channel(release::ALL[0], move |_, reply| {
            let bytes = value.to_le_bytes();
            let room = (reply.len() - 24 - offset).min(8);
            reply[24 + offset..24 + offset + room].copy_from_slice(&bytes[..room]);
        })
        .0
    };
    for size in [32u64 << 20, 128 << 20, 512 << 20] {
        assert_eq!(vmmu_segment_size(&ask(size, 0), TARGET), Ok(size));
    }
    for size in [0, 1, 16 << 20, 96 << 20, 1 << 30, u64::MAX] {
        assert_eq!(
            vmmu_segment_size(&ask(size, 0), TARGET),
            Err(Error::found(Kind::VmmuSegment, size))
        );
    }
    assert_eq!(channel_count(&ask(2048, 4), TARGET), Ok(2048));
    for count in [0, 4097, u64::from(u32::MAX)] {
        assert_eq!(
            channel_count(&ask(count, 4), TARGET).unwrap_err().kind(),
            Kind::ChannelCount
        );
    }
}
