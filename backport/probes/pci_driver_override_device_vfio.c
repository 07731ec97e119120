// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probe: NVB_HAVE_PCI_DRIVER_OVERRIDE_DEVICE_VFIO
 * why: an id table entry that binds only on driver_override
 * kernels: 5.16
 */
#include <linux/pci.h>

const struct pci_device_id nvb_probe;
const struct pci_device_id nvb_probe = {
	PCI_DRIVER_OVERRIDE_DEVICE_VFIO(0x10de, 0x26b1)
};
