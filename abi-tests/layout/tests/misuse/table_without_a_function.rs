// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A platform table names every function.
use novabridge::types::platform::nvb_platform;

fn main() {
    let _ = nvb_platform {
        size: 0,
        reserved: 0,
        ctx: std::ptr::null_mut(),
    };
}
