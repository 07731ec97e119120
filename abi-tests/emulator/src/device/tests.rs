// SPDX-License-Identifier: MIT
//! The device through its BARs.

use super::*;
use crate::testing::{board, Memory};

fn device() -> (Memory, Device) {
    let memory = Memory::new(1 << 20);
    let device = Device::new(board(&memory));
    (memory, device)
}

fn read(device: &mut Device, off: u64) -> u32 {
    device.read(0, 0, off, 4) as u32
}

#[test]
fn the_chip_says_what_it_is() {
    let (_, mut device) = device();
    assert_eq!(read(&mut device, 0), 0x192000a1);
    // Architecture and implementation: 0x192, AD102.
    assert_eq!(read(&mut device, 0xa00) >> 20, 0x192);
    assert_eq!(read(&mut device, 0x1183a4), 48 << 10);
    assert_eq!(read(&mut device, PROM.into()) & 0xffff, 0xaa55);
    let looks: Vec<_> = (0..4).map(|_| read(&mut device, 0x118234) & 0xff).collect();
    assert_eq!(looks, [0x7f, 0x7f, 0xff, 0xff]);
    assert_eq!(read(&mut device, 0x118128), 1);
    assert_eq!(device.board.violations, []);
}

#[test]
fn odd_accesses_and_unknown_registers_are_noticed() {
    let (_, mut device) = device();
    assert_eq!(read(&mut device, 0x10), NO_REGISTER);
    device.write(0, 0, 0x10, 4, 1);
    assert_eq!(device.board.counters["unknown-reads"], 1);
    assert_eq!(device.board.counters["unknown-writes"], 1);
    assert_eq!(device.read(0, 0, 1, 1) & 0xff, 0x00);
    device.write(0, 0, 0x1400, 8, 1);
    let rules: Vec<_> = device.board.violations.iter().map(|v| v.rule).collect();
    assert_eq!(rules, [Rule::AccessSize, Rule::AccessSize]);
}

#[test]
fn windows_show_the_framebuffer() {
    let (_, mut device) = device();
    device.write(0, 0, 0x1700, 4, 0xbff00);
    device.write(0, 0, u64::from(PRAMIN) + 8, 4, 0x1234_5678);
    let mut word = [0; 4];
    assert!(device.board.fb.read(0xb_ff00_0008, &mut word));
    assert_eq!(word, [0x78, 0x56, 0x34, 0x12]);
    device.write(0, 1, 0x100, 8, 0x1122_3344_5566_7788);
    assert_eq!(device.read(0, 1, 0x104, 4), 0x1122_3344);
}

#[test]
fn a_device_off_the_bus_answers_ones() {
    let (_, mut device) = device();
    device.set_hostile(crate::parse_hostile("fallen-off-bus").unwrap());
    assert_eq!(read(&mut device, 0), u32::MAX);
    assert_eq!(device.read(0, 1, 0, 8), u64::MAX);
    device.set_hostile(Vec::new());
    assert_eq!(read(&mut device, 0), 0x192000a1);
}

#[test]
fn a_lost_gpu_comes_back_with_a_reset_of_the_pf() {
    let (_, mut device) = device();
    device.write(1, 0, 0x10028, 4, 1);
    assert_eq!(read(&mut device, 0), u32::MAX);
    device.reset(1);
    assert_eq!(
        device.read(1, 0, 0x10024, 4),
        u64::from(u32::MAX),
        "a VF's reset does not do"
    );
    device.reset(0);
    assert_eq!(read(&mut device, 0), 0x192000a1);
    assert_eq!(device.board.violations, []);
}

#[test]
fn a_virtual_function_has_its_own_interrupts_and_resets() {
    let (memory, mut device) = device();
    // Vector 0 of VF 2: leaf and top enabled, then triggered.
    for (off, value) in [(0x1200, 1), (0x1608, 1), (0x1640, 0)] {
        device.write(3, 0, off, 4, value);
    }
    assert_eq!(*memory.irqs.lock().unwrap(), [(3, 0)]);
    // The test engine refuses without a vGPU, and says so by an interrupt.
    device.write(3, 0, 0x1000, 4, 1);
    device.write(3, 0, 0x10014, 4, 1);
    assert_eq!(device.read(3, 0, 0x10018, 4), 2);
    assert_eq!(memory.irqs.lock().unwrap().len(), 2);
    assert_eq!(device.read(3, 1, 0, 4), u64::from(u32::MAX), "no vGPU, no framebuffer");
    device.reset(3);
    assert_eq!(device.read(3, 0, 0x1200, 4), 0);
    assert_eq!(device.read(3, 0, 0x10024, 4), 1);
}
