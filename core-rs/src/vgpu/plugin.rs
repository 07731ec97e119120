// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Talking to a vGPU's plugin: messages through the buffers in its management heap.
//!
//! The host writes the body into the message buffer, the kind and a new sequence number into the control buffer, and rings a
//! doorbell. The plugin answers with that number and a result in the response buffer, and sends VGPU_GSP_PLUGIN_TRIGGERED.
//! Source: RFC v2 of the vGPU series, `rpc.c`.

use super::buffers::Buffers;
use super::Hardware;
use crate::error::{Error, Kind, Result};
use crate::platform::Platform;
use crate::release::Release;

/// Doorbell of the virtual functions (`NV_VIRTUAL_FUNCTION_PRIV_DOORBELL`).
const DOORBELL: u32 = 0xb8_0000 + 0x2200;
/// The plugin of graphics function `n` listens to doorbell `32 n + 17`.
const DOORBELLS_PER_FUNCTION: u32 = 32;
const PLUGIN_DOORBELL: u32 = 17;
/// How long a plugin may take to start and to answer (RFC v2 `rpc.c`).
const START_TIMEOUT_US: u64 = 10_000_000;
const REPLY_TIMEOUT_US: u64 = 120_000_000;
/// The plugin announces itself by an event, but its start it announces only by a word in memory; and an event may be lost in
/// a full queue. So the buffers are looked at this often besides.
const RECHECK_US: u64 = 10_000;

/// The host's end of the conversation with one plugin.
#[derive(Clone, Copy)]
pub struct Plugin {
    gfid: u32,
    heap: u64,
    sequence: u32,
    buffers: Buffers,
}

impl Plugin {
    /// For graphics function `gfid`, whose management heap is at frame-buffer address `heap`.
    pub fn new(release: &Release, gfid: u32, heap: u64) -> Self {
        Plugin {
            gfid,
            heap,
            sequence: 0,
            buffers: Buffers::of(release),
        }
    }

    /// Where the buffers are.
    pub fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    /// Frame-buffer address of `offset` in the heap.
    pub fn address(&self, offset: u64) -> u64 {
        self.heap.saturating_add(offset)
    }

    /// Tells the plugin where the buffers are and waits for its mark.
    ///
    /// # Errors
    /// [`Kind::PluginSilent`]: it did not start in time. Those of the frame-buffer window.
    pub fn wait_started<P: Platform>(&mut self, hardware: &Hardware<'_, P>) -> Result<()> {
        let release = hardware.channel.release();
        let fields = &release.plugin_ctrl;
        self.put_control(hardware, fields.version, release.plugin.ctrl_version)?;
        for (field, area) in [
            (fields.response_offset, self.buffers.response),
            (fields.message_offset, self.buffers.message),
            (fields.migration_offset, self.buffers.migration),
            (fields.error_offset, self.buffers.error),
        ] {
            self.put_control(hardware, field, area.offset as u32)?;
            self.put_control(hardware, field.wrapping_add(4), (area.offset >> 32) as u32)?;
        }
        let mark = release.plugin.bootloaded;
        let at = self.control(fields.message_seq_num);
        let mut seen = 0;
        let look = || {
            seen = hardware.pramin.read32(at)?;
            Ok((seen == mark).then_some(()))
        };
        match hardware.channel.wait_for(START_TIMEOUT_US, RECHECK_US, look) {
            Err(error) if error.kind() == Kind::Timeout => {
                Err(Error::mismatch(Kind::PluginSilent, mark.into(), seen.into()))
            }
            other => other,
        }
    }

    /// Sends a message with `body` and does not wait for the answer.
    ///
    /// # Errors
    /// Those of the frame-buffer window and of the doorbell.
    pub fn post<P: Platform>(&mut self, hardware: &Hardware<'_, P>, message: u32, body: &[u8]) -> Result<()> {
        let fields = &hardware.channel.release().plugin_ctrl;
        hardware.pramin.write(self.address(self.buffers.message.offset), body)?;
        self.put_control(hardware, fields.message_type, message)?;
        self.sequence = self.sequence.wrapping_add(1);
        self.put_control(hardware, fields.message_seq_num, self.sequence)?;
        self.ring(hardware)
    }

    /// The answer to the newest message, if it is there.
    ///
    /// # Errors
    /// [`Kind::PluginRefused`]; those of the frame-buffer window.
    pub fn answer<P: Platform>(&self, hardware: &Hardware<'_, P>) -> Result<Option<()>> {
        let fields = &hardware.channel.release().plugin_response;
        if self.response(hardware, fields.seq_processed)? != self.sequence {
            return Ok(None);
        }
        match self.response(hardware, fields.result)? {
            0 => Ok(Some(())),
            result => Err(Error::found(Kind::PluginRefused, result.into())),
        }
    }

    /// Waits until `look` finds something.
    ///
    /// # Errors
    /// [`Kind::PluginTimeout`]; those of `look`.
    pub fn wait<P: Platform, R>(
        &self,
        hardware: &Hardware<'_, P>,
        look: impl FnMut() -> Result<Option<R>>,
    ) -> Result<R> {
        match hardware.channel.wait_for(REPLY_TIMEOUT_US, RECHECK_US, look) {
            Err(error) if error.kind() == Kind::Timeout => Err(Error::found(Kind::PluginTimeout, self.sequence.into())),
            other => other,
        }
    }

    /// Sends a message with `body` and waits for its answer, which overwrites `body`.
    ///
    /// # Errors
    /// [`Kind::PluginTimeout`], [`Kind::PluginRefused`]; those of the frame-buffer window and of the doorbell.
    pub fn call<P: Platform>(&mut self, hardware: &Hardware<'_, P>, message: u32, body: &mut [u8]) -> Result<()> {
        self.post(hardware, message, body)?;
        self.wait(hardware, || self.answer(hardware))?;
        hardware.pramin.read(self.address(self.buffers.message.offset), body)
    }

    /// Rings the plugin's doorbell.
    pub fn ring<P: Platform>(&self, hardware: &Hardware<'_, P>) -> Result<()> {
        let platform = hardware.channel.platform();
        let number = self
            .gfid
            .wrapping_mul(DOORBELLS_PER_FUNCTION)
            .wrapping_add(PLUGIN_DOORBELL);
        platform.write32(DOORBELL, number)?;
        // Reading back makes sure that it has arrived.
        platform.read32(DOORBELL).map(|_| ())
    }

    /// Reads a word of the response buffer.
    pub fn response<P: Platform>(&self, hardware: &Hardware<'_, P>, field: usize) -> Result<u32> {
        let offset = self.buffers.response.offset.saturating_add(field as u64);
        hardware.pramin.read32(self.address(offset))
    }

    /// Writes a word of the control buffer.
    pub fn put_control<P: Platform>(&self, hardware: &Hardware<'_, P>, field: usize, value: u32) -> Result<()> {
        hardware.pramin.write32(self.control(field), value)
    }

    /// Frame-buffer address of a field of the control buffer.
    pub fn control(&self, field: usize) -> u64 {
        self.address(self.buffers.control.offset.saturating_add(field as u64))
    }
}
