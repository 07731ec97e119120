// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Carrying out what RUN_CPU_SEQUENCER asks for.
//!
//! GSP-RM cannot do all of its start by itself: it hands the CPU a list of register work, among it resetting and resuming the
//! very core it runs on. Sources: nova-core gsp/sequencer.rs; nouveau rm/r535/gsp.c (`r535_gsp_msg_run_cpu_sequencer`).

use crate::error::{Error, Kind, Result};
use crate::falcon::Falcon;
use crate::platform::Platform;
use crate::rpc::sequencer::{Op, Sequence, SAVE_SLOTS};
use crate::time::{poll, S};

/// Where SEC2 says that GSP-RM was resumed, in bit 26 (`NV_PGC6_BSI_SECURE_SCRATCH_14`).
const RESUME_STAGE: u32 = 0x0011_80f8;
const RESUME_DONE: u32 = 1 << 26;
/// Longest a resume takes (nouveau: 2 s).
const RESUME_TIMEOUT_US: u64 = 2 * S;
/// Of a REG_POLL that names none (nouveau: 4 s).
const POLL_TIMEOUT_US: u64 = 4 * S;
/// A list that wants to wait longer than this at one place is refused: no firmware does, and the caller must come back.
const WAIT_MAX_US: u64 = 10 * S;
/// Interval of looks at a register that is polled.
const POLL_INTERVAL_US: u32 = 10;

/// What the sequencer works with.
pub struct Sequencer<'a, P: Platform> {
    /// For registers and time.
    pub platform: &'a P,
    /// The GSP.
    pub gsp: &'a Falcon<P>,
    /// SEC2.
    pub sec2: &'a Falcon<P>,
    /// Device address of the LibOS arguments, for the resume.
    pub libos_args: u64,
    /// Version of the bootloader's application, for the resume.
    pub app_version: u32,
    /// When the firmware has to be up (`Platform::now_ns`). Lists hold thousands of operations, each of which may wait: they end
    /// here together.
    pub end_ns: u64,
}

impl<P: Platform> Sequencer<'_, P> {
    /// Carries out `sequence`.
    ///
    /// # Errors
    ///
    /// - [`Kind::SequencerPoll`]: a polled register did not take the wanted value; `found` is the firmware's code for that.
    /// - [`Kind::SequencerWait`]: an impossible waiting time, or one beyond [`Sequencer::end_ns`].
    /// - [`Kind::SequencerResume`]: SEC2 reports an error of the resume.
    /// - [`Kind::RiscvInactive`]: GSP-RM does not run after the resume.
    /// - Those of reading the list, of the falcons and of the platform's registers.
    pub fn run(&self, sequence: Sequence<'_>) -> Result<()> {
        let mut saved = [0u32; SAVE_SLOTS];
        for op in sequence {
            self.step(op?, &mut saved)?;
        }
        Ok(())
    }

    fn step(&self, op: Op, saved: &mut [u32; SAVE_SLOTS]) -> Result<()> {
        let left_us = self.end_ns.saturating_sub(self.platform.now_ns()) / 1_000;
        if left_us == 0 {
            return Err(Kind::SequencerWait.into());
        }
        match op {
            Op::Write { addr, value } => self.platform.write32(addr, value),
            Op::Modify { addr, mask, value } => {
                let old = self.platform.read32(addr)?;
                self.platform.write32(addr, (old & !mask) | value)
            }
            Op::Poll {
                addr,
                mask,
                value,
                timeout_us,
                error,
            } => {
                let timeout = match timeout_us {
                    0 => POLL_TIMEOUT_US,
                    us => checked_wait(us, WAIT_MAX_US)?.into(),
                };
                poll(
                    self.platform,
                    timeout.min(left_us),
                    POLL_INTERVAL_US,
                    Kind::SequencerPoll,
                    || Ok(self.platform.read32(addr)? & mask == value),
                )
                .map_err(|e| match e.kind() {
                    Kind::SequencerPoll => Error::found(Kind::SequencerPoll, error.into()),
                    _ => e,
                })
            }
            Op::DelayUs(us) => {
                self.platform.sleep_us(checked_wait(us, WAIT_MAX_US.min(left_us))?);
                Ok(())
            }
            Op::Store { addr, index } => {
                let value = self.platform.read32(addr)?;
                if let Some(slot) = saved.get_mut(index as usize) {
                    *slot = value;
                }
                Ok(())
            }
            Op::CoreReset => {
                self.gsp.reset()?;
                self.gsp.reset_dma()
            }
            Op::CoreStart => self.gsp.start(),
            Op::CoreWaitForHalt => self.gsp.wait_halted(),
            Op::CoreResume => self.resume(),
        }
    }

    /// The list has put a program into SEC2 that resumes GSP-RM.
    fn resume(&self) -> Result<()> {
        self.gsp.reset_into_riscv()?;
        self.gsp.set_mailboxes(self.libos_args)?;
        self.sec2.start()?;
        poll(
            self.platform,
            RESUME_TIMEOUT_US,
            POLL_INTERVAL_US,
            Kind::SequencerResume,
            || Ok(self.platform.read32(RESUME_STAGE)? & RESUME_DONE != 0),
        )?;
        match self.sec2.mailbox0()? {
            0 => {}
            code => return Err(Error::found(Kind::SequencerResume, code.into())),
        }
        self.gsp.set_os(self.app_version)?;
        if self.gsp.riscv_active()? {
            Ok(())
        } else {
            Err(Kind::RiscvInactive.into())
        }
    }
}

fn checked_wait(us: u32, most: u64) -> Result<u32> {
    if u64::from(us) > most {
        return Err(Error::mismatch(Kind::SequencerWait, most, us.into()));
    }
    Ok(us)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::AD102;
    use crate::testing::Machine;

    const REGISTER: u32 = 0x9_8000;

    /// Has `work` done on a machine, whose falcons never say that they halted, with 10 s for all of it.
    fn sequencer(machine: &Machine, work: impl FnOnce(&Sequencer<'_, Machine>) -> Result<()>) -> Result<()> {
        let gsp = Falcon::new(machine, AD102.gsp, AD102.falcon);
        let sec2 = Falcon::new(machine, AD102.sec2, AD102.falcon);
        work(&Sequencer {
            platform: machine,
            gsp: &gsp,
            sec2: &sec2,
            libos_args: 0x12_3456_7000,
            app_version: 0x42,
            end_ns: machine.now_ns() + 10_000_000_000,
        })
    }

    /// Runs one operation.
    fn step(machine: &Machine, op: Op) -> Result<()> {
        sequencer(machine, |sequencer| sequencer.step(op, &mut [0; SAVE_SLOTS]))
    }

    #[test]
    fn registers_are_written_and_modified() {
        let machine = Machine::new();
        let write = Op::Write {
            addr: REGISTER,
            value: 0xff00_ff00,
        };
        step(&machine, write).unwrap();
        let modify = Op::Modify {
            addr: REGISTER,
            mask: 0xffff,
            value: 0x1234,
        };
        step(&machine, modify).unwrap();
        assert_eq!(machine.get(REGISTER), 0xff00_1234);
    }

    #[test]
    fn a_poll_ends_with_the_firmwares_code() {
        let machine = Machine::new();
        let poll = |timeout_us| Op::Poll {
            addr: REGISTER,
            mask: 1,
            value: 1,
            timeout_us,
            error: 0xbad,
        };
        let failed = Err(Error::found(Kind::SequencerPoll, 0xbad));
        let start = machine.now_ns();
        assert_eq!(step(&machine, poll(500)), failed);
        assert!((machine.now_ns() - start) / 1000 < 1000);
        let start = machine.now_ns();
        assert_eq!(step(&machine, poll(0)), failed);
        assert!((machine.now_ns() - start) / 1000 >= POLL_TIMEOUT_US);
        machine.set(REGISTER, 3);
        assert_eq!(step(&machine, poll(500)), Ok(()));
    }

    #[test]
    fn nobody_waits_for_ever() {
        let machine = Machine::new();
        let long = u32::MAX;
        assert_eq!(
            step(&machine, Op::DelayUs(long)).unwrap_err().kind(),
            Kind::SequencerWait
        );
        let poll = Op::Poll {
            addr: REGISTER,
            mask: 1,
            value: 1,
            timeout_us: long,
            error: 0,
        };
        assert_eq!(step(&machine, poll).unwrap_err().kind(), Kind::SequencerWait);
        assert_eq!(
            step(&machine, Op::CoreWaitForHalt).unwrap_err().kind(),
            Kind::FalconHalt
        );
    }

    #[test]
    fn a_list_of_waits_ends_too() {
        const DELAY: u32 = 3;
        let release = crate::release::ALL[0];
        let layout = &release.run_cpu_sequencer;
        let mut message = vec![0; layout.commands];
        for _ in 0..100 {
            message.extend(DELAY.to_le_bytes());
            message.extend(4_000_000u32.to_le_bytes());
        }
        for field in [layout.buffer_size_dwords, layout.cmd_index] {
            crate::wire::put_u32(&mut message, field, 200).unwrap();
        }
        let list = Sequence::parse(release, &message).unwrap();
        let machine = Machine::new();
        let start = machine.now_ns();
        let refused = sequencer(&machine, |sequencer| sequencer.run(list)).unwrap_err();
        assert_eq!(refused.kind(), Kind::SequencerWait);
        assert!((8..10).contains(&((machine.now_ns() - start) / 1_000_000_000)));
    }

    #[test]
    fn a_resume_passes_the_arguments_and_checks_the_core() {
        let machine = Machine::new();
        assert_eq!(
            step(&machine, Op::CoreResume).unwrap_err().kind(),
            Kind::SequencerResume
        );
        machine.set(RESUME_STAGE, RESUME_DONE);
        assert_eq!(step(&machine, Op::CoreResume).unwrap_err().kind(), Kind::RiscvInactive);
        machine.set(AD102.gsp.falcon2 + 0x388, 1 << 7);
        step(&machine, Op::CoreResume).unwrap();
        assert_eq!(machine.get(AD102.gsp.falcon + 0x40), 0x3456_7000);
        assert_eq!(machine.get(AD102.gsp.falcon + 0x44), 0x12);
        assert_eq!(machine.get(AD102.gsp.falcon + 0x80), 0x42);
        machine.set(AD102.sec2.falcon + 0x40, 9);
        assert_eq!(
            step(&machine, Op::CoreResume),
            Err(Error::found(Kind::SequencerResume, 9))
        );
    }
}
