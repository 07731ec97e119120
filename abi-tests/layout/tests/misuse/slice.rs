// SPDX-License-Identifier: GPL-2.0-only OR MIT
// C has no type that is a pointer and a length.
unsafe extern "C" fn nvb_take(_bytes: *const [u8]) -> i32 {
    0
}

abi_layout::assert_callable! { nvb_take: (_); }

fn main() {}
