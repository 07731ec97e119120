// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The sources an ABI is read from.

pub mod archive;
mod attributes;
pub mod cdecl;
pub mod die;
pub mod docs;
pub mod dwarf;
pub mod elf;
pub mod eval;
pub mod failures;
pub mod header;
mod items;
pub mod kmodule;
pub mod rust;
pub mod versions;
