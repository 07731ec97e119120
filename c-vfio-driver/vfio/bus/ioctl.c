// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: VFIO_DEVICE_* on kernels without vfio-pci-core.
 */

#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "../vfio.h"

static long nvb_bus_get_info(struct nvb_vfio_device *nvdev, void __user *arg)
{
	unsigned long minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;

	info.flags = VFIO_DEVICE_FLAGS_PCI;
	if (nvdev->bus.reset_works)
		info.flags |= VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;

	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long nvb_bus_get_irq_info(struct nvb_vfio_device *nvdev, void __user *arg)
{
	unsigned long minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;
	int count;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;

	count = nvb_bus_irq_count(nvdev, info.index);
	if (count < 0)
		return count;

	info.flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
	info.count = count;

	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long nvb_bus_ioctl_set_irqs(struct nvb_vfio_device *nvdev, void __user *arg)
{
	unsigned long minsz = offsetofend(struct vfio_irq_set, count);
	struct vfio_irq_set set;
	void *data = NULL;
	size_t size = 0;
	int count, ret;

	if (copy_from_user(&set, arg, minsz))
		return -EFAULT;

	count = nvb_bus_irq_count(nvdev, set.index);
	if (count < 0)
		return count;

	ret = vfio_set_irqs_validate_and_prepare(&set, count, VFIO_PCI_NUM_IRQS, &size);
	if (ret)
		return ret;

	if (size) {
		data = memdup_user(arg + minsz, size);
		if (IS_ERR(data))
			return PTR_ERR(data);
	}

	ret = nvb_bus_set_irqs(nvdev, &set, data);
	kfree(data);

	return ret;
}

static long nvb_bus_ioctl_reset(struct nvb_vfio_device *nvdev)
{
	if (!nvdev->bus.reset_works)
		return -EINVAL;

	return pci_try_reset_function(nvdev->pdev);
}

long nvb_bus_ioctl(struct nvb_vfio_device *nvdev, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return nvb_bus_get_info(nvdev, (void __user *)arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return nvb_bus_get_irq_info(nvdev, (void __user *)arg);
	case VFIO_DEVICE_SET_IRQS:
		return nvb_bus_ioctl_set_irqs(nvdev, (void __user *)arg);
	case VFIO_DEVICE_RESET:
		return nvb_bus_ioctl_reset(nvdev);
	default:
		return -ENOTTY;
	}
}
