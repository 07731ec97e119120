// SPDX-License-Identifier: GPL-2.0-only OR MIT
// C keeps fields in their order, with holes between them; without repr(C) rustc does not.
#[repr(C)]
pub struct Ordered {
    pub small: u8,
    pub large: u32,
    pub smaller: u8,
}

pub struct Sorted {
    pub small: u8,
    pub large: u32,
    pub smaller: u8,
}

abi_layout::assert_layout! { Ordered: 12, 4 }
abi_layout::assert_layout! { Sorted: 12, 4 }

fn main() {}
