// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The message queues between the CPU and the GSP.
//!
//! Two rings of 4 KiB pages in shared memory (see `layout`), one per direction. A message is an *element* of 1 to 16 pages:
//! element header, RPC header, payload. A message that needs more continues in further elements of function
//! CONTINUATION_RECORD; both directions do that.
//!
//! [`Sender`] writes commands, [`Receiver`] copies messages out and believes nothing it has not checked, [`Assembly`] joins a
//! message that came in parts. None of them locks: `rpc::Channel` keeps the sender under its command lock and the receiver
//! under its receive lock.

mod assembly;
mod checksum;
mod element;
mod layout;
mod rx;
mod tx;

pub use assembly::Assembly;
pub use checksum::Checksum;
pub use element::Format;
pub use layout::{InitArguments, Shared};
pub use rx::{Message, Receiver};
pub use tx::{Command, Sender};

#[cfg(test)]
pub(crate) mod peer;
#[cfg(test)]
mod tests;
