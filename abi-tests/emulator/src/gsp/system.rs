// SPDX-License-Identifier: MIT
//! The first two messages: what the driver says about the system, and its registry.
//!
//! Sources: OpenRM `gsp_static_config.h` (`GspSystemInfo`, `GSP_VF_INFO`), `nvrm_registry.h`; nouveau `rm/r535/gsp.c`
//! (`r535_gsp_set_system_info`, `r535_gsp_rpc_set_registry`) and `rm/r570/gsp.c`, nova-core `gsp/commands.rs` (Linux 7.3).

use super::Phase;
use crate::{
    bytes::{get_u32, text},
    device::Device,
    violation::Rule,
};
use std::collections::BTreeMap;

/// Where the GPU mirrors its configuration space up to Ada, and how much.
const CONFIG_MIRROR: (u64, u64) = (0x88000, 0x1000);
/// Types of registry values.
const DWORD: u8 = 1;
const STRING: u8 = 3;

impl Device {
    pub(super) fn set_system_info(&mut self, payload: &[u8]) {
        let Some(firmware) = self.firmware.as_mut() else { return };
        let release = firmware.release;
        let info = release.view("GspSystemInfo", payload);
        let geometry = self.board.config.geometry();
        let location = self.board.location();
        let mut wrong = Vec::new();
        let mut expect = |field: &str, found: u64, expected: u64| {
            if found != expected {
                wrong.push(format!("{field} is {found:#x} instead of {expected:#x}"));
            }
        };
        if let Some(place) = location {
            for (field, bar) in ["gpuPhysAddr", "gpuPhysFbAddr", "gpuPhysInstAddr"]
                .into_iter()
                .zip(place.bar)
            {
                expect(field, info.get(field), bar);
            }
            expect(
                "nvDomainBusDeviceFunc",
                info.get("nvDomainBusDeviceFunc") & 0xffff,
                place.bdf.into(),
            );
        }
        expect("pciConfigMirrorBase", info.get("pciConfigMirrorBase"), CONFIG_MIRROR.0);
        expect("pciConfigMirrorSize", info.get("pciConfigMirrorSize"), CONFIG_MIRROR.1);
        let ids = [
            (
                "PCIDeviceID",
                u64::from(geometry.device) << 16 | u64::from(geometry.vendor),
            ),
            (
                "PCISubDeviceID",
                u64::from(geometry.subsystem) << 16 | u64::from(geometry.subsystem_vendor),
            ),
            ("PCIRevisionID", geometry.revision.into()),
        ];
        for (field, expected) in ids {
            // New in 570.
            if let Some(found) = info.opt(field) {
                expect(field, found, expected);
            }
        }

        let vf = release.view("GSP_VF_INFO", info.bytes("gspVFInfo"));
        let told = vf.get("totalVFs");
        firmware.told_vfs = told as u32;
        if firmware.partitions != 0 || told != 0 {
            expect("totalVFs", told, geometry.total_vfs.into());
            for (field, expected) in [("b64bitBar0", 0), ("b64bitBar1", 1), ("b64bitBar2", 1)] {
                expect(field, vf.get(field), expected);
            }
            if let Some(place) = location {
                expect("firstVFOffset", vf.get("firstVFOffset"), place.first_vf_offset.into());
                let fields = ["FirstVFBar0Address", "FirstVFBar1Address", "FirstVFBar2Address"];
                for (field, bar) in fields.into_iter().zip(place.vf_bar) {
                    expect(field, vf.get(field), bar);
                }
            }
        }
        let va = info.get("maxUserVa");
        if va == 0 || va > 1 << 57 {
            wrong.push(format!("maxUserVa is {va:#x}"));
        }
        firmware.phase = Phase::Registry;
        for what in wrong {
            self.board.violate(Rule::SystemInfo, what);
        }
    }

    pub(super) fn set_registry(&mut self, payload: &[u8]) {
        let Some(firmware) = self.firmware.as_mut() else { return };
        match registry(payload) {
            Ok(keys) => {
                firmware.sriov_mode = keys.get("RMSetSriovMode") == Some(&1);
                let host = firmware.partitions != 0;
                let agree = firmware.sriov_mode == host;
                self.board.check(agree, Rule::Registry, || {
                    format!(
                        "RMSetSriovMode is {:?} with a heap for vGPUs: {host}",
                        keys.get("RMSetSriovMode")
                    )
                });
            }
            Err(why) => self.board.violate(Rule::Registry, why),
        }
        firmware.phase = Phase::Sequencer;
        self.send_sequence();
    }
}

/// The numbers in a PACKED_REGISTRY_TABLE.
fn registry(table: &[u8]) -> Result<BTreeMap<String, u32>, String> {
    const HEADER: usize = 8;
    const ENTRY: usize = 16;
    let (size, count) = (get_u32(table, 0) as usize, get_u32(table, 4) as usize);
    if size != table.len() || count > size / ENTRY {
        return Err(format!("size {size} and {count} entries in {} bytes", table.len()));
    }
    let names = HEADER + count * ENTRY;
    let mut keys = BTreeMap::new();
    for i in 0..count {
        let entry = &table[HEADER + i * ENTRY..][..ENTRY];
        let name_at = get_u32(entry, 0) as usize;
        let (kind, data, len) = (entry[4], get_u32(entry, 8), get_u32(entry, 12));
        let tail = table
            .get(name_at..)
            .filter(|tail| name_at >= names && tail.contains(&0))
            .ok_or_else(|| format!("entry {i} has its name at {name_at:#x}"))?;
        let name = text(tail);
        match kind {
            // nouveau gives a number's length as 4, nova-core as 0.
            DWORD if len == 0 || len == 4 => {
                keys.insert(name, data);
            }
            _ if kind > DWORD && kind <= STRING => {
                let end = (data as usize).checked_add(len as usize);
                if end.unwrap_or(usize::MAX) > size {
                    return Err(format!("{name} has its value at {data:#x} + {len:#x}"));
                }
            }
            _ => return Err(format!("{name} has type {kind} and length {len}")),
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::{put, put_u32};

    fn table() -> Vec<u8> {
        let mut t = vec![0; 8 + 16];
        put_u32(&mut t, 4, 1);
        put_u32(&mut t, 8, 24);
        t[12] = DWORD;
        put_u32(&mut t, 16, 1);
        put_u32(&mut t, 20, 4);
        t.extend_from_slice(b"RMSetSriovMode\0");
        let len = t.len() as u32;
        put_u32(&mut t, 0, len);
        t
    }

    #[test]
    fn registries_are_read_strictly() {
        assert_eq!(registry(&table()).unwrap()["RMSetSriovMode"], 1);
        let mut bad = table();
        put_u32(&mut bad, 8, 4);
        assert!(registry(&bad).is_err(), "name inside the header");
        let mut bad = table();
        bad[12] = 9;
        assert!(registry(&bad).is_err(), "type");
        let mut bad = table();
        let last = bad.len() - 1;
        put(&mut bad, last, b"x");
        assert!(registry(&bad).is_err(), "no end of the name");
        let mut bad = table();
        put_u32(&mut bad, 4, 0x1000_0000);
        assert!(registry(&bad).is_err(), "count");
    }
}
