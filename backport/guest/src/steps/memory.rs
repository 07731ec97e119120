// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The device as a bus master.

use super::Cell;
use crate::{
    client::{Client, Event, COMMAND, COMMAND_MASTER, IOVA, MEMORY},
    engine::{Copy, Status},
    mapping::Mapping,
    report::Report,
    system::wait_for,
};
use anyhow::{ensure, Context, Result};
use nix::errno::Errno;
use std::{fs::File, time::Duration};
use vfio_bindings::bindings::vfio::{VFIO_PCI_BAR1_REGION_INDEX, VFIO_PCI_MSIX_IRQ_INDEX};

/// An address at which the client maps nothing.
const UNMAPPED: u64 = 0x7000_0000;

impl Cell<'_> {
    pub(super) fn dma(&mut self, report: &mut Report) -> Result<()> {
        const LEN: u32 = 64 << 10;
        const WORDS: u64 = LEN as u64 / 4;
        let client = self.client()?;
        let (engine, memory) = (client.engine(), client.memory());
        let event = Event::new()?;
        client.set_bus_master(true)?;
        ensure!(
            engine.state()?.bus_master,
            "bus mastering is on, but the firmware was not told"
        );
        client.device.connect(VFIO_PCI_MSIX_IRQ_INDEX, &event.0)?;
        engine.enable(0, true)?;

        memory.fill(0, WORDS, 1)?;
        expect(engine.copy(Copy::Memory, IOVA, IOVA + 0x80000, LEN)?, Status::Done)?;
        memory.expect("memory copied by the device", 0x80000, WORDS, 1)?;
        ensure!(event.wait(2000)? == 1, "no interrupt after the copy");
        engine.acknowledge(1)?;

        // Not at its beginning, so that a lost offset shows.
        let offset = 0x12000;
        memory.fill(0, WORDS, 2)?;
        expect(engine.copy(Copy::ToFramebuffer, IOVA, offset, LEN)?, Status::Done)?;
        let bar1 = client.region(VFIO_PCI_BAR1_REGION_INDEX)?;
        let framebuffer = client.device.mmap(&bar1, 0x40000).context("BAR1")?;
        framebuffer.expect("the framebuffer through BAR1", offset, WORDS, 2)?;
        framebuffer.fill(offset, WORDS, 3)?;
        expect(
            engine.copy(Copy::FromFramebuffer, offset, IOVA + 0x80000, LEN)?,
            Status::Done,
        )?;
        memory.expect("the framebuffer through the device", 0x80000, WORDS, 3)?;
        engine.acknowledge(1)?;
        expect(
            engine.copy(Copy::ToFramebuffer, IOVA, 1 << 45, LEN)?,
            Status::OutOfRange,
        )?;

        engine.enable(0, false)?;
        client.device.disable_msix()?;
        report.note("bytes", 3 * u64::from(LEN));
        Ok(())
    }

    pub(super) fn dma_fault(&mut self, report: &mut Report, mark: usize) -> Result<()> {
        let client = self.client()?;
        let (engine, memory) = (client.engine(), client.memory());
        memory.fill(0, 64, 4)?;
        expect(engine.copy(Copy::Memory, UNMAPPED, IOVA, 256)?, Status::DmaFault)?;
        memory.expect("memory after a copy that failed", 0, 64, 4)?;
        expect(engine.copy(Copy::Memory, IOVA, UNMAPPED, 256)?, Status::DmaFault)?;

        // What was mapped once is out of reach when it is unmapped.
        client.container().unmap(IOVA, MEMORY)?;
        expect(engine.copy(Copy::Memory, IOVA, IOVA + 0x1000, 256)?, Status::DmaFault)?;
        client.container().map(memory, IOVA)?;
        expect(engine.copy(Copy::Memory, IOVA, IOVA + 0x1000, 256)?, Status::Done)?;
        memory.expect("memory mapped again", 0x1000, 64, 4)?;

        let vf = self.vf(0)?.address().to_owned();
        let function = vf
            .split_once(':')
            .map_or(vf.as_str(), |(_domain, rest)| rest)
            .to_owned();
        let seen = wait_for("the IOMMU's report of the fault", Duration::from_secs(2), || {
            let records = self.log.since(mark).ok()?;
            let fault = records
                .iter()
                .find(|r| r.text.contains("DMAR") && r.text.contains(&function))?;
            Some(fault.text.clone())
        })?;
        report.note("fault", seen);
        Ok(())
    }

    pub(super) fn bus_master(&mut self) -> Result<()> {
        let client = self.client()?;
        let engine = client.engine();
        client.set_bus_master(false)?;
        ensure!(
            !engine.state()?.bus_master,
            "bus mastering is off, but the firmware was not told"
        );
        expect(
            engine.copy(Copy::Memory, IOVA, IOVA + 0x1000, 256)?,
            Status::NotBusMaster,
        )?;
        turn_on_and_fail(client)?;
        expect(engine.copy(Copy::Memory, IOVA, IOVA + 0x1000, 256)?, Status::Done)
    }
}

/// Turns bus mastering on by a write that fails after that: the registers behind come from an address where nothing is.
fn turn_on_and_fail(client: &Client) -> Result<()> {
    const PAGE: u64 = 0x1000;
    let path = "/one-page";
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path);
    let file = file.with_context(|| format!("creating {path}"))?;
    file.set_len(PAGE)
        .with_context(|| format!("making {path} a page long"))?;
    let memory = Mapping::of_file(&file, 0, 2 * PAGE)?;
    let config = client.device.config()?;
    let command = config.read16(COMMAND)? | COMMAND_MASTER;
    memory.write32(PAGE - 4, u32::from(command) << 16)?;
    let failed = client
        .device
        .write_from(&config.region, COMMAND, memory.address() + PAGE - 2, 4);
    ensure!(
        failed == Err(Errno::EFAULT),
        "writing from where nothing is: expected EFAULT, found {failed:?}"
    );
    let found = config.read16(COMMAND)?;
    ensure!(
        found == command,
        "command register after a write that failed behind it: expected {command:#x}, found {found:#x}"
    );
    Ok(())
}

/// Lets a vGPU write to its framebuffer and read it back; `seed` makes it its own.
pub(super) fn write_framebuffer(client: &Client, seed: u32) -> Result<()> {
    client.set_bus_master(true)?;
    client.memory().fill(0, 1024, seed)?;
    expect(client.engine().copy(Copy::ToFramebuffer, IOVA, 0, 4096)?, Status::Done)
}

/// Checks that what [`write_framebuffer`] wrote is still there.
pub(super) fn check_framebuffer(client: &Client, seed: u32) -> Result<()> {
    client.memory().fill(0x80000, 1024, !seed)?;
    expect(
        client.engine().copy(Copy::FromFramebuffer, 0, IOVA + 0x80000, 4096)?,
        Status::Done,
    )?;
    client.memory().expect("framebuffer", 0x80000, 1024, seed)
}

fn expect(found: Status, expected: Status) -> Result<()> {
    ensure!(
        found == expected,
        "copy by the device: expected {expected:?}, found {found:?}"
    );
    Ok(())
}
