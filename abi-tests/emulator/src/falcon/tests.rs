// SPDX-License-Identifier: MIT
//! The falcon by itself.

use super::*;
use crate::testing::{board, Memory};

/// Writes registers in turn; what the last one asked for.
fn write(falcon: &mut Falcon, board: &mut Board, writes: &[(u32, u32)]) -> Option<Request> {
    let mut last = None;
    for (off, value) in writes {
        last = falcon.write(board, *off, *value).expect("a register");
    }
    last
}

fn fresh(falcon: &mut Falcon, board: &mut Board) {
    write(falcon, board, &[(reg::ENGINE, 1), (reg::ENGINE, 0)]);
    assert_ne!(falcon.read(board, reg::HWCFG2).unwrap() & HWCFG2_SCRUBBING, 0);
    assert_eq!(falcon.read(board, reg::HWCFG2).unwrap() & HWCFG2_SCRUBBING, 0);
}

#[test]
fn blocks_are_loaded_by_dma_with_their_tags() {
    let memory = Memory::new(1 << 20);
    let mut board = board(&memory);
    let mut falcon = Falcon::new("test");
    fresh(&mut falcon, &mut board);
    let data = crate::bytes::pattern(1, 512);
    memory.put(0x8000, &data);
    let setup = [(reg::FBIF_CTL, 0x80), (reg::FBIF_TRANSCFG, 5), (reg::DMATRFBASE, 0x7f)];
    write(&mut falcon, &mut board, &setup);
    // Secure code from base 0x7f00: the offset is the tag. 256 bytes, IMEM, secure.
    let code = [
        (reg::DMATRFMOFFS, 0),
        (reg::DMATRFFBOFFS, 0x100),
        (reg::DMATRFCMD, 6 << 8 | 1 << 4 | 1 << 2),
    ];
    write(&mut falcon, &mut board, &code);
    assert_eq!(falcon.imem[..256], data[..256]);
    let tag = Tag {
        block: Some(1),
        secure: true,
    };
    assert_eq!(falcon.tags[0], tag);
    assert_eq!(falcon.code_at(0x100), Some(0));
    let more = [
        (reg::DMATRFMOFFS, 0x200),
        (reg::DMATRFFBOFFS, 0x200),
        (reg::DMATRFCMD, 6 << 8),
    ];
    write(&mut falcon, &mut board, &more);
    assert_eq!(falcon.dmem[0x200..0x300], data[256..]);
    assert_ne!(falcon.read(&board, reg::DMATRFCMD).unwrap() & TRF_IDLE, 0);
    // Secure code does not come back through the port.
    write(&mut falcon, &mut board, &[(reg::IMEMC, 1 << 25)]);
    assert_eq!(falcon.read(&board, reg::IMEMC + 4), Some(0xdead_5ec1));
    assert_eq!(board.violations, []);
}

#[test]
fn transfers_that_cannot_be_are_reported() {
    let memory = Memory::new(4096);
    let mut board = board(&memory);
    let mut falcon = Falcon::new("test");
    fresh(&mut falcon, &mut board);
    let go = 6 << 8 | 1 << 4;
    write(&mut falcon, &mut board, &[(reg::DMATRFCMD, go)]);
    write(
        &mut falcon,
        &mut board,
        &[(reg::FBIF_CTL, 0x80), (reg::FBIF_TRANSCFG, 5)],
    );
    for (moffs, fboffs, cmd) in [
        (0, 0, 5 << 8 | 1 << 4),
        (0x80, 0, go),
        (0x1_0000, 0, go),
        (0, 0x10_0000, go),
    ] {
        let writes = [
            (reg::DMATRFMOFFS, moffs),
            (reg::DMATRFFBOFFS, fboffs),
            (reg::DMATRFCMD, cmd),
        ];
        write(&mut falcon, &mut board, &writes);
    }
    let rules: Vec<_> = board.violations.iter().map(|v| v.rule).collect();
    assert_eq!(
        rules,
        [
            Rule::FalconFbif,
            Rule::FalconDma,
            Rule::FalconDma,
            Rule::FalconDma,
            Rule::FalconDma
        ]
    );
    assert!(falcon.blank);
}

#[test]
fn the_port_counts_up() {
    let memory = Memory::new(4096);
    let mut board = board(&memory);
    let mut falcon = Falcon::new("test");
    fresh(&mut falcon, &mut board);
    write(
        &mut falcon,
        &mut board,
        &[(reg::DMEMC, 1 << 24 | 0x10), (reg::DMEMC + 4, 7), (reg::DMEMC + 4, 8)],
    );
    assert_eq!(falcon.dmem[0x10..0x18], [7, 0, 0, 0, 8, 0, 0, 0]);
    write(&mut falcon, &mut board, &[(reg::DMEMC, 1 << 25 | 0x10)]);
    assert_eq!(falcon.read(&board, reg::DMEMC + 4), Some(7));
    assert_eq!(falcon.read(&board, reg::DMEMC + 4), Some(8));
}

#[test]
fn the_core_is_selected_and_out_of_reset_before_it_starts() {
    let memory = Memory::new(4096);
    let mut board = board(&memory);
    let mut falcon = Falcon::new("test");
    write(&mut falcon, &mut board, &[(reg::ENGINE, 1), (reg::MAILBOX0, 1)]);
    write(&mut falcon, &mut board, &[(reg::ENGINE, 0)]);
    // Not yet scrubbed.
    assert_eq!(
        write(&mut falcon, &mut board, &[(reg::CPUCTL, 2)]),
        Some(Request::Start)
    );
    falcon.start_riscv();
    fresh(&mut falcon, &mut board);
    assert!(!falcon.riscv_active);
    assert_eq!(write(&mut falcon, &mut board, &[(reg::CPUCTL, 2)]), None);
    write(&mut falcon, &mut board, &[(reg::BCR_CTRL, 0)]);
    assert_eq!(falcon.read(&board, reg::BCR_CTRL), Some(BCR_VALID));
    assert_eq!(
        write(&mut falcon, &mut board, &[(reg::CPUCTL, 2)]),
        Some(Request::Start)
    );
    let rules: Vec<_> = board.violations.iter().map(|v| v.rule).collect();
    assert_eq!(
        rules,
        [Rule::FalconInReset, Rule::FalconScrubbing, Rule::FalconCoreSelect]
    );
}

#[test]
fn an_interrupt_pulses_until_it_is_cleared() {
    let memory = Memory::new(4096);
    let mut board = board(&memory);
    let mut falcon = Falcon::new("test");
    assert!(!falcon.raise(IRQ_SWGEN0), "nobody listens");
    falcon.start_riscv();
    assert!(falcon.pending());
    assert!(!falcon.raise(IRQ_SWGEN0));
    write(&mut falcon, &mut board, &[(reg::IRQSCLR, IRQ_SWGEN0)]);
    assert!(falcon.raise(IRQ_SWGEN0));
}
