// SPDX-License-Identifier: MIT
//! A vGPU's plugin task: the firmware's part of the vGPU, spoken to through buffers in its management heap.
//!
//! Sources: `dev_vgpu_gsp.h` and `nv_vgpu_gsp.h` as the vGPU patch series on the kvm list quote them, and their `rpc.c`.

use super::{migration::Migration, VgpuType};
use crate::{
    board::Board,
    bytes::{get_u32, put_u32},
    hostile::Mode,
    layout::Release,
    violation::Rule,
};
use std::ops::Range;

/// What a booted plugin writes over the control buffer's sequence number.
const BOOTLOADED: u32 = 0x4e65_4a6f;
/// Version of the control buffer.
const CTRL_VERSION: u32 = 1;
/// Offsets of the buffers in the heap.
const RESPONSE: u64 = 0x1000;
const MESSAGE: u64 = 0x2000;
pub(super) const MIGRATION: u64 = 0x3000;
const ERROR: u64 = MIGRATION + (2 << 20);
const SEQUENCE: u64 = 8;

const CTRL: &str = "VGPU_CPU_GSP_CTRL_BUFF_REGION";
const RESP: &str = "VGPU_CPU_GSP_RESPONSE_BUFF_REGION";
const CONFIG: &str = "NV_VGPU_CPU_RPC_DATA_COPY_CONFIG_PARAMS";

/// Version the plugin speaks, and the guest RPC version it reports.
const VERSION: u32 = 1;
const GUEST_RPC_VERSION: u32 = 0x1a00_0018;
/// `NV_VGPU_HOST_CPU_ARCH_X86_64`, and AArch64.
const ARCHITECTURES: [u32; 2] = [1, 2];

/// `NV_VGPU_CPU_RPC_MSG_*`.
mod message {
    pub const VERSION_NEGOTIATION: u32 = 1;
    pub const SETUP_CONFIG_PARAMS_AND_INIT: u32 = 2;
    pub const RESET: u32 = 3;
    pub const MIGRATION_STOP_WORK: u32 = 4;
    pub const MIGRATION_CANCEL_STOP: u32 = 5;
    pub const MIGRATION_SAVE_STATE: u32 = 6;
    pub const MIGRATION_CANCEL_SAVE: u32 = 7;
    pub const MIGRATION_RESTORE_STATE: u32 = 8;
    pub const MIGRATION_RESTORE_DEFERRED_STATE: u32 = 9;
    pub const MIGRATION_RESUME_WORK: u32 = 10;
    pub const UPDATE_BME_STATE: u32 = 13;
}

/// Where a plugin is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It waits for VERSION_NEGOTIATION.
    Booted,
    /// It waits for its configuration.
    Negotiated,
    /// The vGPU lives.
    Running,
    /// Its work is stopped for a migration.
    Stopped,
    /// SHUTDOWN was called; CLEANUP is to come.
    Down,
}

/// Results of messages.
const OK: u32 = 0;
const BAD_STATE: u32 = 2;
pub(super) const BAD_DATA: u32 = 3;
const UNKNOWN: u32 = 4;

pub(crate) struct Plugin {
    release: &'static Release,
    pub gfid: u32,
    /// The RM client it was started through.
    client: u32,
    pub kind: VgpuType,
    pub channels: Range<u32>,
    pub segments: Vec<Range<u64>>,
    pub heap: Range<u64>,
    pub state: State,
    /// It has come up; on request it never does.
    booted: bool,
    pub bus_master: bool,
    /// RESET messages served.
    pub resets: u32,
    migration: Migration,
    last_sequence: Option<u32>,
}

impl Plugin {
    pub fn new(
        release: &'static Release,
        gfid: u32,
        client: u32,
        kind: VgpuType,
        channels: Range<u32>,
        segments: Vec<Range<u64>>,
        heap: Range<u64>,
    ) -> Self {
        Plugin {
            release,
            gfid,
            client,
            kind,
            channels,
            segments,
            heap,
            state: State::Booted,
            booted: false,
            bus_master: false,
            resets: 0,
            migration: Migration::default(),
            last_sequence: None,
        }
    }

    /// Whether it has not been shut down.
    pub fn alive(&self) -> bool {
        self.state != State::Down
    }

    /// Whether the guest sees a working device.
    pub fn running(&self) -> bool {
        matches!(self.state, State::Running | State::Stopped)
    }

    pub fn shut_down(&mut self) {
        self.state = State::Down;
    }

    /// The plugin has booted and says so.
    pub fn report_booted(&mut self, board: &mut Board) {
        self.booted = true;
        self.put(board, SEQUENCE, &BOOTLOADED.to_le_bytes());
    }

    pub(super) fn get(&self, board: &Board, at: u64, len: usize) -> Vec<u8> {
        let mut buf = vec![0; len];
        let read = board.fb.read(self.heap.start + at, &mut buf);
        debug_assert!(read, "the heap was checked when the plugin was started");
        buf
    }

    pub(super) fn put(&self, board: &mut Board, at: u64, data: &[u8]) {
        let written = board.fb.write(self.heap.start + at, data);
        debug_assert!(written, "the heap was checked when the plugin was started");
    }

    /// Guest framebuffer as one range: the address behind offset `at`, and how many bytes follow it there.
    pub fn guest_fb(&self, at: u64) -> Option<(u64, u64)> {
        let mut left = at;
        for segment in &self.segments {
            let len = segment.end - segment.start;
            if left < len {
                return Some((segment.start + left, len - left));
            }
            left -= len;
        }
        None
    }

    /// Bytes of guest framebuffer.
    pub fn guest_fb_len(&self) -> u64 {
        self.segments.iter().map(|s| s.end - s.start).sum()
    }

    /// The doorbell was rung. True when there is a reply to tell the driver of.
    pub fn doorbell(&mut self, board: &mut Board) -> bool {
        if !self.alive() || !self.booted {
            board.violate(
                Rule::PluginRpc,
                format!("gfid {} has its doorbell rung and does not run", self.gfid),
            );
            return false;
        }
        let page = self.get(board, 0, self.release.size(CTRL));
        let ctrl = self.release.view(CTRL, &page);
        let layout = [
            ("version", CTRL_VERSION.into()),
            ("response_buff_offset", RESPONSE),
            ("message_buff_offset", MESSAGE),
            ("migration_buff_offset", MIGRATION),
            ("error_buff_offset", ERROR),
        ];
        for (field, expected) in layout {
            let found = ctrl.get(field);
            board.check(found == expected, Rule::PluginRpc, || {
                format!("gfid {}: {field} is {found:#x} instead of {expected:#x}", self.gfid)
            });
        }
        let (kind, sequence) = (ctrl.get32("message_type"), ctrl.get32("message_seq_num"));
        let cpu_offset = ctrl.get32("migration_buf_cpu_access_offset");
        let migrating = ctrl.get("is_migration_in_progress") != 0;
        if board.is(Mode::PluginSilent) {
            return false;
        }
        if sequence == self.last_sequence.unwrap_or(BOOTLOADED) {
            // No new message: the CPU's offset may have moved.
            return self.stream(board, cpu_offset);
        }
        let fresh =
            sequence != BOOTLOADED && Some(sequence) == self.last_sequence.map_or(Some(sequence), |s| s.checked_add(1));
        board.check(fresh, Rule::PluginSequence, || {
            format!(
                "gfid {}: sequence number {sequence} after {:?}",
                self.gfid, self.last_sequence
            )
        });
        self.last_sequence = Some(sequence);
        let result = match board.value(Mode::PluginError, 1) {
            Some(result) => result,
            None => self.serve(board, kind, migrating),
        };
        self.respond(board, sequence, result);
        self.stream(board, cpu_offset);
        true
    }

    /// Moves the state of a migration on; true when there is something new for the CPU.
    fn stream(&mut self, board: &mut Board, cpu_offset: u32) -> bool {
        let mut migration = std::mem::take(&mut self.migration);
        let moved = migration.go_on(self, board, cpu_offset);
        self.migration = migration;
        if moved {
            self.put_offsets(board);
        }
        moved
    }

    fn serve(&mut self, board: &mut Board, kind: u32, migrating: bool) -> u32 {
        let streaming = matches!(
            kind,
            message::MIGRATION_SAVE_STATE
                | message::MIGRATION_RESTORE_STATE
                | message::MIGRATION_RESTORE_DEFERRED_STATE
        );
        board.check(!streaming || migrating, Rule::PluginMigration, || {
            format!("gfid {}: message {kind} without is_migration_in_progress", self.gfid)
        });
        match (self.state, kind) {
            (State::Booted, message::VERSION_NEGOTIATION) => {
                let version = if board.is(Mode::PluginBadVersion) {
                    0x7fff
                } else {
                    VERSION
                };
                self.put(board, MESSAGE + 4, &version.to_le_bytes());
                self.state = State::Negotiated;
                OK
            }
            (State::Negotiated, message::SETUP_CONFIG_PARAMS_AND_INIT) => self.configure(board),
            (State::Running | State::Stopped, message::RESET) => {
                self.resets += 1;
                self.bus_master = false;
                self.state = State::Running;
                self.migration = Migration::default();
                OK
            }
            (State::Running | State::Stopped, message::UPDATE_BME_STATE) => {
                let data = self.get(board, MESSAGE, 2);
                self.bus_master = data[0] != 0;
                OK
            }
            (State::Running, message::MIGRATION_STOP_WORK) => {
                self.state = State::Stopped;
                OK
            }
            (State::Stopped, message::MIGRATION_CANCEL_STOP | message::MIGRATION_RESUME_WORK) => {
                self.migration = Migration::default();
                self.state = State::Running;
                OK
            }
            (State::Stopped, message::MIGRATION_CANCEL_SAVE) => {
                self.migration = Migration::default();
                OK
            }
            (State::Stopped, message::MIGRATION_SAVE_STATE) => {
                self.migration = Migration::save(self, board);
                OK
            }
            (State::Stopped, message::MIGRATION_RESTORE_STATE) => {
                self.migration = Migration::restore();
                OK
            }
            (State::Stopped, message::MIGRATION_RESTORE_DEFERRED_STATE) => {
                std::mem::take(&mut self.migration).restored(self, board)
            }
            (state, known) if (1..=14).contains(&known) => {
                board.violate(
                    Rule::PluginOrder,
                    format!("gfid {}: message {known} in {state:?}", self.gfid),
                );
                BAD_STATE
            }
            (_, unknown) => {
                board.violate(Rule::PluginRpc, format!("gfid {}: message {unknown}", self.gfid));
                UNKNOWN
            }
        }
    }

    /// SETUP_CONFIG_PARAMS_AND_INIT.
    fn configure(&mut self, board: &mut Board) -> u32 {
        let bytes = self.get(board, MESSAGE, self.release.size(CONFIG));
        let config = self.release.view(CONFIG, &bytes);
        let mut wrong = Vec::new();
        for (field, expected) in [
            ("vgpu_device_instance_id", self.client),
            ("vgpu_type", self.kind.id),
            ("num_channels", self.channels.end - self.channels.start),
        ] {
            let found = config.get32(field);
            if found != expected {
                wrong.push(format!("{field} is {found:#x} instead of {expected:#x}"));
            }
        }
        if config.get("host_page_size") != 4096 {
            wrong.push(format!("host_page_size is {}", config.get("host_page_size")));
        }
        if !ARCHITECTURES.contains(&config.get32("host_cpu_arch")) {
            wrong.push(format!("host_cpu_arch is {}", config.get32("host_cpu_arch")));
        }
        if let Some(place) = board.location() {
            let vf = place.bdf + place.first_vf_offset + self.gfid - 1;
            if config.get32("dbdf") & 0xffff != vf {
                wrong.push(format!("dbdf is {:#x} instead of {vf:#x}", config.get("dbdf")));
            }
        }
        let good = wrong.is_empty();
        for what in wrong {
            board.violate(Rule::PluginConfig, format!("gfid {}: {what}", self.gfid));
        }
        if !good {
            return BAD_DATA;
        }
        self.state = State::Running;
        OK
    }

    fn respond(&self, board: &mut Board, sequence: u32, result: u32) {
        let layout = self.release.layout(RESP);
        let mut response = self.get(board, RESPONSE, 64);
        layout.set_if(&mut response, "message_seq_num_received", sequence.into());
        layout.set(&mut response, "result_code", result.into());
        layout.set(&mut response, "guest_rpc_version", GUEST_RPC_VERSION.into());
        layout.set(&mut response, "message_seq_num_processed", sequence.into());
        self.put(board, RESPONSE, &response);
        self.put_offsets(board);
    }

    /// Tells the CPU how far a migration has come.
    fn put_offsets(&self, board: &mut Board) {
        let layout = self.release.layout(RESP);
        let mut response = self.get(board, RESPONSE, 64);
        let saved = self.migration.saved();
        let offset = match board.is(Mode::PluginWildOffset) {
            true => u32::MAX,
            false => self.migration.gsp_offset,
        };
        layout.set(&mut response, "migration_buf_gsp_access_offset", offset.into());
        layout.set(&mut response, "migration_state_save_complete", saved.into());
        self.put(board, RESPONSE, &response);
    }
}

/// The doorbell's value for a gfid, taken apart: the gfid if it is one of a plugin's.
pub(super) fn doorbell_gfid(value: u32) -> Option<u32> {
    (value % 32 == 17).then_some(value / 32)
}

/// A 32-bit word of a buffer that is being built.
pub(super) fn words(values: &[u32]) -> Vec<u8> {
    let mut out = vec![0; 4 * values.len()];
    values
        .iter()
        .enumerate()
        .for_each(|(i, v)| put_u32(&mut out, 4 * i, *v));
    debug_assert_eq!(values.first().copied().unwrap_or(0), get_u32(&out, 0));
    out
}

#[cfg(test)]
mod tests;
