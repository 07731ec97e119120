// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Everything that differs between firmware releases, as data.
//!
//! A release is chosen by the exact text of the image's `.fwversion`: layouts change even inside a branch (535.113.01 and
//! 535.288.01 disagree about `GspSystemInfo`), so there is no nearest match. The tables are written by
//! `core-rs/tablegen` from the public headers of each release; `layout.rs` says what each field means.

pub mod layout;
mod tables;

pub use layout::Release;
pub use tables::ALL;

use crate::error::{Kind, Result};
use crate::text::Text;

/// An array inside a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Array {
    /// Offset of element 0.
    pub at: usize,
    /// Number of elements; 0 is "to the end of the message".
    pub count: usize,
    /// Bytes of one element.
    pub stride: usize,
}

impl Array {
    /// An array of `count` elements of `stride` bytes at `at`.
    pub const fn new(at: usize, count: usize, stride: usize) -> Self {
        Array { at, count, stride }
    }

    /// Offset of element `index`; `None` behind the end of the array.
    pub fn offset(&self, index: usize) -> Option<usize> {
        if index < self.count {
            index.checked_mul(self.stride)?.checked_add(self.at)
        } else {
            None
        }
    }

    /// Bytes of the whole array.
    pub const fn len(&self) -> usize {
        self.count.saturating_mul(self.stride)
    }

    /// Whether the array is of no length by itself.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The release with exactly this `.fwversion` (without its NUL).
///
/// # Errors
/// [`Kind::UnknownRelease`]; [`known`] names the releases there are.
pub fn find(version: &[u8]) -> Result<&'static Release> {
    ALL.iter()
        .copied()
        .find(|release| release.name.as_bytes() == version)
        .ok_or_else(|| Kind::UnknownRelease.into())
}

/// The known releases in words, newest first: `570.144, 535.113.01`.
pub fn known<const N: usize>() -> Text<N> {
    let mut text = Text::new();
    for (index, release) in ALL.iter().enumerate() {
        if index > 0 {
            text.str(", ");
        }
        text.str(release.name);
    }
    text
}

#[cfg(test)]
mod tests;
