// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The page that flushes the GPU's writes to system memory.
//!
//! A falcon's reset handshake writes to this page and waits until it got there; without the page the reset hangs. So it is the
//! first thing set up and the last given back. Source: nova-core fb.rs (`SysmemFlush`), fb/hal/ga100.rs.

use crate::error::Result;
use crate::mem::{Dma, GSP_PAGE_SIZE};
use crate::platform::{DmaKind, Platform};

/// Address bits 39:8 (`NV_PFB_NISO_FLUSH_SYSMEM_ADDR`).
const ADDR: u32 = 0x0010_0c10;
/// Address bits 63:40 (`NV_PFB_NISO_FLUSH_SYSMEM_ADDR_HI`, GA100 and later).
const ADDR_HI: u32 = 0x0010_0c40;

/// The page, known to the GPU until dropped.
pub struct FlushPage<P: Platform> {
    page: Dma<P>,
    platform: P,
}

impl<P: Platform> FlushPage<P> {
    /// Allocates the page and tells the GPU.
    ///
    /// # Errors
    ///
    /// What the platform fails with.
    pub fn new(platform: &P) -> Result<Self> {
        let page = Dma::new(platform, GSP_PAGE_SIZE, DmaKind::Contiguous)?;
        let flush = FlushPage {
            page,
            platform: platform.clone(),
        };
        flush.set(flush.page.addr())?;
        Ok(flush)
    }

    fn set(&self, addr: u64) -> Result<()> {
        self.platform.write32(ADDR_HI, (addr >> 40) as u32)?;
        self.platform.write32(ADDR, (addr >> 8) as u32)
    }
}

impl<P: Platform> Drop for FlushPage<P> {
    fn drop(&mut self) {
        // A device that no longer takes writes no longer makes any.
        let _ = self.set(0);
    }
}
