// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A device that misbehaves: each way leads to an error that names it, nothing is leaked, and the GPU boots again once the device
//! behaves, unless only a reset helps.

use gsp_emulator::parse_hostile;
use novabridge::types::gpu::*;
use novabridge_abi_tests::{Gpu, Machine, Setup};
use std::sync::Arc;

/// A hostile mode, what the C ABI answers, and words that are in the error.
type Case = (&'static str, i32, &'static str);

const QUEUE: &[Case] = &[
    ("bad-checksum", -libc::EBADMSG, "wrong checksum"),
    ("wrong-sequence", -libc::EBADMSG, "out of sequence"),
    ("oversize-length", -libc::EBADMSG, "does not fit its page count"),
    ("zero-elements", -libc::EBADMSG, "impossible page count"),
    ("many-elements", -libc::EBADMSG, "impossible page count"),
    ("bad-signature", -libc::EBADMSG, "without the RPC signature"),
    ("bad-header-version", -libc::EPROTO, "unknown RPC version"),
    ("short-length", -libc::EBADMSG, "message too short"),
    ("wild-write-pointer", -libc::EIO, "queue pointer is out of range"),
    ("wild-read-pointer", -libc::EIO, "queue pointer is out of range"),
    ("truncated-event", -libc::EBADMSG, "outside its buffer"),
];

const FIRMWARE: &[Case] = &[
    ("rpc-result", -libc::EIO, "refused the command: found 0x55"),
    ("control-status", -libc::EBUSY, "the firmware is busy: found 0x55"),
    ("alloc-status", -libc::ENOMEM, "out of memory: found 0x51"),
    ("init-error", -libc::EIO, "could not start: found 0x65"),
    (
        "sequencer-garbage",
        -libc::EPROTO,
        "unknown sequencer operation: found 0x4711",
    ),
    ("sequencer-overrun", -libc::EBADMSG, "longer than its buffer"),
    ("sequencer-poll-never", -libc::ETIMEDOUT, "does not change: found 0xbad"),
];

const HARDWARE: &[Case] = &[
    ("fwsec-error", -libc::EIO, "FWSEC failed: expected 0x0, found 0x1"),
    ("fwsec-no-wpr", -libc::EIO, "FWSEC made no WPR2"),
    ("booter-error", -libc::EIO, "refused to load the firmware: found 0x32"),
    ("vbios-no-signature", -libc::EBADMSG, "no signature at the start"),
    ("vbios-no-pcir", -libc::EBADMSG, "no PCI data structure"),
    ("vbios-zero-length", -libc::EBADMSG, "image of wrong length"),
    ("vbios-no-bit", -libc::EBADMSG, "no BIT table"),
    ("vbios-no-falcon-data", -libc::EBADMSG, "no falcon data"),
    ("vbios-no-fwsec", -libc::EBADMSG, "no FWSEC image"),
    ("vbios-no-last", -libc::EBADMSG, "no signature at the start"),
    ("vbios-ucode-outside", -libc::EBADMSG, "leads outside"),
    (
        "vbios-bad-descriptor",
        -libc::EBADMSG,
        "unknown descriptor version: found 0x9",
    ),
    ("vbios-huge-ucode", -libc::EBADMSG, "lies outside the VBIOS"),
    ("vbios-no-dmemmapper", -libc::EBADMSG, "no DMEMMAPPER"),
    (
        "vbios-no-signature-version",
        -libc::EKEYREJECTED,
        "no signature for the version",
    ),
];

/// Those whose error is a time-out, tried at the same time.
const SILENT: &[Case] = &[
    ("reply-never", -libc::ETIMEDOUT, "timed out"),
    ("read-never", -libc::ETIMEDOUT, "timed out"),
    ("init-never", -libc::ETIMEDOUT, "waiting for the firmware: timed out"),
    ("gfw-never", -libc::ETIMEDOUT, "the GPU's own start does not end"),
    ("riscv-never", -libc::EIO, "core does not run"),
];

/// Those after which nothing but a reset of the GPU helps.
const FATAL: &[Case] = &[
    ("falcon-dma-stuck", -libc::EIO, "loading a falcon does not end"),
    (
        "falcon-never-halts",
        -libc::ETIMEDOUT,
        "a falcon's firmware does not end",
    ),
    ("fallen-off-bus", -libc::ENODEV, "the device does not answer"),
];

/// Oddities that a boot lives with.
const HARMLESS: &[&str] = &["endless-continuation", "unknown-event", "event-storm"];

fn created(mode: &str) -> (Arc<Machine>, Gpu) {
    let machine = Machine::new(Setup::default());
    let gpu = Gpu::new(&machine).expect("create");
    machine
        .emulator
        .set_hostile(parse_hostile(mode).expect("a hostile mode"));
    (machine, gpu)
}

fn refused(case: &Case, release: &str) -> (Arc<Machine>, Gpu) {
    let (mode, errno, words) = *case;
    let (machine, gpu) = created(mode);
    assert_eq!(gpu.boot(release), Err(errno), "{mode}: {}", gpu.last_error());
    assert!(gpu.last_error().contains(words), "{mode}: {}", gpu.last_error());
    machine.emulator.set_hostile(Vec::new());
    (machine, gpu)
}

fn refused_and_bootable(case: &Case, release: &str) {
    let (machine, gpu) = refused(case, release);
    assert_eq!(gpu.info().state, NVB_GPU_STOPPED, "{}", case.0);
    assert!(!machine.queues_went_early(), "{}", case.0);
    gpu.boot(release)
        .unwrap_or_else(|e| panic!("{}: again: {e}: {}", case.0, gpu.last_error()));
    assert!(machine.has_queues(), "{}", case.0);
    gpu.shutdown()
        .unwrap_or_else(|e| panic!("{}: shutdown: {e}: {}", case.0, gpu.last_error()));
    drop(gpu);
    assert_eq!(machine.leaks(), "", "{}", case.0);
}

#[test]
fn messages_are_not_believed() {
    for (index, case) in QUEUE.iter().enumerate() {
        refused_and_bootable(case, ["535.113.01", "570.144"][index % 2]);
    }
}

#[test]
fn firmware_that_refuses_is_quoted() {
    for (index, case) in FIRMWARE.iter().enumerate() {
        refused_and_bootable(case, ["570.144", "535.113.01"][index % 2]);
    }
}

#[test]
fn hardware_that_fails_is_named() {
    for case in HARDWARE {
        refused_and_bootable(case, "570.144");
    }
}

#[test]
fn silence_ends() {
    std::thread::scope(|scope| {
        for case in SILENT {
            scope.spawn(|| refused_and_bootable(case, "570.144"));
        }
    });
}

#[test]
fn what_only_a_reset_mends_is_failed() {
    std::thread::scope(|scope| {
        for case in FATAL {
            scope.spawn(|| {
                let (machine, gpu) = refused(case, "570.144");
                assert_eq!(gpu.info().state, NVB_GPU_FAILED, "{}", case.0);
                assert_eq!(gpu.boot("570.144"), Err(-libc::EBUSY), "{}", case.0);
                drop(gpu);
                assert_eq!(machine.leaks(), "", "{}", case.0);
            });
        }
    });
}

#[test]
fn oddities_are_lived_with() {
    for mode in HARMLESS {
        let (machine, gpu) = created(mode);
        gpu.boot("570.144")
            .unwrap_or_else(|e| panic!("{mode}: {e}: {}", gpu.last_error()));
        gpu.shutdown()
            .unwrap_or_else(|e| panic!("{mode}: {e}: {}", gpu.last_error()));
        drop(gpu);
        assert_eq!(machine.leaks(), "", "{mode}");
        assert_eq!(machine.violations(), Vec::<String>::new(), "{mode}");
    }
}

/// Modes that show only behind a boot.
#[test]
fn a_gpu_that_cannot_be_stopped_is_failed() {
    let cases: &[Case] = &[
        ("suspend-never", -libc::ETIMEDOUT, "does not stop"),
        (
            "booter-unload-error",
            -libc::EIO,
            "refused to unload the firmware: found 0x32",
        ),
        ("free-status", -libc::EIO, "resource manager refused: found 0x55"),
    ];
    std::thread::scope(|scope| {
        for (mode, errno, words) in cases {
            scope.spawn(move || {
                let (machine, gpu) = created(mode);
                gpu.boot("570.144")
                    .unwrap_or_else(|e| panic!("{mode}: {e}: {}", gpu.last_error()));
                assert_eq!(gpu.shutdown(), Err(*errno), "{mode}: {}", gpu.last_error());
                assert!(gpu.last_error().contains(words), "{mode}: {}", gpu.last_error());
                assert_eq!(gpu.info().state, NVB_GPU_FAILED);
                drop(gpu);
                assert_eq!(machine.leaks(), "", "{mode}");
            });
        }
    });
}

#[test]
fn plugins_that_misbehave_cost_their_vgpu_only() {
    let cases: &[Case] = &[
        ("bootload-status", -libc::ENOMEM, "out of memory"),
        ("plugin-error", -libc::EIO, "plugin refused"),
        ("plugin-bad-version", -libc::EPROTO, "version"),
        ("plugin-never", -libc::ETIMEDOUT, "plugin does not start"),
    ];
    std::thread::scope(|scope| {
        for (mode, errno, words) in cases {
            scope.spawn(move || {
                let (machine, gpu) = created("");
                gpu.boot("570.144")
                    .unwrap_or_else(|e| panic!("{mode}: {e}: {}", gpu.last_error()));
                machine
                    .emulator
                    .set_hostile(parse_hostile(mode).expect("a hostile mode"));
                assert_eq!(
                    gpu.create_vgpu(0, 944).map(drop),
                    Err(*errno),
                    "{mode}: {}",
                    gpu.last_error()
                );
                assert!(gpu.last_error().contains(words), "{mode}: {}", gpu.last_error());
                machine.emulator.set_hostile(Vec::new());
                assert_eq!(gpu.info().vgpus, 0, "{mode}");
                let vgpu = gpu
                    .create_vgpu(0, 944)
                    .unwrap_or_else(|e| panic!("{mode}: {e}: {}", gpu.last_error()));
                vgpu.destroy()
                    .unwrap_or_else(|e| panic!("{mode}: {e}: {}", gpu.last_error()));
                gpu.shutdown()
                    .unwrap_or_else(|e| panic!("{mode}: {e}: {}", gpu.last_error()));
                drop(gpu);
                assert_eq!(machine.leaks(), "", "{mode}");
            });
        }
    });
}

/// Every mode there is stands in one of the tests, or is named here with its reason.
#[test]
fn no_mode_is_forgotten() {
    // Two are waits of 120 s, tried by the core's own tests with a clock of their own; the third is a case of the contract's
    // C tests (contract/c/scenarios).
    let elsewhere = ["plugin-silent", "shutdown-status", "plugin-wild-offset"];
    let source = include_str!("hostile.rs");
    for mode in gsp_emulator::Mode::ALL {
        let quoted = format!("\"{}\"", mode.name());
        assert!(
            source.contains(&quoted) || elsewhere.contains(&mode.name()),
            "{} is not tried",
            mode.name()
        );
    }
}
