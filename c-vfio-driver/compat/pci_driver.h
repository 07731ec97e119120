/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a VFIO driver for PCI presents itself to the PCI core.
 */

#ifndef NVB_COMPAT_PCI_DRIVER_H
#define NVB_COMPAT_PCI_DRIVER_H

#include <linux/pci.h>

#include "nvb_compat_config.h"

/*
 * An entry for devices that are bound only when driver_override asks for it.
 * Without support for that in the id table an entry would bind any device that
 * comes along, so there is none; driver_override alone then has to do.
 */
#ifdef NVB_HAVE_PCI_DRIVER_OVERRIDE_DEVICE_VFIO
#define NVB_PCI_DEVICE_VFIO(vendor, device) PCI_DRIVER_OVERRIDE_DEVICE_VFIO(vendor, device)
#else
#define NVB_PCI_DEVICE_VFIO(vendor, device) 0
#endif

/* The IOMMU belongs to user space. Older kernels leave that to VFIO's notifiers. */
#ifdef NVB_HAVE_PCI_DRIVER_MANAGED_DMA
#define NVB_PCI_DRIVER_MANAGED_DMA .driver_managed_dma = true,
#else
#define NVB_PCI_DRIVER_MANAGED_DMA
#endif

#endif /* NVB_COMPAT_PCI_DRIVER_H */
