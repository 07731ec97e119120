// SPDX-License-Identifier: GPL-2.0-only OR MIT
// C may pass NULL, which no reference is.
unsafe extern "C" fn nvb_take(_event: &novabridge::types::event::nvb_event) -> i32 {
    0
}

abi_layout::assert_callable! { nvb_take: (_); }

fn main() {}
