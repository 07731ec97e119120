// SPDX-License-Identifier: MIT
//! Events the firmware sends on its own, built in the encoding of its release.
//!
//! Sources: OpenRM `rpc_global_enums.h`, `g_rpc-structures.h` of both releases.

use crate::{
    bytes::{put, put_u32},
    layout::Release,
};
use std::collections::BTreeMap;

pub(super) const INIT_DONE: u32 = 0x1001;
pub(super) const RUN_CPU_SEQUENCER: u32 = 0x1002;
const POST_EVENT: u32 = 0x1003;
const RC_TRIGGERED: u32 = 0x1004;
const MMU_FAULT_QUEUED: u32 = 0x1005;
pub(super) const OS_ERROR_LOG: u32 = 0x1006;
const UCODE_LIBOS_PRINT: u32 = 0x100c;
pub(super) const VGPU_GSP_PLUGIN_TRIGGERED: u32 = 0x100d;

/// Function number and payload of an event described as `name key=value ...`; `None` when that is not one.
pub(super) fn parse(release: &Release, text: &str) -> Option<(u32, Vec<u8>)> {
    let mut words = text.split_whitespace();
    let name = words.next()?;
    let mut keys = BTreeMap::new();
    for word in words {
        let (key, value) = word.split_once('=')?;
        let value = match value.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok()?,
            None => value.parse().ok()?,
        };
        keys.insert(key, value);
    }
    let mut take = |key: &str| keys.remove(key).unwrap_or(0);
    let event = match name {
        "rc-triggered" => {
            let layout = release.layout("rpc_rc_triggered_v17_02");
            let mut p = layout.zeroed();
            layout.set(&mut p, "nv2080EngineType", take("engine"));
            layout.set(&mut p, "chid", take("chid"));
            layout.set(&mut p, "exceptType", take("except"));
            layout.set_if(&mut p, "gfid", take("gfid"));
            (RC_TRIGGERED, p)
        }
        "os-error-log" => {
            let layout = release.layout("rpc_os_error_log_v17_00");
            let mut p = layout.zeroed();
            layout.set(&mut p, "exceptType", take("except"));
            layout.set(&mut p, "runlistId", take("runlist"));
            layout.set(&mut p, "chid", take("chid"));
            layout.set_text(&mut p, "errString", "NVRM: emulated error");
            (OS_ERROR_LOG, p)
        }
        "libos-print" => {
            let line = b"emulated LibOS print";
            let mut p = vec![0; 8 + line.len()];
            put_u32(&mut p, 4, line.len() as u32);
            put(&mut p, 8, line);
            (UCODE_LIBOS_PRINT, p)
        }
        "lockdown-notice" => (release.event_lockdown_notice, vec![take("engaged") as u8]),
        "post-event" => {
            let layout = release.layout("rpc_post_event_v17_00");
            let mut p = layout.zeroed();
            for (field, key) in [
                ("hClient", "client"),
                ("hEvent", "event"),
                ("notifyIndex", "index"),
                ("data", "data"),
                ("info16", "info16"),
                ("status", "status"),
            ] {
                layout.set(&mut p, field, take(key));
            }
            (POST_EVENT, p)
        }
        "plugin-triggered" => (VGPU_GSP_PLUGIN_TRIGGERED, plugin_triggered(take("gfid") as u32)),
        "mmu-fault" => (MMU_FAULT_QUEUED, Vec::new()),
        "unknown" => (take("number") as u32, vec![0; 16]),
        _ => return None,
    };
    keys.is_empty().then_some(event)
}

/// Payload of VGPU_GSP_PLUGIN_TRIGGERED: gfid and notify index.
pub(super) fn plugin_triggered(gfid: u32) -> Vec<u8> {
    let mut p = vec![0; 8];
    put_u32(&mut p, 0, gfid);
    p
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bytes::get_u32, layout::release};

    #[test]
    fn encodings_follow_the_release() {
        let (r535, r570) = (release("535.113.01").unwrap(), release("570.144").unwrap());
        let text = "rc-triggered chid=7 engine=0x13 except=31";
        let (number, old) = parse(r535, text).unwrap();
        assert_eq!((number, old.len(), get_u32(&old, 8)), (0x1004, 20, 31));
        let (_, new) = parse(r570, text).unwrap();
        assert_eq!((new.len(), get_u32(&new, 16), get_u32(&new, 4)), (48, 31, 7));
        assert_eq!(parse(r535, "lockdown-notice engaged=1").unwrap(), (0x101d, vec![1]));
        assert_eq!(parse(r570, "lockdown-notice").unwrap(), (0x101c, vec![0]));
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let r570 = release("570.144").unwrap();
        for text in [
            "",
            "rc_triggered",
            "rc-triggered chid",
            "rc-triggered chid=x",
            "rc-triggered colour=1",
        ] {
            assert_eq!(parse(r570, text), None, "{text}");
        }
    }
}
