// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! SET_REGISTRY: configuration keys for the firmware, sent before it starts.
//!
//! A `PACKED_REGISTRY_TABLE` (8 bytes), one `PACKED_REGISTRY_ENTRY` (16 bytes) per key, then the names with their terminators.
//! Source: OpenRM 570.144, `kernel_gsp.c` (`_kgspInitRegistry...`) and `g_rpc-structures.h`; nova-core `gsp/commands.rs`.

use super::channel::Channel;
use crate::platform::Platform;
use crate::wire;
use crate::Result;

/// Keys every boot sets to 1: they tell the firmware that the host driver saves PCI configuration itself and that
/// unknown board ids are no reason to stop (nova-core `SetRegistry`, with its reasons).
const ALWAYS: [&str; 3] = ["RMSecBusResetEnable", "RMForcePcieConfigSave", "RMDevidCheckIgnore"];
/// Set to 1 when the GPU is to host vGPUs (nova-core, OpenRM `nv-firmware-registry.h`).
const SRIOV_MODE: &str = "RMSetSriovMode";

const TABLE: usize = 8;
const ENTRY: usize = 16;
/// `REGISTRY_TABLE_ENTRY_TYPE_DWORD`
const TYPE_DWORD: u8 = 1;
/// Room for all keys.
const MAX: usize = 192;

/// Sends the registry.
///
/// # Errors
/// Those of [`Channel::send`].
pub fn send<P: Platform>(channel: &Channel<P>, vgpu_host: bool) -> Result<()> {
    let mut table = [0; MAX];
    let len = encode(&mut table, vgpu_host)?;
    channel.send(
        channel.release().functions.set_registry,
        &[table.get(..len).unwrap_or(&[])],
    )
}

fn encode(table: &mut [u8; MAX], vgpu_host: bool) -> Result<usize> {
    let keys = || ALWAYS.into_iter().chain(vgpu_host.then_some(SRIOV_MODE));
    let count = keys().count();
    let mut name_at = TABLE.wrapping_add(ENTRY.wrapping_mul(count));
    for (index, key) in keys().enumerate() {
        let entry = TABLE.wrapping_add(ENTRY.wrapping_mul(index));
        wire::put_u32(table, entry, name_at as u32)?;
        wire::put_u8(table, entry.wrapping_add(4), TYPE_DWORD)?;
        wire::put_u32(table, entry.wrapping_add(8), 1)?;
        wire::put_u32(table, entry.wrapping_add(12), 4)?;
        for byte in key.bytes() {
            wire::put_u8(table, name_at, byte)?;
            name_at = name_at.wrapping_add(1);
        }
        // The terminator is there already.
        name_at = name_at.wrapping_add(1);
    }
    wire::put_u32(table, 0, name_at as u32)?;
    wire::put_u32(table, 4, count as u32)?;
    Ok(name_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_with_and_without_sriov() {
        let mut table = [0; MAX];
        assert_eq!(encode(&mut table, false), Ok(117));
        assert_eq!(encode(&mut table, true), Ok(148));
    }

    #[test]
    fn names_stand_where_the_entries_say() {
        let mut table = [0; MAX];
        let len = encode(&mut table, true).unwrap();
        assert_eq!(wire::get_u32(&table, 0), Ok(len as u32));
        assert_eq!(wire::get_u32(&table, 4), Ok(4));
        let mut names = vec![];
        for entry in (8..8 + 4 * 16).step_by(16) {
            assert_eq!(&table[entry + 4..entry + 16], [1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0]);
            let at = wire::get_u32(&table, entry).unwrap() as usize;
            let end = at + table[at..].iter().position(|b| *b == 0).unwrap();
            names.push(std::str::from_utf8(&table[at..end]).unwrap());
        }
        let expected = [
            "RMSecBusResetEnable",
            "RMForcePcieConfigSave",
            "RMDevidCheckIgnore",
            "RMSetSriovMode",
        ];
        assert_eq!(names, expected);
    }
}
