/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NovaBridge VFIO driver: what vfio-pci-core keeps of a VF.
 */

#ifndef NVB_VFIO_PCI_CORE_H
#define NVB_VFIO_PCI_CORE_H

#include <linux/vfio_pci_core.h>

/* The offsets of regions in the device's file are vfio-pci-core's. */
#define NVB_BUS_OFFSET_SHIFT	VFIO_PCI_OFFSET_SHIFT

/**
 * struct nvb_vfio_bus - a VF as a VFIO device
 * @core: vfio-pci-core's part; must come first
 */
struct nvb_vfio_bus {
	struct vfio_pci_core_device core;
};

#endif /* NVB_VFIO_PCI_CORE_H */
