// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: the VFIO device, from opening to closing.
 */

#include <linux/pci.h>
#include <linux/vfio.h>

#include "../compat/vfio_region_info.h"
#include "vfio.h"

/* An event of the GPU. Of these the user can act on one: that the GPU is gone. */
static void nvb_vfio_event(void *ctx, const struct nvb_event *event)
{
	struct nvb_vfio_device *nvdev = ctx;

	if (event->kind == NVB_EVENT_GPU_LOST)
		nvb_bus_gpu_lost(nvdev);
}

/**
 * nvb_vfio_init() - make a VF's locks
 * @nvdev: VF, all zero but for @bus
 * @pdev: its PCI function
 */
void nvb_vfio_init(struct nvb_vfio_device *nvdev, struct pci_dev *pdev)
{
	nvdev->pdev = pdev;
	mutex_init(&nvdev->vgpu_lock);
	mutex_init(&nvdev->config.lock);
}

/**
 * nvb_vfio_exit() - undo nvb_vfio_init()
 * @nvdev: VF that nobody has open
 */
void nvb_vfio_exit(struct nvb_vfio_device *nvdev)
{
	mutex_destroy(&nvdev->config.lock);
	mutex_destroy(&nvdev->vgpu_lock);
}

/**
 * nvb_vfio_open() - make the VF a vGPU
 * @nvdev: VF of which this is the first user
 *
 * Return: 0, -ENODEV when no vGPU type was set, or another negative errno.
 */
int nvb_vfio_open(struct nvb_vfio_device *nvdev)
{
	struct pci_dev *pdev = nvdev->pdev;
	int ret;

	ret = novabridge_vf_claim(pdev, nvb_vfio_event, nvdev, &nvdev->vf);
	if (ret) {
		pci_dbg(pdev, "not available as a vGPU (%d)\n", ret);
		return ret;
	}

	nvdev->type = (struct nvb_vgpu_type_info) { .size = sizeof(nvdev->type) };
	ret = nvb_vgpu_type_find(nvdev->vf.gpu, nvdev->vf.type, &nvdev->type);
	if (ret)
		goto err_release;

	ret = nvb_vfio_bars_init(nvdev);
	if (ret)
		goto err_release;

	ret = nvb_vfio_config_init(nvdev);
	if (ret)
		goto err_release;

	ret = nvb_bus_enable(nvdev);
	if (ret)
		goto err_release;

	ret = nvb_vfio_vgpu_create(nvdev);
	if (ret)
		goto err_disable;

	nvb_vfio_logs_init(nvdev);
	nvb_bus_finish_enable(nvdev);

	return 0;

err_disable:
	nvb_bus_disable(nvdev);
err_release:
	novabridge_vf_release(pdev);
	return ret;
}

/**
 * nvb_vfio_close() - end the vGPU
 * @nvdev: VF whose last user is gone
 */
void nvb_vfio_close(struct nvb_vfio_device *nvdev)
{
	nvb_vfio_logs_exit(nvdev);
	/* First the vGPU, so that nothing reaches for the user's memory while the VF is reset. */
	nvb_vfio_vgpu_destroy(nvdev);
	nvb_bus_close(nvdev);
	novabridge_vf_release(nvdev->pdev);
}

/*
 * The function is reset by the VFIO device, which calls nvb_vfio_vgpu_reset() in
 * the midst of it. The registers go first, for that stops DMA.
 */
static long nvb_vfio_reset(struct nvb_vfio_device *nvdev, unsigned long arg)
{
	long ret;

	mutex_lock(&nvdev->config.lock);
	nvb_vfio_config_reset(nvdev);
	ret = nvb_bus_ioctl(nvdev, VFIO_DEVICE_RESET, arg);
	if (!ret)
		ret = nvb_vfio_vgpu_reset_error(nvdev);
	mutex_unlock(&nvdev->config.lock);

	return ret;
}

/**
 * nvb_vfio_ioctl() - serve a user's VFIO_DEVICE_*
 * @nvdev: open VF
 * @cmd: which
 * @arg: its argument
 *
 * Return: as the ioctl.
 */
long nvb_vfio_ioctl(struct nvb_vfio_device *nvdev, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VFIO_DEVICE_GET_REGION_INFO:
		return nvb_compat_get_region_info(nvdev, arg, nvb_vfio_get_region_info);
	case VFIO_DEVICE_RESET:
		return nvb_vfio_reset(nvdev, arg);
	case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
	case VFIO_DEVICE_PCI_HOT_RESET:
		/* A reset of slot or bus would hit the PF and all vGPUs. */
		return -ENODEV;
	case VFIO_DEVICE_IOEVENTFD:
		/* vfio-pci-core would let one reach BAR1 beyond the vGPU's part of it. */
		return -ENOTTY;
	default:
		return nvb_bus_ioctl(nvdev, cmd, arg);
	}
}

/**
 * nvb_vfio_read() - read from a region
 * @nvdev: open VF
 * @buf: where to
 * @count: bytes wanted
 * @ppos: position in the device's file; advanced by what was read
 *
 * Return: bytes read, or a negative errno.
 */
ssize_t nvb_vfio_read(struct nvb_vfio_device *nvdev, char __user *buf, size_t count, loff_t *ppos)
{
	int ret;

	if (!count)
		return 0;
	if (nvb_vfio_region(*ppos) == VFIO_PCI_CONFIG_REGION_INDEX)
		return nvb_vfio_config_read(nvdev, buf, count, ppos);

	ret = nvb_vfio_bars_limit(nvdev, *ppos, &count);
	if (ret)
		return ret;

	return nvb_bus_read(nvdev, buf, count, ppos);
}

/**
 * nvb_vfio_write() - write to a region
 * @nvdev: open VF
 * @buf: where from
 * @count: bytes to write
 * @ppos: position in the device's file; advanced by what was written
 *
 * Return: bytes written, or a negative errno.
 */
ssize_t nvb_vfio_write(struct nvb_vfio_device *nvdev, const char __user *buf, size_t count,
		       loff_t *ppos)
{
	int ret;

	if (!count)
		return 0;
	if (nvb_vfio_region(*ppos) == VFIO_PCI_CONFIG_REGION_INDEX)
		return nvb_vfio_config_write(nvdev, buf, count, ppos);

	ret = nvb_vfio_bars_limit(nvdev, *ppos, &count);
	if (ret)
		return ret;

	return nvb_bus_write(nvdev, buf, count, ppos);
}
