// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: the vGPU behind an open VF.
 */

#include <linux/pci.h>
#include <linux/sched.h>

#include "vfio.h"

/* Says for which VF something failed; the core has logged why, in the GPU's name. */
static void nvb_vfio_vgpu_report(struct nvb_vfio_device *nvdev, const char *what, int err)
{
	pci_err(nvdev->pdev, "%s failed (%d)\n", what, err);
}

/**
 * nvb_vfio_vgpu_create() - make the vGPU
 * @nvdev: claimed and enabled VF
 *
 * The vGPU starts with bus mastering off, as the VF does.
 *
 * Return: 0, -ENODEV when the machine goes down, or another negative errno.
 */
int nvb_vfio_vgpu_create(struct nvb_vfio_device *nvdev)
{
	struct pci_dev *pdev = nvdev->pdev;
	struct nvb_vgpu_config config = {
		.size = sizeof(config),
		.vf = nvdev->vf.index,
		.type = nvdev->vf.type,
		.sbdf = (u32)pci_domain_nr(pdev->bus) << 16 | pci_dev_id(pdev),
		.vm_pid = task_tgid_nr(current),
	};
	int ret = -ENODEV;

	mutex_lock(&nvdev->vgpu_lock);
	if (!nvdev->shut_down)
		ret = nvb_vgpu_create(nvdev->vf.gpu, &config, &nvdev->vgpu);
	nvdev->reset_error = 0;
	mutex_unlock(&nvdev->vgpu_lock);

	if (ret)
		nvb_vfio_vgpu_report(nvdev, "creating the vGPU", ret);

	return ret;
}

/**
 * nvb_vfio_vgpu_destroy() - end the vGPU, if there is one
 * @nvdev: VF that is being closed
 *
 * What the vGPU held is free again even if the firmware did not agree. (The core
 * would refuse during a shutdown of the GPU, but the PF driver begins none while
 * a VF that can have a vGPU is claimed.)
 */
void nvb_vfio_vgpu_destroy(struct nvb_vfio_device *nvdev)
{
	int ret;

	mutex_lock(&nvdev->vgpu_lock);
	ret = nvb_vgpu_destroy(nvdev->vgpu);
	nvdev->vgpu = NULL;
	mutex_unlock(&nvdev->vgpu_lock);

	if (ret)
		nvb_vfio_vgpu_report(nvdev, "ending the vGPU", ret);
}

/**
 * nvb_vfio_vgpu_shutdown() - end the vGPU, and let no other be made
 * @nvdev: VF of a machine that goes down, open or not
 *
 * The PF is next, and its firmware can be stopped only when no vGPU is left. Who
 * has the VF open is not asked: its process may never run again.
 */
void nvb_vfio_vgpu_shutdown(struct nvb_vfio_device *nvdev)
{
	mutex_lock(&nvdev->vgpu_lock);
	nvdev->shut_down = true;
	mutex_unlock(&nvdev->vgpu_lock);

	nvb_vfio_vgpu_destroy(nvdev);
	pci_clear_master(nvdev->pdev);
}

/**
 * nvb_vfio_vgpu_set_bus_master() - let the vGPU do DMA, or stop it
 * @nvdev: open VF
 * @on: which of the two
 *
 * The vGPU believes to be a bus master only while the VF is one. If it does not
 * take the news the VF is not one.
 *
 * A reset by the host puts the VF's command register back to what it was before
 * and then tells the vGPU. The lock keeps that from falling in the midst of this:
 * the PCI core holds it from saving the registers until the vGPU was reset.
 *
 * Return: 0 or a negative errno.
 */
int nvb_vfio_vgpu_set_bus_master(struct nvb_vfio_device *nvdev, bool on)
{
	struct pci_dev *pdev = nvdev->pdev;
	int ret;

	pci_cfg_access_lock(pdev);
	if (on)
		pci_set_master(pdev);

	mutex_lock(&nvdev->vgpu_lock);
	ret = nvdev->vgpu ? nvb_vgpu_set_bus_master(nvdev->vgpu, on) : -ENODEV;
	mutex_unlock(&nvdev->vgpu_lock);

	if (ret || !on)
		pci_clear_master(pdev);
	pci_cfg_access_unlock(pdev);

	if (ret)
		nvb_vfio_vgpu_report(nvdev, on ? "bus mastering on" : "bus mastering off", ret);

	return ret;
}

/* Resets the vGPU, after which it believes bus mastering to be off. */
static int nvb_vfio_vgpu_do_reset(struct nvb_vfio_device *nvdev)
{
	struct pci_dev *pdev = nvdev->pdev;
	u16 command;
	int ret;

	lockdep_assert_held(&nvdev->vgpu_lock);

	ret = nvb_vgpu_reset(nvdev->vgpu);
	if (ret)
		return ret;

	/* The PCI core has restored the VF's registers by now. */
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (!(command & PCI_COMMAND_MASTER))
		return 0;

	return nvb_vgpu_set_bus_master(nvdev->vgpu, true);
}

/**
 * nvb_vfio_vgpu_reset() - the VF was reset
 * @nvdev: VF, open or not
 *
 * A reset of the function leaves the vGPU's state with the firmware; this
 * resets it too.
 */
void nvb_vfio_vgpu_reset(struct nvb_vfio_device *nvdev)
{
	int ret;

	mutex_lock(&nvdev->vgpu_lock);
	if (nvdev->vgpu) {
		ret = nvb_vfio_vgpu_do_reset(nvdev);
		if (ret)
			nvb_vfio_vgpu_report(nvdev, "resetting the vGPU", ret);
		nvdev->reset_error = ret;
	}
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
