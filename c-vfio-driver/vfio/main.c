// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: hands the VFs of an NVIDIA GPU to user space, each as
 * a vGPU. Bound by driver_override only.
 */

#include <linux/module.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#include "../compat/pci_driver.h"
#include "vfio.h"

static int nvb_vfio_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct nvb_vfio_device *nvdev;
	int ret;

	ret = novabridge_vf_probe(pdev);
	if (ret)
		return ret;

	nvdev = vfio_alloc_device(nvb_vfio_device, core.vdev, &pdev->dev, &nvb_vfio_ops);
	if (IS_ERR(nvdev))
		return PTR_ERR(nvdev);

	dev_set_drvdata(&pdev->dev, &nvdev->core);

	ret = vfio_pci_core_register_device(&nvdev->core);
	if (ret)
		goto err_put;

	return 0;

err_put:
	vfio_put_device(&nvdev->core.vdev);
	return ret;
}

static void nvb_vfio_remove(struct pci_dev *pdev)
{
	struct nvb_vfio_device *nvdev = nvb_vfio_from_pdev(pdev);

	/* Returns when the last user has closed the device. */
	vfio_pci_core_unregister_device(&nvdev->core);
	vfio_put_device(&nvdev->core.vdev);
}

/* Called for every reset of the function: the user's, sysfs's, and those at open and close. */
static void nvb_vfio_reset_done(struct pci_dev *pdev)
{
	nvb_vfio_vgpu_reset(nvb_vfio_from_pdev(pdev));
}

static const struct pci_error_handlers nvb_vfio_err_handlers = {
	.error_detected = vfio_pci_core_aer_err_detected,
	.reset_done = nvb_vfio_reset_done,
};

static const struct pci_device_id nvb_vfio_ids[] = {
	/* RTX 6000 Ada (AD102); its VFs have the id of the PF */
	{ NVB_PCI_DEVICE_VFIO(PCI_VENDOR_ID_NVIDIA, 0x26b1) },
	{}
};
MODULE_DEVICE_TABLE(pci, nvb_vfio_ids);

static struct pci_driver nvb_vfio_driver = {
	.name = "novabridge-vfio-pci",
	.id_table = nvb_vfio_ids,
	.probe = nvb_vfio_probe,
	.remove = nvb_vfio_remove,
	.err_handler = &nvb_vfio_err_handlers,
	NVB_PCI_DRIVER_MANAGED_DMA
};
module_pci_driver(nvb_vfio_driver);

MODULE_DESCRIPTION("NovaBridge: vGPUs for user space (VFIO driver for the VFs)");
MODULE_AUTHOR("The NovaBridge authors");
MODULE_LICENSE("GPL");
