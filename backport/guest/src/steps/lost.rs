// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Errors of the GPU's link, and a GPU that is gone under an open vGPU.

use super::Cell;
use crate::{
    client::{Client, Event},
    engine::LinkError,
    report::Report,
    system::wait_for,
};
use anyhow::{ensure, Context, Result};
use std::{
    fs,
    time::{Duration, Instant},
};
use vfio_bindings::bindings::vfio::VFIO_PCI_ERR_IRQ_INDEX;

/// The driver of that service of a port which reports errors; kernels without CONFIG_PCIEAER have none.
const ERROR_REPORTER: &str = "/sys/bus/pci_express/drivers/aer";

/// How long the kernel may take to recover from an error: a reset of the link alone is a second's work on 5.10.
const LIMIT: Duration = Duration::from_secs(10);

/// How a GPU is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// It answers no more, and nothing says so.
    Silent,
    /// Its link fails and is reset.
    Link,
    /// The administrator resets it.
    Reset,
}

impl Loss {
    /// Kernels take turns, as a boot can lose its GPU but once.
    fn of_kernel(reports_errors: bool) -> Result<Loss> {
        Ok(match minor_of_kernel()? % 4 {
            1 if reports_errors => Loss::Link,
            3 => Loss::Reset,
            _ => Loss::Silent,
        })
    }
}

impl Cell<'_> {
    pub(super) fn gpu_lost(&mut self, report: &mut Report) -> Result<()> {
        let client = self.boot_and_open(report)?;
        let mark = self.log.mark()?;
        let event = Event::new()?;
        client.device.connect(VFIO_PCI_ERR_IRQ_INDEX, &event.0)?;
        let reports_errors = fs::metadata(ERROR_REPORTER).is_ok();
        report.note("link_errors", reports_errors);
        if reports_errors {
            survives_an_error(&client, &event)?;
            self.recovered(mark, 1)?;
        }

        let loss = Loss::of_kernel(reports_errors)?;
        report.note("loss", format!("{loss:?}").to_lowercase());
        let start = Instant::now();
        match loss {
            Loss::Silent => {
                client.engine().lose()?;
                // No interrupt says so: somebody has to ask the GPU for something.
                ensure!(event.wait(50)? == 0, "the user was told before anybody could know");
                is_refused(&client)?;
            }
            Loss::Link => client.engine().link_error(LinkError::Fatal)?,
            Loss::Reset => self.pf()?.write("reset", "1")?,
        }
        // Of an error of the link the user is told by VFIO, too.
        is_told(&event, if loss == Loss::Link { 2 } else { 1 })?;
        report.note("told_us", start.elapsed().as_micros() as u64);
        is_refused(&client)?;
        if reports_errors && loss != Loss::Link {
            client.engine().link_error(LinkError::Fatal)?;
            is_told(&event, 1)?;
        }
        if reports_errors {
            self.recovered(mark, 2)?;
        }
        drop(client);
        self.unload()?;
        // It is back, without its firmware, after the reset of its link; else after its own.
        if reports_errors {
            return Ok(());
        }
        self.pf()?.write("reset", "1")
    }

    /// Waits until the kernel is through with so many errors of the link, each of which it recovers from. (Whoever disables
    /// VFs meanwhile may lock up with it: there the PF's lock comes before that of all buses, here after it.)
    fn recovered(&mut self, mark: usize, errors: usize) -> Result<()> {
        let mut ends = Vec::new();
        wait_for("the end of the recovery from an error of the link", LIMIT, || {
            let records = self.log.since(mark).ok()?.iter();
            ends = records
                .filter(|record| record.text.contains("device recovery"))
                .map(|record| record.text.clone())
                .collect();
            (ends.len() >= errors).then_some(())
        })?;
        ensure!(
            ends.iter().all(|end| end.ends_with("successful")),
            "recovery from errors of the link: found {ends:?}"
        );
        Ok(())
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
