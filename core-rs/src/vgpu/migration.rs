// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Suspending, saving, restoring and resuming a vGPU.
//!
//! The state goes through a buffer of 2 MiB in the management heap that both sides use as a ring: one writes and moves its
//! offset, the other reads and moves its own. The host's offset is in the control buffer, the plugin's in the response buffer.
//! Equal offsets mean empty; so that full looks different, one word stays free. While saving the plugin writes, while
//! restoring the host does.
//!
//! ```text
//! Running --suspend--> Stopped --save--> Saving --(all said)--> Saved
//!    ^                   |  |               |                     |
//!    |<------resume------+  +--restore--> Restoring               |
//!    |<---------------------resume---------+<---------------------+
//! ```
//!
//! Source for the fields and messages: `dev_vgpu_gsp.h`; for their use, which is not public, the names.

use super::manager::{Instance, Manager, VgpuId};
use super::plugin::Plugin;
use super::Hardware;
use crate::error::{Error, Kind, Result};
use crate::platform::Platform;
use crate::wire;

/// What stays free in the ring.
const GAP: u64 = 4;

/// Where a vGPU is in its migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It runs.
    Running,
    /// It is suspended.
    Stopped,
    /// Its state is being said; the host has read up to this offset of the ring.
    Saving(u64),
    /// Its state has been said.
    Saved,
    /// It takes a state; the host has written up to this offset of the ring.
    Restoring(u64),
}

impl Stage {
    /// [`Kind::MigrationState`] unless it runs.
    pub(super) fn expect_running(&self) -> Result<()> {
        match self {
            Stage::Running => Ok(()),
            _ => Err(Kind::MigrationState.into()),
        }
    }
}

impl<P: Platform> Manager<P> {
    /// Suspends a vGPU: its guest's work stops.
    ///
    /// # Errors
    /// [`Kind::VgpuStale`], [`Kind::MigrationState`]: it does not run; [`Kind::PluginTimeout`], [`Kind::PluginRefused`]; those of the frame-buffer window.
    pub fn suspend(&self, hardware: &Hardware<'_, P>, id: VgpuId) -> Result<()> {
        let message = hardware.channel.release().plugin_messages.migration_stop_work;
        self.with(id, |instance| {
            instance.stage.expect_running()?;
            instance.plugin.call(hardware, message, &mut [])?;
            instance.stage = Stage::Stopped;
            Ok(())
        })
    }

    /// Lets a suspended vGPU run again: as it was if nothing was restored, else from the restored state.
    ///
    /// # Errors
    /// As [`Manager::suspend`]; after a failure the vGPU is as far as the plugin has come, and resuming may be tried again.
    pub fn resume(&self, hardware: &Hardware<'_, P>, id: VgpuId) -> Result<()> {
        let messages = &hardware.channel.release().plugin_messages;
        self.with(id, |instance| {
            match instance.stage {
                Stage::Running => return Err(Kind::MigrationState.into()),
                Stage::Stopped => instance
                    .plugin
                    .call(hardware, messages.migration_cancel_stop, &mut [])?,
                Stage::Saving(_) | Stage::Saved => {
                    set_in_progress(hardware, &instance.plugin, false)?;
                    instance
                        .plugin
                        .call(hardware, messages.migration_cancel_save, &mut [])?;
                    instance.stage = Stage::Stopped;
                    instance
                        .plugin
                        .call(hardware, messages.migration_cancel_stop, &mut [])?;
                }
                Stage::Restoring(written) => {
                    finish_restore(hardware, &instance.plugin, written)?;
                    let deferred = messages.migration_restore_deferred_state;
                    instance.plugin.call(hardware, deferred, &mut [])?;
                    set_in_progress(hardware, &instance.plugin, false)?;
                    instance
                        .plugin
                        .call(hardware, messages.migration_resume_work, &mut [])?;
                }
            }
            instance.stage = Stage::Running;
            Ok(())
        })
    }

    /// Reads the next piece of a suspended vGPU's state into `bytes`. Returns its length; 0 = all has been said.
    ///
    /// # Errors
    /// [`Kind::VgpuStale`]; [`Kind::MigrationState`]: it is not suspended; [`Kind::MigrationOffset`]: the plugin points outside
    /// the ring; [`Kind::PluginTimeout`]: nothing comes; [`Kind::PluginRefused`].
    pub fn save(&self, hardware: &Hardware<'_, P>, id: VgpuId, bytes: &mut [u8]) -> Result<usize> {
        if bytes.is_empty() {
            return Err(Kind::InvalidArgument.into());
        }
        let message = hardware.channel.release().plugin_messages.migration_save_state;
        self.with(id, |instance| {
            let read = match instance.stage {
                Stage::Stopped => begin(hardware, instance, message, Stage::Saving(0))?,
                Stage::Saving(read) => read,
                Stage::Saved => return Ok(0),
                Stage::Running | Stage::Restoring(_) => return Err(Kind::MigrationState.into()),
            };
            let plugin = &instance.plugin;
            let written = plugin.wait(hardware, || look_for_state(hardware, plugin, read))?;
            if written == read {
                set_in_progress(hardware, plugin, false)?;
                instance.stage = Stage::Saved;
                return Ok(0);
            }
            let size = plugin.buffers().migration.size;
            let end = if written > read { written } else { size };
            let len = end.saturating_sub(read).min(bytes.len() as u64);
            let at = plugin.address(plugin.buffers().migration.offset.saturating_add(read));
            hardware
                .pramin
                .read(at, bytes.get_mut(..len as usize).unwrap_or(&mut []))?;
            let next = advance(read, len, size);
            set_host_offset(hardware, plugin, next)?;
            instance.stage = Stage::Saving(next);
            Ok(len as usize)
        })
    }

    /// Hands the next piece of a state to a suspended vGPU. Returns how much of `bytes` was taken, at least one byte.
    ///
    /// # Errors
    /// As [`Manager::save`]; [`Kind::PluginTimeout`]: the plugin takes nothing.
    pub fn restore(&self, hardware: &Hardware<'_, P>, id: VgpuId, bytes: &[u8]) -> Result<usize> {
        if bytes.is_empty() {
            return Err(Kind::InvalidArgument.into());
        }
        let message = hardware.channel.release().plugin_messages.migration_restore_state;
        self.with(id, |instance| {
            let written = match instance.stage {
                Stage::Stopped => begin(hardware, instance, message, Stage::Restoring(0))?,
                Stage::Restoring(written) => written,
                Stage::Running | Stage::Saving(_) | Stage::Saved => return Err(Kind::MigrationState.into()),
            };
            let plugin = &instance.plugin;
            let room = plugin.wait(hardware, || look_for_room(hardware, plugin, written))?;
            let len = room.min(bytes.len() as u64);
            let at = plugin.address(plugin.buffers().migration.offset.saturating_add(written));
            hardware.pramin.write(at, bytes.get(..len as usize).unwrap_or(&[]))?;
            let next = advance(written, len, plugin.buffers().migration.size);
            set_host_offset(hardware, plugin, next)?;
            instance.stage = Stage::Restoring(next);
            Ok(len as usize)
        })
    }
}

/// Begins to save or to restore: empties the ring and posts `message`. The answer may come at once or when all is done, so it
/// is not waited for here.
fn begin<P: Platform>(hardware: &Hardware<'_, P>, instance: &mut Instance, message: u32, stage: Stage) -> Result<u64> {
    set_host_offset(hardware, &instance.plugin, 0)?;
    set_in_progress(hardware, &instance.plugin, true)?;
    instance.plugin.post(hardware, message, &[])?;
    instance.stage = stage;
    Ok(0)
}

/// How far the plugin has written, when that is beyond `read`, or when it has said all.
fn look_for_state<P: Platform>(hardware: &Hardware<'_, P>, plugin: &Plugin, read: u64) -> Result<Option<u64>> {
    let fields = &hardware.channel.release().plugin_response;
    // In this order: a plugin that has said all moved its offset before it said so.
    let complete = plugin.response(hardware, fields.migration_save_complete)? != 0;
    let written = plugin_offset(hardware, plugin)?;
    if written != read {
        return Ok(Some(written));
    }
    // The answer is looked at only now: its result counts, but data that came with it is not lost.
    let answered = plugin.answer(hardware)?.is_some();
    Ok((complete && answered).then_some(read))
}

/// How much can be written at `written` without going round.
fn look_for_room<P: Platform>(hardware: &Hardware<'_, P>, plugin: &Plugin, written: u64) -> Result<Option<u64>> {
    plugin.answer(hardware)?;
    let size = plugin.buffers().migration.size;
    let read = plugin_offset(hardware, plugin)?;
    let room = if read > written {
        read.saturating_sub(written).saturating_sub(GAP)
    } else {
        let to_end = size.saturating_sub(written);
        // Writing up to the end puts the host's offset to 0, which must not meet the plugin's.
        if read < GAP {
            to_end.saturating_sub(GAP.saturating_sub(read))
        } else {
            to_end
        }
    };
    Ok((room > 0).then_some(room))
}

/// Waits until the plugin has taken everything and answered.
fn finish_restore<P: Platform>(hardware: &Hardware<'_, P>, plugin: &Plugin, written: u64) -> Result<()> {
    plugin.wait(hardware, || {
        let taken = plugin_offset(hardware, plugin)? == written;
        let answered = plugin.answer(hardware)?.is_some();
        Ok((taken && answered).then_some(()))
    })
}

/// The plugin's offset in the ring.
fn plugin_offset<P: Platform>(hardware: &Hardware<'_, P>, plugin: &Plugin) -> Result<u64> {
    let field = hardware.channel.release().plugin_response.migration_gsp_offset;
    let offset = u64::from(plugin.response(hardware, field)?);
    let size = plugin.buffers().migration.size;
    if offset < size {
        Ok(offset)
    } else {
        Err(Error::mismatch(Kind::MigrationOffset, size, offset))
    }
}

/// Moves the host's offset and tells the plugin.
fn set_host_offset<P: Platform>(hardware: &Hardware<'_, P>, plugin: &Plugin, offset: u64) -> Result<()> {
    let field = hardware.channel.release().plugin_ctrl.migration_cpu_offset;
    plugin.put_control(hardware, field, offset as u32)?;
    plugin.ring(hardware)
}

/// Says whether a migration is under way; a byte.
fn set_in_progress<P: Platform>(hardware: &Hardware<'_, P>, plugin: &Plugin, on: bool) -> Result<()> {
    let field = hardware.channel.release().plugin_ctrl.migration_in_progress;
    let mut byte = [0];
    wire::put_u8(&mut byte, 0, on.into())?;
    hardware.pramin.write(plugin.control(field), &byte)
}

fn advance(offset: u64, len: u64, size: u64) -> u64 {
    match offset.saturating_add(len) {
        end if end >= size => 0,
        end => end,
    }
}
