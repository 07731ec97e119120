// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: the VFIO device on kernels with vfio-pci-core.
 */

#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#include "../compat/vfio_device_ops.h"
#include "../compat/vfio_region_info.h"
#include "vfio.h"

static struct nvb_vfio_device *nvb_core_from_vdev(struct vfio_device *vdev)
{
	return container_of(vdev, struct nvb_vfio_device, bus.core.vdev);
}

static struct nvb_vfio_device *nvb_core_from_pdev(struct pci_dev *pdev)
{
	return container_of(dev_get_drvdata(&pdev->dev), struct nvb_vfio_device, bus.core);
}

static int nvb_core_init_device(struct vfio_device *vdev)
{
	nvb_vfio_init(nvb_core_from_vdev(vdev), to_pci_dev(vdev->dev));

	return vfio_pci_core_init_dev(vdev);
}

static void nvb_core_release_device(struct vfio_device *vdev)
{
	nvb_vfio_exit(nvb_core_from_vdev(vdev));
	vfio_pci_core_release_dev(vdev);
}

static int nvb_core_open_device(struct vfio_device *vdev)
{
	return nvb_vfio_open(nvb_core_from_vdev(vdev));
}

static void nvb_core_close_device(struct vfio_device *vdev)
{
	nvb_vfio_close(nvb_core_from_vdev(vdev));
}

/* Kernels in which this is no operation yet come by nvb_core_ioctl(). */
static int __maybe_unused nvb_core_get_region_info(struct vfio_device *vdev,
						   struct vfio_region_info *info,
						   struct vfio_info_cap *caps)
{
	return nvb_vfio_get_region_info(nvb_core_from_vdev(vdev), info, caps);
}

static long nvb_core_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	return nvb_vfio_ioctl(nvb_core_from_vdev(vdev), cmd, arg);
}

static ssize_t nvb_core_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos)
{
	return nvb_vfio_read(nvb_core_from_vdev(vdev), buf, count, ppos);
}

static ssize_t nvb_core_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			      loff_t *ppos)
{
	return nvb_vfio_write(nvb_core_from_vdev(vdev), buf, count, ppos);
}

static int nvb_core_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	return nvb_vfio_bars_mmap(nvb_core_from_vdev(vdev), vma);
}

static const struct vfio_device_ops nvb_core_ops = {
	.name = "novabridge-vfio-pci",
	.init = nvb_core_init_device,
	.release = nvb_core_release_device,
	.open_device = nvb_core_open_device,
	.close_device = nvb_core_close_device,
	.ioctl = nvb_core_ioctl,
	.device_feature = vfio_pci_core_ioctl_feature,
	.read = nvb_core_read,
	.write = nvb_core_write,
	.mmap = nvb_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	NVB_VFIO_OPS_REGION_INFO(nvb_core_get_region_info)
	NVB_VFIO_OPS_MATCH_TOKEN
	NVB_VFIO_OPS_IOMMUFD
	NVB_VFIO_OPS_DETACH_IOAS
};

int nvb_bus_register(struct pci_dev *pdev)
{
	struct nvb_vfio_device *nvdev;
	int ret;

	nvdev = vfio_alloc_device(nvb_vfio_device, bus.core.vdev, &pdev->dev, &nvb_core_ops);
	if (IS_ERR(nvdev))
		return PTR_ERR(nvdev);

	dev_set_drvdata(&pdev->dev, &nvdev->bus.core);

	ret = vfio_pci_core_register_device(&nvdev->bus.core);
	if (ret)
		vfio_put_device(&nvdev->bus.core.vdev);

	return ret;
}

void nvb_bus_unregister(struct pci_dev *pdev)
{
	struct nvb_vfio_device *nvdev = nvb_core_from_pdev(pdev);

	vfio_pci_core_unregister_device(&nvdev->bus.core);
	vfio_put_device(&nvdev->bus.core.vdev);
}

void nvb_bus_shutdown(struct pci_dev *pdev)
{
	nvb_vfio_vgpu_shutdown(nvb_core_from_pdev(pdev));
}

int nvb_bus_enable(struct nvb_vfio_device *nvdev)
{
	return vfio_pci_core_enable(&nvdev->bus.core);
}

void nvb_bus_finish_enable(struct nvb_vfio_device *nvdev)
{
	vfio_pci_core_finish_enable(&nvdev->bus.core);
}

void nvb_bus_disable(struct nvb_vfio_device *nvdev)
{
	vfio_pci_core_disable(&nvdev->bus.core);
}

void nvb_bus_close(struct nvb_vfio_device *nvdev)
{
	vfio_pci_core_close_device(&nvdev->bus.core.vdev);
}

ssize_t nvb_bus_read(struct nvb_vfio_device *nvdev, char __user *buf, size_t count, loff_t *ppos)
{
	return vfio_pci_core_read(&nvdev->bus.core.vdev, buf, count, ppos);
}

ssize_t nvb_bus_write(struct nvb_vfio_device *nvdev, const char __user *buf, size_t count,
		      loff_t *ppos)
{
	return vfio_pci_core_write(&nvdev->bus.core.vdev, buf, count, ppos);
}

int nvb_bus_mmap(struct nvb_vfio_device *nvdev, struct vm_area_struct *vma)
{
	return vfio_pci_core_mmap(&nvdev->bus.core.vdev, vma);
}

long nvb_bus_ioctl(struct nvb_vfio_device *nvdev, unsigned int cmd, unsigned long arg)
{
	return vfio_pci_core_ioctl(&nvdev->bus.core.vdev, cmd, arg);
}

bool nvb_bus_can_mmap(struct nvb_vfio_device *nvdev, unsigned int bar)
{
	return nvdev->bus.core.bar_mmap_supported[bar];
}

bool nvb_bus_has_msix_table(struct nvb_vfio_device *nvdev, unsigned int bar)
{
	return nvdev->bus.core.msix_bar == bar;
}

void nvb_bus_gpu_lost(struct nvb_vfio_device *nvdev)
{
	vfio_pci_core_aer_err_detected(nvdev->pdev, pci_channel_io_perm_failure);
}

/* Called for every reset of the function: the user's, sysfs's, and those at open and close. */
static void nvb_core_reset_done(struct pci_dev *pdev)
{
	nvb_vfio_vgpu_reset(nvb_core_from_pdev(pdev));
}

const struct pci_error_handlers nvb_bus_err_handlers = {
	.error_detected = vfio_pci_core_aer_err_detected,
	.reset_done = nvb_core_reset_done,
};
