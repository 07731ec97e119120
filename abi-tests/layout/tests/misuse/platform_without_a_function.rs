// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A platform in Rust has every function.
#[derive(Clone)]
struct Mine;

impl novabridge_core::platform::Platform for Mine {}

fn main() {}
