// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probe: NVB_HAVE_VFIO_PCI_CORE
 * why: vfio-pci as a library for other drivers, devices allocated by vfio_alloc_device()
 * kernels: 6.1
 */
#include <linux/vfio_pci_core.h>

struct nvb_probe_device {
	struct vfio_pci_core_device core;
};

struct nvb_probe_device *nvb_probe(struct device *dev, const struct vfio_device_ops *ops);
struct nvb_probe_device *nvb_probe(struct device *dev, const struct vfio_device_ops *ops)
{
	return vfio_alloc_device(nvb_probe_device, core.vdev, dev, ops);
}
