// SPDX-License-Identifier: MIT
//! The GSP firmware: from its start to its end.
//!
//! It begins with the arguments the driver left (LibOS arguments, log buffers, RM arguments, queues), takes the first two
//! messages, has the driver run a sequence of register operations, says that it is ready, and serves commands.

use crate::{
    board::Board, device::Device, falcon::IRQ_SWGEN0, hostile::Mode, layout::Release, violation::Rule, InjectError,
};
use std::ops::Range;

mod args;
mod events;
mod queue;
mod rm;
mod rpc;
mod sequencer;
mod statics;
mod system;

use queue::Queues;
pub(crate) use rm::status;
use rm::Rm;
use sequencer::Sequencer;

/// The firmware's own interrupt: a vector of the CPU's tree, told to the driver in the interrupt table.
pub(crate) const GSP_VECTOR: u32 = 0x8b;
/// Mailbox 0 once the processor is suspended.
const SUSPENDED: u32 = 0x8000_0000;

/// Where the firmware is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It waits for GSP_SET_SYSTEM_INFO.
    SystemInfo,
    /// It waits for SET_REGISTRY.
    Registry,
    /// The driver runs the sequence.
    Sequencer,
    /// Commands are served.
    Running,
    /// It has been told to unload; the processor is suspended.
    Suspended,
    /// Something it cannot work with; it does not go on.
    Dead,
}

/// A loaded firmware.
pub(crate) struct Firmware {
    pub release: &'static Release,
    pub phase: Phase,
    pub app_version: u32,
    /// Start of what the firmware reserves of the framebuffer (the heap outside WPR2).
    pub reserved_start: u64,
    pub wpr: Range<u64>,
    /// vGPUs the heap was sized for; 0 = no vGPU host.
    pub partitions: u32,
    /// Address of the LibOS arguments it was started with.
    pub libos: u64,
    pub queues: Option<Queues>,
    pub sequencer: Sequencer,
    pub rm: Rm,
    /// What SET_SYSTEM_INFO said about VFs: their number.
    pub told_vfs: u32,
    /// `RMSetSriovMode` was set in the registry.
    pub sriov_mode: bool,
}

impl Firmware {
    pub fn new(
        release: &'static Release,
        app_version: u32,
        reserved_start: u64,
        wpr: Range<u64>,
        partitions: u32,
    ) -> Self {
        Firmware {
            release,
            phase: Phase::SystemInfo,
            app_version,
            reserved_start,
            wpr,
            partitions,
            libos: 0,
            queues: None,
            sequencer: Sequencer::default(),
            rm: Rm::new(),
            told_vfs: 0,
            sriov_mode: false,
        }
    }
}

impl Firmware {
    /// Tells the driver that a plugin has something for it.
    pub fn plugin_triggered(&mut self, board: &mut Board, gfid: u32) {
        if let Some(queues) = self.queues.as_mut() {
            queues.event(
                board,
                events::VGPU_GSP_PLUGIN_TRIGGERED,
                &events::plugin_triggered(gfid),
            );
        }
    }
}

impl Device {
    /// The RISC-V core began to run the firmware.
    pub fn firmware_started(&mut self) {
        let [lo, hi] = self.gsp.mailbox;
        let libos = u64::from(lo) | u64::from(hi) << 32;
        let Some(firmware) = self.firmware.as_mut() else { return };
        firmware.libos = libos;
        firmware.queues = args::read(&mut self.board, firmware.release, libos);
        if firmware.queues.is_none() {
            firmware.phase = Phase::Dead;
        }
        self.serve();
    }

    /// Takes what is in the command queue and sends what there is to send.
    pub fn serve(&mut self) {
        // Replies may make room for nothing, but serving one command may put the next in order.
        while let Some(message) = self.next_message() {
            self.dispatch(message);
        }
        self.flush();
    }

    fn next_message(&mut self) -> Option<rpc::Message> {
        let firmware = self.firmware.as_mut()?;
        if matches!(firmware.phase, Phase::Dead | Phase::Suspended) || !self.gsp.riscv_active {
            return None;
        }
        if self.board.is(Mode::ReadNever) && firmware.phase == Phase::Running {
            return None;
        }
        let queues = firmware.queues.as_mut()?;
        match queues.receive(&mut self.board, firmware.release) {
            Ok(message) => message,
            Err(()) => {
                firmware.phase = Phase::Dead;
                None
            }
        }
    }

    /// Moves what is waiting into the status queue as far as there is room, and raises the interrupt.
    pub fn flush(&mut self) {
        let Some(firmware) = self.firmware.as_mut() else { return };
        let Some(queues) = firmware.queues.as_mut() else { return };
        if queues.flush(&mut self.board) && self.gsp.raise(IRQ_SWGEN0) {
            self.trigger(0, GSP_VECTOR);
        }
    }

    /// Whether something waits for room in the status queue.
    pub fn pending(&self) -> bool {
        let queues = self.firmware.as_ref().and_then(|f| f.queues.as_ref());
        queues.is_some_and(Queues::pending)
    }

    /// The GSP engine was reset, and with it the core the firmware runs on.
    pub fn gsp_reset(&mut self) {
        let Some(firmware) = self.firmware.as_mut() else { return };
        match firmware.phase {
            Phase::Sequencer => firmware.sequencer.core_reset(),
            Phase::Suspended | Phase::Dead => {}
            phase => {
                self.board.violate(
                    Rule::UnloadOrder,
                    format!("the GSP was reset while the firmware was in {phase:?}"),
                );
                firmware.phase = Phase::Dead;
            }
        }
    }

    /// The firmware is told to stop.
    pub(super) fn suspend(&mut self) {
        if self.board.is(Mode::SuspendNever) {
            return;
        }
        if let Some(firmware) = self.firmware.as_mut() {
            firmware.phase = Phase::Suspended;
        }
        self.gsp.mailbox[0] = SUSPENDED;
    }

    /// Sends an event described in words.
    pub fn inject(&mut self, event: &str) -> Result<(), InjectError> {
        let Some(firmware) = self.firmware.as_mut().filter(|f| f.phase == Phase::Running) else {
            return Err(InjectError::NotRunning);
        };
        let (function, payload) = events::parse(firmware.release, event).ok_or(InjectError::Unknown)?;
        let queues = firmware.queues.as_mut().ok_or(InjectError::NotRunning)?;
        if queues.pending() {
            return Err(InjectError::QueueFull);
        }
        queues.event(&mut self.board, function, &payload);
        self.flush();
        Ok(())
    }
}

/// `Some` if `ok`, else a breach of `rule` and `None`.
fn require(board: &mut Board, rule: Rule, ok: bool, what: impl FnOnce() -> String) -> Option<()> {
    board.check(ok, rule, what).then_some(())
}
