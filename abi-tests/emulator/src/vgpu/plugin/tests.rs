// SPDX-License-Identifier: MIT
//! A plugin spoken to through its heap.

use super::*;
use crate::{
    layout::release,
    testing::{board, Memory},
};

const HEAP: u64 = 1 << 30;

fn plugin(board: &mut Board, name: &str) -> Plugin {
    let kind = VgpuType {
        id: 941,
        name: "t".to_owned(),
        max_instance: 1,
        fb_length: 1 << 27,
        heap: 32 << 20,
        bar1_mib: 64,
    };
    let segments = vec![2 << 30..(2 << 30) + (64 << 20), 3 << 30..(3 << 30) + (64 << 20)];
    let heap = HEAP..HEAP + (32 << 20);
    let mut plugin = Plugin::new(release(name).unwrap(), 3, 0xc1d0_0007, kind, 64..128, segments, heap);
    plugin.report_booted(board);
    assert_eq!(plugin.get(board, SEQUENCE, 4), BOOTLOADED.to_le_bytes());
    let ctrl = plugin.release.layout(CTRL);
    let mut page = ctrl.zeroed();
    ctrl.set(&mut page, "version", 1);
    ctrl.set(&mut page, "response_buff_offset", RESPONSE);
    ctrl.set(&mut page, "message_buff_offset", MESSAGE);
    ctrl.set(&mut page, "migration_buff_offset", MIGRATION);
    ctrl.set(&mut page, "error_buff_offset", ERROR);
    plugin.put(board, 0, &page);
    plugin
}

/// Sends a message; the result, once the answer carries its number.
fn send(plugin: &mut Plugin, board: &mut Board, number: u32, kind: u32, body: &[u8]) -> u32 {
    plugin.put(board, MESSAGE, body);
    plugin.put(board, 4, &kind.to_le_bytes());
    plugin.put(board, SEQUENCE, &number.to_le_bytes());
    assert!(plugin.doorbell(board));
    let bytes = plugin.get(board, RESPONSE, 64);
    let response = plugin.release.view(RESP, &bytes);
    assert_eq!(response.get32("message_seq_num_processed"), number);
    response.get32("result_code")
}

fn config(plugin: &Plugin) -> Vec<u8> {
    let layout = plugin.release.layout(CONFIG);
    let mut c = layout.zeroed();
    layout.set(&mut c, "vgpu_device_instance_id", 0xc1d0_0007);
    layout.set(&mut c, "vgpu_type", 941);
    layout.set(&mut c, "num_channels", 64);
    layout.set(&mut c, "host_cpu_arch", 2);
    layout.set(&mut c, "host_page_size", 4096);
    c
}

#[test]
fn a_vgpu_comes_to_life_in_both_encodings() {
    let memory = Memory::new(4096);
    for (name, result_at) in [("535.113.01", 4), ("570.144", 8)] {
        let mut board = board(&memory);
        let mut vgpu = plugin(&mut board, name);
        assert_eq!(send(&mut vgpu, &mut board, 1, message::VERSION_NEGOTIATION, &[]), OK);
        let config = config(&vgpu);
        assert_eq!(
            send(&mut vgpu, &mut board, 2, message::SETUP_CONFIG_PARAMS_AND_INIT, &config),
            OK
        );
        assert!(vgpu.running() && !vgpu.bus_master);
        assert_eq!(send(&mut vgpu, &mut board, 3, message::UPDATE_BME_STATE, &[1, 1]), OK);
        assert!(vgpu.bus_master);
        assert_eq!(send(&mut vgpu, &mut board, 4, message::RESET, &[]), OK);
        assert!(!vgpu.bus_master);
        assert_eq!(vgpu.resets, 1);
        assert_eq!(board.violations, []);
        // The result is where this release has it.
        assert_eq!(send(&mut vgpu, &mut board, 5, 99, &[]), UNKNOWN);
        assert_eq!(get_u32(&vgpu.get(&board, RESPONSE, 64), result_at), UNKNOWN);
    }
}

#[test]
fn wrong_turns_are_refused_and_reported() {
    let memory = Memory::new(4096);
    let mut board = board(&memory);
    let mut vgpu = plugin(&mut board, "570.144");
    assert_eq!(send(&mut vgpu, &mut board, 1, message::RESET, &[]), BAD_STATE);
    assert_eq!(send(&mut vgpu, &mut board, 2, message::VERSION_NEGOTIATION, &[]), OK);
    let mut config = config(&vgpu);
    vgpu.release.layout(CONFIG).set(&mut config, "num_channels", 32);
    assert_eq!(
        send(&mut vgpu, &mut board, 3, message::SETUP_CONFIG_PARAMS_AND_INIT, &config),
        BAD_DATA
    );
    assert_eq!(
        send(&mut vgpu, &mut board, 7, message::VERSION_NEGOTIATION, &[]),
        BAD_STATE
    );
    vgpu.shut_down();
    assert!(!vgpu.doorbell(&mut board));
    let rules: Vec<_> = board.violations.iter().map(|v| v.rule).collect();
    let expected = [
        Rule::PluginOrder,
        Rule::PluginConfig,
        Rule::PluginSequence,
        Rule::PluginOrder,
        Rule::PluginRpc,
    ];
    assert_eq!(rules, expected);
}

#[test]
fn doorbells_carry_the_gfid() {
    assert_eq!(doorbell_gfid(3 * 32 + 17), Some(3));
    assert_eq!(doorbell_gfid(3 * 32 + 16), None);
    assert_eq!(words(&[1, 2]), [1, 0, 0, 0, 2, 0, 0, 0]);
}
