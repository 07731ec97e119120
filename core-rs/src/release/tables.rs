// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The releases the core knows. Written by `novabridge-tablegen`.

use super::layout::Release;

pub mod r535_113_01;
pub mod r570_144;

/// Newest first.
pub static ALL: [&Release; 2] = [&r570_144::TABLE, &r535_113_01::TABLE];
