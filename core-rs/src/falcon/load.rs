// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Loading firmware into a falcon.

use super::{regs, Falcon, SOON_US};
use crate::error::{Error, Kind, Result};
use crate::mem::{Dma, GSP_PAGE_SIZE};
use crate::platform::{DmaKind, Platform};
use crate::time::{poll, S};

/// Unit of a falcon's memories and of a DMA transfer.
const BLOCK: u32 = 256;
/// Longest a transfer of one block may take (nova-core falcon.rs, `dma_wr`).
const TRANSFER_TIMEOUT_US: u64 = 2 * S;

/// A part of a firmware image and where it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// First byte in the image.
    pub src: u32,
    /// First byte in the falcon's memory.
    pub dst: u32,
    /// Bytes.
    pub len: u32,
}

/// What the boot ROM must know to check a firmware's signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Brom {
    /// Where in DMEM the signature is.
    pub pkc_data_offset: u32,
    /// Engines that may run the firmware.
    pub engine_id_mask: u16,
    /// Id of the firmware, which selects its fuses.
    pub ucode_id: u8,
}

/// A firmware that is ready to be loaded: signed image and geometry.
#[derive(Clone, Copy, Debug)]
pub struct Ucode<'a> {
    /// The image, with the signature in its place.
    pub image: &'a [u8],
    /// Code that the signature covers.
    pub imem_sec: Section,
    /// Code in front of it that is not covered (Turing, GA100).
    pub imem_ns: Option<Section>,
    /// Data.
    pub dmem: Section,
    /// For the boot ROM.
    pub brom: Brom,
    /// Where execution begins.
    pub boot_addr: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Memory {
    ImemSecure,
    ImemPlain,
    Dmem,
}

impl<P: Platform> Falcon<P> {
    /// Loads `ucode` and readies the falcon to run it; [`Falcon::reset`] comes before, [`Falcon::run`] behind.
    ///
    /// # Errors
    ///
    /// [`Kind::UcodeGeometry`] when a section is not inside the image or not aligned to the falcon's blocks;
    /// [`Kind::FalconLoad`] when a transfer does not end; [`Kind::NoMemory`].
    pub fn load(&self, ucode: &Ucode<'_>) -> Result<()> {
        self.reset_dma()?;
        if self.hal.dma {
            self.load_by_dma(ucode)?;
        } else {
            if let Some(section) = ucode.imem_ns {
                self.load_by_cpu(ucode.image, Memory::ImemPlain, section)?;
            }
            self.load_by_cpu(ucode.image, Memory::ImemSecure, ucode.imem_sec)?;
            self.load_by_cpu(ucode.image, Memory::Dmem, ucode.dmem)?;
        }
        if self.hal.brom {
            self.write2(regs::BROM_PARAADDR0, ucode.brom.pkc_data_offset)?;
            self.write2(regs::BROM_ENGIDMASK, ucode.brom.engine_id_mask.into())?;
            self.write2(regs::BROM_CURR_UCODE_ID, ucode.brom.ucode_id.into())?;
            self.write2(regs::MOD_SEL, regs::MOD_SEL_RSA3K)?;
        }
        self.write(regs::BOOTVEC, ucode.boot_addr)
    }

    fn load_by_dma(&self, ucode: &Ucode<'_>) -> Result<()> {
        // The last block may reach behind the image; whole pages of zeroed memory hold it.
        let pages = (ucode.image.len() as u64)
            .checked_add(GSP_PAGE_SIZE - 1)
            .map_or(0, |n| n / GSP_PAGE_SIZE);
        let dma = Dma::new(&self.platform, pages.wrapping_mul(GSP_PAGE_SIZE), DmaKind::Contiguous)?;
        dma.write(0, ucode.image)?;
        dma.sync_for_device(0, dma.len())?;
        self.update(
            regs::FBIF_TRANSCFG0,
            regs::FBIF_TRANSCFG_MASK,
            regs::FBIF_TRANSCFG_PHYSICAL_COHERENT,
        )?;
        self.transfer(&dma, Memory::ImemSecure, ucode.imem_sec)?;
        self.transfer(&dma, Memory::Dmem, ucode.dmem)
    }

    fn transfer(&self, dma: &Dma<P>, memory: Memory, section: Section) -> Result<()> {
        let bad = |found: u32| Error::found(Kind::UcodeGeometry, found.into());
        if section.src % BLOCK != 0 {
            return Err(bad(section.src));
        }
        if section.dst % BLOCK != 0 {
            return Err(bad(section.dst));
        }
        let len = section.len.checked_add(BLOCK - 1).ok_or_else(|| bad(section.len))? / BLOCK * BLOCK;
        let end = section.src.checked_add(len).ok_or_else(|| bad(section.len))?;
        // The register for the place in the falcon's memory has 24 bits.
        let dst_end = section.dst.checked_add(len).ok_or_else(|| bad(section.dst))?;
        if u64::from(end) > dma.len() || dst_end > 1 << 24 {
            return Err(bad(end));
        }
        // Of code the offset becomes its virtual address (the tag), so it is counted from the image's start; of data it does
        // not, and is part of the base address.
        let (base, first, kind) = match memory {
            Memory::Dmem => (dma.addr().wrapping_add(section.src.into()), 0, 0),
            _ => (dma.addr(), section.src, regs::DMATRFCMD_IMEM | regs::DMATRFCMD_SEC),
        };
        self.write(regs::DMATRFBASE, (base >> 8) as u32)?;
        self.write(regs::DMATRFBASE1, (base >> 40) as u32)?;
        let mut done = 0u32;
        while done < len {
            self.write(regs::DMATRFMOFFS, section.dst.wrapping_add(done))?;
            self.write(regs::DMATRFFBOFFS, first.wrapping_add(done))?;
            self.write(regs::DMATRFCMD, regs::DMATRFCMD_SIZE_256B | kind)?;
            poll(&self.platform, TRANSFER_TIMEOUT_US, SOON_US, Kind::FalconLoad, || {
                Ok(self.read(regs::DMATRFCMD)? & regs::DMATRFCMD_IDLE != 0)
            })?;
            done = done.wrapping_add(BLOCK);
        }
        Ok(())
    }

    fn load_by_cpu(&self, image: &[u8], memory: Memory, section: Section) -> Result<()> {
        let bad = || Error::found(Kind::UcodeGeometry, section.src.into());
        let end = section.src.checked_add(section.len).ok_or_else(bad)?;
        let bytes = image.get(section.src as usize..end as usize).ok_or_else(bad)?;
        if bytes.len() % 4 != 0 || section.dst > 0xffff {
            return Err(bad());
        }
        let (control, data) = match memory {
            Memory::ImemSecure => (section.dst | regs::IMEMC_AINCW | regs::IMEMC_SECURE, regs::IMEMD),
            Memory::ImemPlain => (section.dst | regs::IMEMC_AINCW, regs::IMEMD),
            Memory::Dmem => (section.dst | regs::DMEMC_AINCW, regs::DMEMD),
        };
        self.write(
            if memory == Memory::Dmem {
                regs::DMEMC
            } else {
                regs::IMEMC
            },
            control,
        )?;
        let mut tag = section.dst / BLOCK;
        for block in bytes.chunks(BLOCK as usize) {
            if memory != Memory::Dmem {
                self.write(regs::IMEMT, tag)?;
            }
            for word in block.chunks(4) {
                let mut value = 0;
                for byte in word.iter().rev() {
                    value = value << 8 | u32::from(*byte);
                }
                self.write(data, value)?;
            }
            tag = tag.wrapping_add(1);
        }
        Ok(())
    }
}
