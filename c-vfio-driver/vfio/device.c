// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: the operations of the VFIO device.
 */

#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#include "../compat/vfio_device_ops.h"
#include "../compat/vfio_region_info.h"
#include "vfio.h"

/* An event of the GPU. Of these the user can act on one: that the GPU is gone. */
static void nvb_vfio_event(void *ctx, const struct nvb_event *event)
{
	struct nvb_vfio_device *nvdev = ctx;

	if (event->kind == NVB_EVENT_GPU_LOST)
		vfio_pci_core_aer_err_detected(nvdev->core.pdev, pci_channel_io_perm_failure);
}

static int nvb_vfio_init_device(struct vfio_device *vdev)
{
	struct nvb_vfio_device *nvdev = nvb_vfio_from_vdev(vdev);

	mutex_init(&nvdev->vgpu_lock);
	mutex_init(&nvdev->config.lock);

	return vfio_pci_core_init_dev(vdev);
}

static void nvb_vfio_release_device(struct vfio_device *vdev)
{
	struct nvb_vfio_device *nvdev = nvb_vfio_from_vdev(vdev);

	mutex_destroy(&nvdev->config.lock);
	mutex_destroy(&nvdev->vgpu_lock);
	vfio_pci_core_release_dev(vdev);
}

static int nvb_vfio_open_device(struct vfio_device *vdev)
{
	struct nvb_vfio_device *nvdev = nvb_vfio_from_vdev(vdev);
	struct pci_dev *pdev = nvdev->core.pdev;
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

	ret = vfio_pci_core_enable(&nvdev->core);
	if (ret)
		goto err_release;

	ret = nvb_vfio_vgpu_create(nvdev);
	if (ret)
		goto err_disable;

	nvb_vfio_logs_init(nvdev);
	vfio_pci_core_finish_enable(&nvdev->core);

	return 0;

err_disable:
	vfio_pci_core_disable(&nvdev->core);
err_release:
	novabridge_vf_release(pdev);
	return ret;
}

static void nvb_vfio_close_device(struct vfio_device *vdev)
{
	struct nvb_vfio_device *nvdev = nvb_vfio_from_vdev(vdev);

	nvb_vfio_logs_exit(nvdev);
	/* First the vGPU, so that nothing reaches for the user's memory while the VF is reset. */
	nvb_vfio_vgpu_destroy(nvdev);
	vfio_pci_core_close_device(vdev);
	novabridge_vf_release(nvdev->core.pdev);
}

/*
 * The function is reset by vfio-pci-core, the vGPU by nvb_vfio_reset_done() in
 * the midst of it. The registers go first, for that stops DMA.
 */
static long nvb_vfio_reset(struct vfio_device *vdev, unsigned long arg)
{
	struct nvb_vfio_device *nvdev = nvb_vfio_from_vdev(vdev);
	long ret;

	mutex_lock(&nvdev->config.lock);
	nvb_vfio_config_reset(nvdev);
	ret = vfio_pci_core_ioctl(vdev, VFIO_DEVICE_RESET, arg);
	if (!ret)
		ret = nvb_vfio_vgpu_reset_error(nvdev);
	mutex_unlock(&nvdev->config.lock);

	return ret;
}

static long nvb_vfio_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VFIO_DEVICE_GET_REGION_INFO:
		return nvb_compat_get_region_info(vdev, arg, nvb_vfio_get_region_info);
	case VFIO_DEVICE_RESET:
		return nvb_vfio_reset(vdev, arg);
	case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
	case VFIO_DEVICE_PCI_HOT_RESET:
		/* A reset of slot or bus would hit the PF and all vGPUs. */
		return -ENODEV;
	case VFIO_DEVICE_IOEVENTFD:
		/* vfio-pci-core would let one reach BAR1 beyond the vGPU's part of it. */
		return -ENOTTY;
	default:
		return vfio_pci_core_ioctl(vdev, cmd, arg);
	}
}

static ssize_t nvb_vfio_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos)
{
	struct nvb_vfio_device *nvdev = nvb_vfio_from_vdev(vdev);
	int ret;

	if (!count)
		return 0;
	if (VFIO_PCI_OFFSET_TO_INDEX(*ppos) == VFIO_PCI_CONFIG_REGION_INDEX)
		return nvb_vfio_config_read(nvdev, buf, count, ppos);

	ret = nvb_vfio_bars_limit(nvdev, *ppos, &count);
	if (ret)
		return ret;

	return vfio_pci_core_read(vdev, buf, count, ppos);
}

static ssize_t nvb_vfio_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			      loff_t *ppos)
{
	struct nvb_vfio_device *nvdev = nvb_vfio_from_vdev(vdev);
	int ret;

	if (!count)
		return 0;
	if (VFIO_PCI_OFFSET_TO_INDEX(*ppos) == VFIO_PCI_CONFIG_REGION_INDEX)
		return nvb_vfio_config_write(nvdev, buf, count, ppos);

	ret = nvb_vfio_bars_limit(nvdev, *ppos, &count);
	if (ret)
		return ret;

	return vfio_pci_core_write(vdev, buf, count, ppos);
}

const struct vfio_device_ops nvb_vfio_ops = {
	.name = "novabridge-vfio-pci",
	.init = nvb_vfio_init_device,
	.release = nvb_vfio_release_device,
	.open_device = nvb_vfio_open_device,
	.close_device = nvb_vfio_close_device,
	.ioctl = nvb_vfio_ioctl,
	.device_feature = vfio_pci_core_ioctl_feature,
	.read = nvb_vfio_read,
	.write = nvb_vfio_write,
	.mmap = nvb_vfio_bars_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	NVB_VFIO_OPS_REGION_INFO(nvb_vfio_get_region_info)
	NVB_VFIO_OPS_MATCH_TOKEN
	NVB_VFIO_OPS_IOMMUFD
	NVB_VFIO_OPS_DETACH_IOAS
};
