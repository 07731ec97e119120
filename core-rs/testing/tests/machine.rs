// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The test machine itself, through the core's owners of its resources.

use novabridge_core::mem::{Block, Dma, Firmware};
use novabridge_core::platform::{DmaKind, Platform};
use novabridge_core::sync::Mutex;
use novabridge_core::Kind;
use novabridge_testing::{Machine, Outstanding};

#[test]
fn everything_is_given_back() {
    let machine = Machine::new();
    machine.add_file("a.bin", b"abc");
    {
        let _dma = Dma::new(&machine, 1, DmaKind::Contiguous).unwrap();
        let _block = Block::new(&machine, 10).unwrap();
        let file = Firmware::load(&machine, "a.bin").unwrap();
        let mutex = Mutex::new(&machine, 5).unwrap();
        *mutex.lock() += 1;
        assert_eq!((file.bytes(), *mutex.lock()), (&b"abc"[..], 6));
        assert_eq!(
            machine.outstanding(),
            Outstanding {
                dma: 1,
                memory: 1,
                firmware: 1,
                locks: 1
            }
        );
    }
    assert_eq!(machine.outstanding(), Outstanding::default());
}

#[test]
fn the_nth_request_fails() {
    let machine = Machine::new();
    machine.fail_request(2);
    assert!(Block::new(&machine, 1).is_ok());
    assert_eq!(Block::new(&machine, 1).err().unwrap().kind(), Kind::NoMemory);
    assert!(Block::new(&machine, 1).is_ok());
}

#[test]
fn the_device_sees_pages() {
    let machine = Machine::new();
    for kind in [DmaKind::Contiguous, DmaKind::Scattered] {
        let dma = Dma::new(&machine, 3 * 4096, kind).unwrap();
        dma.write(4096 + 8, b"second page").unwrap();
        let addr = dma.page_addr(1).unwrap();
        assert_eq!(machine.device_read(addr + 8, 11).unwrap(), b"second page");
        machine.device_write(dma.page_addr(2).unwrap(), &[7]).unwrap();
        let mut byte = [0];
        dma.read(8192, &mut byte).unwrap();
        assert_eq!(byte, [7]);
    }
    let dma = Dma::new(&machine, 2 * 4096, DmaKind::Scattered).unwrap();
    assert_ne!(dma.page_addr(1).unwrap(), dma.page_addr(0).unwrap() + 4096);
    assert_eq!(machine.device_read(0x1000, 1), None);
}

#[test]
fn waits_end_without_real_time() {
    let machine = Machine::new();
    let before = machine.now_ns();
    assert!(!machine.event_wait(machine.event_token(), 60_000_000));
    assert!(machine.now_ns() - before >= 60_000_000_000);

    let device = machine.clone();
    machine.on_idle(move || device.event_signal());
    assert!(machine.event_wait(machine.event_token(), 60_000_000));
}

#[test]
fn registers_answer_and_remember() {
    let machine = Machine::new();
    let device = machine.clone();
    machine.on_write(0x10, move |value| device.set(0x14, value + 1));
    let mut reads = 0;
    machine.on_read(0x18, move || {
        reads += 1;
        reads
    });
    machine.write32(0x10, 4).unwrap();
    assert_eq!(machine.read32(0x14), Ok(5));
    assert_eq!((machine.read32(0x18), machine.read32(0x18)), (Ok(1), Ok(2)));
    assert_eq!(machine.writes(), [(0x10, 4)]);
}
