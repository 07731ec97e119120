// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The steps of booting GSP-RM on Turing to Ada and of taking it down again, a file each. [`crate::gpu`] puts them in order.

pub mod flush;
pub mod fwsec;
pub mod gfw;
pub mod sec2;
pub mod sequencer;
pub mod ucode;
pub mod wpr;
