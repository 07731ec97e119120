// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The ABI gate: no change to the C ABI of NovaBridge gets past it unclassified.
//!
//! An ABI is read from several [sources](read) into one [model], which has a readable [text form](text) that is kept in git
//! for each released version. Two models are [compared](diff); each difference is an instance of a [rule](rules), which says
//! its class, what a caller that was compiled against the old version would suffer, and what to do. What a model cannot show,
//! the [contract], is read from the documentation and held by generated tests.

pub mod check;
pub mod contract;
pub mod cross;
pub mod diff;
pub mod error;
pub mod layout;
pub mod model;
pub mod partial;
pub mod read;
pub mod report;
pub mod rules;
pub mod suppress;
pub mod text;
pub mod ty;
pub mod version;

pub use error::{Error, Result};
