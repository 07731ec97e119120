// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! GSP_RM_CONTROL.

use super::status;
use crate::error::{Error, Kind, Result};
use crate::mem::Block;
use crate::platform::Platform;
use crate::release::Release;
use crate::rpc::{Channel, ReplySize};
use crate::wire;

/// Room for the header of any release (24 bytes until 570, 40 from 575 on).
const HEADER_MAX: usize = 40;

/// The object a control goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The client it belongs to.
    pub client: u32,
    /// Its handle.
    pub object: u32,
}

/// Runs control `command` with `params` and hands the parameters that came back to `parse`: `keep` bytes of them at least.
///
/// # Errors
/// - Those of [`Channel::call`] and of `parse`.
/// - [`Kind::RmRefused`], [`Kind::RmBusy`], [`Kind::RmNoMemory`], [`Kind::RmNoResources`], [`Kind::RmNotSupported`].
/// - [`Kind::ControlReply`]: the reply answers another command, or is shorter than it says or than `keep`.
pub fn control<P: Platform, R>(
    channel: &Channel<P>,
    target: Target,
    command: u32,
    params: &[u8],
    keep: usize,
    parse: impl FnOnce(&[u8]) -> Result<R>,
) -> Result<R> {
    let release = channel.release();
    let layout = &release.rm_control;
    let mut header = [0; HEADER_MAX];
    for (offset, value) in [
        (layout.h_client, target.client),
        (layout.h_object, target.object),
        (layout.cmd, command),
        (layout.params_size, params.len() as u32),
    ] {
        wire::put_u32(&mut header, offset, value)?;
    }
    let header = wire::bytes(&header, 0, layout.params)?;
    let size = ReplySize {
        total: layout.params.saturating_add(params.len()),
        keep: layout.params.saturating_add(keep),
    };
    let function = release.functions.gsp_rm_control;
    channel.call(function, &[header, params], size, |reply| {
        parse(answered(release, command, keep, reply)?)
    })
}

/// Runs control `command` with zeroed parameters of `size` bytes and hands what came back to `parse`.
///
/// # Errors
/// Those of [`control`] and of the platform's `mem_alloc`.
pub fn read_control<P: Platform, R>(
    channel: &Channel<P>,
    target: Target,
    command: u32,
    size: usize,
    parse: impl FnOnce(&[u8]) -> Result<R>,
) -> Result<R> {
    let params = Block::new(channel.platform(), size)?;
    control(channel, target, command, params.bytes(), size, parse)
}

/// The parameters in the reply to `command`.
fn answered<'a>(release: &Release, command: u32, keep: usize, reply: &'a [u8]) -> Result<&'a [u8]> {
    let layout = &release.rm_control;
    let wrong = |expected: usize, found: usize| Error::mismatch(Kind::ControlReply, expected as u64, found as u64);
    if reply.len() < layout.params {
        return Err(wrong(layout.params, reply.len()));
    }
    let echoed = wire::get_u32(reply, layout.cmd)?;
    if echoed != command {
        return Err(Error::mismatch(Kind::ControlReply, command.into(), echoed.into()));
    }
    status::check(wire::get_u32(reply, layout.status)?)?;
    let stated = wire::get_u32(reply, layout.params_size)? as usize;
    let params = wire::tail(reply, layout.params)?;
    if stated < keep || params.len() < keep {
        return Err(wrong(keep, stated.min(params.len())));
    }
    wire::bytes(params, 0, keep)
}
