// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The device that stops to answer: whoever meets it leaves a note, and the user is told once.

use crate::error::{Error, Kind};
use core::sync::atomic::{AtomicU32, Ordering};

/// How the device was found to be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// The core read what no device says.
    Registers,
    /// The platform says so.
    Platform,
}

impl Sign {
    const ALL: [Sign; 2] = [Sign::Registers, Sign::Platform];

    fn of(error: &Error) -> Sign {
        match error.kind() {
            Kind::Platform => Sign::Platform,
            _ => Sign::Registers,
        }
    }

    /// The sign in words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Sign::Registers => "its registers read as all ones",
            Sign::Platform => "the platform answers ENODEV",
        }
    }
}

/// What is known of the device: [`THERE`], [`TOLD`], or by which [`Sign`] it was found gone while the user does not know.
pub(super) struct Lost(AtomicU32);

/// It answers.
const THERE: u32 = u32::MAX;
/// It is gone, and the user knows.
const TOLD: u32 = u32::MAX - 1;

impl Lost {
    pub(super) fn new() -> Self {
        Lost(AtomicU32::new(THERE))
    }

    /// Notes the device's absence if that is what failed; any context.
    pub(super) fn look_at(&self, error: &Error) {
        if error.is_device_gone() {
            self.step(THERE, Sign::of(error) as u32);
        }
    }

    /// The sign to tell the user of: once, however often it is met.
    pub(super) fn to_be_told(&self) -> Option<Sign> {
        Sign::ALL.into_iter().find(|sign| self.step(*sign as u32, TOLD))
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
    use crate::error::errno;

    #[test]
    fn a_loss_is_told_once_a_boot() {
        let lost = Lost::new();
        lost.look_at(&Kind::Timeout.into());
        assert_eq!(lost.to_be_told(), None);
        let by_platform = Error::found(Kind::Platform, errno::ENODEV as u64);
        for (first, second, sign) in [
            (Kind::DeviceGone.into(), by_platform, Sign::Registers),
            (by_platform, Kind::DeviceGone.into(), Sign::Platform),
        ] {
            lost.look_at(&first);
            lost.look_at(&second);
            assert_eq!(lost.to_be_told(), Some(sign));
            assert_eq!(lost.to_be_told(), None);
            lost.look_at(&first);
            assert_eq!(lost.to_be_told(), None);
            lost.forget();
        }
    }
}
