// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A closure that holds something is no function of C.
use novabridge::types::event::nvb_event_fn;

fn main() {
    let count = std::cell::Cell::new(0);
    let _: nvb_event_fn = Some(|_ctx, _event| count.set(1));
}
