// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Waiting for hardware.

use crate::error::{Error, Kind, Result};
use crate::platform::Platform;

/// Microseconds in a millisecond.
pub const MS: u64 = 1_000;
/// Microseconds in a second.
pub const S: u64 = 1_000_000;

/// Asks `done` until it says `true`, first at once, then every `interval_us`; after `timeout_us` the failure is `kind`.
///
/// # Errors
///
/// `kind` when the time is over, and whatever `done` fails with.
pub fn poll<P: Platform>(
    platform: &P,
    timeout_us: u64,
    interval_us: u32,
    kind: Kind,
    mut done: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let end = platform.now_ns().saturating_add(timeout_us.saturating_mul(1_000));
    loop {
        // The time is read before the condition: a thread that slept too long still looks once more.
        let over = platform.now_ns() >= end;
        if done()? {
            return Ok(());
        }
        if over {
            return Err(Error::new(kind));
        }
        platform.sleep_us(interval_us);
    }
}
