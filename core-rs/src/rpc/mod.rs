// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Remote procedure calls: typed commands to the firmware and typed events from it.
//!
//! [`Channel`] carries them. One file per command or event with a body of its own.

mod channel;
mod event;
pub mod registry;
pub mod sequencer;
pub mod static_info;
pub mod system_info;
#[cfg(test)]
mod tests;
pub mod unloading;

pub use channel::{Channel, Counters, EventSink, NoSink, ReplySize, REPLY_TIMEOUT_US};
pub use event::GspEvent;
