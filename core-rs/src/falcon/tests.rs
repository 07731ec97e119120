// SPDX-License-Identifier: GPL-2.0-only OR MIT
use super::*;
use crate::chip::AD102;
use crate::error::Error;
use crate::testing::Machine;

const BASE: u32 = AD102.sec2.falcon;
const BASE2: u32 = AD102.sec2.falcon2;

/// A falcon whose transfers are done at once and whose memories are scrubbed.
fn falcon(hal: &'static FalconHal) -> (Machine, Falcon<Machine>) {
    let machine = Machine::new();
    machine.set(regs::PMC_BOOT_0, 0x1920_00a1);
    machine.on_read(BASE + regs::DMATRFCMD, || regs::DMATRFCMD_IDLE);
    let falcon = Falcon::new(&machine, AD102.sec2, hal);
    (machine, falcon)
}

fn ucode(image: &[u8]) -> Ucode<'_> {
    Ucode {
        image,
        imem_sec: Section {
            src: 0x100,
            dst: 0,
            len: 0x1f0,
        },
        imem_ns: None,
        dmem: Section {
            src: 0x300,
            dst: 0,
            len: 0x100,
        },
        brom: Brom {
            pkc_data_offset: 0x10,
            engine_id_mask: 1,
            ucode_id: 3,
        },
        boot_addr: 0x100,
    }
}

/// Writes to `register`, relative to `base`.
fn writes(machine: &Machine, base: u32, register: u32) -> Vec<u32> {
    let at = base + register;
    machine
        .writes()
        .into_iter()
        .filter(|(reg, _)| *reg == at)
        .map(|(_, value)| value)
        .collect()
}

#[test]
fn dma_moves_whole_blocks_of_code_and_data() {
    let (machine, falcon) = falcon(&FalconHal::GA102);
    falcon.load(&ucode(&[0x5a; 0x400])).unwrap();
    // Two blocks of code, the second one in part beyond the section, then one of data.
    assert_eq!(writes(&machine, BASE, regs::DMATRFMOFFS), [0, 0x100, 0]);
    // Code carries its offset as its virtual address, data does not.
    assert_eq!(writes(&machine, BASE, regs::DMATRFFBOFFS), [0x100, 0x200, 0]);
    assert_eq!(writes(&machine, BASE, regs::DMATRFCMD), [0x614, 0x614, 0x600]);
    let bases = writes(&machine, BASE, regs::DMATRFBASE);
    assert_eq!(bases[1], bases[0] + 3);
    assert_eq!(writes(&machine, BASE, regs::BOOTVEC), [0x100]);
    for (register, value) in [
        (regs::BROM_PARAADDR0, 0x10),
        (regs::BROM_ENGIDMASK, 1),
        (regs::BROM_CURR_UCODE_ID, 3),
        (regs::MOD_SEL, 1),
    ] {
        assert_eq!(writes(&machine, BASE2, register), [value]);
    }
    assert_eq!(machine.outstanding(), Default::default());
}

#[test]
fn sections_must_fit_image_and_blocks() {
    let (_, falcon) = falcon(&FalconHal::GA102);
    let image = [0; 0x400];
    // The image's memory is whole pages long; a section beyond it cannot be loaded.
    for section in [
        Section {
            src: 0x180,
            dst: 0,
            len: 0x10,
        },
        Section {
            src: 0,
            dst: 0x20,
            len: 0x10,
        },
        Section {
            src: 0xf00,
            dst: 0,
            len: 0x101,
        },
        Section {
            src: 0x100,
            dst: 0,
            len: u32::MAX,
        },
        Section {
            src: 0xffff_ff00,
            dst: 0,
            len: 0x200,
        },
        Section {
            src: 0,
            dst: 0xff_ff00,
            len: 0x101,
        },
    ] {
        let mut bad = ucode(&image);
        bad.dmem = section;
        assert_eq!(
            falcon.load(&bad).unwrap_err().kind(),
            Kind::UcodeGeometry,
            "{section:x?}"
        );
        let (_, pio) = self::falcon(&FalconHal::TU102);
        if section.len > 0x400 || section.src > 0x400 {
            assert_eq!(pio.load(&bad).unwrap_err().kind(), Kind::UcodeGeometry, "{section:x?}");
        }
    }
}

#[test]
fn the_cpu_writes_words_and_tags() {
    let (machine, falcon) = falcon(&FalconHal::TU102);
    let image: Vec<u8> = (0..0x400u32).map(|i| i as u8).collect();
    falcon.load(&ucode(&image)).unwrap();
    assert_eq!(
        writes(&machine, BASE, regs::IMEMC),
        [regs::IMEMC_AINCW | regs::IMEMC_SECURE]
    );
    assert_eq!(writes(&machine, BASE, regs::IMEMT), [0, 1]);
    let code = writes(&machine, BASE, regs::IMEMD);
    assert_eq!((code.len(), code[0], code[64]), (0x1f0 / 4, 0x0302_0100, 0x0302_0100));
    assert_eq!(writes(&machine, BASE, regs::DMEMD).len(), 0x100 / 4);
    // Turing has no boot ROM to tell.
    assert!(writes(&machine, BASE2, regs::MOD_SEL).is_empty());
}

#[test]
fn a_transfer_that_does_not_end_is_given_up() {
    let (machine, falcon) = falcon(&FalconHal::GA102);
    machine.on_read(BASE + regs::DMATRFCMD, || 0);
    assert_eq!(falcon.load(&ucode(&[0; 0x400])), Err(Error::new(Kind::FalconLoad)));
    assert_eq!(machine.outstanding(), Default::default());
}

#[test]
fn reset_takes_the_engine_from_the_riscv_core() {
    let (machine, falcon) = falcon(&FalconHal::GA102);
    machine.set(
        BASE2 + regs::BCR_CTRL,
        regs::BCR_CTRL_CORE_SELECT_RISCV | regs::BCR_CTRL_VALID,
    );
    machine.on_write(BASE2 + regs::BCR_CTRL, |_| {});
    let after = machine.clone();
    let mut looks = 0;
    machine.on_read(BASE2 + regs::BCR_CTRL, move || {
        looks += 1;
        match looks {
            1 => regs::BCR_CTRL_CORE_SELECT_RISCV | regs::BCR_CTRL_VALID,
            _ => regs::BCR_CTRL_VALID,
        }
    });
    falcon.reset().unwrap();
    assert_eq!(writes(&after, BASE, regs::ENGINE), [1, 0]);
    assert_eq!(writes(&after, BASE2, regs::BCR_CTRL), [0]);
    assert_eq!(writes(&after, BASE, regs::RM), [0x1920_00a1]);
}

#[test]
fn a_falcon_that_never_scrubs_or_halts_is_named() {
    let (machine, falcon) = falcon(&FalconHal::GA102);
    machine.set(BASE + regs::HWCFG2, regs::HWCFG2_MEM_SCRUBBING);
    assert_eq!(falcon.reset(), Err(Error::new(Kind::FalconReset)));
    assert_eq!(falcon.run(0, Some(1)), Err(Error::new(Kind::FalconHalt)));
    assert_eq!(writes(&machine, BASE, regs::MAILBOX1), [1]);
}

#[test]
fn the_alias_starts_where_cpuctl_is_locked() {
    let (machine, falcon) = falcon(&FalconHal::GA102);
    machine.set(BASE + regs::CPUCTL, regs::CPUCTL_ALIAS_EN | regs::CPUCTL_HALTED);
    falcon.run(7, None).unwrap();
    assert_eq!(writes(&machine, BASE, regs::CPUCTL_ALIAS), [regs::CPUCTL_STARTCPU]);
    assert!(writes(&machine, BASE, regs::CPUCTL).is_empty());
    assert!(writes(&machine, BASE, regs::MAILBOX1).is_empty());
}
