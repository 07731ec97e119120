// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A GPU that falls off the bus under an open vGPU.

use super::Cell;
use crate::{client::Event, report::Report};
use anyhow::{ensure, Result};
use std::time::Instant;
use vfio_bindings::bindings::vfio::VFIO_PCI_ERR_IRQ_INDEX;

impl Cell<'_> {
    pub(super) fn gpu_lost(&mut self, report: &mut Report) -> Result<()> {
        let client = self.boot_and_open(report)?;
        let event = Event::new()?;
        client.device.connect(VFIO_PCI_ERR_IRQ_INDEX, &event.0)?;
        client.engine().lose()?;
        // No interrupt says so: somebody has to ask the GPU for something.
        ensure!(event.wait(50)? == 0, "the user was told before anybody could know");
        let start = Instant::now();
        let asked = client.set_bus_master(true);
        ensure!(asked.is_err(), "a GPU that is gone turned bus mastering on");
        ensure!(event.wait(2000)? > 0, "the user was not told that the GPU is gone");
        report.note("told_us", start.elapsed().as_micros() as u64);
        drop(client);
        self.unload()?;
        // This brings it back, and its firmware is gone.
        self.pf()?.write("reset", "1")
    }
}
