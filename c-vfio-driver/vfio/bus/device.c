// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: the VFIO device on kernels without vfio-pci-core,
 * from its group to its PCI function.
 */

#include <linux/module.h>
#include <linux/pci.h>
#include <linux/vfio.h>

#include "../../compat/slab.h"
#include "../vfio.h"

/* In these kernels each file opens the device; the vGPU is for all of them. */
static int nvb_bus_op_open(void *data)
{
	struct nvb_vfio_device *nvdev = data;
	struct nvb_vfio_bus *bus = &nvdev->bus;
	int ret = 0;

	/* Nor do they keep the module of an open device. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;

	mutex_lock(&bus->open_lock);
	if (!bus->users)
		ret = nvb_vfio_open(nvdev);
	if (!ret)
		bus->users++;
	mutex_unlock(&bus->open_lock);

	if (ret)
		module_put(THIS_MODULE);

	return ret;
}

static void nvb_bus_op_release(void *data)
{
	struct nvb_vfio_device *nvdev = data;
	struct nvb_vfio_bus *bus = &nvdev->bus;

	mutex_lock(&bus->open_lock);
	if (!--bus->users)
		nvb_vfio_close(nvdev);
	mutex_unlock(&bus->open_lock);

	module_put(THIS_MODULE);
}

static long nvb_bus_op_ioctl(void *data, unsigned int cmd, unsigned long arg)
{
	return nvb_vfio_ioctl(data, cmd, arg);
}

static ssize_t nvb_bus_op_read(void *data, char __user *buf, size_t count, loff_t *ppos)
{
	return nvb_vfio_read(data, buf, count, ppos);
}

static ssize_t nvb_bus_op_write(void *data, const char __user *buf, size_t count, loff_t *ppos)
{
	return nvb_vfio_write(data, buf, count, ppos);
}

static int nvb_bus_op_mmap(void *data, struct vm_area_struct *vma)
{
	return nvb_vfio_bars_mmap(data, vma);
}

static void nvb_bus_op_request(void *data, unsigned int count)
{
	nvb_bus_request(data, count);
}

static const struct vfio_device_ops nvb_bus_ops = {
	.name = "novabridge-vfio-pci",
	.open = nvb_bus_op_open,
	.release = nvb_bus_op_release,
	.ioctl = nvb_bus_op_ioctl,
	.read = nvb_bus_op_read,
	.write = nvb_bus_op_write,
	.mmap = nvb_bus_op_mmap,
	.request = nvb_bus_op_request,
};

static void nvb_bus_free(struct nvb_vfio_device *nvdev)
{
	nvb_vfio_exit(nvdev);
	mutex_destroy(&nvdev->bus.irq_lock);
	mutex_destroy(&nvdev->bus.map_lock);
	mutex_destroy(&nvdev->bus.open_lock);
	kfree(nvdev);
}

int nvb_bus_register(struct pci_dev *pdev)
{
	struct nvb_vfio_device *nvdev;
	int ret;

	nvdev = kzalloc_obj(*nvdev);
	if (!nvdev)
		return -ENOMEM;

	mutex_init(&nvdev->bus.open_lock);
	init_rwsem(&nvdev->bus.reset_lock);
	mutex_init(&nvdev->bus.map_lock);
	INIT_LIST_HEAD(&nvdev->bus.vmas);
	init_waitqueue_head(&nvdev->bus.reachable);
	mutex_init(&nvdev->bus.irq_lock);
	nvb_vfio_init(nvdev, pdev);

	ret = vfio_add_group_dev(&pdev->dev, &nvb_bus_ops, nvdev);
	if (ret)
		nvb_bus_free(nvdev);

	return ret;
}

void nvb_bus_unregister(struct pci_dev *pdev)
{
	nvb_bus_free(vfio_del_group_dev(&pdev->dev));
}

void nvb_bus_shutdown(struct pci_dev *pdev)
{
	struct vfio_device *vdev = vfio_device_get_from_dev(&pdev->dev);

	if (!vdev)
		return;

	nvb_vfio_vgpu_shutdown(vfio_device_data(vdev));
	vfio_device_put(vdev);
}

static void nvb_bus_find_msix(struct nvb_vfio_device *nvdev)
{
	struct nvb_vfio_bus *bus = &nvdev->bus;
	struct pci_dev *pdev = nvdev->pdev;
	u32 table;

	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &table);
	bus->msix_bar = table & PCI_MSIX_TABLE_BIR;
	bus->msix_start = table & PCI_MSIX_TABLE_OFFSET;
	bus->msix_end = bus->msix_start + pci_msix_vec_count(pdev) * PCI_MSIX_ENTRY_SIZE;
}

int nvb_bus_enable(struct nvb_vfio_device *nvdev)
{
	struct pci_dev *pdev = nvdev->pdev;
	int ret;

	ret = pci_enable_device(pdev);
	if (ret)
		return ret;
	pci_clear_master(pdev);

	/* Another driver's traces, if not those of the last user. */
	ret = pci_try_reset_function(pdev);
	if (ret == -EAGAIN)
		goto err_disable;
	nvdev->bus.reset_works = !ret;

	ret = pci_request_mem_regions(pdev, KBUILD_MODNAME);
	if (ret)
		goto err_disable;

	nvb_bus_find_msix(nvdev);

	return 0;

err_disable:
	pci_disable_device(pdev);
	return ret;
}

void nvb_bus_finish_enable(struct nvb_vfio_device *nvdev)
{
}

void nvb_bus_disable(struct nvb_vfio_device *nvdev)
{
	struct pci_dev *pdev = nvdev->pdev;

	pci_clear_master(pdev);
	nvb_bus_irqs_disable(nvdev);
	nvb_bus_access_exit(nvdev);
	pci_release_mem_regions(pdev);

	/*
	 * While the driver is being unbound the function is locked, and is left to
	 * be reset by whoever opens it next.
	 */
	if (nvdev->bus.reset_works)
		pci_try_reset_function(pdev);
	pci_disable_device(pdev);
}

void nvb_bus_close(struct nvb_vfio_device *nvdev)
{
	nvb_bus_disable(nvdev);
	nvb_bus_irqs_exit(nvdev);
}

bool nvb_bus_has_msix_table(struct nvb_vfio_device *nvdev, unsigned int bar)
{
	return nvdev->bus.msix_bar == bar;
}

/*
 * The functions below are called for every reset of the function: the user's,
 * sysfs's, and those at open and close; always under the lock of the device,
 * which keeps out nvb_bus_unregister().
 */
static void nvb_bus_reset_prepare(struct pci_dev *pdev)
{
	struct vfio_device *vdev = vfio_device_get_from_dev(&pdev->dev);
	struct nvb_vfio_device *nvdev;

	if (!vdev)
		return;

	nvdev = vfio_device_data(vdev);
	down_write(&nvdev->bus.reset_lock);
	nvb_bus_unmap_begin(nvdev);
	vfio_device_put(vdev);
}

static void nvb_bus_reset_done(struct pci_dev *pdev)
{
	struct vfio_device *vdev = vfio_device_get_from_dev(&pdev->dev);
	struct nvb_vfio_device *nvdev;

	if (!vdev)
		return;

	nvdev = vfio_device_data(vdev);
	nvb_vfio_vgpu_reset(nvdev);
	nvb_bus_unmap_end(nvdev);
	up_write(&nvdev->bus.reset_lock);
	vfio_device_put(vdev);
}

static pci_ers_result_t nvb_bus_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct vfio_device *vdev = vfio_device_get_from_dev(&pdev->dev);

	if (!vdev)
		return PCI_ERS_RESULT_DISCONNECT;

	nvb_bus_gpu_lost(vfio_device_data(vdev));
	vfio_device_put(vdev);

	/* What is to be done is the user's to say. */
	return PCI_ERS_RESULT_CAN_RECOVER;
}

const struct pci_error_handlers nvb_bus_err_handlers = {
	.error_detected = nvb_bus_error_detected,
	.reset_prepare = nvb_bus_reset_prepare,
	.reset_done = nvb_bus_reset_done,
};
