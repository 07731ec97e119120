// SPDX-License-Identifier: MIT
//! The resource manager: clients, their objects, and the controls on them.
//!
//! Sources: OpenRM `nvos.h`, `nvstatuscodes.h`, `ctrl2080internal.h`, `ctrl2080gpu.h`, `ctrl2080gsp.h`; nouveau
//! `rm/r535/{alloc,ctrl,client,device}.c` (Linux 7.3).

use super::GSP_VECTOR;
use crate::{
    bytes::{get_u32, put, put_u16, put_u32, put_u64},
    device::Device,
    hostile::Mode,
    layout::Release,
    violation::Rule,
};
use std::collections::BTreeMap;

/// `NV_ERR_*` the emulated resource manager answers with.
pub(crate) mod status {
    pub const OK: u32 = 0;
    pub const INSERT_DUPLICATE_NAME: u32 = 0x19;
    pub const INVALID_ARGUMENT: u32 = 0x1f;
    pub const INVALID_CLASS: u32 = 0x22;
    pub const INVALID_CLIENT: u32 = 0x23;
    pub const INVALID_OBJECT: u32 = 0x31;
    pub const INVALID_OBJECT_OLD: u32 = 0x35;
    pub const INVALID_OBJECT_PARENT: u32 = 0x36;
    pub const INVALID_PARAM_STRUCT: u32 = 0x3a;
    pub const INVALID_STATE: u32 = 0x40;
    pub const NOT_SUPPORTED: u32 = 0x56;
    pub const OBJECT_NOT_FOUND: u32 = 0x57;
}

/// Objects the firmware makes for the driver and tells of in the static information.
pub(crate) const INTERNAL_CLIENT: u32 = 0xc1e0_0004;
pub(crate) const INTERNAL_DEVICE: u32 = 0xde1d_0000;
pub(crate) const INTERNAL_SUBDEVICE: u32 = 0x5d1d_0000;

const CLASS_ROOT: u32 = 0;
const CLASS_EVENT: u32 = 0x5;
const CLASS_EVENT_KERNEL: u32 = 0x79;
const CLASS_DEVICE: u32 = 0x80;
const CLASS_SUBDEVICE: u32 = 0x2080;

/// `NV2080_CTRL_CMD_*`.
mod command {
    pub const GPU_GET_VMMU_SEGMENT_SIZE: u32 = 0x2080_017e;
    pub const INTERNAL_INTR_GET_KERNEL_TABLE: u32 = 0x2080_0a5c;
    pub const INTERNAL_FIFO_GET_NUM_CHANNELS: u32 = 0x2080_0a61;
    pub const GSP_GET_FEATURES: u32 = 0x2080_3601;
    pub const BOOTLOAD_GSP_VGPU_PLUGIN_TASK: u32 = 0x2080_4001;
    pub const SHUTDOWN_GSP_VGPU_PLUGIN_TASK: u32 = 0x2080_4002;
    pub const PGPU_ADD_VGPU_TYPE: u32 = 0x2080_4003;
    pub const VGPU_PLUGIN_CLEANUP: u32 = 0x2080_4008;
}

/// `NV2080_CTRL_INTERNAL_FIFO_GET_NUM_CHANNELS_PARAMS`: run list, number of channels.
const NUM_CHANNELS_LEN: usize = 8;

/// `NV2080_CTRL_GSP_GET_FEATURES_PARAMS`: features, two flags, the build version in 64 bytes.
const FEATURES_LEN: usize = 72;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Object {
    parent: u32,
    class: u32,
}

/// The object trees, one per client.
#[derive(Default)]
pub(crate) struct Rm {
    clients: BTreeMap<u32, BTreeMap<u32, Object>>,
}

/// A rule broken, what was found, and the status the driver gets for it.
type Refused = (Rule, String, u32);

impl Rm {
    /// The trees at start: only the firmware's own client.
    pub fn new() -> Self {
        let object = |parent, class| Object { parent, class };
        let objects = BTreeMap::from([
            (INTERNAL_CLIENT, object(0, CLASS_ROOT)),
            (INTERNAL_DEVICE, object(INTERNAL_CLIENT, CLASS_DEVICE)),
            (INTERNAL_SUBDEVICE, object(INTERNAL_DEVICE, CLASS_SUBDEVICE)),
        ]);
        Rm {
            clients: BTreeMap::from([(INTERNAL_CLIENT, objects)]),
        }
    }

    /// Clients the driver made and has not freed.
    pub fn clients(&self) -> usize {
        self.clients.len() - 1
    }

    fn alloc(&mut self, client: u32, parent: u32, handle: u32, class: u32) -> Result<(), Refused> {
        let refuse = |text: String, status| Err((Rule::RmObject, text, status));
        if handle == 0 {
            return refuse("handle 0".to_owned(), status::INVALID_OBJECT);
        }
        if class == CLASS_ROOT {
            if handle != client {
                return refuse(
                    format!("client {client:#x} is made as object {handle:#x}"),
                    status::INVALID_CLIENT,
                );
            }
            if self.clients.contains_key(&client) {
                return refuse(format!("client {client:#x} exists"), status::INSERT_DUPLICATE_NAME);
            }
            self.clients
                .insert(client, BTreeMap::from([(client, Object { parent: 0, class })]));
            return Ok(());
        }
        let Some(objects) = self.clients.get_mut(&client) else {
            return refuse(format!("client {client:#x} is unknown"), status::INVALID_CLIENT);
        };
        let Some(above) = objects.get(&parent) else {
            return refuse(format!("parent {parent:#x} is unknown"), status::INVALID_OBJECT_PARENT);
        };
        let fits = match class {
            CLASS_DEVICE => above.class == CLASS_ROOT,
            CLASS_SUBDEVICE => above.class == CLASS_DEVICE,
            _ => true,
        };
        if !fits {
            let text = format!("class {class:#x} below class {:#x}", above.class);
            return refuse(text, status::INVALID_OBJECT_PARENT);
        }
        if objects.contains_key(&handle) {
            return refuse(format!("object {handle:#x} exists"), status::INSERT_DUPLICATE_NAME);
        }
        objects.insert(handle, Object { parent, class });
        Ok(())
    }

    fn free(&mut self, client: u32, parent: u32, handle: u32) -> Result<(), Refused> {
        let refuse = |text: String, status| Err((Rule::RmObject, text, status));
        let Some(objects) = self.clients.get_mut(&client).filter(|_| client != INTERNAL_CLIENT) else {
            return refuse(format!("client {client:#x} is unknown"), status::INVALID_CLIENT);
        };
        let Some(object) = objects.get(&handle) else {
            return refuse(format!("object {handle:#x} is unknown"), status::INVALID_OBJECT_OLD);
        };
        if object.class == CLASS_ROOT {
            self.clients.remove(&client);
            return Ok(());
        }
        // nouveau leaves the parent 0.
        if parent != 0 && parent != object.parent {
            let text = format!("object {handle:#x} has parent {:#x}, not {parent:#x}", object.parent);
            return refuse(text, status::INVALID_OBJECT_PARENT);
        }
        // What hangs below goes with it.
        let mut gone = vec![handle];
        while let Some(above) = gone.pop() {
            objects.remove(&above);
            gone.extend(objects.iter().filter(|(_, o)| o.parent == above).map(|(h, _)| *h));
        }
        Ok(())
    }

    /// Whether `command` can be called on an object: its upper half is the class.
    fn callable(&self, client: u32, handle: u32, command: u32) -> Result<(), Refused> {
        let refuse = |text: String, status| Err((Rule::RmObject, text, status));
        let Some(objects) = self.clients.get(&client) else {
            return refuse(format!("client {client:#x} is unknown"), status::INVALID_CLIENT);
        };
        let Some(object) = objects.get(&handle) else {
            return refuse(format!("object {handle:#x} is unknown"), status::INVALID_OBJECT);
        };
        if object.class != command >> 16 {
            let text = format!("control {command:#x} on an object of class {:#x}", object.class);
            return refuse(text, status::INVALID_OBJECT);
        }
        Ok(())
    }
}

/// Bytes of parameters a class is made with; `None` for classes the emulator does not look into.
fn class_params(release: &Release, class: u32) -> Option<usize> {
    Some(match class {
        CLASS_ROOT => release.size("NV0000_ALLOC_PARAMETERS"),
        CLASS_DEVICE => release.size("NV0080_ALLOC_PARAMETERS"),
        CLASS_SUBDEVICE => release.size("NV2080_ALLOC_PARAMETERS"),
        _ => return None,
    })
}

/// Bytes of parameters of a control; `None` for an unknown one.
fn control_params(release: &Release, command: u32) -> Option<usize> {
    Some(match command {
        command::GPU_GET_VMMU_SEGMENT_SIZE => release.size("NV2080_CTRL_GPU_GET_VMMU_SEGMENT_SIZE_PARAMS"),
        command::INTERNAL_INTR_GET_KERNEL_TABLE => release.size("NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS"),
        command::INTERNAL_FIFO_GET_NUM_CHANNELS => NUM_CHANNELS_LEN,
        command::GSP_GET_FEATURES => FEATURES_LEN,
        command::BOOTLOAD_GSP_VGPU_PLUGIN_TASK => {
            release.size("NV2080_CTRL_VGPU_MGR_INTERNAL_BOOTLOAD_GSP_VGPU_PLUGIN_TASK_PARAMS")
        }
        command::SHUTDOWN_GSP_VGPU_PLUGIN_TASK => {
            release.size("NV2080_CTRL_VGPU_MGR_INTERNAL_SHUTDOWN_GSP_VGPU_PLUGIN_TASK_PARAMS")
        }
        command::PGPU_ADD_VGPU_TYPE => release.size("NV2080_CTRL_VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE_PARAMS"),
        command::VGPU_PLUGIN_CLEANUP => release.size("NV2080_CTRL_VGPU_MGR_INTERNAL_VGPU_PLUGIN_CLEANUP_PARAMS"),
        _ => return None,
    })
}

/// `NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS`: an entry per engine, then the subtrees by category.
fn interrupt_table(release: &Release, params: &mut [u8]) {
    const NONE: u32 = u32::MAX;
    // Engine index (MC_ENGINE_IDX_*), stall and non-stall vector.
    let table = [
        (2, 0x81, NONE),
        (4, 0x86, NONE),
        (release.mc_engine_gsp, GSP_VECTOR, NONE),
        (15, 0x20, 0x01),
        (16, 0x21, 0x02),
    ];
    put_u32(params, 0, table.len() as u32);
    for (i, (engine, stall, non_stall)) in table.into_iter().enumerate() {
        let at = 4 + 16 * i;
        put_u16(params, at, engine);
        put_u32(params, at + 8, stall);
        put_u32(params, at + 12, non_stall);
    }
    // Subtrees: everything non-stall in 0, everything stall in 2; the other categories have none.
    put(params, 2052, &[0xff; 14]);
    put(params, 2052 + 2 * 2, &[0, 0]);
    put(params, 2052 + 2, &[2, 2]);
}

impl Device {
    /// Serves GSP_RM_ALLOC; the reply is the message with its status filled in.
    pub(super) fn rm_alloc(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut reply = payload.to_vec();
        let forced = self.board.value(Mode::AllocStatus, 0x51);
        let Some(firmware) = self.firmware.as_mut() else {
            return reply;
        };
        let release = firmware.release;
        let header = release.view("rpc_gsp_rm_alloc_v03_00", payload);
        let (client, class) = (header.get32("hClient"), header.get32("hClass"));
        let params = payload
            .get(release.size("rpc_gsp_rm_alloc_v03_00")..)
            .unwrap_or_default();
        let result = match (forced, class_params(release, class)) {
            (Some(status), _) => Ok(status),
            (None, None) if class != CLASS_EVENT && class != CLASS_EVENT_KERNEL => Ok(status::INVALID_CLASS),
            (None, Some(len)) if len != params.len() => Err((
                Rule::RpcContents,
                format!(
                    "class {class:#x} with {} bytes of parameters instead of {len}",
                    params.len()
                ),
                status::INVALID_PARAM_STRUCT,
            )),
            // Both structs begin with the client's handle.
            (None, Some(_)) if class == CLASS_ROOT && get_u32(params, 0) != client => Err((
                Rule::RpcContents,
                format!(
                    "client {client:#x} is made with parameters for {:#x}",
                    get_u32(params, 0)
                ),
                status::INVALID_CLIENT,
            )),
            (None, _) => firmware
                .rm
                .alloc(client, header.get32("hParent"), header.get32("hObject"), class)
                .map(|()| status::OK),
        };
        let status = self.settle(result);
        let layout = release.layout("rpc_gsp_rm_alloc_v03_00");
        layout.set(&mut reply, "status", status.into());
        reply
    }

    /// Serves FREE.
    pub(super) fn rm_free(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut reply = payload.to_vec();
        let forced = self.board.value(Mode::FreeStatus, 0x55);
        let Some(firmware) = self.firmware.as_mut() else {
            return reply;
        };
        let release = firmware.release;
        let args = release.view("NVOS00_PARAMETERS_v03_00", payload);
        let result = match forced {
            Some(status) => Ok(status),
            None => firmware
                .rm
                .free(
                    args.get32("hRoot"),
                    args.get32("hObjectParent"),
                    args.get32("hObjectOld"),
                )
                .map(|()| status::OK),
        };
        let status = self.settle(result);
        release
            .layout("NVOS00_PARAMETERS_v03_00")
            .set(&mut reply, "status", status.into());
        reply
    }

    /// Serves GSP_RM_CONTROL; parameters the control fills in go back in the message.
    pub(super) fn rm_control(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut reply = payload.to_vec();
        let Some(firmware) = self.firmware.as_mut() else {
            return reply;
        };
        let release = firmware.release;
        let header = release.view("rpc_gsp_rm_control_v03_00", payload);
        let head = release.size("rpc_gsp_rm_control_v03_00");
        let (client, object, command) = (header.get32("hClient"), header.get32("hObject"), header.get32("cmd"));
        let mut params = payload.get(head..).unwrap_or_default().to_vec();
        let forced = match command {
            command::BOOTLOAD_GSP_VGPU_PLUGIN_TASK => self.board.value(Mode::BootloadStatus, 0x51),
            command::SHUTDOWN_GSP_VGPU_PLUGIN_TASK => self.board.value(Mode::ShutdownStatus, status::INVALID_STATE),
            _ => None,
        }
        .or(self.board.value(Mode::ControlStatus, 0x55));
        let result = match (forced, control_params(release, command)) {
            (Some(status), _) => Ok(status),
            (None, None) => Err((
                Rule::RmControl,
                format!("control {command:#x} is not one a host driver calls here"),
                status::NOT_SUPPORTED,
            )),
            (None, Some(len)) if len != params.len() => Err((
                Rule::RpcContents,
                format!(
                    "control {command:#x} with {} bytes of parameters instead of {len}",
                    params.len()
                ),
                status::INVALID_PARAM_STRUCT,
            )),
            (None, Some(_)) => firmware
                .rm
                .callable(client, object, command)
                .and_then(|()| self.control(release, client, command, &mut params)),
        };
        let status = self.settle(result);
        put(&mut reply, head.min(payload.len()), &params);
        release
            .layout("rpc_gsp_rm_control_v03_00")
            .set(&mut reply, "status", status.into());
        reply
    }

    fn control(
        &mut self,
        release: &'static Release,
        client: u32,
        command: u32,
        params: &mut [u8],
    ) -> Result<u32, Refused> {
        match command {
            command::GPU_GET_VMMU_SEGMENT_SIZE => put_u64(params, 0, crate::vgpu::VMMU_SEGMENT),
            command::INTERNAL_INTR_GET_KERNEL_TABLE => interrupt_table(release, params),
            command::INTERNAL_FIFO_GET_NUM_CHANNELS => put_u32(params, 4, crate::vgpu::CHANNELS),
            command::GSP_GET_FEATURES => {
                put(params, 0, &[0, 0, 0, 0, 1, 1]);
                put(params, 6, release.release.as_bytes());
            }
            command::PGPU_ADD_VGPU_TYPE => self.add_vgpu_types(release, params)?,
            command::BOOTLOAD_GSP_VGPU_PLUGIN_TASK => self.bootload(release, client, params)?,
            command::SHUTDOWN_GSP_VGPU_PLUGIN_TASK => self.plugin_shutdown(get_u32(params, 0))?,
            command::VGPU_PLUGIN_CLEANUP => self.plugin_cleanup(get_u32(params, 0))?,
            _ => return Ok(status::NOT_SUPPORTED),
        }
        Ok(status::OK)
    }

    /// Reports a refusal; the status for the reply.
    fn settle(&mut self, result: Result<u32, Refused>) -> u32 {
        result.unwrap_or_else(|(rule, text, status)| {
            self.board.violate(rule, text);
            status
        })
    }
}

#[cfg(test)]
mod tests;
