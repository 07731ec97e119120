// SPDX-License-Identifier: MIT
//! RUN_CPU_SEQUENCER: a program of register operations the driver runs for the firmware during its start.
//!
//! The program uses every opcode, on registers whose state shows afterwards whether the operation was done and in which
//! order. Its end is CORE_RESUME, which restarts the firmware; there the record of accesses is gone through.
//!
//! Sources: OpenRM `rmgspseq.h`, `kernel_gsp_tu102.c` (`kgspExecuteSequencerCommand`); nouveau `rm/r535/gsp.c`
//! (`r535_gsp_msg_run_cpu_sequencer`), nova-core `gsp/sequencer.rs` (Linux 7.3).

use super::{events, Phase};
use crate::{
    bytes::put_u32,
    device::{Device, Engine},
    hostile::Mode,
    violation::Rule,
};
use std::time::{Duration, Instant};

/// `GSP_SEQ_BUF_OPCODE_*`.
mod opcode {
    pub const REG_WRITE: u32 = 0;
    pub const REG_MODIFY: u32 = 1;
    pub const REG_POLL: u32 = 2;
    pub const DELAY_US: u32 = 3;
    pub const REG_STORE: u32 = 4;
    pub const CORE_RESET: u32 = 5;
    pub const CORE_START: u32 = 6;
    pub const CORE_WAIT_FOR_HALT: u32 = 7;
    pub const CORE_RESUME: u32 = 8;
}

const SCRATCH: u32 = 0x1408;
const BOOT_42: u32 = 0xa00;
const GSP: u32 = 0x110000;
const SEC2: u32 = 0x840000;
const MAILBOX0: u32 = 0x040;
const HWCFG2: u32 = 0x0f4;
const CPUCTL: u32 = 0x100;
const BOOTVEC: u32 = 0x104;
const CPUCTL_ALIAS: u32 = 0x130;
const IMEMC: u32 = 0x180;
const IMEMD: u32 = 0x184;
const IMEMT: u32 = 0x188;
const ENGINE: u32 = 0x3c0;

/// What the GSP's falcon core leaves in its mailbox when the program has it run.
const COOKIE: u32 = 0x5e9c_0de5;
/// Stand-ins for the code the real firmware loads this way.
const GSP_STUB: [u32; 4] = [0x4753_5053, 0x0000_1000, 0x5e9c_0de5, 0xf800_0000];
const SEC2_STUB: [u32; 4] = [0x5345_4332, 0x0000_2000, 0x0000_0000, 0xf800_0000];
const DELAY: Duration = Duration::from_micros(20);
/// Accesses recorded; the program needs a few dozen.
const RECORDED: usize = 100_000;

/// One register access of the driver.
#[derive(Clone, Copy, Debug)]
struct Access {
    write: bool,
    off: u32,
    value: u32,
    at: Instant,
}

/// The record of a program being run.
#[derive(Default)]
pub(crate) struct Sequencer {
    accesses: Vec<Access>,
    resets: u32,
}

impl Sequencer {
    /// The driver accessed a register while the program runs.
    pub fn note(&mut self, write: bool, off: u32, value: u32) {
        if self.accesses.len() < RECORDED {
            let at = Instant::now();
            self.accesses.push(Access { write, off, value, at });
        }
    }

    /// The GSP engine was reset.
    pub fn core_reset(&mut self) {
        self.resets += 1;
    }

    /// Goes through the record; what is missing, in words.
    fn judge(&self) -> Result<(), String> {
        let mut rest = self.accesses.as_slice();
        let mut find = |what: &str, wanted: &dyn Fn(&Access) -> bool| -> Result<Instant, String> {
            let i = rest
                .iter()
                .position(wanted)
                .ok_or_else(|| format!("{what} was not done in its turn"))?;
            let at = rest[i].at;
            rest = &rest[i + 1..];
            Ok(at)
        };
        let write = |off: u32, value: u32| move |a: &Access| a.write && a.off == off && a.value == value;
        let read = |off: u32| move |a: &Access| !a.write && a.off == off;
        let reset = |value: u32| move |a: &Access| a.write && a.off == GSP + ENGINE && a.value & 1 == value;
        let start = |base: u32| {
            move |a: &Access| a.write && (a.off == base + CPUCTL || a.off == base + CPUCTL_ALIAS) && a.value & 2 != 0
        };
        find("REG_WRITE", &write(SCRATCH, 0x5eed_0001))?;
        find("REG_MODIFY's read", &read(SCRATCH))?;
        find("REG_MODIFY's write", &write(SCRATCH, 0x5eed_3401))?;
        let stored = find("REG_STORE", &read(BOOT_42))?;
        let after = find("REG_WRITE after the delay", &write(SEC2 + ENGINE, 1))?;
        if after - stored < DELAY {
            return Err(format!("DELAY_US of {DELAY:?} took {:?}", after - stored));
        }
        find("REG_WRITE", &write(SEC2 + ENGINE, 0))?;
        find("REG_POLL", &|a| read(SEC2 + HWCFG2)(a) && a.value & 1 << 12 == 0)?;
        find("CORE_RESET", &reset(1))?;
        find("CORE_RESET's end", &reset(0))?;
        find("CORE_START", &start(GSP))?;
        find("CORE_WAIT_FOR_HALT", &|a| {
            read(GSP + CPUCTL)(a) && a.value & 1 << 4 != 0
        })?;
        find("REG_POLL of the mailbox", &|a| {
            read(GSP + MAILBOX0)(a) && a.value == COOKIE
        })?;
        find("REG_WRITE", &write(SEC2 + MAILBOX0, 0xdead))?;
        find("CORE_RESUME's reset", &reset(1))?;
        find("CORE_RESUME's reset's end", &reset(0))?;
        find("CORE_RESUME's start of SEC2", &start(SEC2))?;
        if self.resets != 2 {
            return Err(format!("the GSP was reset {} times instead of 2", self.resets));
        }
        Ok(())
    }
}

/// The program, in words.
fn program(poll_never: bool) -> Vec<u32> {
    use opcode::*;
    let mut p = Vec::new();
    let load = |p: &mut Vec<u32>, base: u32, stub: [u32; 4]| {
        // Port 0: secure, counting up with each write, from offset 0; block tag 0.
        p.extend([REG_WRITE, base + IMEMC, 1 << 28 | 1 << 24]);
        p.extend([REG_WRITE, base + IMEMT, 0]);
        stub.into_iter()
            .for_each(|word| p.extend([REG_WRITE, base + IMEMD, word]));
        p.extend([REG_WRITE, base + BOOTVEC, 0]);
    };
    p.extend([REG_WRITE, SCRATCH, 0x5eed_0001]);
    p.extend([REG_MODIFY, SCRATCH, 0x0000_ff00, 0x0000_3400]);
    if poll_never {
        p.extend([REG_POLL, SCRATCH, u32::MAX, 0x1234_5678, 20_000, 0xbad]);
    }
    p.extend([REG_STORE, BOOT_42, 1]);
    p.extend([DELAY_US, DELAY.as_micros() as u32]);
    p.extend([REG_WRITE, SEC2 + ENGINE, 1]);
    p.extend([REG_WRITE, SEC2 + ENGINE, 0]);
    p.extend([REG_POLL, SEC2 + HWCFG2, 1 << 12, 0, 0, 0x11]);
    p.push(CORE_RESET);
    load(&mut p, GSP, GSP_STUB);
    p.extend([CORE_START, CORE_WAIT_FOR_HALT]);
    p.extend([REG_POLL, GSP + MAILBOX0, u32::MAX, COOKIE, 10_000, 0x12]);
    // Whatever SEC2 ran before, the falcon core is what runs next.
    p.extend([REG_WRITE, SEC2 + 0x1668, 0]);
    load(&mut p, SEC2, SEC2_STUB);
    p.extend([REG_WRITE, SEC2 + MAILBOX0, 0xdead]);
    p.push(CORE_RESUME);
    p
}

/// The bytes of a stub as IMEM holds them.
fn bytes(stub: [u32; 4]) -> Vec<u8> {
    stub.iter().flat_map(|w| w.to_le_bytes()).collect()
}

impl Device {
    /// Sends the program.
    pub(super) fn send_sequence(&mut self) {
        let mut words = program(self.board.is(Mode::SequencerPollNever));
        if self.board.is(Mode::SequencerGarbage) {
            words.insert(0, 0x4711);
        }
        let overrun = if self.board.is(Mode::SequencerOverrun) { 1000 } else { 0 };
        let Some(firmware) = self.firmware.as_mut() else { return };
        let Some(queues) = firmware.queues.as_mut() else { return };
        let layout = firmware.release.layout("rpc_run_cpu_sequencer_v17_00");
        let mut payload = layout.zeroed();
        layout.set(&mut payload, "bufferSizeDWord", (words.len() + overrun) as u64);
        layout.set(&mut payload, "cmdIndex", (words.len() + overrun) as u64);
        let start = payload.len();
        payload.resize(start + 4 * words.len(), 0);
        for (i, word) in words.into_iter().enumerate() {
            put_u32(&mut payload, start + 4 * i, word);
        }
        queues.event(&mut self.board, events::RUN_CPU_SEQUENCER, &payload);
        firmware.sequencer = Sequencer::default();
    }

    /// Whether the started falcon holds one of the program's stand-ins, which then does its work.
    pub fn sequencer_stub(&mut self, engine: Engine) -> bool {
        let Some(firmware) = self.firmware.as_mut() else {
            return false;
        };
        if firmware.phase != Phase::Sequencer {
            return false;
        }
        let stub = match engine {
            Engine::Gsp => GSP_STUB,
            Engine::Sec2 => SEC2_STUB,
        };
        if !self.falcon(engine).imem.starts_with(&bytes(stub)) {
            return false;
        }
        match engine {
            Engine::Gsp => self.gsp.mailbox[0] = COOKIE,
            Engine::Sec2 => self.resume(),
        }
        true
    }

    /// SEC2 restarts the firmware: the program is at its end.
    fn resume(&mut self) {
        let Some(firmware) = self.firmware.as_mut() else { return };
        if let Err(why) = firmware.sequencer.judge() {
            self.board.violate(Rule::Sequencer, why);
        }
        let libos = [firmware.libos as u32, (firmware.libos >> 32) as u32];
        let mailbox = self.gsp.mailbox;
        self.board.check(mailbox == libos, Rule::Sequencer, || {
            format!("CORE_RESUME left {mailbox:x?} in the mailboxes instead of {libos:x?}")
        });
        self.sec2.mailbox[0] = 0;
        self.regs.secure_scratch_14 |= 1 << 26;
        self.gsp.start_riscv();
        firmware.phase = Phase::Running;
        if self.board.is(Mode::InitNever) {
            return;
        }
        let result = self.board.value(Mode::InitError, 0x65).unwrap_or(0);
        if let Some(queues) = firmware.queues.as_mut() {
            queues.event_with(&mut self.board, events::INIT_DONE, result, &[0; 4]);
        }
        self.board.count("boots", 1);
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays the program as a driver would and returns the record.
    fn play(skip: Option<u32>) -> Sequencer {
        let mut s = Sequencer::default();
        let words = program(false);
        let mut at = 0;
        let mut scratch = 0;
        while at < words.len() {
            let op = words[at];
            let arg = |i: usize| words[at + i];
            let skipped = skip == Some(op);
            let len = match op {
                opcode::REG_WRITE => {
                    if !skipped {
                        s.note(true, arg(1), arg(2));
                    }
                    scratch = arg(2);
                    3
                }
                opcode::REG_MODIFY => {
                    if !skipped {
                        s.note(false, arg(1), scratch);
                        s.note(true, arg(1), scratch & !arg(2) | arg(3));
                    }
                    4
                }
                opcode::REG_POLL => {
                    if !skipped {
                        s.note(false, arg(1), arg(3));
                    }
                    6
                }
                opcode::DELAY_US => {
                    if !skipped {
                        std::thread::sleep(DELAY);
                    }
                    2
                }
                opcode::REG_STORE => {
                    if !skipped {
                        s.note(false, arg(1), 0);
                    }
                    3
                }
                opcode::CORE_RESET | opcode::CORE_RESUME => {
                    if !skipped {
                        s.note(true, GSP + ENGINE, 1);
                        s.core_reset();
                        s.note(true, GSP + ENGINE, 0);
                        if op == opcode::CORE_RESUME {
                            s.note(true, SEC2 + CPUCTL, 2);
                        }
                    }
                    1
                }
                opcode::CORE_START => {
                    if !skipped {
                        s.note(true, GSP + CPUCTL, 2);
                    }
                    1
                }
                _ => {
                    if !skipped {
                        s.note(false, GSP + CPUCTL, 1 << 4);
                    }
                    1
                }
            };
            at += len;
        }
        s
    }

    #[test]
    fn every_opcode_is_missed_when_left_out() {
        assert_eq!(play(None).judge(), Ok(()));
        for op in 0..=8 {
            // A delay can be had by chance on a loaded machine, so it is not asked for.
            if op != opcode::DELAY_US {
                assert!(play(Some(op)).judge().is_err(), "opcode {op}");
            }
        }
    }
}
