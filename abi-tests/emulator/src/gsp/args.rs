// SPDX-License-Identifier: MIT
//! The arguments the firmware starts with: LibOS regions, log buffers, RM arguments.
//!
//! Sources: OpenRM `libos_init_args.h`, `gsp_init_args.h`; nouveau `rm/r535/gsp.c` (`r535_gsp_libos_init`,
//! `r535_gsp_rmargs_init`) and `rm/r570/gsp.c`; nova-core `gsp.rs` (Linux 7.3).

use super::{require, Queues};
use crate::{
    board::Board,
    bytes::{get_u64, put_u64},
    layout::Release,
    violation::Rule,
};

const PAGE: u64 = 4096;
const LOG_LEN: u64 = 64 << 10;
const LOGS: [&str; 3] = ["LOGINIT", "LOGINTR", "LOGRM"];

/// Reads the argument page at `address` and everything it leads to. `None`, with violations, when the firmware cannot
/// start with it.
pub(super) fn read(board: &mut Board, release: &Release, address: u64) -> Option<Queues> {
    let rule = Rule::LibosArgs;
    require(board, rule, address != 0 && address % PAGE == 0, || {
        format!("the mailboxes say the LibOS arguments are at {address:#x}")
    })?;
    let page = board.fetch(address, PAGE as usize, "LibOS arguments")?;
    let size = release.size("LibosMemoryRegionInitArgument");
    let mut rmargs = None;
    let mut logs = 0;
    for entry in page.chunks(size) {
        let region = release.view("LibosMemoryRegionInitArgument", entry);
        let name = name(region.get("id8"));
        if name.is_empty() {
            break;
        }
        let (pa, len) = (region.get("pa"), region.get("size"));
        let (kind, location) = (region.get("kind"), region.get("loc"));
        require(board, rule, (kind, location) == (1, 1), || {
            format!("{name} has kind {kind} and location {location} instead of contiguous system memory")
        })?;
        require(board, rule, pa != 0 && pa % PAGE == 0, || {
            format!("{name} is at {pa:#x}")
        })?;
        if LOGS.contains(&name.as_str()) {
            require(board, rule, len == LOG_LEN, || format!("{name} has {len:#x} bytes"))?;
            log_buffer(board, &name, pa, len, release)?;
            logs += 1;
        } else if name == "RMARGS" {
            require(board, rule, len == PAGE, || format!("RMARGS has {len:#x} bytes"))?;
            rmargs = Some(pa);
        } else {
            require(board, rule, false, || format!("unknown region {name}"))?;
        }
    }
    require(board, rule, logs == LOGS.len(), || {
        format!("{logs} log buffers instead of 3")
    })?;
    require(board, rule, rmargs.is_some(), || "no RMARGS".to_owned())?;
    rm_arguments(board, release, rmargs?)
}

/// A region's name: its ASCII bytes packed big-endian into a number.
fn name(id8: u64) -> String {
    id8.to_be_bytes()
        .iter()
        .filter(|b| **b != 0)
        .map(|b| char::from(*b))
        .collect()
}

/// Checks a log buffer's page addresses, then starts logging into it.
fn log_buffer(board: &mut Board, name: &str, pa: u64, len: u64, release: &Release) -> Option<()> {
    let buffer = board.fetch(pa, len as usize, name)?;
    let put = get_u64(&buffer, 0);
    require(board, Rule::LogBuffer, put == 0, || {
        format!("{name} starts with put pointer {put:#x}")
    })?;
    for page in 0..len / PAGE {
        let entry = get_u64(&buffer, 8 + 8 * page as usize);
        require(board, Rule::LogBuffer, entry == pa + page * PAGE, || {
            format!("{name} page {page} is {entry:#x} instead of {:#x}", pa + page * PAGE)
        })?;
    }
    // The log overwrites the page addresses: words from 1 on, their number at 0.
    let text = format!("{name} of GSP-RM {} ", release.release);
    let mut words = vec![0; 8 + text.len().div_ceil(8) * 8];
    words[8..8 + text.len()].copy_from_slice(text.as_bytes());
    let count = words.len() as u64 / 8 - 1;
    put_u64(&mut words, 0, count);
    let written = board.dma_write(0, pa, &words);
    require(board, Rule::DmaFault, written, || format!("{name} cannot be written"))
}

fn rm_arguments(board: &mut Board, release: &Release, pa: u64) -> Option<Queues> {
    let rule = Rule::RmArgs;
    let bytes = board.fetch(pa, release.size("GSP_ARGUMENTS_CACHED"), "RM arguments")?;
    let args = release.view("GSP_ARGUMENTS_CACHED", &bytes);
    for (field, expected) in [
        ("srInitArguments.oldLevel", 0),
        ("srInitArguments.flags", 0),
        ("srInitArguments.bInPMTransition", 0),
        ("gpuInstance", 0),
        ("profilerArgs.pa", 0),
        ("profilerArgs.size", 0),
    ] {
        let found = args.get(field);
        require(board, rule, found == expected, || format!("{field} is {found:#x}"))?;
    }
    // New in 570: the stack is in DMEM, which both known drivers ask for.
    if let Some(stack) = args.opt("bDmemStack") {
        require(board, rule, stack == 1, || format!("bDmemStack is {stack}"))?;
    }
    Queues::open(
        board,
        release,
        args.get("messageQueueInitArguments.sharedMemPhysAddr"),
        args.get("messageQueueInitArguments.pageTableEntryCount"),
        args.get("messageQueueInitArguments.cmdQueueOffset"),
        args.get("messageQueueInitArguments.statQueueOffset"),
    )
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_are_packed_big_endian() {
        assert_eq!(name(0x4c_4f47_494e_4954), "LOGINIT");
        assert_eq!(name(0), "");
    }
}
