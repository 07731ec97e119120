// SPDX-License-Identifier: MIT
//! Walking the three-level page table over the firmware image, and hashing what it leads to.
//!
//! Source: OpenRM 570.144 `kernel_gsp.c` (`kgspCreateRadix3`), nouveau `nvkm_gsp_radix3_sg` (Linux 7.3).

use crate::{board::Board, bytes::get_u64, files::Hash, violation::Rule};
use sha2::{Digest, Sha256};

const PAGE: u64 = 4096;
const ENTRIES: u64 = PAGE / 8;
/// Pages that lie one behind the other are read together, up to this many bytes.
const RUN: u64 = 1 << 20;

/// Hashes the `len` bytes under the table at `root`; `None`, with a violation, when it does not hold together.
pub(crate) fn hash(board: &mut Board, root: u64, len: u64) -> Option<Hash> {
    let pages = len.div_ceil(PAGE);
    let leaves = pages.div_ceil(ENTRIES);
    if !board.check(len != 0 && leaves <= ENTRIES, Rule::Radix3, || {
        format!("an image of {len:#x} bytes")
    }) {
        return None;
    }
    let level1 = entries(board, root, 1, "level 0")?;
    let level2 = entries(board, level1[0], leaves, "level 1")?;
    let mut data = Vec::with_capacity(pages as usize);
    for (i, table) in level2.into_iter().enumerate() {
        let rest = pages - i as u64 * ENTRIES;
        data.extend(entries(board, table, rest.min(ENTRIES), "level 2")?);
    }
    let mut hasher = Sha256::new();
    let mut left = len;
    let mut at = 0;
    while at < data.len() {
        let start = data[at];
        let mut run = 0;
        while at < data.len() && data[at] == start + run && run < RUN {
            run += PAGE;
            at += 1;
        }
        let take = run.min(left);
        hasher.update(board.fetch(start, take as usize, "the firmware image")?);
        left -= take;
    }
    Some(hasher.finalize().into())
}

/// The first `count` entries of the page at `table`, all of them page addresses.
fn entries(board: &mut Board, table: u64, count: u64, level: &str) -> Option<Vec<u64>> {
    if !board.check(table % PAGE == 0, Rule::Radix3, || format!("{level} is at {table:#x}")) {
        return None;
    }
    let page = board.fetch(table, PAGE as usize, level)?;
    let found: Vec<u64> = (0..count as usize).map(|i| get_u64(&page, 8 * i)).collect();
    let bad = found.iter().position(|a| *a == 0 || a % PAGE != 0);
    let fine = board.check(bad.is_none(), Rule::Radix3, || {
        let i = bad.unwrap_or(0);
        format!("{level} entry {i} is {:#x}", found[i])
    });
    fine.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{board, Memory};

    /// Builds a table over `data` at `base` with the image's pages in reverse order.
    fn table(memory: &Memory, base: u64, data: &[u8]) -> u64 {
        let pages = data.chunks(4096).count() as u64;
        let leaves = pages.div_ceil(512);
        let image = base + (2 + leaves) * PAGE;
        memory.put_u64(base, base + PAGE);
        for leaf in 0..leaves {
            memory.put_u64(base + PAGE + 8 * leaf, base + (2 + leaf) * PAGE);
        }
        for (i, chunk) in data.chunks(4096).enumerate() {
            let at = image + (pages - 1 - i as u64) * PAGE;
            memory.put_u64(base + 2 * PAGE + 8 * i as u64, at);
            memory.put(at, chunk);
        }
        base
    }

    #[test]
    fn scattered_pages_hash_as_one() {
        let memory = Memory::new(16 << 20);
        let mut board = board(&memory);
        for len in [1, 4096, 4097, 512 * 4096, 512 * 4096 + 1, 600 * 4096 - 3] {
            let data = crate::bytes::pattern(len as u64, len);
            let root = table(&memory, 0x10000, &data);
            assert_eq!(
                hash(&mut board, root, len as u64),
                Some(Sha256::digest(&data).into()),
                "{len}"
            );
        }
        assert!(board.violations.is_empty());
    }

    #[test]
    fn a_table_that_misses_its_last_page_is_seen() {
        let memory = Memory::new(16 << 20);
        let mut board = board(&memory);
        let data = vec![7; 512 * 4096];
        let root = table(&memory, 0x10000, &data);
        // One page more than the table was made for.
        assert_eq!(hash(&mut board, root, 513 * 4096), None);
        assert_eq!(board.violations[0].rule, Rule::Radix3);
        assert_eq!(hash(&mut board, root + 8, 4096), None);
        assert_eq!(hash(&mut board, root, 1 << 40), None);
    }

    #[test]
    fn real_images_hash_as_their_files() {
        let Some(dir) = std::env::var_os("NOVABRIDGE_FIRMWARE") else {
            eprintln!("skipped: NOVABRIDGE_FIRMWARE names no firmware directory");
            return;
        };
        for release in ["535.113.01", "570.144"] {
            let path = crate::files::path(dir.as_ref(), "gsp", release);
            let expected = crate::files::GspImage::load(&path).unwrap();
            // .fwimage is the first section and starts behind the ELF header.
            let file = std::fs::read(&path).unwrap();
            let data = &file[0x40..0x40 + expected.len as usize];
            let memory = Memory::new(80 << 20);
            let root = table(&memory, 0x10000, data);
            assert_eq!(
                hash(&mut board(&memory), root, expected.len),
                Some(expected.hash),
                "{release}"
            );
        }
    }
}
