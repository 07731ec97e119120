// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What the vGPU looks like to its guest: configuration space, regions, BARs, interrupts; and its life.

use super::{no_interrupts, Cell};
use crate::{
    client::{Client, Event},
    engine::{Engine, MAPPED, SCRATCH},
    mapping::Mapping,
    report::Report,
    vfio::Config,
};
use anyhow::{ensure, Context, Result};
use std::{fs::OpenOptions, time::Instant};
use vfio_bindings::bindings::vfio::{
    VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_RESET, VFIO_PCI_BAR0_REGION_INDEX, VFIO_PCI_BAR1_REGION_INDEX,
    VFIO_PCI_BAR3_REGION_INDEX, VFIO_PCI_BAR5_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_INTX_IRQ_INDEX,
    VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_ROM_REGION_INDEX, VFIO_REGION_INFO_FLAG_MMAP, VFIO_REGION_INFO_FLAG_READ,
    VFIO_REGION_INFO_FLAG_WRITE,
};

const MSIX_CAP: u64 = 0x7c;
const BAR_64BIT_PREFETCHABLE: u32 = 0xc;

impl Cell<'_> {
    pub(super) fn open(&mut self, report: &mut Report) -> Result<()> {
        let client = Client::open(self.vf(0)?)?;
        let (state, expected) = (client.engine().state()?, self.small_type()?.id);
        ensure!(state.alive, "the device is open, but the firmware knows no vGPU");
        ensure!(
            state.vgpu_type == expected,
            "type of the vGPU: expected {expected}, found {}",
            state.vgpu_type
        );
        report.note("vgpus", self.gpu_info("vgpus")?);
        self.client = Some(client);
        Ok(())
    }

    pub(super) fn config_space(&mut self, report: &mut Report) -> Result<()> {
        let client = self.client()?;
        let config = client.device.config()?;
        let ids = config.read32(0)?;
        let class = config.read32(8)? >> 8;
        let subsystem = config.read32(0x2c)?;
        report.note("id", format!("{:04x}:{:04x}", ids & 0xffff, ids >> 16));
        report.note("class", format!("{class:06x}"));
        report.note(
            "subsystem",
            format!("{:04x}:{:04x}", subsystem & 0xffff, subsystem >> 16),
        );
        ensure!(
            ids & 0xffff == 0x10de && !matches!(ids >> 16, 0 | 0xffff),
            "vendor and device id: found {ids:#010x}"
        );
        ensure!(
            subsystem & 0xffff == 0x10de,
            "subsystem vendor: found {subsystem:#010x}"
        );
        ensure!(
            class == 0x03_0000,
            "class: expected a VGA compatible controller, found {class:#08x}"
        );
        // The same bytes in every size a guest may use.
        let bytes = (0..4).map(|i| config.read8(i)).collect::<Result<Vec<_>>>()?;
        ensure!(
            bytes == ids.to_le_bytes(),
            "bytes of the ids: expected {:x?}, found {bytes:x?}",
            ids.to_le_bytes()
        );
        ensure!(
            u32::from(config.read16(2)?) == ids >> 16,
            "the device id differs when it is read as 16 bits"
        );
        config.write32(0, 0)?;
        ensure!(config.read32(0)? == ids, "the ids can be written");

        let (kind, pointer) = (config.read8(0x0e)?, config.read8(0x34)?);
        ensure!(kind & 0x7f == 0, "header type: found {kind:#x}");
        ensure!(config.read8(0x3d)? == 0, "the device claims to have an INTx pin");
        ensure!(
            config.read16(6)? & 0x10 != 0,
            "the status register says that there is no capability list"
        );
        ensure!(
            capabilities(&config, pointer)?.contains(&(0x11, MSIX_CAP)),
            "no MSI-X capability at {MSIX_CAP:#x}"
        );
        let vectors = u32::from(config.read16(MSIX_CAP + 2)? & 0x7ff) + 1;
        let table = config.read32(MSIX_CAP + 4)?;
        ensure!(
            table == 0x20000,
            "MSI-X table: expected BAR0 at 0x20000, found {table:#x}"
        );
        let found = client.device.interrupts(VFIO_PCI_MSIX_IRQ_INDEX)?;
        ensure!(
            found == vectors,
            "MSI-X vectors: {vectors} in the capability, {found} in VFIO"
        );
        report.note("vectors", vectors);

        for (bar, kind) in [(0, 0), (1, BAR_64BIT_PREFETCHABLE), (3, BAR_64BIT_PREFETCHABLE)] {
            let found = bar_size(&config, bar, kind)?;
            let size = client.region(bar)?.size;
            ensure!(
                found == size,
                "size of BAR{bar}: {found:#x} by writing ones, {size:#x} in VFIO"
            );
        }
        ensure!(config.read32(0x24)? & !1 == 0, "BAR5 exists");
        Ok(())
    }

    pub(super) fn regions(&mut self, report: &mut Report) -> Result<()> {
        const ALL: u32 = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP;
        let client = self.client()?;
        let info = client.device.info()?;
        let wanted = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
        ensure!(
            info.flags & wanted == wanted,
            "device flags: expected PCI and RESET, found {:#x}",
            info.flags
        );
        ensure!(
            info.num_regions > VFIO_PCI_CONFIG_REGION_INDEX,
            "only {} regions",
            info.num_regions
        );
        for index in [
            VFIO_PCI_BAR0_REGION_INDEX,
            VFIO_PCI_BAR1_REGION_INDEX,
            VFIO_PCI_BAR3_REGION_INDEX,
        ] {
            let region = client.region(index)?;
            ensure!(
                region.flags & ALL == ALL,
                "BAR{index}: expected read, write and mmap, found {:#x}",
                region.flags
            );
            ensure!(region.size.is_power_of_two(), "BAR{index} has {:#x} bytes", region.size);
            report.note(&format!("bar{index}"), region.size);
        }
        for index in [VFIO_PCI_BAR5_REGION_INDEX, VFIO_PCI_ROM_REGION_INDEX] {
            let size = client.region(index)?.size;
            ensure!(size == 0, "region {index}: expected none, found {size:#x} bytes");
        }
        let config = client.region(VFIO_PCI_CONFIG_REGION_INDEX)?;
        ensure!(
            config.size == 4096,
            "configuration space: expected 4096 bytes, found {}",
            config.size
        );
        ensure!(client.region(100).is_err(), "there is a region 100");
        let intx = client.device.interrupts(VFIO_PCI_INTX_IRQ_INDEX)?;
        ensure!(intx == 0, "a VF has no INTx, yet VFIO says {intx}");
        Ok(())
    }

    pub(super) fn bar_access(&mut self, report: &mut Report) -> Result<()> {
        let client = self.client()?;
        let bar0 = client.region(VFIO_PCI_BAR0_REGION_INDEX)?;
        client.bar0.write32(SCRATCH, 0x0bad_cafe)?;
        let mut word = [0; 4];
        client.device.read(&bar0, SCRATCH, &mut word).context("reading BAR0")?;
        ensure!(
            u32::from_le_bytes(word) == 0x0bad_cafe,
            "BAR0 mapped and BAR0 read differ: {word:x?}"
        );
        client
            .device
            .write(&bar0, SCRATCH, &0x1234_5678_u32.to_le_bytes())
            .context("writing BAR0")?;
        let found = client.bar0.read32(SCRATCH)?;
        ensure!(found == 0x1234_5678, "BAR0 written and BAR0 mapped differ: {found:#x}");
        let past = client.device.read(&bar0, bar0.size, &mut word);
        ensure!(past.is_err(), "reading behind BAR0 succeeded: {word:x?}");

        let bar1 = client.region(VFIO_PCI_BAR1_REGION_INDEX)?;
        let framebuffer = client.device.mmap(&bar1, bar1.size).context("BAR1")?;
        for offset in [0, bar1.size / 2, bar1.size - 0x1000] {
            framebuffer.fill(offset, 64, offset as u32 | 1)?;
        }
        for offset in [0, bar1.size / 2, bar1.size - 0x1000] {
            framebuffer.expect(&format!("BAR1 at {offset:#x}"), offset, 64, offset as u32 | 1)?;
        }
        let mut head = [0; 256];
        client.device.read(&bar1, 0, &mut head).context("reading BAR1")?;
        ensure!(
            head[..4] == framebuffer.read32(0)?.to_le_bytes(),
            "BAR1 mapped and BAR1 read differ"
        );

        const READS: u32 = 2000;
        let start = Instant::now();
        for _ in 0..READS {
            client.bar0.read32(SCRATCH)?;
        }
        report.note("register_read_ns", (start.elapsed() / READS).as_nanos() as u64);
        Ok(())
    }

    pub(super) fn interrupt(&mut self, report: &mut Report) -> Result<()> {
        const VECTOR: u32 = 5;
        let client = self.client()?;
        let engine = client.engine();
        client.set_bus_master(true)?;
        let event = Event::new()?;
        client.device.connect(VFIO_PCI_MSIX_IRQ_INDEX, &event.0)?;

        engine.trigger(VECTOR)?;
        ensure!(
            event.wait(50)? == 0,
            "an interrupt came from a vector that is not enabled"
        );
        engine.acknowledge(1 << VECTOR)?;

        engine.enable(VECTOR, true)?;
        let start = Instant::now();
        engine.trigger(VECTOR)?;
        let count = event.wait(2000)?;
        report.note("latency_us", start.elapsed().as_micros() as u64);
        ensure!(count == 1, "after one trigger: expected one interrupt, found {count}");
        let pending = engine.pending()?;
        ensure!(pending == (1 << VECTOR, true), "pending vectors: found {pending:x?}");
        engine.acknowledge(1 << VECTOR)?;
        ensure!(
            engine.pending()? == (0, false),
            "the vector is still pending after it was acknowledged"
        );
        for _ in 0..20 {
            engine.trigger(VECTOR)?;
            ensure!(event.wait(2000)? == 1, "an interrupt was lost");
            engine.acknowledge(1 << VECTOR)?;
        }

        client.device.disable_msix()?;
        engine.trigger(VECTOR)?;
        ensure!(event.wait(50)? == 0, "an interrupt came with MSI-X disabled");
        engine.acknowledge(1 << VECTOR)?;
        engine.enable(VECTOR, false)?;
        no_interrupts::check(client)
    }

    pub(super) fn close(&mut self, report: &mut Report) -> Result<()> {
        self.client()?;
        self.client = None;
        // Nobody has the VF open now, so that sysfs may map its registers.
        let path = self.vf(0)?.file("resource0");
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = file.with_context(|| format!("opening {}", path.display()))?;
        let state = Engine(&Mapping::of_file(&file, 0, MAPPED)?).state()?;
        ensure!(!state.alive, "the vGPU lives on after its last file was closed");
        let vgpus = self.gpu_info("vgpus")?;
        ensure!(vgpus.starts_with("0 of "), "vGPUs after closing: found {vgpus}");
        report.note("vgpus", vgpus);
        self.logs_gone()
    }
}

/// The capabilities in the list that starts at `pointer`: id and offset.
fn capabilities(config: &Config<'_>, pointer: u8) -> Result<Vec<(u8, u64)>> {
    let (mut next, mut found) = (u64::from(pointer & 0xfc), Vec::new());
    while next != 0 {
        ensure!(found.len() < 48, "the capability list is a circle");
        found.push((config.read8(next)?, next));
        next = u64::from(config.read8(next + 1)? & 0xfc);
    }
    Ok(found)
}

/// A BAR's size as firmware finds it: write ones and see which bits stick. `kind` is what its low bits must be.
fn bar_size(config: &Config<'_>, bar: u32, kind: u32) -> Result<u64> {
    let offset = 0x10 + 4 * u64::from(bar);
    let low = sticky_bits(config, offset)?;
    // The upper half of a 32-bit BAR's size is that of an address space of 32 bits.
    let high = if kind & 4 != 0 {
        sticky_bits(config, offset + 4)?
    } else {
        u32::MAX
    };
    ensure!(
        low & 0xf == kind,
        "kind of BAR{bar}: expected {kind:#x}, found {:#x}",
        low & 0xf
    );
    let mask = u64::from(high) << 32 | u64::from(low & !0xf);
    Ok((!mask).wrapping_add(1))
}

fn sticky_bits(config: &Config<'_>, offset: u64) -> Result<u32> {
    let before = config.read32(offset)?;
    config.write32(offset, u32::MAX)?;
    let bits = config.read32(offset)?;
    config.write32(offset, before)?;
    let after = config.read32(offset)?;
    ensure!(
        after == before,
        "register {offset:#x}: wrote {before:#x} back, found {after:#x}"
    );
    Ok(bits)
}
