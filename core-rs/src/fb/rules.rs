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

/// Which of a release's two figures for GSP-RM itself goes for a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseSize {
    /// Turing to Ada.
    Tu10x,
    /// Hopper on.
    Gh100,
}

/// Rules of a chip family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The firmware's operating system.
    pub libos: Libos,
    /// GSP-RM's own memory.
    pub base: BaseSize,
    /// Bytes that FWSEC sets aside at the top of WPR2; 0 where the booter does without.
    pub frts_size: u64,
    /// The VBIOS may lock the top of the framebuffer (for spare rows of its memory), and WPR2 has to stay below.
    pub mmu_lock: bool,
}

const MIB: u64 = 1 << 20;

/// Turing.
pub const TU10X: Rules = Rules {
    libos: Libos::V2,
    base: BaseSize::Tu10x,
    frts_size: MIB,
    mmu_lock: false,
};
/// GA100.
pub const GA100: Rules = Rules {
    libos: Libos::V2,
    base: BaseSize::Tu10x,
    frts_size: 0,
    mmu_lock: true,
};
/// GA102 to GA107, Ada.
pub const GA10X: Rules = Rules {
    libos: Libos::V3,
    base: BaseSize::Tu10x,
    frts_size: MIB,
    mmu_lock: false,
};
/// Hopper and Blackwell: only the heap is sized by the driver, the firmware's loader places everything.
pub const GH100: Rules = Rules {
    libos: Libos::V3,
    base: BaseSize::Gh100,
    frts_size: MIB,
    mmu_lock: false,
};
