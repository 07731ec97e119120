// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probe: NVB_HAVE_PCI_DRIVER_MANAGED_DMA
 * why: a driver says that user space owns the DMA of its devices
 * kernels: 6.0
 */
#include <linux/pci.h>

struct pci_driver nvb_probe;
struct pci_driver nvb_probe = {
	.driver_managed_dma = true,
};
