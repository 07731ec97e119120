// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The framebuffer during boot: where the firmware, its heap and its metadata go.

pub mod rules;
