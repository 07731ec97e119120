// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The resource manager inside the firmware: objects and controls on them.
//!
//! Objects are named by handles that we choose. A client is the root of a tree; freeing it frees the tree. A control is a
//! numbered operation on an object with a parameter struct that is sent, and comes back filled.

mod client;
mod control;
mod queries;
mod status;
#[cfg(test)]
mod tests;

pub use client::Client;
pub use control::{control, read_control, Target};
pub use queries::{channel_count, gsp_vector, vmmu_segment_size};
