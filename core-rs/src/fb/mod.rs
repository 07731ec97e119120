// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The framebuffer during boot: where the firmware, its heap and its metadata go.
//!
//! ```text
//! top   VGA workspace
//!       FRTS                \
//!       bootloader           |
//!       firmware image       | WPR2, write-protected
//!       GSP-RM heap          |
//!       WPR metadata        /
//!       non-WPR heap
//!       ... free
//! 0
//! ```
//! Sources: OpenRM kgspCalculateFbLayout_TU102(), nouveau `gsp/tu102.c` tu102_gsp_oneinit(), nova-core `fb.rs`.

pub mod heap;
pub mod layout;
pub mod probe;
pub mod rules;
pub mod wpr_meta;

pub use layout::{Layout, Span};

#[cfg(test)]
mod tests;
