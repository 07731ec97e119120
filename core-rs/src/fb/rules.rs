// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What a chip family decides about the framebuffer's layout.

/// The firmware's operating system, which decides how its heap is sized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Libos {
    /// LibOS 2: Turing and GA100.
    V2,
    /// LibOS 3: GA102 on.
    V3,
}

/// Rules of a chip family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The firmware's operating system.
    pub libos: Libos,
    /// Bytes that FWSEC sets aside at the top of WPR2; 0 where FWSEC makes none.
    pub frts_size: u64,
}

const MIB: u64 = 1 << 20;

/// Turing.
pub const TU10X: Rules = Rules {
    libos: Libos::V2,
    frts_size: MIB,
};
/// GA100.
pub const GA100: Rules = Rules {
    libos: Libos::V2,
    frts_size: 0,
};
/// GA102 to GA107, Ada.
pub const GA10X: Rules = Rules {
    libos: Libos::V3,
    frts_size: MIB,
};
