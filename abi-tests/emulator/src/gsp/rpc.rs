// SPDX-License-Identifier: MIT
//! Commands by number: which are known, in which order they come, who serves them.
//!
//! Source: OpenRM `rpc_global_enums.h` of both releases; functions up to 200 have the same numbers in all.

use super::Phase;
use crate::{
    bytes::{get_u32, put_u32},
    device::Device,
    hostile::Mode,
    layout::Release,
    violation::Rule,
};

/// `NV_VGPU_MSG_FUNCTION_*`.
mod function {
    pub const FREE: u32 = 10;
    pub const UNLOADING_GUEST_DRIVER: u32 = 47;
    pub const GET_GSP_STATIC_INFO: u32 = 65;
    pub const GSP_SET_SYSTEM_INFO: u32 = 72;
    pub const SET_REGISTRY: u32 = 73;
    pub const GSP_RM_CONTROL: u32 = 76;
    pub const GSP_RM_ALLOC: u32 = 103;
}

/// `NV_ERR_INVALID_REQUEST` as the RPC result of a function the firmware does not serve.
const INVALID_REQUEST: u32 = 0x3d;

/// A whole command: all its records put together, without headers.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub function: u32,
    pub sequence: u32,
    pub payload: Vec<u8>,
}

impl Message {
    /// Bytes of payload the message must have, from what its first record says.
    pub fn wanted(&self, release: &Release) -> usize {
        match self.function {
            function::GSP_RM_CONTROL => {
                let header = release.view("rpc_gsp_rm_control_v03_00", &self.payload);
                release.size("rpc_gsp_rm_control_v03_00") + header.get("paramsSize") as usize
            }
            function::GSP_RM_ALLOC => {
                let header = release.view("rpc_gsp_rm_alloc_v03_00", &self.payload);
                release.size("rpc_gsp_rm_alloc_v03_00") + header.get("paramsSize") as usize
            }
            function::FREE => release.size("NVOS00_PARAMETERS_v03_00"),
            function::UNLOADING_GUEST_DRIVER => release.size("rpc_unloading_guest_driver_v1F_07"),
            function::GSP_SET_SYSTEM_INFO => release.size("GspSystemInfo"),
            function::GET_GSP_STATIC_INFO => release.size("GspStaticConfigInfo"),
            function::SET_REGISTRY => get_u32(&self.payload, 0) as usize,
            _ => self.payload.len(),
        }
    }
}

impl Device {
    /// Serves one command.
    pub(super) fn dispatch(&mut self, message: Message) {
        let Some(phase) = self.firmware.as_ref().map(|f| f.phase) else {
            return;
        };
        match (phase, message.function) {
            (Phase::SystemInfo, function::GSP_SET_SYSTEM_INFO) => self.set_system_info(&message.payload),
            (Phase::Registry, function::SET_REGISTRY) => self.set_registry(&message.payload),
            (Phase::Running, _) => self.serve_running(&message),
            (_, number) => {
                self.board
                    .violate(Rule::RpcOrder, format!("function {number} came in {phase:?}"));
            }
        }
    }

    fn serve_running(&mut self, message: &Message) {
        let version = self.firmware.as_ref().map(|f| f.app_version);
        let told = self.gsp.os;
        self.board.check(told == version, Rule::OsVersion, || {
            format!("FALCON_OS is {told:?} instead of {version:?}")
        });
        let (result, payload) = match message.function {
            function::GET_GSP_STATIC_INFO => (0, self.static_info()),
            function::GSP_RM_CONTROL => (0, self.rm_control(&message.payload)),
            function::GSP_RM_ALLOC => (0, self.rm_alloc(&message.payload)),
            function::FREE => (0, self.rm_free(&message.payload)),
            function::UNLOADING_GUEST_DRIVER => (0, self.unloading(&message.payload)),
            function::GSP_SET_SYSTEM_INFO | function::SET_REGISTRY => {
                let number = message.function;
                self.board
                    .violate(Rule::RpcOrder, format!("function {number} came again"));
                return;
            }
            number => {
                self.board.violate(
                    Rule::RpcFunction,
                    format!("function {number} is not one a host driver calls here"),
                );
                (INVALID_REQUEST, message.payload.clone())
            }
        };
        self.answer(message, result, &payload);
        if message.function == function::UNLOADING_GUEST_DRIVER {
            self.suspend();
        }
    }

    fn answer(&mut self, message: &Message, result: u32, payload: &[u8]) {
        if self.board.is(Mode::ReplyNever) {
            return;
        }
        let Some(firmware) = self.firmware.as_mut() else { return };
        let Some(queues) = firmware.queues.as_mut() else { return };
        if self.board.is(Mode::UnknownEvent) {
            queues.event(&mut self.board, firmware.release.event_end, &[0; 16]);
        }
        if self.board.is(Mode::EventStorm) {
            let mut log = firmware.release.layout("rpc_os_error_log_v17_00").zeroed();
            for i in 0..200 {
                put_u32(&mut log, 0, i);
                queues.event(&mut self.board, super::events::OS_ERROR_LOG, &log);
            }
        }
        queues.reply(&mut self.board, message, result, payload);
    }

    fn unloading(&mut self, payload: &[u8]) -> Vec<u8> {
        let vgpus = self.plugins.len();
        self.board.check(vgpus == 0, Rule::UnloadOrder, || {
            format!("the firmware is unloaded while {vgpus} vGPU plugins live")
        });
        if let Some(firmware) = self.firmware.as_ref() {
            let told = firmware.release.view("rpc_unloading_guest_driver_v1F_07", payload);
            let values = ["bInPMTransition", "bGc6Entering", "newLevel"].map(|f| told.get(f));
            self.board.check(values == [0; 3], Rule::RpcContents, || {
                format!("UNLOADING_GUEST_DRIVER says {values:?} instead of no power transition")
            });
            let left = firmware.rm.clients();
            self.board
                .check(left == 0, Rule::RmLeak, || format!("{left} RM clients were not freed"));
        }
        payload.to_vec()
    }
}
