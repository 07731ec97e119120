// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Resets: the user's, and the host's in the midst of what the user does.

use super::Cell;
use crate::{
    client::{Client, IOVA, MEMORY},
    engine::{Copy, Status, SCRATCH},
    pci::Pci,
    report::Report,
};
use anyhow::{ensure, Context, Result};
use std::{thread, time::Duration};

/// A function level reset takes 100 ms (PCI Express 6.6.2), so that this is in the midst of one.
const MIDST: Duration = Duration::from_millis(40);

impl Cell<'_> {
    pub(super) fn reset(&mut self, report: &mut Report) -> Result<()> {
        let client = self.client()?;
        let engine = client.engine();
        let before = engine.state()?;
        client.device.reset()?;
        let after = engine.state()?;
        report.note("resets", after.resets);
        ensure!(
            after.resets == before.resets + 1,
            "resets seen by the plugin: expected {}, found {}",
            before.resets + 1,
            after.resets
        );
        ensure!(after.alive, "the vGPU is gone after the reset");
        // A virtual machine's firmware starts afresh and expects the registers of a device that was switched on.
        ensure!(
            !after.bus_master,
            "the firmware still believes that bus mastering is on"
        );
        let command = client.device.config()?.read16(4)?;
        ensure!(
            command == 0,
            "command register after the reset: expected 0, found {command:#x}"
        );
        host_resets(self.vf(0)?, client)
    }
}

/// Resets through sysfs, which the user has no part in and is not told of.
fn host_resets(vf: &Pci, client: &Client) -> Result<()> {
    // What the guest turns on or off meanwhile is on or off afterwards, in the VF and for the firmware.
    for on in [true, false] {
        client.set_bus_master(!on)?;
        during_reset(vf, || client.set_bus_master(on))?;
        let state = client.engine().state()?;
        ensure!(
            state.bus_master == on,
            "bus mastering set to {on} during a reset: the firmware believes {}",
            state.bus_master
        );
        let (expected, found) = (
            if on { Status::Done } else { Status::NotBusMaster },
            client.engine().copy(Copy::Memory, IOVA, IOVA + 0x1000, 64)?,
        );
        ensure!(
            found == expected,
            "DMA after bus mastering was set to {on} during a reset: expected {expected:?}, found {found:?}"
        );
    }
    // Registers touched meanwhile answer afterwards: to the CPU, and to who asks the kernel for their place, as KVM does.
    during_reset(vf, || {
        let container = client.container();
        container
            .map(&client.bar0, IOVA + MEMORY)
            .context("mapping BAR0 for DMA during a reset")?;
        container.unmap(IOVA + MEMORY, client.bar0.len())?;
        client.bar0.read32(SCRATCH).map(|_| ())
    })
}

/// Does something while the host resets the VF.
fn during_reset(vf: &Pci, act: impl FnOnce() -> Result<()>) -> Result<()> {
    thread::scope(|scope| {
        let reset = scope.spawn(|| vf.write("reset", "1"));
        thread::sleep(MIDST);
        ensure!(!reset.is_finished(), "the reset was over in less than {MIDST:?}");
        act()?;
        reset
            .join()
            .unwrap_or_else(|_| anyhow::bail!("the thread that resets panicked"))
    })
}
