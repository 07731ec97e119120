// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What an administrator does: load, enable, pick, unload.

use super::{Cell, VgpuType};
use crate::{
    client::{Client, Vm},
    kernel_log,
    pci::Pci,
    report::Report,
    system::{load_module, unload_module, uptime_ms, wait_for},
};
use anyhow::{ensure, Context, Result};
use nix::errno::Errno;
use std::{collections::BTreeSet, fs, path::Path, time::Duration};

const CREATABLE: &str = "nvidia/creatable_vgpu_types";
const CURRENT: &str = "nvidia/current_vgpu_type";
const NUM_VFS: &str = "sriov_numvfs";
const PF_DRIVER: &str = "novabridge";
const VF_DRIVER: &str = "novabridge-vfio-pci";

impl Cell<'_> {
    pub(super) fn kernel_up(&mut self, report: &mut Report) -> Result<()> {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").context("reading the kernel's release")?;
        report.note("kernel", release.trim());
        report.note("uptime_ms", uptime_ms());
        self.plan.kernel_modules.iter().try_for_each(|path| load_module(path))?;
        let pf = Pci::find_gpu()?;
        report.note("gpu", pf.address());
        self.pf = Some(pf);
        Ok(())
    }

    pub(super) fn boot_gpu(&mut self, report: &mut Report) -> Result<()> {
        load_module(&self.plan.pf_module)?;
        let driver = self.pf()?.driver();
        ensure!(
            driver.as_deref() == Some(PF_DRIVER),
            "driver of the GPU: expected {PF_DRIVER}, found {driver:?}"
        );
        for (name, expected) in [("state", "running"), ("firmware", &self.plan.release)] {
            let found = self.gpu_info(name)?;
            ensure!(
                found == expected,
                "{name} of the GPU: expected {expected:?}, found {found:?}"
            );
        }
        for name in ["gpu", "firmware", "wpr", "vgpu types"] {
            report.note(name, self.gpu_info(name)?);
        }
        Ok(())
    }

    pub(super) fn enable_vfs(&mut self, report: &mut Report) -> Result<()> {
        let pf = self.pf()?;
        pf.write("sriov_drivers_autoprobe", "0")?;
        pf.write(NUM_VFS, &self.plan.vfs.to_string())?;
        let vfs = pf.virtual_functions()?;
        ensure!(
            vfs.len() as u32 == self.plan.vfs,
            "expected {} VFs, found {}",
            self.plan.vfs,
            vfs.len()
        );
        let mut groups = BTreeSet::from([pf.iommu_group()?]);
        for vf in &vfs {
            ensure!(
                groups.insert(vf.iommu_group()?),
                "{} shares its IOMMU group",
                vf.address()
            );
            for bar in [0, 1, 3] {
                ensure!(vf.has(&format!("resource{bar}")), "{} has no BAR{bar}", vf.address());
            }
        }
        report.note("vfs", vfs.iter().map(Pci::address).collect::<Vec<_>>());
        self.vfs = vfs;
        Ok(())
    }

    pub(super) fn load_vf_driver(&mut self, report: &mut Report) -> Result<()> {
        load_module(&self.plan.vf_module)?;
        for vf in &self.vfs {
            vf.bind(VF_DRIVER)?;
            let node = format!("/dev/vfio/{}", vf.iommu_group()?);
            wait_for(&node, Duration::from_secs(2), || {
                Path::new(&node).exists().then_some(())
            })?;
        }
        report.note("driver", VF_DRIVER);
        Ok(())
    }

    pub(super) fn pick_type(&mut self, report: &mut Report) -> Result<()> {
        self.types = creatable(self.vf(0)?)?;
        let (first, last) = match (self.types.first(), self.types.last()) {
            (Some(first), Some(last)) if first.id != last.id => (first, last),
            _ => anyhow::bail!("expected two types or more to choose from, found {:?}", self.types),
        };
        report.note(
            "types",
            self.types
                .iter()
                .map(|t| format!("{} {}", t.id, t.name))
                .collect::<Vec<_>>(),
        );

        let (vf, other) = (self.vf(0)?, self.vf(1)?);
        expect_type(vf, 0)?;
        vf.expect_refusal(CURRENT, "12345", Errno::ENODEV)?;
        vf.expect_refusal(CURRENT, "none", Errno::EINVAL)?;
        vf.expect_refusal(CURRENT, "4294967296", Errno::ERANGE)?;
        set_type(vf, first.id)?;
        report.note("type", first.name.as_str());

        // The firmware wants all vGPUs of a GPU to be of one type.
        ensure!(
            creatable(other)? == [first.clone()],
            "types left for {}: {:?}",
            other.address(),
            creatable(other)?
        );
        other.expect_refusal(CURRENT, &last.id.to_string(), Errno::EINVAL)?;
        let found = Vm::new(other)?.try_open().err();
        ensure!(
            found == Some(Errno::ENODEV),
            "opening a VF without a type: expected ENODEV, found {found:?}"
        );
        Ok(())
    }

    pub(super) fn type_busy(&mut self) -> Result<()> {
        self.client()?;
        self.vf(0)?.expect_refusal(CURRENT, "0", Errno::EBUSY)?;
        self.pf()?.expect_refusal(NUM_VFS, "0", Errno::EBUSY)?;
        ensure!(
            self.client()?.engine().state()?.alive,
            "the vGPU did not survive the refusals"
        );
        Ok(())
    }

    pub(super) fn unload(&mut self) -> Result<()> {
        self.client = None;
        self.vfs.clear();
        let found = unload_module(&self.plan.pf_module);
        ensure!(
            found == Err(Errno::EAGAIN),
            "unloading the PF driver before the VF driver: found {found:?}"
        );
        self.pf()?.write(NUM_VFS, "0")?;
        ensure!(self.pf()?.virtual_functions()?.is_empty(), "VFs are left");
        for path in [&self.plan.vf_module, &self.plan.pf_module] {
            unload_module(path).with_context(|| format!("unloading {path}"))?;
        }
        ensure!(self.pf()?.driver().is_none(), "the GPU still has a driver");
        Ok(())
    }

    pub(super) fn boot_again(&mut self, report: &mut Report) -> Result<()> {
        // It stays open until the machine goes off.
        self.client = Some(self.boot_and_open(report)?);
        Ok(())
    }

    /// From nothing to a vGPU.
    pub(super) fn boot_and_open(&mut self, report: &mut Report) -> Result<Client> {
        self.boot_gpu(report)?;
        self.enable_vfs(report)?;
        self.load_vf_driver(report)?;
        let vf = self.vf(0)?;
        set_type(vf, self.small_type()?.id)?;
        let client = Client::open(vf)?;
        ensure!(client.engine().state()?.alive, "no vGPU after opening");
        Ok(client)
    }

    pub(super) fn kernel_log(&mut self, report: &mut Report) -> Result<()> {
        let taints = kernel_log::trouble_taints()?;
        ensure!(taints.is_empty(), "the kernel is tainted: {taints}");
        report.note("records", self.log.all()?.len());
        Ok(())
    }
}

/// The types that a VF could be of.
pub(super) fn creatable(vf: &Pci) -> Result<Vec<VgpuType>> {
    let text = vf.read(CREATABLE)?;
    parse_types(&text).with_context(|| format!("{CREATABLE} of {} is {text:?}", vf.address()))
}

fn parse_types(text: &str) -> Option<Vec<VgpuType>> {
    let mut lines = text.lines();
    let header = lines.next()?;
    if header.split(':').map(str::trim).ne(["ID", "vGPU Name"]) {
        return None;
    }
    lines
        .map(|line| {
            let (id, name) = line.split_once(':')?;
            Some(VgpuType {
                id: id.trim().parse().ok()?,
                name: name.trim().to_owned(),
            })
        })
        .collect()
}

/// Picks a type and checks that it was taken; 0 is none.
pub(super) fn set_type(vf: &Pci, id: u32) -> Result<()> {
    vf.write(CURRENT, &id.to_string())?;
    expect_type(vf, id)
}

/// Tries to pick a type.
pub(super) fn try_type(vf: &Pci, id: u32) -> Result<(), Errno> {
    vf.try_write(CURRENT, &id.to_string())
}

fn expect_type(vf: &Pci, id: u32) -> Result<()> {
    let found = vf.number(CURRENT)?;
    ensure!(
        found == id,
        "{CURRENT} of {}: expected {id}, found {found}",
        vf.address()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_lists_are_read() {
        let types = parse_types("ID    : vGPU Name\n941   : NVIDIA RTX6000-Ada-1Q\n950   : a: b").unwrap();
        let found: Vec<_> = types.iter().map(|t| (t.id, t.name.as_str())).collect();
        assert_eq!(found, [(941, "NVIDIA RTX6000-Ada-1Q"), (950, "a: b")]);
        assert_eq!(parse_types("ID    : vGPU Name"), Some(vec![]));
        assert_eq!(parse_types("941 : x"), None);
        assert_eq!(parse_types("ID : vGPU Name\nx : y"), None);
    }
}
