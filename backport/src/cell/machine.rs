// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The machine a cell is booted in, emulated GPU included, and what happens there.

use crate::apt::named;
use crate::build::programs::{self, Programs};
use crate::error::Result;
use crate::evidence::Evidence;
use crate::judge::{guest_step, judge};
use crate::matrix::Cell;
use crate::session::Session;
use crate::step::{Done, Phase, Steps};
use crate::vm::firmware::{self, Firmware};
use crate::vm::pack::Files;
use crate::vm::qemu::{self, Boot, Machine};
use crate::vm::shim::{self, Qemu};
use novabridge_protocol::Message;
use std::path::PathBuf;
use std::time::Instant;

pub(super) fn fetch_qemu(session: &Session, steps: &Steps) -> Result<Qemu> {
    steps.run(Phase::SetUp, "QEMU", || {
        let qemu = Qemu::fetch(session)?;
        let (hit, note) = (qemu.hit, format!("qemu-system-x86 {}", qemu.version));
        Ok(Done::maybe_cached(qemu, hit, note))
    })
}

pub(super) fn fetch_firmware(session: &Session, steps: &Steps) -> Result<Firmware> {
    steps.run(Phase::SetUp, "GSP firmware", || {
        let firmware = firmware::fetch(session)?;
        let (hit, note) = (firmware.hit, named(&firmware.packages, "firmware-"));
        Ok(Done::maybe_cached(firmware, hit, note))
    })
}

pub(super) fn build_programs(session: &Session, steps: &Steps) -> Result<Programs> {
    steps.run(Phase::Build, "emulated GPU and guest", || {
        let programs = programs::build(session)?;
        let hit = programs.hit;
        Ok(Done::maybe_cached(programs, hit, ""))
    })
}

pub(super) fn build_plugin(session: &Session, steps: &Steps, qemu: &Qemu, programs: &Programs) -> Result<PathBuf> {
    steps.run(Phase::Build, "QEMU device", || {
        let entry = shim::build(session, qemu, &programs.emulator)?;
        Ok(Done::maybe_cached(
            entry.path.join("gspemu.so"),
            entry.hit,
            format!("for QEMU {}", qemu.version),
        ))
    })
}

/// Packs the guest's files, boots, shows the guest's steps as they come, and judges the whole.
pub(super) fn exercise(
    session: &Session,
    steps: &Steps,
    cell: &Cell,
    machine: &Machine<'_>,
    files: &Files<'_>,
    evidence: &mut Evidence,
) -> Result<()> {
    let packed = steps.run(Phase::Build, "guest's files", || {
        let packed = files.pack(&session.cache)?;
        let note = format!("firmware {}, {} modules of the kernel", files.release, packed.modules);
        let hit = packed.hit;
        Ok(Done::maybe_cached(packed, hit, note))
    })?;
    let boot = Boot {
        machine,
        kernel: &files.image.bootable,
        initramfs: &packed.archives,
        firmware: &files.firmware.dir,
    };
    let _turn = steps.run(Phase::Boot, "turn to boot", || {
        Ok(Done::now(session.cache.turn("boot", qemu::at_a_time())?, ""))
    })?;
    steps.run(Phase::Boot, "boot and exercise", || {
        let begin = Instant::now();
        let bar = steps.spinner("guest: kernel");
        let outcome = boot.run(|message| match message {
            Message::Begin { step } => bar.set_message(format!("guest: {}", step.title())),
            Message::Step(report) => steps.add(guest_step(report)),
            _ => {}
        });
        bar.finish_and_clear();
        let outcome = outcome?;
        evidence.boot(&outcome, begin.elapsed().as_secs_f64());
        match judge(&outcome, &cell.kernel.lacks) {
            Ok(note) => Ok(Done::now((), note)),
            Err(error) => Err(error.log(&machine.dir.join("console.log"))),
        }
    })
}
