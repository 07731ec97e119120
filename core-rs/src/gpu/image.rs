// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The firmware in memory that the booter reads.

use crate::error::Result;
use crate::fb::wpr_meta::{self, Sources};
use crate::fb::Layout;
use crate::firmware::bootloader::Bootloader;
use crate::firmware::gsp::GspImage;
use crate::mem::{Block, Dma, GSP_PAGE_SIZE};
use crate::platform::{DmaKind, Platform};
use crate::radix3::Radix3;

/// Image, signature, bootloader, and the metadata that leads to them. The booter copies all of it into WPR2, so it can go when the
/// firmware runs.
pub(super) struct Image<P: Platform> {
    meta: Dma<P>,
    _radix3: Radix3<P>,
    _signature: Dma<P>,
    _bootloader: Dma<P>,
}

impl<P: Platform> Image<P> {
    /// Copies `image` and `bootloader` to where the device can read them.
    ///
    /// # Errors
    ///
    /// Those of the platform.
    pub(super) fn new(
        platform: &P,
        image: &GspImage<'_>,
        bootloader: &Bootloader<'_>,
        layout: &Layout,
    ) -> Result<Self> {
        let radix3 = Radix3::new(platform, image.image)?;
        let signature = filled(platform, image.signature)?;
        let boot = filled(platform, bootloader.image)?;
        let mut bytes = Block::new(platform, image.release.wpr_meta.size)?;
        let sources = Sources {
            radix3: radix3.addr()?,
            bootloader: boot.addr(),
            signature: signature.addr(),
            signature_size: image.signature.len() as u64,
        };
        wpr_meta::write(bytes.bytes_mut(), image.release, layout, bootloader, &sources)?;
        Ok(Image {
            meta: filled(platform, bytes.bytes())?,
            _radix3: radix3,
            _signature: signature,
            _bootloader: boot,
        })
    }

    /// Device address of the metadata.
    pub(super) fn meta_addr(&self) -> u64 {
        self.meta.addr()
    }
}

/// Contiguous memory that begins with `bytes`.
fn filled<P: Platform>(platform: &P, bytes: &[u8]) -> Result<Dma<P>> {
    let pages = (bytes.len() as u64).saturating_add(GSP_PAGE_SIZE - 1) / GSP_PAGE_SIZE;
    let dma = Dma::new(platform, pages.saturating_mul(GSP_PAGE_SIZE), DmaKind::Contiguous)?;
    dma.write(0, bytes)?;
    dma.sync_for_device(0, dma.len())?;
    Ok(dma)
}
