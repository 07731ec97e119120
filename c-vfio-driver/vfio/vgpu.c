// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: the vGPU behind an open VF.
 */

#include <linux/pci.h>
#include <linux/sched.h>

#include "vfio.h"

/**
 * nvb_vfio_vgpu_create() - make the vGPU
 * @nvdev: claimed and enabled VF
 *
 * The vGPU starts with bus mastering off, as the VF does.
 *
 * Return: 0 or a negative errno.
 */
int nvb_vfio_vgpu_create(struct nvb_vfio_device *nvdev)
{
	struct pci_dev *pdev = nvdev->core.pdev;
	struct nvb_vgpu_config config = {
		.size = sizeof(config),
		.vf = nvdev->vf.index,
		.type = nvdev->vf.type,
		.sbdf = (u32)pci_domain_nr(pdev->bus) << 16 | pci_dev_id(pdev),
		.vm_pid = task_tgid_nr(current),
	};
	struct nvb_vgpu *vgpu;
	int ret;

	ret = nvb_vgpu_create(nvdev->vf.gpu, &config, &vgpu);
	if (ret) {
		pci_err(pdev, "creating a vGPU of type %u failed (%d)\n", config.type, ret);
		return ret;
	}

	mutex_lock(&nvdev->vgpu_lock);
	nvdev->vgpu = vgpu;
	nvdev->bus_master = false;
	nvdev->reset_error = 0;
	mutex_unlock(&nvdev->vgpu_lock);

	return 0;
}

/**
 * nvb_vfio_vgpu_destroy() - end the vGPU
 * @nvdev: VF with a vGPU
 *
 * What the vGPU held is free again even if the firmware did not agree.
 */
void nvb_vfio_vgpu_destroy(struct nvb_vfio_device *nvdev)
{
	int ret;

	mutex_lock(&nvdev->vgpu_lock);
	ret = nvb_vgpu_destroy(nvdev->vgpu);
	nvdev->vgpu = NULL;
	mutex_unlock(&nvdev->vgpu_lock);

	if (ret)
		pci_err(nvdev->core.pdev, "the firmware did not end the vGPU cleanly (%d)\n", ret);
}

/* Tells the vGPU what the VF's bus master bit is, if that is news. */
static int nvb_vfio_vgpu_tell_bus_master(struct nvb_vfio_device *nvdev)
{
	struct pci_dev *pdev = nvdev->core.pdev;
	bool enabled;
	u16 command;
	int ret;

	lockdep_assert_held(&nvdev->vgpu_lock);

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	enabled = command & PCI_COMMAND_MASTER;
	if (enabled == nvdev->bus_master)
		return 0;

	ret = nvb_vgpu_set_bus_master(nvdev->vgpu, enabled);
	if (ret) {
		pci_err(pdev, "telling the vGPU that bus mastering is %s failed (%d)\n",
			enabled ? "on" : "off", ret);
		return ret;
	}

	nvdev->bus_master = enabled;
	return 0;
}

/**
 * nvb_vfio_vgpu_sync_bus_master() - the VF's command register was written
 * @nvdev: open VF
 *
 * Return: 0, or the negative errno of a vGPU that did not take the news.
 */
int nvb_vfio_vgpu_sync_bus_master(struct nvb_vfio_device *nvdev)
{
	int ret;

	mutex_lock(&nvdev->vgpu_lock);
	ret = nvb_vfio_vgpu_tell_bus_master(nvdev);
	mutex_unlock(&nvdev->vgpu_lock);

	return ret;
}

/**
 * nvb_vfio_vgpu_reset() - the VF was reset
 * @nvdev: VF, open or not
 *
 * A reset of the function leaves the vGPU's state with the firmware; this
 * resets it too. A reset forgets the bus master state, which PCI core has
 * restored in the VF by now.
 */
void nvb_vfio_vgpu_reset(struct nvb_vfio_device *nvdev)
{
	int ret;

	mutex_lock(&nvdev->vgpu_lock);
	if (!nvdev->vgpu)
		goto out;

	ret = nvb_vgpu_reset(nvdev->vgpu);
	if (ret) {
		pci_err(nvdev->core.pdev, "vGPU reset failed (%d)\n", ret);
	} else {
		nvdev->bus_master = false;
		ret = nvb_vfio_vgpu_tell_bus_master(nvdev);
	}
	nvdev->reset_error = ret;

out:
	mutex_unlock(&nvdev->vgpu_lock);
}

/**
 * nvb_vfio_vgpu_reset_error() - how the last reset went
 * @nvdev: open VF
 *
 * Return: 0 or a negative errno.
 */
int nvb_vfio_vgpu_reset_error(struct nvb_vfio_device *nvdev)
{
	int ret;

	mutex_lock(&nvdev->vgpu_lock);
	ret = nvdev->reset_error;
	mutex_unlock(&nvdev->vgpu_lock);

	return ret;
}
