/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NovaBridge VFIO driver: the PCI configuration space of a vGPU.
 */

#ifndef NVB_VFIO_CONFIG_SPACE_H
#define NVB_VFIO_CONFIG_SPACE_H

#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/vfio.h>

struct nvb_vfio_device;

#define NVB_VFIO_CONFIG_SIZE	PCI_CFG_SPACE_EXP_SIZE

/**
 * struct nvb_vfio_config - the emulated part of configuration space
 * @lock: guards @value and the order of writes; nests outside the VFIO
 *	  device's locks
 * @value: what reads return
 * @writable: bits of @value that a write changes
 * @msix: position of the MSI-X capability
 * @bus_master: what the VF and the vGPU were last told of the bus master bit
 */
struct nvb_vfio_config {
	struct mutex lock;	/* emulated registers, order of writes */
	u8 value[PCI_CFG_SPACE_SIZE];
	u8 writable[PCI_CFG_SPACE_SIZE];
	u8 msix;
	bool bus_master;
};

int nvb_vfio_config_init(struct nvb_vfio_device *nvdev);
void nvb_vfio_config_reset(struct nvb_vfio_device *nvdev);
ssize_t nvb_vfio_config_read(struct nvb_vfio_device *nvdev, char __user *buf, size_t count,
			     loff_t *ppos);
ssize_t nvb_vfio_config_write(struct nvb_vfio_device *nvdev, const char __user *buf, size_t count,
			      loff_t *ppos);

#endif /* NVB_VFIO_CONFIG_SPACE_H */
