// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The firmware image in system memory, as the booter reads it: through a three-level table of 4 KiB pages.
//!
//! Every table is a page of 512 device addresses: level 0 has one entry, level 1 names the pages of level 2, level 2 names the
//! pages of the image. Source: OpenRM kgspCreateRadix3(), nouveau `gsp/rm/r535/gsp.c` nvkm_gsp_radix3_sg().

use crate::error::{Error, Kind, Result};
use crate::mem::{Dma, GSP_PAGE_SIZE};
use crate::platform::{DmaKind, Platform};

/// Entries of one table page.
const ENTRIES: u64 = GSP_PAGE_SIZE / ENTRY_SIZE;
const ENTRY_SIZE: u64 = 8;
/// Page of the tables' memory where each level starts.
const LEVEL0: u64 = 0;
const LEVEL1: u64 = 1;
const LEVEL2: u64 = 2;

/// How many pages an image takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// Pages of the image.
    pub image: u64,
    /// Pages of level 2. Rounded up: an image of whole table pages and a bit more needs one more of them.
    pub level2: u64,
}

impl Levels {
    /// Counts the pages of an image of `len` bytes.
    ///
    /// # Errors
    /// [`Kind::FwImageEmpty`]; [`Kind::ImageTooLarge`] above 1 GiB, which is all that three levels reach.
    pub fn new(len: u64) -> Result<Self> {
        let image = pages::<GSP_PAGE_SIZE>(len);
        let level2 = pages::<ENTRIES>(image);
        if len == 0 {
            return Err(Kind::FwImageEmpty.into());
        }
        if level2 > ENTRIES {
            return Err(Error::mismatch(
                Kind::ImageTooLarge,
                ENTRIES * ENTRIES * GSP_PAGE_SIZE,
                len,
            ));
        }
        Ok(Levels { image, level2 })
    }
}

/// `len` in units of `SIZE`, rounded up.
fn pages<const SIZE: u64>(len: u64) -> u64 {
    (len / SIZE).saturating_add(u64::from(len % SIZE != 0))
}

/// An image in memory the device can read, and its tables.
pub struct Radix3<P: Platform> {
    tables: Dma<P>,
    // Named by the tables: has to live as long.
    _image: Dma<P>,
}

impl<P: Platform> Radix3<P> {
    /// Copies `image` and builds its tables.
    ///
    /// # Errors
    /// As [`Levels::new`]; those of the platform.
    pub fn new(platform: &P, image: &[u8]) -> Result<Self> {
        let levels = Levels::new(image.len() as u64)?;
        let memory = Dma::new(platform, levels.image.saturating_mul(GSP_PAGE_SIZE), DmaKind::Scattered)?;
        memory.write(0, image)?;
        memory.sync_for_device(0, memory.len())?;

        let table_pages = LEVEL2.saturating_add(levels.level2);
        let tables = Dma::new(platform, table_pages.saturating_mul(GSP_PAGE_SIZE), DmaKind::Scattered)?;
        fill(&tables, LEVEL0, 1, |_| tables.page_addr(LEVEL1))?;
        fill(&tables, LEVEL1, levels.level2, |index| {
            tables.page_addr(LEVEL2.saturating_add(index))
        })?;
        fill(&tables, LEVEL2, levels.image, |index| memory.page_addr(index))?;
        tables.sync_for_device(0, tables.len())?;
        Ok(Radix3 { tables, _image: memory })
    }

    /// Device address of level 0.
    ///
    /// # Errors
    /// Those of the platform.
    pub fn addr(&self) -> Result<u64> {
        self.tables.page_addr(LEVEL0)
    }
}

/// Writes `count` entries from page `page` on. Level 2 is one array over several pages.
fn fill<P: Platform>(tables: &Dma<P>, page: u64, count: u64, addr: impl Fn(u64) -> Result<u64>) -> Result<()> {
    let start = page.saturating_mul(GSP_PAGE_SIZE);
    for index in 0..count {
        tables.write_u64(start.saturating_add(index.saturating_mul(ENTRY_SIZE)), addr(index)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Machine, Outstanding};
    use proptest::prelude::*;

    const PAGE: usize = 4096;

    #[test]
    fn worked_levels() {
        let levels = |len| Levels::new(len).unwrap();
        assert_eq!(
            levels(0x16a3350),
            Levels {
                image: 5796,
                level2: 12
            }
        );
        assert_eq!(
            levels(0x1b34ea0),
            Levels {
                image: 6965,
                level2: 14
            }
        );
        assert_eq!(
            levels(0x3c99000),
            Levels {
                image: 15513,
                level2: 31
            }
        );
    }

    #[test]
    fn level2_is_rounded_up() {
        let levels = |len| Levels::new(len).unwrap();
        assert_eq!(levels(512 * 4096), Levels { image: 512, level2: 1 });
        assert_eq!(levels(512 * 4096 + 1), Levels { image: 513, level2: 2 });
        assert_eq!(levels(1), Levels { image: 1, level2: 1 });
        assert_eq!(
            levels(1 << 30),
            Levels {
                image: 512 * 512,
                level2: 512
            }
        );
    }

    #[test]
    fn only_one_gib_is_reached() {
        assert_eq!(Levels::new(0), Err(Kind::FwImageEmpty.into()));
        for len in [(1 << 30) + 1, u64::MAX] {
            assert_eq!(
                Levels::new(len),
                Err(Error::mismatch(Kind::ImageTooLarge, 1 << 30, len))
            );
        }
    }

    /// Reads `len` bytes through the tables, as the booter does.
    fn walk(machine: &Machine, level0: u64, len: usize) -> Option<Vec<u8>> {
        let entry = |table: u64, index: usize| {
            let bytes = machine.device_read(table + index as u64 * 8, 8)?;
            Some(u64::from_le_bytes(bytes.try_into().ok()?))
        };
        let level1 = entry(level0, 0)?;
        let mut image = Vec::new();
        for page in 0..(len + PAGE - 1) / PAGE {
            let level2 = entry(level1, page / 512)?;
            image.extend(machine.device_read(entry(level2, page % 512)?, PAGE)?);
        }
        assert!(image[len..].iter().all(|b| *b == 0), "the rest of the last page");
        image.truncate(len);
        Some(image)
    }

    fn check(len: usize) {
        let image: Vec<u8> = (0..len).map(|i| (i ^ (i >> 8) ^ (i >> 16)) as u8 | 1).collect();
        let machine = Machine::new();
        let radix3 = Radix3::new(&machine, &image).unwrap();
        assert!(
            walk(&machine, radix3.addr().unwrap(), len).unwrap() == image,
            "{len:#x} bytes"
        );
    }

    #[test]
    fn whole_table_pages_and_a_fraction_are_reachable() {
        for table_pages in [1, 2] {
            for fraction in [0, 1, PAGE - 1, PAGE, PAGE + 1] {
                check(table_pages * 512 * PAGE + fraction);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_image_is_reachable(len in 1..3_000_000usize) {
            check(len);
        }
    }

    #[test]
    fn a_failure_at_any_point_leaves_nothing() {
        let machine = Machine::new();
        let before = machine.requests();
        drop(Radix3::new(&machine, &[1; 3 * PAGE]).unwrap());
        for n in 1..=machine.requests() - before {
            machine.fail_request(n);
            assert!(Radix3::new(&machine, &[1; 3 * PAGE]).is_err(), "request {n}");
            assert_eq!(machine.outstanding(), Outstanding::default());
        }
        machine.fail_request(0);
        assert!(Radix3::new(&machine, &[1; 3 * PAGE]).is_ok());
    }
}
