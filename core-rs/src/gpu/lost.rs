// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The device that stops to answer: whoever meets it leaves a note, and the user is told once.

use crate::error::Error;
use core::sync::atomic::{AtomicU32, Ordering};

/// What is known of the device.
pub(super) struct Lost(AtomicU32);

/// It answers.
const THERE: u32 = 0;
/// It was found gone, and the user does not know.
const GONE: u32 = 1;
/// It is gone, and the user knows.
const TOLD: u32 = 2;

impl Lost {
    pub(super) fn new() -> Self {
        Lost(AtomicU32::new(THERE))
    }

    /// Notes the device's absence if that is what failed; any context.
    pub(super) fn look_at(&self, error: &Error) {
        if error.is_device_gone() {
            self.step(THERE, GONE);
        }
    }

    /// Whether the user is to be told now: once, however often it is met.
    pub(super) fn is_to_be_told(&self) -> bool {
        self.step(GONE, TOLD)
    }

    /// A boot begins: what was gone may be back.
    pub(super) fn forget(&self) {
        self.0.store(THERE, Ordering::Release);
    }

    fn step(&self, from: u32, to: u32) -> bool {
        let stepped = self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed);
        stepped.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_loss_is_told_once_a_boot() {
        let lost = Lost::new();
        lost.look_at(&Kind::Timeout.into());
        assert!(!lost.is_to_be_told());
        for _ in 0..2 {
            lost.look_at(&Kind::DeviceGone.into());
            lost.look_at(&Kind::DeviceGone.into());
            assert!(lost.is_to_be_told());
            assert!(!lost.is_to_be_told());
            lost.look_at(&Kind::DeviceGone.into());
            assert!(!lost.is_to_be_told());
            lost.forget();
        }
    }
}
