// SPDX-License-Identifier: MIT
//! What the falcons' ucodes do when they are started: FWSEC on the GSP, booter and scrubber on SEC2.
//!
//! Nothing is executed. What was loaded is compared with where it must come from, byte for byte and with the signature
//! that the fused version asks for; then the ucode's effect is done.

use crate::{
    device::{Device, Engine},
    falcon::{Brom, Falcon, BLOCK},
    files::{self, HsUcode},
    hostile::Mode,
    layout::{releases, Release},
    registers::vga_workspace,
    vbios::{Command, Fwsec},
    violation::Rule,
};

mod load;
pub(crate) mod radix3;

/// What a ucode that refuses leaves in mailbox 0.
const REFUSED: u32 = 0x31;
/// `PBUS_SW_SCRATCH` words in which FWSEC reports: FRTS in bits 31:16 of the first, SB in bits 15:0 of the second.
const SCRATCH_FRTS: usize = 0x0e;
const SCRATCH_SB: usize = 0x15;
/// FRTS data is one MiB on these chips.
const FRTS_LEN: u64 = 1 << 20;
/// `SECURE_SCRATCH_15` bits 31:29: the scrubber is done.
const SCRUBBER_DONE: u32 = 3 << 29;

/// Which ucode of which release SEC2 was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sec2Ucode {
    Load,
    Unload,
    Scrubber,
}

impl Sec2Ucode {
    const ALL: [(Sec2Ucode, &'static str); 3] = [
        (Sec2Ucode::Load, "booter_load"),
        (Sec2Ucode::Unload, "booter_unload"),
        (Sec2Ucode::Scrubber, "scrubber"),
    ];
}

impl Device {
    /// The falcon core of `engine` was started.
    pub fn falcon_started(&mut self, engine: Engine) {
        if self.board.is(Mode::FalconNeverHalts) {
            return;
        }
        let blank = self.falcon(engine).blank;
        match engine {
            // A core that was only reset halts at once; nova-core starts it so to hand over the mailboxes.
            Engine::Gsp if blank => {}
            _ if self.sequencer_stub(engine) => {}
            Engine::Gsp => self.run_fwsec(),
            Engine::Sec2 if blank => self
                .board
                .violate(Rule::UcodeUnknown, "SEC2 started with nothing loaded"),
            Engine::Sec2 => self.run_sec2(),
        }
        self.falcon(engine).halt();
    }

    fn run_fwsec(&mut self) {
        let fuse = self.board.config.fuses.gsp;
        let fwsec = &self.vbios.fwsec;
        let brom = Brom {
            algorithm: 1,
            ucode_id: Fwsec::UCODE_ID.into(),
            engine_id_mask: Fwsec::ENGINE_ID_MASK.into(),
            signature_at: fwsec.signature_at(),
        };
        let judged = code_loaded(&self.gsp, &fwsec.imem, 0)
            .and_then(|()| parameters(&self.gsp, brom, 0))
            .and_then(|()| fwsec.judge(&self.gsp.dmem, fuse));
        match judged {
            Err(why) => {
                self.board.violate(Rule::Fwsec, why);
                self.gsp.mailbox[0] = REFUSED;
            }
            Ok(Command::Frts { start, len }) => self.frts(start, len),
            Ok(Command::Sb) => self.sb(),
        }
    }

    fn frts(&mut self, start: u64, len: u64) {
        let end = vga_workspace(self.board.config.fb_size) & !0x1_ffff;
        let mut error = self.board.value(Mode::FwsecError, 1).unwrap_or(0);
        let placed = len == FRTS_LEN && start.checked_add(len) == Some(end);
        if !self.board.check(placed, Rule::FrtsRegion, || {
            format!("{start:#x} + {len:#x} does not end at {end:#x} with {FRTS_LEN:#x} bytes")
        }) {
            error = REFUSED;
        }
        let unset = self.regs.wpr2.is_empty();
        if !self
            .board
            .check(unset, Rule::FrtsTwice, || "WPR2 is set already".to_owned())
        {
            error = REFUSED;
        }
        put_half(&mut self.regs.scratch[SCRATCH_FRTS], 16, error);
        self.gsp.mailbox[0] = 0;
        if error == 0 && !self.board.is(Mode::FwsecNoWpr) {
            self.regs.wpr2 = start..start + len;
            let written = self.board.fb.write(start, b"FRTS");
            debug_assert!(written, "the region was checked");
        }
    }

    fn sb(&mut self) {
        let error = self.board.value(Mode::FwsecError, 1).unwrap_or(0);
        put_half(&mut self.regs.scratch[SCRATCH_SB], 0, error);
        self.gsp.mailbox[0] = 0;
        self.sb_ran = error == 0;
    }

    fn run_sec2(&mut self) {
        let Some((release, kind, ucode)) = self.sec2_ucode() else {
            self.board
                .violate(Rule::UcodeUnknown, "SEC2's code is that of no booter or scrubber file");
            self.sec2.mailbox[0] = REFUSED;
            return;
        };
        let fuse = self.board.config.fuses.sec2;
        if let Err(why) = sec2_loaded(&self.sec2, &ucode, fuse) {
            self.board.violate(Rule::Booter, why);
            self.sec2.mailbox[0] = REFUSED;
            return;
        }
        self.sec2.mailbox[0] = match kind {
            Sec2Ucode::Scrubber => {
                self.regs.secure_scratch_15 = SCRUBBER_DONE;
                0
            }
            Sec2Ucode::Load => self.booter_load(release),
            Sec2Ucode::Unload => self.booter_unload(),
        };
    }

    /// Finds the file whose code SEC2 holds.
    fn sec2_ucode(&self) -> Option<(&'static Release, Sec2Ucode, HsUcode)> {
        releases().iter().find_map(|release| {
            Sec2Ucode::ALL.into_iter().find_map(|(kind, name)| {
                let path = files::path(&self.board.config.firmware_dir, name, &release.release);
                let ucode = HsUcode::load(&path).ok()?;
                let (at, len) = ucode.code;
                self.sec2
                    .imem
                    .starts_with(&ucode.data[at..at + len])
                    .then_some((release, kind, ucode))
            })
        })
    }

    fn booter_load(&mut self, release: &'static Release) -> u32 {
        if let Some(code) = self.board.value(Mode::BooterError, 0x32) {
            return code;
        }
        let [lo, hi] = self.sec2.mailbox;
        match self.load(release, u64::from(lo) | u64::from(hi) << 32) {
            Some(firmware) => {
                if !self.board.is(Mode::RiscvNever) {
                    self.gsp.start_riscv();
                    self.firmware = Some(firmware);
                    self.firmware_started();
                }
                0
            }
            None => REFUSED,
        }
    }

    fn booter_unload(&mut self) -> u32 {
        if let Some(code) = self.board.value(Mode::BooterUnloadError, 0x32) {
            return code;
        }
        let sentinel = self.sec2.mailbox == [0xff, 0xff];
        self.board.check(sentinel, Rule::Booter, || {
            format!("booter_unload was given {:x?} instead of ff ff", self.sec2.mailbox)
        });
        let stopped = !self.gsp.riscv_active;
        if !self.board.check(stopped, Rule::UnloadOrder, || {
            "booter_unload ran with the RISC-V core active".to_owned()
        }) {
            return REFUSED;
        }
        // After a boot that got as far as the firmware, FWSEC-SB comes first.
        let sb = self.sb_ran || self.firmware.is_none();
        self.board
            .check(sb, Rule::UnloadOrder, || "booter_unload ran before FWSEC-SB".to_owned());
        self.regs.wpr2 = 0..0;
        self.regs.secure_scratch_14 = 0;
        self.forget_firmware();
        0
    }
}

/// Sets 16 bits of a scratch word.
fn put_half(word: &mut u32, shift: u32, value: u32) {
    *word = *word & !(0xffff << shift) | (value & 0xffff) << shift;
}

/// Whether IMEM holds `code`, loaded as secure with tags that count from block `first`.
fn code_loaded(falcon: &Falcon, code: &[u8], first: usize) -> Result<(), String> {
    if !falcon.imem.starts_with(code) {
        let at = falcon.imem.iter().zip(code).position(|(a, b)| a != b).unwrap_or(0);
        return Err(format!("IMEM differs from the ucode at {at:#x}"));
    }
    let blocks = code.len().div_ceil(BLOCK);
    match falcon.tags[..blocks]
        .iter()
        .enumerate()
        .find(|(i, tag)| tag.block != Some((first + i) as u32) || !tag.secure)
    {
        Some((i, tag)) => Err(format!(
            "IMEM block {i} was loaded as {tag:?} instead of secure block {:#x}",
            first + i
        )),
        None => Ok(()),
    }
}

/// Whether boot ROM parameters and boot vector are right.
fn parameters(falcon: &Falcon, brom: Brom, bootvec: u32) -> Result<(), String> {
    if falcon.brom != brom {
        return Err(format!("boot ROM parameters are {:?} instead of {brom:?}", falcon.brom));
    }
    if falcon.bootvec != bootvec || falcon.code_at(bootvec).is_none() {
        return Err(format!("boot vector {:#x} instead of {bootvec:#x}", falcon.bootvec));
    }
    Ok(())
}

/// Whether SEC2 holds `ucode` with the signature for `fuse`.
fn sec2_loaded(sec2: &Falcon, ucode: &HsUcode, fuse: u32) -> Result<(), String> {
    let (at, len) = ucode.code;
    code_loaded(sec2, &ucode.data[at..at + len], at / BLOCK)?;
    let brom = Brom {
        algorithm: 1,
        ucode_id: ucode.ucode_id,
        engine_id_mask: ucode.engine_id,
        signature_at: ucode.signature_at() as u32,
    };
    parameters(sec2, brom, at as u32)?;
    let signature = ucode
        .signature(fuse)
        .ok_or_else(|| format!("the file has no signature for fuse version {fuse}"))?;
    let place = ucode.signature_at()..ucode.signature_at() + signature.len();
    let (at, len) = ucode.os_data;
    let mut data = ucode.data[at..at + len].to_vec();
    data[place.clone()].copy_from_slice(signature);
    if sec2.dmem.starts_with(&data) {
        return Ok(());
    }
    if sec2.dmem[place.clone()] != data[place] {
        return Err(format!("the signature in DMEM is not that of fuse version {fuse}"));
    }
    let at = sec2.dmem.iter().zip(&data).position(|(a, b)| a != b).unwrap_or(0);
    Err(format!("DMEM differs from the ucode at {at:#x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_set_alone() {
        let mut word = 0xaaaa_bbbb;
        put_half(&mut word, 16, 0x1_1234);
        assert_eq!(word, 0x1234_bbbb);
        put_half(&mut word, 0, 0);
        assert_eq!(word, 0x1234_0000);
    }
}
