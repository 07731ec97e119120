// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! PCI devices as sysfs shows them.

use crate::system;
use anyhow::{ensure, Context, Result};
use nix::errno::Errno;
use std::{
    fs,
    path::{Path, PathBuf},
};

const DEVICES: &str = "/sys/bus/pci/devices";
const NVIDIA: u32 = 0x10de;
/// Class and subclass of a 3D controller; the programming interface below it is left out.
const CLASS_3D: u32 = 0x0302;

/// A PCI device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pci {
    path: PathBuf,
    address: String,
}

impl Pci {
    fn from_path(path: &Path) -> Result<Pci> {
        let path = path
            .canonicalize()
            .with_context(|| format!("following {}", path.display()))?;
        let address = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Pci { path, address })
    }

    /// The GPU's physical function: the one NVIDIA 3D controller that is not a VF.
    pub fn find_gpu() -> Result<Pci> {
        for entry in fs::read_dir(DEVICES).with_context(|| format!("listing {DEVICES}"))? {
            let device = Pci::from_path(&entry?.path())?;
            if device.hex("vendor")? == NVIDIA && device.hex("class")? >> 8 == CLASS_3D && !device.has("physfn") {
                return Ok(device);
            }
        }
        anyhow::bail!("no NVIDIA 3D controller among the PCI devices")
    }

    /// The address: domain, bus, device and function.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Path of one of the device's files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether the device has a file.
    pub fn has(&self, name: &str) -> bool {
        self.file(name).exists()
    }

    /// Reads an attribute, without the white space around it.
    pub fn read(&self, name: &str) -> Result<String> {
        let text =
            fs::read_to_string(self.file(name)).with_context(|| format!("reading {name} of {}", self.address))?;
        Ok(text.trim().to_owned())
    }

    /// Reads an attribute that is a hexadecimal number.
    pub fn hex(&self, name: &str) -> Result<u32> {
        let text = self.read(name)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        u32::from_str_radix(digits, 16).with_context(|| format!("{name} of {} is {text:?}", self.address))
    }

    /// Reads an attribute that is a decimal number.
    pub fn number(&self, name: &str) -> Result<u32> {
        let text = self.read(name)?;
        text.parse()
            .with_context(|| format!("{name} of {} is {text:?}", self.address))
    }

    /// Writes an attribute.
    pub fn write(&self, name: &str, value: &str) -> Result<()> {
        self.try_write(name, value)
            .with_context(|| format!("writing {value:?} to {name} of {}", self.address))
    }

    /// Writes an attribute, for a caller that wants to see the error number.
    pub fn try_write(&self, name: &str, value: &str) -> Result<(), Errno> {
        system::try_write(self.file(name), value)
    }

    /// Writes an attribute and expects it to be refused.
    pub fn expect_refusal(&self, name: &str, value: &str, expected: Errno) -> Result<()> {
        match self.try_write(name, value) {
            Err(found) if found == expected => Ok(()),
            found => anyhow::bail!(
                "writing {value:?} to {name} of {}: expected {expected:?}, found {found:?}",
                self.address
            ),
        }
    }

    fn link(&self, name: &str) -> Option<String> {
        let target = fs::read_link(self.file(name)).ok()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    /// Name of the driver that is bound.
    pub fn driver(&self) -> Option<String> {
        self.link("driver")
    }

    /// Number of the IOMMU group.
    pub fn iommu_group(&self) -> Result<u32> {
        let group = self
            .link("iommu_group")
            .with_context(|| format!("{} is in no IOMMU group", self.address))?;
        group
            .parse()
            .with_context(|| format!("IOMMU group of {} is {group:?}", self.address))
    }

    /// The PF's VFs, in order.
    pub fn virtual_functions(&self) -> Result<Vec<Pci>> {
        (0..self.number("sriov_numvfs")?)
            .map(|i| Pci::from_path(&self.file(&format!("virtfn{i}"))))
            .collect()
    }

    /// Binds `driver`, which must be loaded, to the device.
    pub fn bind(&self, driver: &str) -> Result<()> {
        self.write("driver_override", driver)?;
        let probe = "/sys/bus/pci/drivers_probe";
        fs::write(probe, &self.address).with_context(|| format!("writing {} to {probe}", self.address))?;
        let found = self.driver();
        ensure!(
            found.as_deref() == Some(driver),
            "driver of {} after binding: expected {driver}, found {}",
            self.address,
            found.as_deref().unwrap_or("none")
        );
        Ok(())
    }
}
