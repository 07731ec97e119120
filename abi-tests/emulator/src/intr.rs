// SPDX-License-Identifier: MIT
//! The interrupt tree of a function (`NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_*`): leaves of 32 vectors, a top of two leaves a
//! bit, and one MSI-X message each time the whole becomes pending.
//!
//! Source: OpenRM 570.144 `dev_vm.h` (TU102), nouveau `subdev/vfn/tu102.c`; 8 leaves up to Ada.

/// Leaves of the tree.
pub(crate) const LEAVES: usize = 8;

const LEAF: u32 = 0x1000;
const LEAF_EN_SET: u32 = 0x1200;
const LEAF_EN_CLEAR: u32 = 0x1400;
const TOP: u32 = 0x1600;
const TOP_EN_SET: u32 = 0x1608;
const TOP_EN_CLEAR: u32 = 0x1610;
const LEAF_TRIGGER: u32 = 0x1640;

/// One function's tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct IntrTree {
    pending: [u32; LEAVES],
    enabled: [u32; LEAVES],
    top_enabled: u32,
    line: bool,
}

impl IntrTree {
    fn top(&self) -> u32 {
        self.pending
            .iter()
            .zip(&self.enabled)
            .enumerate()
            .filter(|(_, (pending, enabled))| *pending & *enabled != 0)
            .fold(0, |top, (leaf, _)| top | 1 << (leaf / 2))
    }

    /// Recomputes the line; true when it rose, which is when the MSI-X message is sent.
    fn update(&mut self) -> bool {
        let line = self.top() & self.top_enabled != 0;
        let was = std::mem::replace(&mut self.line, line);
        line && !was
    }

    /// Marks a vector pending. True when a message has to be sent.
    #[must_use]
    pub fn trigger(&mut self, vector: u32) -> bool {
        if let Some(leaf) = self.pending.get_mut(vector as usize / 32) {
            *leaf |= 1 << (vector % 32);
        }
        self.update()
    }

    /// Whether the block has a register at `off` (relative to the block).
    pub fn has(off: u32) -> bool {
        leaf_of(off, LEAF)
            .or(leaf_of(off, LEAF_EN_SET))
            .or(leaf_of(off, LEAF_EN_CLEAR))
            .is_some()
            || [TOP, TOP_EN_SET, TOP_EN_CLEAR, LEAF_TRIGGER].contains(&off)
    }

    pub fn read(&self, off: u32) -> u32 {
        if let Some(leaf) = leaf_of(off, LEAF) {
            return self.pending[leaf];
        }
        if let Some(leaf) = leaf_of(off, LEAF_EN_SET).or(leaf_of(off, LEAF_EN_CLEAR)) {
            return self.enabled[leaf];
        }
        match off {
            TOP => self.top(),
            TOP_EN_SET | TOP_EN_CLEAR => self.top_enabled,
            _ => 0,
        }
    }

    /// True when a message has to be sent.
    #[must_use]
    pub fn write(&mut self, off: u32, value: u32) -> bool {
        if let Some(leaf) = leaf_of(off, LEAF) {
            self.pending[leaf] &= !value;
        } else if let Some(leaf) = leaf_of(off, LEAF_EN_SET) {
            self.enabled[leaf] |= value;
        } else if let Some(leaf) = leaf_of(off, LEAF_EN_CLEAR) {
            self.enabled[leaf] &= !value;
        } else {
            match off {
                TOP_EN_SET => self.top_enabled |= value,
                TOP_EN_CLEAR => self.top_enabled &= !value,
                LEAF_TRIGGER => return self.trigger(value & 0xfff),
                _ => {}
            }
        }
        self.update()
    }
}

fn leaf_of(off: u32, array: u32) -> Option<usize> {
    let leaf = off.checked_sub(array)? as usize / 4;
    (leaf < LEAVES && off % 4 == 0).then_some(leaf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_sent_on_the_rising_edge_only() {
        let mut tree = IntrTree::default();
        assert!(!tree.trigger(0x25), "nothing is enabled yet");
        assert!(!tree.write(LEAF_EN_SET + 4, 1 << 5));
        assert_eq!(tree.read(TOP), 1);
        assert!(tree.write(TOP_EN_SET, 1), "enabling the top of a pending leaf sends");
        assert!(!tree.trigger(0x26), "the line is up already");
        assert!(!tree.write(TOP_EN_CLEAR, 1));
        assert!(!tree.write(LEAF + 4, 1 << 5));
        assert!(!tree.write(TOP_EN_SET, 1), "0x26 is not enabled");
        assert!(tree.write(LEAF_TRIGGER, 0x25));
    }

    #[test]
    fn vectors_beyond_the_tree_are_ignored() {
        let mut tree = IntrTree::default();
        assert!(!tree.write(LEAF_TRIGGER, 0xfff));
        assert!(!IntrTree::has(LEAF + 4 * LEAVES as u32));
    }
}
