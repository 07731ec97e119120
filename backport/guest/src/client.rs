// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A VFIO client of one VF, set up the way a virtual machine monitor does it.

use crate::{
    engine::{Engine, MAPPED},
    mapping::Mapping,
    pci::Pci,
    vfio::{Container, Device, Group, Region},
};
use anyhow::{Context, Result};
use nix::{
    errno::Errno,
    poll::{poll, PollFd, PollFlags, PollTimeout},
    sys::eventfd::{EfdFlags, EventFd},
};
use std::os::fd::AsFd;
use vfio_bindings::bindings::vfio::VFIO_PCI_BAR0_REGION_INDEX;

/// Where the client's memory is for the device.
pub const IOVA: u64 = 0x1000_0000;
/// How much of it there is.
pub const MEMORY: u64 = 1 << 20;

/// Offset of the command register, which the status register follows.
pub const COMMAND: u64 = 0x04;
const COMMAND_MEMORY: u16 = 1 << 1;
/// Its bit for bus mastering.
pub const COMMAND_MASTER: u16 = 1 << 2;

/// A group of which no device is open yet.
pub struct Vm {
    // In the order in which they are let go.
    group: Group,
    container: Container,
    memory: Mapping,
    address: String,
}

impl Vm {
    /// Opens the VF's group and gives its devices memory.
    pub fn new(vf: &Pci) -> Result<Vm> {
        let container = Container::open()?;
        let group = Group::open(vf.iommu_group()?, &container)?;
        container.set_iommu()?;
        let memory = Mapping::of_memory(MEMORY)?;
        container.map(&memory, IOVA)?;
        Ok(Vm {
            group,
            container,
            memory,
            address: vf.address().to_owned(),
        })
    }

    /// Opens the device, which creates the vGPU. The error number is the driver's.
    pub fn try_open(&self) -> Result<Device, Errno> {
        self.group.device(&self.address)
    }
}

/// An open vGPU.
pub struct Client {
    /// BAR0 up to the MSI-X table.
    pub bar0: Mapping,
    /// The device.
    pub device: Device,
    vm: Vm,
}

impl Client {
    /// Opens the VF and makes its registers accessible.
    pub fn open(vf: &Pci) -> Result<Client> {
        let vm = Vm::new(vf)?;
        let device = vm
            .try_open()
            .with_context(|| format!("opening the VFIO device {}", vf.address()))?;
        let bar0 = device
            .mmap(&device.region(VFIO_PCI_BAR0_REGION_INDEX)?, MAPPED)
            .context("BAR0")?;
        let client = Client { bar0, device, vm };
        client.command(COMMAND_MEMORY, true)?;
        Ok(client)
    }

    /// The registers.
    pub fn engine(&self) -> Engine<'_> {
        Engine(&self.bar0)
    }

    /// The memory the device reaches at [`IOVA`].
    pub fn memory(&self) -> &Mapping {
        &self.vm.memory
    }

    /// The address space of the device.
    pub fn container(&self) -> &Container {
        &self.vm.container
    }

    /// A region of the device.
    pub fn region(&self, index: u32) -> Result<Region> {
        self.device.region(index)
    }

    fn command(&self, bits: u16, on: bool) -> Result<()> {
        let config = self.device.config()?;
        let command = config.read16(COMMAND)?;
        config.write16(COMMAND, if on { command | bits } else { command & !bits })
    }

    /// Turns bus mastering on or off, as the guest's driver does.
    pub fn set_bus_master(&self, on: bool) -> Result<()> {
        self.command(COMMAND_MASTER, on)
    }
}

/// An eventfd to wait on.
pub struct Event(pub EventFd);

impl Event {
    /// A counter of 0.
    pub fn new() -> Result<Event> {
        let event = EventFd::from_value_and_flags(0, EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK);
        Ok(Event(event.context("creating an eventfd")?))
    }

    /// Waits up to `ms` milliseconds; how often it was signalled since the last call.
    pub fn wait(&self, ms: u16) -> Result<u64> {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(ms)).context("waiting for an eventfd")?;
        match self.0.read() {
            Ok(count) => Ok(count),
            Err(Errno::EAGAIN) => Ok(0),
            Err(error) => Err(error).context("reading an eventfd"),
        }
    }
}
