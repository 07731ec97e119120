// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A closure that holds something is no function of C, as nvb_event_fn is one.
use novabridge::types::event::nvb_event;
use std::ffi::c_void;

fn main() {
    let count = std::cell::Cell::new(0);
    let _: unsafe extern "C" fn(*mut c_void, *const nvb_event) = |_ctx, _event| count.set(1);
}
