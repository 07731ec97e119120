// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Commands and their replies over the queues.
//!
//! Two locks. `cmd` is held for a whole command, from sending to its reply: the firmware answers one at a time. `rx` is held
//! while messages are taken from the status queue, by whoever does that: a waiter, a sender that finds the queue full, the
//! interrupt thread. So a reply may be met by somebody else than its waiter; it is left in the reply slot.
//! Order: `cmd`, then `rx`.
//!
//! A waiter sleeps on the platform's event count, which the interrupt advances: take a token, look, sleep until the count has
//! moved. A message that arrives between looking and sleeping has moved it.

use super::event::GspEvent;
use crate::chip;
use crate::error::{Error, Kind, Result};
use crate::event::{Event, Ring};
use crate::platform::{Level, Platform};
use crate::queue::{Assembly, Command, InitArguments, Receiver, Sender, Shared};
use crate::release::Release;
use crate::sync::{Guard, Mutex};
use crate::text::Text;
use core::sync::atomic::{AtomicBool, Ordering};

/// How long a reply may take (nova-core `Cmdq::RECEIVE_TIMEOUT`: 5 s).
pub const REPLY_TIMEOUT_US: u64 = 5_000_000;
/// Until the firmware has said which vector it interrupts with, nobody can route its interrupt and a waiter must look by
/// itself. Boot messages come milliseconds apart; this is short against that.
const UNROUTED_INTERVAL_US: u64 = 200;
/// Messages taken in one go at most, so that a firmware that never stops talking cannot hold the lock for ever. Four times
/// what the queue can hold.
const DRAIN_MAX: u32 = 256;

/// Message numbers from here on are events (`NV_VGPU_MSG_EVENT_FIRST_EVENT`, the same in every release).
const FIRST_EVENT: u32 = 0x1000;
/// Oddities said in the log; from then on they are only counted, so that a mad firmware cannot fill the log.
const LOGGED_MAX: u32 = 16;

/// Counters of what was odd: what bounds the log, and for tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Elements or messages refused.
    pub refused: u32,
    /// Replies nobody waited for (any more), and stray continuation records.
    pub stale: u32,
    /// Events of a number the release's table does not name.
    pub unknown_events: u32,
}

/// What takes firmware events out of the stream before they reach the user's ring.
pub trait EventSink<P: Platform> {
    /// Handles `event`; `true` if it is done with, `false` to let it take its usual way (public ring and log).
    /// Runs with the receive lock held: it must neither send commands nor receive.
    ///
    /// # Errors
    /// What made handling fail; it ends the wait during which the event came.
    fn event(&mut self, event: &GspEvent<'_>) -> Result<bool>;
}

/// The sink that takes nothing.
pub struct NoSink;

impl<P: Platform> EventSink<P> for NoSink {
    fn event(&mut self, _: &GspEvent<'_>) -> Result<bool> {
        Ok(false)
    }
}

/// Commands to the firmware and messages from it.
pub struct Channel<P: Platform> {
    platform: P,
    release: &'static Release,
    shared: Shared<P>,
    cmd: Mutex<P, CommandSide>,
    rx: Mutex<P, ReceiveSide<P>>,
    routed: AtomicBool,
}

struct CommandSide {
    sender: Sender,
    /// Sequence number of the next command with a reply. Commands without one carry 0.
    sequence: u32,
}

struct ReceiveSide<P: Platform> {
    receiver: Receiver<P>,
    reply: Assembly<P>,
    slot: Slot,
    ring: Ring<P>,
    counters: Counters,
}

/// Where the reply to the command under way goes.
enum Slot {
    /// Nobody waits.
    Idle,
    /// Somebody waits for this reply.
    Waiting { function: u32, sequence: u32 },
    /// It is there, or will not come.
    Done(Result<()>),
}

/// How much of a reply to expect.
#[derive(Clone, Copy)]
pub struct ReplySize {
    /// Payload bytes at most: for a command whose reply echoes it, those of the command.
    pub total: usize,
    /// Payload bytes at the beginning that matter.
    pub keep: usize,
}

impl ReplySize {
    /// A reply of at most one element.
    pub const ONE_ELEMENT: ReplySize = ReplySize { total: 0, keep: 0 };
}

impl<P: Platform> Channel<P> {
    /// Sets up both queues in new memory.
    ///
    /// # Errors
    /// Those of the platform's allocations.
    pub fn new(platform: &P, release: &'static Release) -> Result<Self> {
        let command = CommandSide {
            sender: Sender::default(),
            sequence: 1,
        };
        let shared = Shared::new(platform, release)?;
        let receive = ReceiveSide {
            receiver: Receiver::new(platform, shared.format())?,
            reply: Assembly::new(platform, shared.format())?,
            slot: Slot::Idle,
            ring: Ring::new(platform)?,
            counters: Counters::default(),
        };
        Ok(Channel {
            platform: platform.clone(),
            release,
            shared,
            cmd: Mutex::new(platform, command)?,
            rx: Mutex::new(platform, receive)?,
            routed: AtomicBool::new(false),
        })
    }

    /// What the firmware is told about the queues.
    pub fn init_arguments(&self) -> InitArguments {
        self.shared.init_arguments()
    }

    /// The firmware release spoken.
    pub fn release(&self) -> &'static Release {
        self.release
    }

    /// The machine.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Says whether the firmware's interrupt advances the platform's event count from now on.
    pub fn set_interrupt_routed(&self, routed: bool) {
        self.routed.store(routed, Ordering::Release);
    }

    /// Sends a command that has no reply.
    ///
    /// # Errors
    /// Those of [`Sender::send`].
    pub fn send(&self, function: u32, payload: &[&[u8]]) -> Result<()> {
        let mut cmd = self.cmd.lock();
        let command = Command {
            function,
            sequence: 0,
            payload,
        };
        self.push(&mut cmd, command)
    }

    /// Sends a command and hands its reply's payload to `parse`, which runs with the receive lock held.
    ///
    /// # Errors
    /// - Those of [`Sender::send`] and of `parse`.
    /// - [`Kind::Timeout`]: no reply within [`REPLY_TIMEOUT_US`]; [`Kind::DeviceGone`] if the device is no longer there.
    /// - [`Kind::RpcFailed`]: the firmware refused; `found` is its result.
    /// - Those of [`Receiver::receive`]: a message was refused while waiting, which may have been the reply.
    pub fn call<R>(
        &self,
        function: u32,
        payload: &[&[u8]],
        size: ReplySize,
        parse: impl FnOnce(&[u8]) -> Result<R>,
    ) -> Result<R> {
        let mut cmd = self.cmd.lock();
        let sequence = cmd.sequence;
        // 0 means "no reply wanted".
        cmd.sequence = sequence.wrapping_add(1).max(1);
        {
            let mut rx = self.rx.lock();
            rx.reply.begin(&self.platform, size.total, size.keep)?;
            rx.slot = Slot::Waiting { function, sequence };
        }
        let command = Command {
            function,
            sequence,
            payload,
        };
        let sent = self.push(&mut cmd, command);
        let outcome = sent.and_then(|()| {
            self.wait(REPLY_TIMEOUT_US, &mut NoSink, |rx| match rx.slot {
                Slot::Done(result) => Some(result),
                _ => None,
            })
        });
        let mut rx = self.rx.lock();
        rx.slot = Slot::Idle;
        let parsed = match outcome {
            Ok(Ok(())) => parse(rx.reply.payload()),
            Ok(Err(error)) | Err(error) => Err(error),
        };
        rx.reply.end();
        parsed
    }

    /// Waits until `sink` says it has what it waited for: its `event` is called for every event, `done` after each round.
    ///
    /// # Errors
    /// [`Kind::Timeout`]; [`Kind::DeviceGone`]; those of the sink and of [`Receiver::receive`].
    pub fn wait_events<S: EventSink<P>>(
        &self,
        timeout_us: u64,
        sink: &mut S,
        mut done: impl FnMut(&mut S) -> bool,
    ) -> Result<()> {
        let start = self.platform.now_ns();
        loop {
            let token = self.platform.event_token();
            self.rx.lock().drain(self, sink)?;
            if done(sink) {
                return Ok(());
            }
            self.sleep(token, start, timeout_us)?;
        }
    }

    /// Takes what has arrived: events into the ring, a reply into its slot. For the interrupt's thread. Returns the number of
    /// messages.
    ///
    /// # Errors
    /// Those of [`Receiver::receive`], of the first message that was refused. Those behind it are taken all the same, for no further
    /// interrupt may come for them; unless the queue itself is out of order.
    pub fn service(&self) -> Result<u32> {
        let mut rx = self.rx.lock();
        let (mut refused, mut taken) = (Ok(()), 0);
        for _ in 0..DRAIN_MAX {
            let error = match rx.drain(self, &mut NoSink) {
                Ok(count) => {
                    taken = count;
                    break;
                }
                Err(error) => error,
            };
            refused = refused.and(Err(error));
            if matches!(error.kind(), Kind::QueuePointer | Kind::QueueShape) {
                break;
            }
        }
        if let Slot::Done(_) = rx.slot {
            // The waiter may have gone back to sleep after this message's interrupt and before we left it in the slot.
            self.platform.event_signal();
        }
        refused.map(|()| taken)
    }

    /// The oldest event for the user.
    pub fn pop_event(&self) -> Option<Event> {
        self.rx.lock().ring.pop()
    }

    /// Events that found the ring full.
    pub fn events_lost(&self) -> u32 {
        self.rx.lock().ring.lost()
    }

    /// What was odd so far.
    pub fn counters(&self) -> Counters {
        self.rx.lock().counters
    }

    /// Waits for a condition outside the queues that the firmware announces by an interrupt, looking at least every
    /// `recheck_us` microseconds in case it does not. Messages that arrive meanwhile are taken.
    ///
    /// # Errors
    /// [`Kind::Timeout`]; [`Kind::DeviceGone`]; those of `look`.
    pub fn wait_for<R>(
        &self,
        timeout_us: u64,
        recheck_us: u64,
        mut look: impl FnMut() -> Result<Option<R>>,
    ) -> Result<R> {
        let start = self.platform.now_ns();
        loop {
            let token = self.platform.event_token();
            self.drain_logged();
            if let Some(found) = look()? {
                return Ok(found);
            }
            let left = self.left(start, timeout_us)?;
            self.platform.event_wait(token, left.min(recheck_us));
        }
    }

    fn push(&self, cmd: &mut Guard<'_, P, CommandSide>, command: Command<'_>) -> Result<()> {
        cmd.sender
            .send(&self.shared, &self.platform, command, || self.drain_logged())
    }

    /// Drains where a refused message is not the caller's business; it is counted, logged, and left for the waiter of a reply.
    fn drain_logged(&self) {
        let _ = self.rx.lock().drain(self, &mut NoSink);
    }

    fn wait<R>(
        &self,
        timeout_us: u64,
        sink: &mut impl EventSink<P>,
        mut done: impl FnMut(&mut ReceiveSide<P>) -> Option<R>,
    ) -> Result<R> {
        let start = self.platform.now_ns();
        loop {
            let token = self.platform.event_token();
            {
                let mut rx = self.rx.lock();
                let drained = rx.drain(self, sink);
                if let Some(found) = done(&mut rx) {
                    return Ok(found);
                }
                drained?;
            }
            self.sleep(token, start, timeout_us)?;
        }
    }

    /// Sleeps until something may have arrived, or fails when the time is over or the device is found to be gone, which wakes
    /// all who wait.
    fn sleep(&self, token: u32, start: u64, timeout_us: u64) -> Result<()> {
        let left = self.left(start, timeout_us)?;
        let nap = if self.routed.load(Ordering::Acquire) {
            left
        } else {
            left.min(UNROUTED_INTERVAL_US)
        };
        if self.platform.event_wait(token, nap) {
            self.ask_device()?;
        }
        Ok(())
    }

    fn left(&self, start: u64, timeout_us: u64) -> Result<u64> {
        let passed = self.platform.now_ns().saturating_sub(start) / 1000;
        match timeout_us.checked_sub(passed) {
            Some(left) if left > 0 => Ok(left),
            _ => Err(self.overdue(timeout_us)),
        }
    }

    /// Why nothing came: the firmware is silent, or there is no device any more to run it.
    fn overdue(&self, timeout_us: u64) -> Error {
        match self.ask_device() {
            Ok(()) => Error::found(Kind::Timeout, timeout_us),
            Err(error) => error,
        }
    }

    /// Fails unless the device answers.
    fn ask_device(&self) -> Result<()> {
        match self.platform.read32(chip::BOOT_0)? {
            u32::MAX => Err(Kind::DeviceGone.into()),
            _ => Ok(()),
        }
    }
}

impl<P: Platform> ReceiveSide<P> {
    /// Takes messages until there are none (or [`DRAIN_MAX`]). A refused one ends the round and fails the waiting command: it
    /// may have been its reply.
    fn drain(&mut self, channel: &Channel<P>, sink: &mut impl EventSink<P>) -> Result<u32> {
        let mut taken = 0;
        while taken < DRAIN_MAX {
            match self.next(channel, sink) {
                Ok(true) => taken = taken.wrapping_add(1),
                Ok(false) => break,
                Err(error) => {
                    self.counters.refused = self.counters.refused.saturating_add(1);
                    if self.counters.refused <= LOGGED_MAX {
                        log_refused(&channel.platform, error);
                    }
                    if let Slot::Waiting { .. } = self.slot {
                        self.slot = Slot::Done(Err(error));
                    }
                    return Err(error);
                }
            }
        }
        Ok(taken)
    }

    /// Takes one message; `false` if there is none.
    fn next(&mut self, channel: &Channel<P>, sink: &mut impl EventSink<P>) -> Result<bool> {
        let message = match self.receiver.receive(&channel.shared)? {
            Some(message) => message,
            None => return Ok(false),
        };
        let (function, result) = (message.function, message.result);
        if function >= FIRST_EVENT {
            let event = GspEvent::parse(channel.release, function, result, message.payload)?;
            let unknown = matches!(event, GspEvent::Unknown { .. });
            if unknown {
                self.counters.unknown_events = self.counters.unknown_events.saturating_add(1);
            }
            if !sink.event(&event)? {
                // A firmware that repeats what nobody understands must not bury what somebody does.
                if !unknown || self.counters.unknown_events <= LOGGED_MAX {
                    event.log(&channel.platform);
                }
                if let Some(public) = event.public() {
                    self.ring.push(&public);
                }
            }
            return Ok(true);
        }
        let awaited = match self.slot {
            Slot::Waiting { .. } if self.reply.is_open() => function == channel.release.functions.continuation_record,
            Slot::Waiting { function: f, sequence } => function == f && message.sequence == sequence,
            _ => false,
        };
        if !awaited {
            self.counters.stale = self.counters.stale.saturating_add(1);
            return Ok(true);
        }
        if result != 0 {
            self.slot = Slot::Done(Err(Error::found(Kind::RpcFailed, result.into())));
        } else if self.reply.take(&mut self.receiver)? {
            self.slot = Slot::Done(Ok(()));
        }
        Ok(true)
    }
}

fn log_refused<P: Platform>(platform: &P, error: Error) {
    let mut line = Text::<160>::new();
    line.str("message from the firmware refused: ");
    error.describe(&mut line);
    platform.log(Level::Warn, line.as_str());
}
