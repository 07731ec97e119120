// SPDX-License-Identifier: MIT
//! What the emulated GPU asks of the machine it is plugged into.

use crate::violation::Violation;

/// Number of a PCI function of the device: 0 is the PF, `n + 1` is VF `n`.
///
/// For VFs this is also the firmware's *gfid* (OpenRM: `gfid = VF index + 1`).
pub type Func = u32;

/// Where the device sits on the bus, for the checks of what the driver tells the firmware about it.
///
/// A host that cannot say returns `None` from [`Host::location`]; the checks that need it are then left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// Bus, device and function of the PF: `bus << 8 | devfn`.
    pub bdf: u32,
    /// Bus addresses of the PF's BAR0, BAR1 and BAR3.
    pub bar: [u64; 3],
    /// Bus addresses of the first VF's BAR0, BAR1 and BAR3 as the SR-IOV capability has them.
    pub vf_bar: [u64; 3],
    /// First VF offset of the SR-IOV capability.
    pub first_vf_offset: u32,
}

/// The machine around the device.
///
/// The calls are made while a register access is being served, on the thread that made the access, with the emulator's
/// lock held: an implementation must not call back into [`crate::Gpu`].
pub trait Host: Send {
    /// Bus-master read by function `func` from bus address `addr`. False when the bus refused it (no mapping, bus
    /// mastering off); `buf` is then unspecified.
    fn dma_read(&self, func: Func, addr: u64, buf: &mut [u8]) -> bool;

    /// Bus-master write by function `func` to bus address `addr`. False when the bus refused it.
    fn dma_write(&self, func: Func, addr: u64, data: &[u8]) -> bool;

    /// Raise MSI-X vector `vector` of function `func`.
    fn irq(&self, func: Func, vector: u32);

    /// The driver broke a rule. It is also kept in [`crate::Gpu::violations`].
    fn violation(&self, violation: &Violation);

    /// Where the device is, if the host knows.
    fn location(&self) -> Option<Location> {
        None
    }
}
