// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Frame-buffer access through a window of BAR0.
//!
//! Register `NV_PBUS_BAR0_WINDOW` (0x1700) says which part of the frame buffer the 1 MiB at 0x700000 shows, in units of
//! 64 KiB; its target field (bits 25:24) stays 0, video memory. One window, so one user at a time: a lock. The vGPU
//! communication buffers are reached this way, because they are small and need no page tables.
//!
//! Source: OpenRM 570.144, `dev_bus.h` and `bus_gm107.c` (`kbusMemAccessBar0Window_GM107`); nouveau `instmem/nv50.c`. The
//! window moved on Hopper, which this core does not know.

use crate::error::{Error, Kind, Result};
use crate::platform::Platform;
use crate::sync::{Guard, Mutex};

const WINDOW_REGISTER: u32 = 0x1700;
const WINDOW: u32 = 0x70_0000;
const WINDOW_SIZE: u64 = 0x10_0000;
const BASE_SHIFT: u32 = 16;
/// The base field is 24 bits wide: this much frame buffer can be named.
const ADDRESS_END: u64 = 1 << (24 + BASE_SHIFT);

/// The window and what it shows.
pub struct Pramin<P: Platform> {
    platform: P,
    base: Mutex<P, Option<u64>>,
}

impl<P: Platform> Pramin<P> {
    /// Takes the window over; nothing is written until it is used.
    ///
    /// # Errors
    /// Those of the platform's `lock_create`.
    pub fn new(platform: &P) -> Result<Self> {
        Ok(Pramin {
            platform: platform.clone(),
            base: Mutex::new(platform, None)?,
        })
    }

    /// Reads the word at frame-buffer address `addr`, a multiple of 4.
    ///
    /// # Errors
    /// [`Kind::InvalidArgument`]: unaligned or beyond what the window reaches. Those of the platform's registers.
    pub fn read32(&self, addr: u64) -> Result<u32> {
        let mut base = self.base.lock();
        let offset = self.show(&mut base, addr)?;
        self.platform.read32(offset)
    }

    /// Writes the word at frame-buffer address `addr`, a multiple of 4.
    ///
    /// # Errors
    /// As [`Pramin::read32`].
    pub fn write32(&self, addr: u64, value: u32) -> Result<()> {
        let mut base = self.base.lock();
        let offset = self.show(&mut base, addr)?;
        self.platform.write32(offset, value)
    }

    /// Copies from `addr` into `bytes`.
    ///
    /// # Errors
    /// [`Kind::InvalidArgument`]: beyond what the window reaches. Those of the platform's registers.
    pub fn read(&self, addr: u64, bytes: &mut [u8]) -> Result<()> {
        let mut base = self.base.lock();
        let (mut at, mut rest) = (addr, bytes);
        while !rest.is_empty() {
            let lane = (at % 4) as usize;
            let offset = self.show(&mut base, at.wrapping_sub(lane as u64))?;
            let word = self.platform.read32(offset)?.to_le_bytes();
            let here = word.get(lane..).unwrap_or(&[]);
            let (chunk, behind) = rest.split_at_mut(here.len().min(rest.len()));
            for (to, from) in chunk.iter_mut().zip(here) {
                *to = *from;
            }
            at = at.saturating_add(chunk.len() as u64);
            rest = behind;
        }
        Ok(())
    }

    /// Copies `bytes` to `addr`. Words at the ends that are written in part keep the rest of their content.
    ///
    /// # Errors
    /// As [`Pramin::read`].
    pub fn write(&self, addr: u64, bytes: &[u8]) -> Result<()> {
        let mut base = self.base.lock();
        let (mut at, mut rest) = (addr, bytes);
        while !rest.is_empty() {
            let lane = (at % 4) as usize;
            let offset = self.show(&mut base, at.wrapping_sub(lane as u64))?;
            let (chunk, behind) = rest.split_at(rest.len().min(4usize.saturating_sub(lane)));
            let mut word = match chunk.len() {
                4 => [0; 4],
                _ => self.platform.read32(offset)?.to_le_bytes(),
            };
            for (to, from) in word.iter_mut().skip(lane).zip(chunk) {
                *to = *from;
            }
            self.platform.write32(offset, u32::from_le_bytes(word))?;
            at = at.saturating_add(chunk.len() as u64);
            rest = behind;
        }
        Ok(())
    }

    /// Fills `len` bytes, a multiple of 4, from `addr` with zeros.
    ///
    /// # Errors
    /// As [`Pramin::read32`].
    pub fn zero(&self, addr: u64, len: u64) -> Result<()> {
        if len % 4 != 0 {
            return Err(Error::found(Kind::InvalidArgument, len));
        }
        let mut base = self.base.lock();
        let mut done = 0;
        while done < len {
            let offset = self.show(&mut base, addr.saturating_add(done))?;
            self.platform.write32(offset, 0)?;
            done = done.saturating_add(4);
        }
        Ok(())
    }

    /// Makes the window show `addr` and returns the register offset of its word.
    fn show(&self, base: &mut Guard<'_, P, Option<u64>>, addr: u64) -> Result<u32> {
        if addr % 4 != 0 || addr >= ADDRESS_END {
            return Err(Error::found(Kind::InvalidArgument, addr));
        }
        let within = addr % WINDOW_SIZE;
        let wanted = addr.wrapping_sub(within);
        if **base != Some(wanted) {
            // Forget the old place first: if the write fails, what the window shows is not known.
            **base = None;
            self.platform.write32(WINDOW_REGISTER, (wanted >> BASE_SHIFT) as u32)?;
            **base = Some(wanted);
        }
        Ok(WINDOW.wrapping_add(within as u32))
    }
}
