// SPDX-License-Identifier: GPL-2.0-only OR MIT
// rustc puts `extern crate compiler_builtins` into every no_std crate. core itself calls nothing of it: the memory functions it
// does call are the kernel's, and the object is checked to need no other helper.
#![feature(compiler_builtins)]
#![compiler_builtins]
#![no_builtins]
#![no_std]
#![allow(internal_features)]
