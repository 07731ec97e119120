// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! UNLOADING_GUEST_DRIVER: the host driver goes away and the firmware shall stop.

use super::channel::{Channel, ReplySize};
use crate::platform::Platform;
use crate::Result;

/// Largest body of any release.
const MAX: usize = 16;

/// Tells the firmware to stop; it answers and then halts. Nothing is suspended: every field stays 0 (nouveau
/// `r535_gsp_rpc_unloading_guest_driver` outside suspend).
///
/// # Errors
/// Those of [`Channel::call`].
pub fn send<P: Platform>(channel: &Channel<P>) -> Result<()> {
    let table = channel.release();
    let body = [0; MAX];
    let body = body.get(..table.unloading.size).unwrap_or(&[]);
    let function = table.functions.unloading_guest_driver;
    channel.call(function, &[body], ReplySize::ONE_ELEMENT, |_| Ok(()))
}
