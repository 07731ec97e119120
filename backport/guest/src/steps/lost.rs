// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Errors of the GPU's link, and a GPU that is gone under an open vGPU.

use super::Cell;
use crate::{
    client::{Client, Event},
    engine::LinkError,
    report::Report,
};
use anyhow::{ensure, Context, Result};
use std::{fs, time::Instant};
use vfio_bindings::bindings::vfio::VFIO_PCI_ERR_IRQ_INDEX;

/// Where the services of ports are that a driver of the kernel serves. That of errors is number 2 (portdrv.h).
const PORT_SERVICES: &str = "/sys/bus/pci_express/drivers/aer";

impl Cell<'_> {
    pub(super) fn gpu_lost(&mut self, report: &mut Report) -> Result<()> {
        let client = self.boot_and_open(report)?;
        let event = Event::new()?;
        client.device.connect(VFIO_PCI_ERR_IRQ_INDEX, &event.0)?;
        let reports_errors = fs::metadata(PORT_SERVICES).is_ok();
        report.note("link_errors", reports_errors);
        if reports_errors {
            survives_an_error(&client, &event)?;
        }

        // Kernels take turns in how it is lost, as a boot can lose its GPU but once.
        let is_silent = !reports_errors || minor_of_kernel()? % 2 == 0;
        report.note("silent", is_silent);
        let start = Instant::now();
        if is_silent {
            client.engine().lose()?;
            // No interrupt says so: somebody has to ask the GPU for something.
            ensure!(event.wait(50)? == 0, "the user was told before anybody could know");
            is_refused(&client)?;
        } else {
            client.engine().link_error(LinkError::Fatal)?;
        }
        // An error of the link the user is told of by VFIO, too.
        is_told(&event, if is_silent { 1 } else { 2 })?;
        report.note("told_us", start.elapsed().as_micros() as u64);
        if is_silent && reports_errors {
            client.engine().link_error(LinkError::Fatal)?;
            is_told(&event, 1)?;
        }
        is_refused(&client)?;
        drop(client);
        self.unload()?;
        // It is back, without its firmware, after the reset of its link; else after its own.
        if reports_errors {
            return Ok(());
        }
        self.pf()?.write("reset", "1")
    }
}

/// An error that harms one request alone is told to the user, and the vGPU works on.
fn survives_an_error(client: &Client, event: &Event) -> Result<()> {
    client.engine().link_error(LinkError::Nonfatal)?;
    is_told(event, 1)?;
    for on in [true, false] {
        client
            .set_bus_master(on)
            .context("after an error of the link that is not fatal")?;
    }
    Ok(())
}

/// Whether the user is told so often that something is wrong with the device.
fn is_told(event: &Event, times: u64) -> Result<()> {
    let mut told = 0;
    while told < times {
        let more = event.wait(5000)?;
        ensure!(
            more > 0,
            "told the user of a failing device: expected {times} times, found {told}"
        );
        told += more;
    }
    Ok(())
}

fn is_refused(client: &Client) -> Result<()> {
    let asked = client.set_bus_master(true);
    ensure!(asked.is_err(), "a GPU that is gone turned bus mastering on");
    Ok(())
}

fn minor_of_kernel() -> Result<u32> {
    let path = "/proc/sys/kernel/osrelease";
    let release = fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    let minor = release.split(['.', '-']).nth(1).and_then(|minor| minor.parse().ok());
    minor.with_context(|| format!("{path} is {release:?}"))
}
