/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NovaBridge VFIO driver: a VF that user space drives as a vGPU.
 */

#ifndef NVB_VFIO_H
#define NVB_VFIO_H

#include <linux/mutex.h>
#include <linux/vfio_pci_core.h>

#include "bars.h"
#include "config_space.h"
#include "logs.h"
#include "novabridge.h"
#include "novabridge_pf.h"

/**
 * struct nvb_vfio_device - a VF
 * @core: what vfio-pci-core keeps of it; must come first
 * @vf: the VF as it was claimed from its PF, while the device is open
 * @type: identity and sizes of the vGPU, while the device is open
 * @config: PCI configuration space the user sees
 * @bars: sizes of the BARs the user sees
 * @logs: the vGPU's logs in debugfs
 * @vgpu_lock: guards @vgpu and @reset_error; innermost, because a reset takes
 *	       it below vfio-pci-core's locks: nothing of vfio-pci-core is
 *	       called with it held
 * @vgpu: the vGPU, while the device is open
 * @reset_error: how the last reset of the vGPU went
 */
struct nvb_vfio_device {
	struct vfio_pci_core_device core;
	struct novabridge_vf vf;
	struct nvb_vgpu_type_info type;
	struct nvb_vfio_config config;
	struct nvb_vfio_bars bars;
	struct nvb_vfio_logs logs;
	struct mutex vgpu_lock;		/* the vGPU; innermost */
	struct nvb_vgpu *vgpu;
	int reset_error;
};

static inline struct nvb_vfio_device *nvb_vfio_from_vdev(struct vfio_device *vdev)
{
	return container_of(vdev, struct nvb_vfio_device, core.vdev);
}

static inline struct nvb_vfio_device *nvb_vfio_from_pdev(struct pci_dev *pdev)
{
	return container_of(dev_get_drvdata(&pdev->dev), struct nvb_vfio_device, core);
}

extern const struct vfio_device_ops nvb_vfio_ops;

/* vgpu.c */
int nvb_vfio_vgpu_create(struct nvb_vfio_device *nvdev);
void nvb_vfio_vgpu_destroy(struct nvb_vfio_device *nvdev);
int nvb_vfio_vgpu_set_bus_master(struct nvb_vfio_device *nvdev, bool on);
void nvb_vfio_vgpu_reset(struct nvb_vfio_device *nvdev);
int nvb_vfio_vgpu_reset_error(struct nvb_vfio_device *nvdev);

#endif /* NVB_VFIO_H */
