/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NovaBridge VFIO driver: a VF that user space drives as a vGPU.
 */

#ifndef NVB_VFIO_H
#define NVB_VFIO_H

#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/vfio.h>

#include "bars.h"
#include "bus.h"
#include "config_space.h"
#include "logs.h"
#include "novabridge.h"
#include "novabridge_pf.h"

/**
 * struct nvb_vfio_device - a VF
 * @bus: what makes it a VFIO device; must come first
 * @pdev: its PCI function
 * @vf: the VF as it was claimed from its PF, while the device is open
 * @type: identity and sizes of the vGPU, while the device is open
 * @config: PCI configuration space the user sees
 * @bars: sizes of the BARs the user sees
 * @logs: the vGPU's logs in debugfs
 * @vgpu_lock: guards @vgpu, @shut_down and @reset_error; innermost, because a reset takes
 *	       it below the VFIO device's locks: nothing of bus.h is called
 *	       with it held
 * @vgpu: the vGPU, while the device is open
 * @shut_down: the machine goes down; there will be no vGPU any more
 * @reset_error: how the last reset of the vGPU went
 */
struct nvb_vfio_device {
	struct nvb_vfio_bus bus;
	struct pci_dev *pdev;
	struct novabridge_vf vf;
	struct nvb_vgpu_type_info type;
	struct nvb_vfio_config config;
	struct nvb_vfio_bars bars;
	struct nvb_vfio_logs logs;
	struct mutex vgpu_lock;		/* the vGPU; innermost */
	struct nvb_vgpu *vgpu;
	bool shut_down;
	int reset_error;
};

/* The region of a position in the device's file. */
static inline unsigned int nvb_vfio_region(loff_t pos)
{
	return (u64)pos >> NVB_BUS_OFFSET_SHIFT;
}

/* Where in its region a position lies. */
static inline u64 nvb_vfio_offset(loff_t pos)
{
	return pos & (BIT_ULL(NVB_BUS_OFFSET_SHIFT) - 1);
}

/* device.c */
void nvb_vfio_init(struct nvb_vfio_device *nvdev, struct pci_dev *pdev);
void nvb_vfio_exit(struct nvb_vfio_device *nvdev);
int nvb_vfio_open(struct nvb_vfio_device *nvdev);
void nvb_vfio_close(struct nvb_vfio_device *nvdev);
long nvb_vfio_ioctl(struct nvb_vfio_device *nvdev, unsigned int cmd, unsigned long arg);
ssize_t nvb_vfio_read(struct nvb_vfio_device *nvdev, char __user *buf, size_t count, loff_t *ppos);
ssize_t nvb_vfio_write(struct nvb_vfio_device *nvdev, const char __user *buf, size_t count,
		       loff_t *ppos);

/* vgpu.c */
int nvb_vfio_vgpu_create(struct nvb_vfio_device *nvdev);
void nvb_vfio_vgpu_destroy(struct nvb_vfio_device *nvdev);
void nvb_vfio_vgpu_shutdown(struct nvb_vfio_device *nvdev);
int nvb_vfio_vgpu_set_bus_master(struct nvb_vfio_device *nvdev, bool on);
void nvb_vfio_vgpu_reset(struct nvb_vfio_device *nvdev);
int nvb_vfio_vgpu_reset_error(struct nvb_vfio_device *nvdev);

#endif /* NVB_VFIO_H */
