// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The channel against the test peer.

use super::*;
use crate::error::{Error, Kind};
use crate::event::Happening;
use crate::queue::peer::{Peer, Rpc};
use crate::release;
use crate::testing::Machine;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const DOORBELL: u32 = 0x110c00;
const CONTROL: u32 = 76;

type SharedPeer = Arc<Mutex<Peer>>;

fn channel(machine: &Machine) -> (Channel<Machine>, SharedPeer) {
    let channel = Channel::new(machine, release::ALL[0]).unwrap();
    let peer = Peer::new(machine, channel.init_arguments().shared_mem_addr);
    (channel, Arc::new(Mutex::new(peer)))
}

/// Lets `answer` act at each doorbell on the commands that have arrived.
fn serve(machine: &Machine, peer: &SharedPeer, mut answer: impl FnMut(&mut Peer, Rpc) + Send + 'static) {
    let peer = peer.clone();
    machine.on_write(DOORBELL, move |_| {
        let mut peer = peer.lock().unwrap();
        // A control's parameters follow a header of 24 bytes that states their size at 16.
        let total = |function, bytes: &[u8]| match function {
            CONTROL => 24 + u32::from_le_bytes(bytes[16..20].try_into().unwrap()) as usize,
            _ => 0,
        };
        while let Some(rpc) = peer.take(total) {
            answer(&mut peer, rpc);
        }
    });
}

fn call(channel: &Channel<Machine>, payload: &[u8]) -> crate::Result<Vec<u8>> {
    channel.call(65, &[payload], ReplySize::ONE_ELEMENT, |reply| Ok(reply.to_vec()))
}

fn is_empty(channel: &Channel<Machine>) -> bool {
    channel.pop_event().is_none()
}

#[test]
fn a_reply_finds_its_command() {
    let machine = Machine::new();
    let (channel, peer) = channel(&machine);
    serve(&machine, &peer, |peer, rpc| {
        // An event and a reply that is too late come first.
        peer.send(0x1005, 0, 0, &[]);
        peer.send(rpc.function, rpc.sequence.wrapping_sub(1), 0, b"late");
        peer.send(rpc.function, rpc.sequence, 0, &rpc.payload);
    });
    for round in 0..70u8 {
        assert_eq!(call(&channel, &[round; 9]), Ok(vec![round; 9]));
        assert_eq!(channel.pop_event().unwrap().what, Happening::MmuFault);
    }
    assert_eq!(channel.counters().stale, 70);
    assert!(is_empty(&channel));
}

#[test]
fn commands_without_reply_carry_no_sequence() {
    let machine = Machine::new();
    let (channel, peer) = channel(&machine);
    channel.send(72, &[b"info"]).unwrap();
    channel.send(73, &[]).unwrap();
    let mut peer = peer.lock().unwrap();
    let first = peer.take(|_, _| 0).unwrap();
    assert_eq!(
        (first.function, first.sequence, &first.payload[..]),
        (72, 0, &b"info"[..])
    );
    assert_eq!(peer.take(|_, _| 0).unwrap().function, 73);
}

#[test]
fn a_long_control_comes_back_in_as_many_parts() {
    let machine = Machine::new();
    let (channel, peer) = channel(&machine);
    serve(&machine, &peer, |peer, rpc| {
        assert_eq!((rpc.function, rpc.elements), (CONTROL, 6));
        peer.send(CONTROL, rpc.sequence, 0, &rpc.payload);
    });
    let rest = peer.clone();
    machine.on_idle(move || rest.lock().unwrap().flush());
    let mut payload = vec![0; 334_368];
    payload[16..20].copy_from_slice(&334_344u32.to_le_bytes());
    payload[100_000] = 7;
    let size = ReplySize {
        total: payload.len(),
        keep: payload.len(),
    };
    let same = channel.call(CONTROL, &[&payload[..24], &payload[24..]], size, |reply| {
        Ok(reply == payload)
    });
    assert_eq!(same, Ok(true));
}

#[test]
fn a_stray_continuation_is_dropped() {
    let machine = Machine::new();
    let (channel, peer) = channel(&machine);
    serve(&machine, &peer, |peer, rpc| {
        peer.send(71, rpc.sequence, 0, b"stray");
        peer.send(rpc.function, rpc.sequence, 0, b"reply");
    });
    assert_eq!(call(&channel, &[]), Ok(b"reply".to_vec()));
    assert_eq!(channel.counters().stale, 1);
}

#[test]
fn a_refusal_is_told() {
    let machine = Machine::new();
    let (channel, peer) = channel(&machine);
    serve(&machine, &peer, |peer, rpc| {
        peer.send(rpc.function, rpc.sequence, 0x55, &[])
    });
    assert_eq!(call(&channel, &[]), Err(Error::found(Kind::RpcFailed, 0x55)));
}

#[test]
fn a_wait_that_ends_without_a_device_says_so() {
    let machine = Machine::new();
    let (channel, _peer) = channel(&machine);
    machine.set(crate::chip::BOOT_0, u32::MAX);
    assert_eq!(call(&channel, &[]), Err(Kind::DeviceGone.into()));
}

#[test]
fn a_reply_that_does_not_come_ends_in_time_and_its_late_coming_hurts_nobody() {
    let machine = Machine::new();
    let (channel, peer) = channel(&machine);
    assert_eq!(call(&channel, &[]), Err(Error::found(Kind::Timeout, REPLY_TIMEOUT_US)));
    let lost = peer.lock().unwrap().take(|_, _| 0).unwrap();
    peer.lock().unwrap().send(lost.function, lost.sequence, 0, b"late");
    serve(&machine, &peer, |peer, rpc| {
        peer.send(rpc.function, rpc.sequence, 0, b"mine")
    });
    assert_eq!(call(&channel, &[]), Ok(b"mine".to_vec()));
    assert_eq!(channel.counters().stale, 1);
}

#[test]
fn a_spoiled_message_fails_the_waiting_command_at_once() {
    let machine = Machine::new();
    let (channel, peer) = channel(&machine);
    serve(&machine, &peer, |peer, rpc| {
        let mut element = peer.element(rpc.function, rpc.sequence, 0, b"reply");
        element[81] ^= 1;
        peer.send_element(&element);
    });
    assert_eq!(call(&channel, &[]).unwrap_err().kind(), Kind::ElementChecksum);
    // A bad event spoils nobody's reply later.
    serve(&machine, &peer, |peer, rpc| {
        peer.send(rpc.function, rpc.sequence, 0, b"good")
    });
    peer.lock().unwrap().send(0x1004, 0, 0, &[1, 2]);
    assert!(channel.service().is_err());
    assert_eq!(call(&channel, &[]), Ok(b"good".to_vec()));
    assert_eq!(channel.counters().refused, 2);
}

#[test]
fn a_firmware_that_only_talks_is_left_in_the_end() {
    let machine = Machine::new();
    let (channel, peer) = channel(&machine);
    let clock = machine.clone();
    let talk = move || {
        clock.advance_us(100_000);
        let mut peer = peer.lock().unwrap();
        while (peer.status_write() + 63 - peer.status_read()) % 63 < 60 {
            peer.send(0x1008, 0, 0, &[]);
        }
    };
    machine.on_idle(talk);
    assert_eq!(call(&channel, &[]).unwrap_err().kind(), Kind::Timeout);
}

#[test]
fn unknown_events_are_counted_and_logged_a_few_times() {
    let machine = Machine::new();
    let (channel, peer) = channel(&machine);
    for _ in 0..5 {
        for _ in 0..40 {
            peer.lock().unwrap().send(0x1fff, 0, 0, &[]);
        }
        assert_eq!(channel.service(), Ok(40));
    }
    assert_eq!(channel.counters().unknown_events, 200);
    assert_eq!(machine.log_lines().len(), 16);
    assert!(machine.log_lines()[0].1.contains("0x1fff"));
    // What is known is logged as ever.
    peer.lock().unwrap().send(0x1006, 0, 0, &[0; 512]);
    assert_eq!(channel.service(), Ok(1));
    assert_eq!(machine.log_lines().len(), 17);
}

/// No other interrupt may come for what lies behind a message that is refused.
#[test]
fn what_lies_behind_a_spoiled_message_is_heard() {
    let machine = Machine::new();
    let (channel, peer) = channel(&machine);
    for _ in 0..3 {
        peer.lock().unwrap().send(0x1004, 0, 0, &[1, 2]);
    }
    peer.lock().unwrap().send(0x1005, 0, 0, &[]);
    assert_eq!(channel.service().unwrap_err().kind(), Kind::OutOfBounds);
    assert_eq!(channel.pop_event().unwrap().what, Happening::MmuFault);
    assert_eq!(channel.counters().refused, 3);
    // A queue that is out of order is looked at once.
    peer.lock().unwrap().put(crate::queue::peer::STATUS + 16, 63);
    assert_eq!(channel.service().unwrap_err().kind(), Kind::QueuePointer);
    assert_eq!(channel.counters().refused, 4);
}

/// Counts events and ends at INIT_DONE.
#[derive(Default)]
struct Boot {
    ops: usize,
    done: bool,
}

impl EventSink<Machine> for Boot {
    fn event(&mut self, event: &GspEvent<'_>) -> crate::Result<bool> {
        match event {
            GspEvent::RunCpuSequencer(sequence) => {
                for op in *sequence {
                    op?;
                    self.ops += 1;
                }
            }
            GspEvent::InitDone { .. } => self.done = true,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn sequencer(words: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0; 40];
    bytes[..4].copy_from_slice(&(words.len() as u32).to_le_bytes());
    bytes[4..8].copy_from_slice(&(words.len() as u32).to_le_bytes());
    bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    bytes
}

#[test]
fn boot_events_reach_the_sink() {
    let machine = Machine::new();
    let (channel, peer) = channel(&machine);
    let mut messages = vec![
        (0x1002, sequencer(&[5, 6])),
        (0x100d, vec![3, 0, 0, 0, 0, 0, 0, 0]),
        (0x1002, sequencer(&[7])),
        (0x1001, vec![]),
    ]
    .into_iter();
    // One message per wait, without an interrupt: the waiter looks by itself.
    machine.on_idle(move || {
        if let Some((event, body)) = messages.next() {
            peer.lock().unwrap().send(event, 0, 0, &body);
        }
    });
    let mut boot = Boot::default();
    channel.wait_events(1_000_000, &mut boot, |boot| boot.done).unwrap();
    assert_eq!(boot.ops, 3);
    assert_eq!(channel.pop_event().unwrap().vf, Some(2));
    assert!(is_empty(&channel));
}

#[test]
fn a_sink_that_fails_ends_the_wait() {
    let machine = Machine::new();
    let (channel, peer) = channel(&machine);
    peer.lock().unwrap().send(0x1002, 0, 0, &sequencer(&[99]));
    let error = channel.wait_events(1_000_000, &mut Boot::default(), |boot| boot.done);
    assert_eq!(error.unwrap_err().kind(), Kind::SequencerOpcode);
    let error = channel.wait_events(1_000_000, &mut Boot::default(), |boot| boot.done);
    assert_eq!(error.unwrap_err().kind(), Kind::Timeout);
}

/// With the interrupt routed, only it ends a wait; whether the interrupt's thread or the waiter takes the reply.
#[test]
fn replies_come_with_the_interrupt() {
    let machine = Machine::realtime();
    let (channel, peer) = channel(&machine);
    channel.set_interrupt_routed(true);
    let channel = Arc::new(channel);
    let answer_on = machine.clone();
    let service_on = channel.clone();
    serve(&machine, &peer, move |peer, rpc| {
        peer.send(rpc.function, rpc.sequence, 0, &rpc.payload);
        let (machine, channel) = (answer_on.clone(), service_on.clone());
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(2));
            crate::platform::Platform::event_signal(&machine);
            channel.service().unwrap();
        });
    });
    let start = Instant::now();
    let threads: Vec<_> = (0..4u8)
        .map(|id| {
            let channel = channel.clone();
            thread::spawn(move || {
                for _ in 0..25 {
                    assert_eq!(call(&channel, &[id; 64]), Ok(vec![id; 64]));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "waits ran into their time-outs"
    );
}

#[test]
fn a_wait_ends_when_the_device_is_found_gone() {
    let machine = Machine::realtime();
    let (channel, _peer) = channel(&machine);
    channel.set_interrupt_routed(true);
    let start = Instant::now();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| call(&channel, &[]));
        thread::sleep(Duration::from_millis(20));
        machine.set(crate::chip::BOOT_0, u32::MAX);
        crate::platform::Platform::event_signal(&machine);
        assert_eq!(waiter.join().unwrap(), Err(Kind::DeviceGone.into()));
    });
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "the wait ran into its time-out"
    );
}

#[test]
fn everything_is_given_back() {
    let machine = Machine::new();
    drop(Channel::new(&machine, release::ALL[0]).map_err(|e| e.kind()));
    let requests = machine.requests();
    for n in 1..=requests {
        machine.fail_request(n);
        assert!(Channel::new(&machine, release::ALL[0]).is_err());
        assert_eq!(machine.outstanding(), Default::default(), "request {n}");
    }
}
