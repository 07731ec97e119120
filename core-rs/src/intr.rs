// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The firmware's interrupt.
//!
//! The GSP raises a vector; the vector is a bit in one of eight leaf registers; each pair of leaves is a bit in the top
//! register, and an enabled top bit sends the MSI. Which vector the GSP raises, the firmware tells once it runs
//! (INTERNAL_INTR_GET_KERNEL_TABLE). Sources: `nvkm/subdev/vfn/tu102.c`, `nvkm/subdev/gsp/rm/r535/gsp.c` (`r535_gsp_intr`) in
//! Linux 7.3; OpenRM `published/turing/tu102/dev_vm.h` (`NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_*`).

use crate::error::{Error, Kind, Result};
use crate::falcon::{Falcon, IRQ_SWGEN0};
use crate::platform::Platform;
use core::sync::atomic::{AtomicU32, Ordering};

/// The interrupt registers of the physical function.
const BASE: u32 = 0xb8_0000;
const LEAF: u32 = BASE + 0x1000;
const LEAF_EN_SET: u32 = BASE + 0x1200;
const LEAF_EN_CLEAR: u32 = BASE + 0x1400;
const TOP: u32 = BASE + 0x1600;
const TOP_EN_SET: u32 = BASE + 0x1608;
const TOP_EN_CLEAR: u32 = BASE + 0x1610;
/// Leaf registers, of 32 vectors each; two to a bit of the top register.
const LEAVES: u32 = 8;
/// What a register of a device that is gone reads as.
const GONE: u32 = u32::MAX;

/// About how long a handler takes.
const HANDLER_US: u32 = 10;
/// No vector: the firmware does not run, or has not told it yet.
const NO_VECTOR: u32 = u32::MAX;

/// What an interrupt was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Irq {
    /// Not ours.
    NotOurs,
    /// Ours; nothing else to do.
    Handled,
    /// Ours; messages are waiting.
    Messages,
}

/// Where a vector is in the tree.
#[derive(Clone, Copy)]
struct Place {
    leaf: u32,
    bit: u32,
    top: u32,
}

impl Place {
    fn of(vector: u32) -> Option<Place> {
        let leaf = vector / 32;
        if leaf >= LEAVES {
            return None;
        }
        Some(Place {
            leaf: leaf.wrapping_mul(4),
            bit: 1 << (vector % 32),
            top: 1 << (leaf / 2),
        })
    }
}

/// The firmware's interrupt, shared with interrupt context: no lock, only registers and one atomic.
pub struct Interrupt {
    vector: AtomicU32,
    /// Calls of `handle` that are under way.
    inside: AtomicU32,
}

impl Interrupt {
    /// Not connected.
    pub const fn new() -> Self {
        Interrupt {
            vector: AtomicU32::new(NO_VECTOR),
            inside: AtomicU32::new(0),
        }
    }

    /// Lets the interrupt through: `vector` from now on is the firmware's.
    ///
    /// # Errors
    ///
    /// [`Kind::InterruptVector`] when the tree has no such vector.
    pub fn connect<P: Platform>(&self, platform: &P, gsp: &Falcon<P>, vector: u32) -> Result<()> {
        let place = Place::of(vector).ok_or(Error::mismatch(
            Kind::InterruptVector,
            (LEAVES * 32 - 1).into(),
            vector.into(),
        ))?;
        platform.write32(LEAF.wrapping_add(place.leaf), place.bit)?;
        platform.write32(LEAF_EN_SET.wrapping_add(place.leaf), place.bit)?;
        self.vector.store(vector, Ordering::SeqCst);
        platform.write32(TOP_EN_SET, place.top)?;
        // A message that came before all this has set the cause already; its interrupt would never come.
        gsp.irq_retrigger()
    }

    /// Shuts the interrupt off. When this returns, no handler is at work on the GSP any more: it may be reset.
    pub fn disconnect<P: Platform>(&self, platform: &P) -> Result<()> {
        // Either the handler sees that there is no vector, or we see that it is inside.
        let vector = self.vector.swap(NO_VECTOR, Ordering::SeqCst);
        let off = match Place::of(vector) {
            Some(place) => platform
                .write32(TOP_EN_CLEAR, place.top)
                .and_then(|()| platform.write32(LEAF_EN_CLEAR.wrapping_add(place.leaf), place.bit)),
            None => Ok(()),
        };
        while self.inside.load(Ordering::SeqCst) != 0 {
            platform.sleep_us(HANDLER_US);
        }
        off
    }

    /// Handles an interrupt, in any context.
    ///
    /// # Errors
    ///
    /// [`Kind::DeviceGone`] when the registers read as all ones.
    pub fn handle<P: Platform>(&self, platform: &P, gsp: &Falcon<P>) -> Result<Irq> {
        self.inside.fetch_add(1, Ordering::SeqCst);
        let irq = match Place::of(self.vector.load(Ordering::SeqCst)) {
            Some(place) => self.handle_at(platform, gsp, place),
            None => Ok(Irq::NotOurs),
        };
        self.inside.fetch_sub(1, Ordering::SeqCst);
        irq
    }

    fn handle_at<P: Platform>(&self, platform: &P, gsp: &Falcon<P>, place: Place) -> Result<Irq> {
        let top = platform.read32(TOP)?;
        if top == GONE {
            return Err(Kind::DeviceGone.into());
        }
        if top & place.top == 0 || platform.read32(LEAF.wrapping_add(place.leaf))? & place.bit == 0 {
            return Ok(Irq::NotOurs);
        }
        // The vector is cleared before the falcon's cause is read: a cause that appears in between raises it anew.
        platform.write32(TOP_EN_CLEAR, place.top)?;
        platform.write32(LEAF.wrapping_add(place.leaf), place.bit)?;
        let outcome = Self::handle_falcon(gsp);
        if self.vector.load(Ordering::SeqCst) != NO_VECTOR {
            platform.write32(TOP_EN_SET, place.top)?;
        }
        let irq = outcome?;
        if irq == Irq::Messages {
            platform.event_signal();
        }
        Ok(irq)
    }

    fn handle_falcon<P: Platform>(gsp: &Falcon<P>) -> Result<Irq> {
        let status = gsp.irq_status()?;
        let other = status & !IRQ_SWGEN0;
        if other != 0 {
            // Causes nobody handles would come for ever.
            gsp.irq_mask(other)?;
            gsp.irq_clear(other)?;
        }
        if status & IRQ_SWGEN0 != 0 {
            gsp.irq_clear(IRQ_SWGEN0)?;
        }
        gsp.irq_retrigger()?;
        Ok(if status & IRQ_SWGEN0 != 0 {
            Irq::Messages
        } else {
            Irq::Handled
        })
    }
}

impl Default for Interrupt {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::AD102;
    use crate::testing::Machine;

    const VECTOR: u32 = 0x4b;
    const LEAF_2: u32 = LEAF + 2 * 4;
    const BIT: u32 = 1 << 11;
    const TOP_BIT: u32 = 1 << 1;
    const IRQSTAT: u32 = AD102.gsp.falcon + 0x008;
    const IRQMASK: u32 = AD102.gsp.falcon2 + 0x528;
    const IRQSCLR: u32 = AD102.gsp.falcon + 0x004;
    const IRQMCLR: u32 = AD102.gsp.falcon + 0x014;

    fn connected() -> (Machine, Falcon<Machine>, Interrupt) {
        let machine = Machine::new();
        let gsp = Falcon::new(&machine, AD102.gsp, AD102.falcon);
        let interrupt = Interrupt::new();
        interrupt.connect(&machine, &gsp, VECTOR).unwrap();
        (machine, gsp, interrupt)
    }

    #[test]
    fn a_message_wakes_the_waiters() {
        let (machine, gsp, interrupt) = connected();
        machine.set(TOP, TOP_BIT);
        machine.set(LEAF_2, BIT);
        machine.set(IRQSTAT, IRQ_SWGEN0);
        machine.set(IRQMASK, u32::MAX);
        let token = machine.event_token();
        assert_eq!(interrupt.handle(&machine, &gsp), Ok(Irq::Messages));
        assert_ne!(machine.event_token(), token);
        assert!(machine.writes().contains(&(IRQSCLR, IRQ_SWGEN0)));
        assert_eq!(machine.writes().last(), Some(&(TOP_EN_SET, TOP_BIT)));
    }

    #[test]
    fn causes_nobody_handles_are_masked() {
        let (machine, gsp, interrupt) = connected();
        machine.set(TOP, TOP_BIT);
        machine.set(LEAF_2, BIT);
        machine.set(IRQSTAT, 1 << 4);
        machine.set(IRQMASK, u32::MAX);
        let token = machine.event_token();
        assert_eq!(interrupt.handle(&machine, &gsp), Ok(Irq::Handled));
        assert_eq!(machine.event_token(), token);
        assert!(machine.writes().contains(&(IRQMCLR, 1 << 4)));
    }

    #[test]
    fn other_vectors_are_not_ours() {
        let (machine, gsp, interrupt) = connected();
        let before = machine.writes().len();
        assert_eq!(interrupt.handle(&machine, &gsp), Ok(Irq::NotOurs));
        machine.set(TOP, TOP_BIT);
        machine.set(LEAF_2, BIT << 1);
        assert_eq!(interrupt.handle(&machine, &gsp), Ok(Irq::NotOurs));
        interrupt.disconnect(&machine).unwrap();
        machine.set(LEAF_2, BIT);
        assert_eq!(interrupt.handle(&machine, &gsp), Ok(Irq::NotOurs));
        assert_eq!(machine.writes().len(), before + 2);
    }

    #[test]
    fn a_device_that_is_gone_is_told() {
        let (machine, gsp, interrupt) = connected();
        machine.set(TOP, GONE);
        assert_eq!(interrupt.handle(&machine, &gsp), Err(Kind::DeviceGone.into()));
    }

    #[test]
    fn vectors_beyond_the_tree_are_refused() {
        let machine = Machine::new();
        let gsp = Falcon::new(&machine, AD102.gsp, AD102.falcon);
        let refused = Interrupt::new().connect(&machine, &gsp, 256).unwrap_err();
        assert_eq!(refused, Error::mismatch(Kind::InterruptVector, 255, 256));
        assert!(machine.writes().is_empty());
    }
}
