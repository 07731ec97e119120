// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! VFIO_DEVICE_SET_IRQS with a count of 0, with which a driver may look for data where there is none.
//!
//! The answers are vfio-pci's on all kernels (`drivers/vfio/pci/vfio_pci_intrs.c`), so that a driver that brings its own
//! part of it gives the same.

use crate::client::{Client, Event};
use anyhow::{ensure, Result};
use nix::errno::Errno;
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_SET_DATA_BOOL, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_NONE, VFIO_PCI_ERR_IRQ_INDEX,
    VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_REQ_IRQ_INDEX,
};

const REFUSED: Result<(), Errno> = Err(Errno::EINVAL);

/// Sends all kinds of data to all kinds of interrupts, of which none is connected before, nor is any after.
pub(super) fn check(client: &Client) -> Result<()> {
    for (name, index) in [("ERR", VFIO_PCI_ERR_IRQ_INDEX), ("REQ", VFIO_PCI_REQ_IRQ_INDEX)] {
        expect(client, name, index, [REFUSED, REFUSED, REFUSED])?;
        let event = Event::new()?;
        client.device.connect(index, &event.0)?;
        expect(client, name, index, [REFUSED, REFUSED, Ok(())])?;
        ensure!(event.wait(0)? == 0, "{name} was signalled by a call for no interrupt");
    }
    // No vector is not a number of vectors to enable.
    let index = VFIO_PCI_MSIX_IRQ_INDEX;
    expect(client, "MSI-X", index, [Err(Errno::ERANGE), REFUSED, REFUSED])?;
    let event = Event::new()?;
    client.device.connect(index, &event.0)?;
    expect(client, "MSI-X", index, [Ok(()), Ok(()), Ok(())])?;
    ensure!(event.wait(0)? == 0, "MSI-X was signalled by a call for no interrupt");
    // It is disabled now, which the call of the same kind before the last one did not do.
    expect(client, "MSI-X", index, [Err(Errno::ERANGE), REFUSED, REFUSED])
}

/// What a driver answers to eventfds, truth values, and no data; the last of which disconnects.
fn expect(client: &Client, name: &str, index: u32, answers: [Result<(), Errno>; 3]) -> Result<()> {
    let kinds = [
        ("eventfds", VFIO_IRQ_SET_DATA_EVENTFD),
        ("truth values", VFIO_IRQ_SET_DATA_BOOL),
        ("data", VFIO_IRQ_SET_DATA_NONE),
    ];
    for ((data, flag), expected) in kinds.into_iter().zip(answers) {
        let found = client.device.set_no_irqs(index, flag);
        ensure!(
            found == expected,
            "VFIO_DEVICE_SET_IRQS of {name} with no {data}: expected {expected:?}, found {found:?}"
        );
    }
    Ok(())
}
