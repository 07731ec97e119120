// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The steps of a cell. Each finds the machine as the step before left it.

mod admin;
mod device;
mod limits;
mod logs;
mod lost;
mod memory;
mod no_interrupts;
mod reset;
mod suspend;

use crate::{client::Client, kernel_log::KernelLog, pci::Pci, report::Report, system, watchdog::Watchdog};
use anyhow::{bail, Context, Result};
use novabridge_protocol::{Message, Plan, Step};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A vGPU type as `creatable_vgpu_types` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct VgpuType {
    id: u32,
    name: String,
}

/// What the steps hand on.
struct Cell<'a> {
    plan: &'a Plan,
    log: KernelLog,
    pf: Option<Pci>,
    vfs: Vec<Pci>,
    types: Vec<VgpuType>,
    client: Option<Client>,
}

/// Runs the steps up to the first that fails, says how it went, and ends the machine with all that is open left open: what
/// the drivers have to say to that, the host sees on the console.
pub fn run(plan: &Plan, mut report: Report) -> Result<()> {
    let log = KernelLog::open()?;
    let mut cell = Cell {
        plan,
        log,
        pf: None,
        vfs: Vec::new(),
        types: Vec::new(),
        client: None,
    };
    let watchdog = Watchdog::start(Report::open()?, KernelLog::open()?)?;
    let mut ok = true;
    for step in Step::ALL {
        watchdog.begin(*step);
        ok = report.step(*step, |report| cell.run(*step, report))?;
        if !ok {
            let lines = cell.log.all()?.iter().map(|record| record.line()).collect();
            report.send(&Message::KernelLog { lines })?;
            break;
        }
    }
    report.send(&Message::End {
        ok,
        uptime_ms: system::uptime_ms(),
    })?;
    system::power_off()
}

impl Cell<'_> {
    /// Runs a step; a step that does what it should but leaves trouble in the kernel's log has failed too.
    fn run(&mut self, step: Step, report: &mut Report) -> Result<()> {
        let mark = self.log.mark()?;
        let result = self.act(step, report, mark);
        let mut records = self.log.since(mark)?.iter();
        let trouble = records
            .find(|record| record.is_trouble() && !is_expected(step, &record.text))
            .cloned();
        self.log.demand_whole()?;
        match (result, trouble) {
            (result, None) => result,
            (Ok(()), Some(trouble)) => bail!("the kernel says {:?}", trouble.text),
            (Err(error), Some(trouble)) => bail!("{error:#}; the kernel says {:?}", trouble.text),
        }
    }

    fn act(&mut self, step: Step, report: &mut Report, mark: usize) -> Result<()> {
        match step {
            Step::KernelUp => self.kernel_up(report),
            Step::BootGpu => self.boot_gpu(report),
            Step::EnableVfs => self.enable_vfs(report),
            Step::LoadVfDriver => self.load_vf_driver(report),
            Step::PickType => self.pick_type(report),
            Step::Open => self.open(report),
            Step::ConfigSpace => self.config_space(report),
            Step::Regions => self.regions(report),
            Step::BarAccess => self.bar_access(report),
            Step::Logs => self.logs(report),
            Step::Interrupt => self.interrupt(report),
            Step::Dma => self.dma(report),
            Step::DmaFault => self.dma_fault(report, mark),
            Step::BusMaster => self.bus_master(),
            Step::Reset => self.reset(report),
            Step::TypeBusy => self.type_busy(),
            Step::Close => self.close(report),
            Step::Suspend => self.suspend(report),
            Step::SeveralVgpus => self.several_vgpus(report),
            Step::Limits => self.limits(report),
            Step::Unload => self.unload(),
            Step::GpuLost => self.gpu_lost(report),
            Step::BootAgain => self.boot_again(report),
            Step::KernelLog => self.kernel_log(report),
        }
    }

    fn pf(&self) -> Result<&Pci> {
        self.pf.as_ref().context("no GPU was found")
    }

    fn vf(&self, index: usize) -> Result<&Pci> {
        self.vfs.get(index).with_context(|| format!("there is no VF {index}"))
    }

    fn client(&self) -> Result<&Client> {
        self.client.as_ref().context("no vGPU is open")
    }

    /// The smallest type, of which there are the most instances.
    fn small_type(&self) -> Result<&VgpuType> {
        self.types.first().context("no type can be created")
    }

    /// A line "name: value" of the PF driver's facts in debugfs.
    fn gpu_info(&self, name: &str) -> Result<String> {
        let path = self.gpu_dir()?.join("info");
        let path_shown = path.display();
        let text = fs::read_to_string(&path).with_context(|| format!("reading {path_shown}"))?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        Ok(value
            .with_context(|| format!("{path_shown} has no line {name:?}"))?
            .to_owned())
    }

    /// The PF driver's directory in debugfs.
    fn gpu_dir(&self) -> Result<PathBuf> {
        let name = format!("novabridge-{}", self.pf()?.address());
        Ok(Path::new("/sys/kernel/debug").join(name))
    }
}

/// What the kernel says as an error and is none: a fault, a loss or a refusal that a step provokes, and Debian's words on each
/// firmware file that is looked for and not there (a driver that tries releases from the newest on cannot keep it from them).
fn is_expected(step: Step, text: &str) -> bool {
    let starts = |drivers: &[&str]| drivers.iter().any(|driver| text.starts_with(driver));
    let debian = ["firmware: failed to load", "https://wiki.debian.org/Firmware"];
    (step == Step::DmaFault && text.starts_with("DMAR:"))
        || (step == Step::Suspend && suspend::REFUSAL.iter().any(|words| text.contains(words)))
        || (step == Step::GpuLost && starts(&["novabridge", "pcieport"]))
        || debian.iter().any(|words| text.contains(words))
}
