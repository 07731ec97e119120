// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The first and only program of a cell's guest (`/init` of its initramfs): it loads the drivers, uses them as an
//! administrator and as a VFIO client would, and reports each step to the host on the second serial port.
//!
//! It is a static program, so that the initramfs needs nothing else:
//! `RUSTFLAGS="-C target-feature=+crt-static" cargo build --release -p novabridge-guest --target x86_64-unknown-linux-gnu`.

mod client;
mod engine;
mod kernel_log;
mod mapping;
mod pci;
mod report;
mod steps;
mod system;
mod vfio;
mod watchdog;

use anyhow::{Context, Result};
use novabridge_protocol::{Plan, PLAN_PATH};
use report::Report;
use std::{fs, panic};

fn main() {
    // A process 1 that ends takes the kernel down with it; the host would have to guess why.
    panic::set_hook(Box::new(|info| {
        eprintln!("init: {info}");
        system::power_off();
    }));
    if let Err(error) = run() {
        eprintln!("init: {error:#}");
    }
    system::power_off();
}

fn run() -> Result<()> {
    system::mount_all()?;
    let report = Report::open()?;
    let plan = fs::read(PLAN_PATH).with_context(|| format!("the host put no plan at {PLAN_PATH}"))?;
    let plan: Plan = serde_json::from_slice(&plan).with_context(|| format!("{PLAN_PATH} is not a plan"))?;
    steps::run(&plan, report)
}
