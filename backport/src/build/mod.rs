// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What is built from this tree: the modules, and the programs that exercise them.

pub mod compiler;
pub mod kbuild;
pub mod probe;
pub mod programs;
pub mod shims;
