// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Placeholder replaced by the first commit of this crate.
