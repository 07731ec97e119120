// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A report for people and for machines.

mod json;
mod junit;
mod sarif;
mod words;

pub use json::json;
pub use junit::junit;
pub use sarif::sarif;
pub use words::{explain, words};

/// Where the subject of a change is best looked at, for tools that want a file.
const HEADER: &str = "capi/include/novabridge.h";
