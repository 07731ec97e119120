// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Events for the user of the core: a bounded ring.
//!
//! Firmware events are met while messages are drained, under a lock, by whoever happens to drain. The user's callback must run
//! with no lock held, so what concerns the user is put into a [`Ring`] and delivered later. A full ring drops the newest
//! event and counts it: the first events of a storm say more about its cause than the last.

use crate::error::Result;
use crate::mem::Block;
use crate::platform::Platform;
use crate::text::Text;
use crate::wire;

/// Longest text of an event in bytes; the C ABI's `nvb_event.text` holds it with its terminator.
pub const TEXT_MAX: usize = 127;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A vGPU's plugin asks for attention.
    VgpuPlugin,
    /// A channel was stopped because of an error; `code` is the exception type (Xid).
    RcError,
    /// An MMU fault was queued.
    MmuFault,
    /// The firmware reported an error in words; `code` is the exception type (Xid).
    OsError,
    /// The firmware locked (`code` 1) or unlocked (`code` 0) the GPU.
    GspLockdown,
    /// The GPU no longer answers.
    GpuLost,
}

impl Happening {
    const ALL: [Happening; 6] = [
        Happening::VgpuPlugin,
        Happening::RcError,
        Happening::MmuFault,
        Happening::OsError,
        Happening::GspLockdown,
        Happening::GpuLost,
    ];
}

/// An event for the user.
#[derive(Clone, Copy)]
pub struct Event {
    /// What happened.
    pub what: Happening,
    /// Index of the VF concerned.
    pub vf: Option<u32>,
    /// Channel id concerned.
    pub channel: Option<u32>,
    /// A number that `what` explains.
    pub code: u32,
    /// Words of the firmware, or nothing.
    pub text: Text<TEXT_MAX>,
}

impl Event {
    /// An event without details.
    pub const fn new(what: Happening) -> Self {
        Event {
            what,
            vf: None,
            channel: None,
            code: 0,
            text: Text::new(),
        }
    }
}

/// Events a ring holds.
const CAPACITY: usize = 64;
/// Bytes of a stored event: five words and the text.
const SLOT: usize = 20 + TEXT_MAX + 1;
/// Stands for "none" in a stored word.
const NONE: u32 = u32::MAX;

/// A bounded queue of events.
///
/// Events are kept as bytes in the platform's memory and not as values, so that the ring may be moved without its content
/// passing over a kernel stack.
pub struct Ring<P: Platform> {
    slots: Block<P>,
    first: usize,
    len: usize,
    lost: u32,
}

impl<P: Platform> Ring<P> {
    /// An empty ring.
    ///
    /// # Errors
    /// Those of the platform's `mem_alloc`.
    pub fn new(platform: &P) -> Result<Self> {
        Ok(Ring {
            slots: Block::new(platform, CAPACITY * SLOT)?,
            first: 0,
            len: 0,
            lost: 0,
        })
    }

    /// Adds `event`, or counts it as lost.
    pub fn push(&mut self, event: &Event) {
        let slot = self.first.wrapping_add(self.len) % CAPACITY;
        if self.len >= CAPACITY || self.store(slot, event).is_err() {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        self.len = self.len.saturating_add(1);
    }

    /// Takes the oldest event.
    pub fn pop(&mut self) -> Option<Event> {
        self.len = self.len.checked_sub(1)?;
        let slot = self.first;
        self.first = self.first.wrapping_add(1) % CAPACITY;
        self.fetch(slot)
    }

    /// Events that found the ring full, since the beginning.
    pub fn lost(&self) -> u32 {
        self.lost
    }

    fn store(&mut self, slot: usize, event: &Event) -> Result<()> {
        let start = slot.wrapping_mul(SLOT);
        let bytes = self.slots.bytes_mut();
        for (word, value) in [
            event.what as u32,
            event.vf.unwrap_or(NONE),
            event.channel.unwrap_or(NONE),
            event.code,
            event.text.as_bytes().len() as u32,
        ]
        .into_iter()
        .enumerate()
        {
            wire::put_u32(bytes, start.wrapping_add(word.wrapping_mul(4)), value)?;
        }
        let text = bytes.get_mut(start.wrapping_add(20)..).unwrap_or(&mut []);
        for (to, from) in text.iter_mut().zip(event.text.as_bytes()) {
            *to = *from;
        }
        Ok(())
    }

    fn fetch(&self, slot: usize) -> Option<Event> {
        let start = slot.wrapping_mul(SLOT);
        let bytes = self.slots.bytes().get(start..start.wrapping_add(SLOT))?;
        let word = |index: usize| wire::get_u32(bytes, index.wrapping_mul(4)).ok();
        let some = |value: u32| (value != NONE).then_some(value);
        let text_end = 20usize.wrapping_add(word(4)? as usize);
        let mut event = Event::new(*Happening::ALL.get(word(0)? as usize)?);
        event.vf = some(word(1)?);
        event.channel = some(word(2)?);
        event.code = word(3)?;
        event.text.str(core::str::from_utf8(bytes.get(20..text_end)?).ok()?);
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Machine;

    #[test]
    fn a_full_ring_keeps_the_first_events_and_counts_the_rest() {
        let mut ring = Ring::new(&Machine::new()).unwrap();
        for number in 0..70 {
            let mut event = Event::new(Happening::OsError);
            event.vf = Some(number);
            event.code = number + 1;
            event.text.str("words");
            ring.push(&event);
        }
        assert_eq!(ring.lost(), 6);
        for number in 0..64 {
            let event = ring.pop().unwrap();
            assert_eq!(event.what, Happening::OsError);
            assert_eq!((event.vf, event.channel, event.code), (Some(number), None, number + 1));
            assert_eq!(event.text.as_str(), "words");
        }
        assert!(ring.pop().is_none());
    }
}
