// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A type whose layout C cannot know.
struct Thing {
    _a: u8,
}

unsafe extern "C" fn nvb_take(_thing: *const Thing) -> i32 {
    0
}

abi_layout::assert_callable! { nvb_take: (_); }

fn main() {}
