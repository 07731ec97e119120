// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: hands the VFs of an NVIDIA GPU to user space, each as
 * a vGPU. Bound by driver_override only.
 */

#include <linux/module.h>
#include <linux/pci.h>

#include "../compat/pci_driver.h"
#include "vfio.h"

/* The core may be older or newer than the one this driver was built with. */
static int nvb_vfio_handshake(struct pci_dev *pdev)
{
	struct nvb_abi abi = NVB_ABI_INIT(NVB_FEATURE_VGPU | NVB_FEATURE_LOG);
	int ret;

	ret = nvb_abi_handshake(&abi);
	if (ret)
		pci_err(pdev, "the core refuses this driver (%d): %s\n", ret, abi.reason);

	return ret;
}

static int nvb_vfio_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret;

	ret = novabridge_vf_probe(pdev);
	if (ret)
		return ret;

	ret = nvb_vfio_handshake(pdev);
	if (ret)
		return ret;

	return nvb_bus_register(pdev);
}

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
	.remove = nvb_bus_unregister,
	.shutdown = nvb_bus_shutdown,
	.err_handler = &nvb_bus_err_handlers,
	NVB_PCI_DRIVER_MANAGED_DMA
};
module_pci_driver(nvb_vfio_driver);

MODULE_DESCRIPTION("NovaBridge: vGPUs for user space (VFIO driver for the VFs)");
MODULE_AUTHOR("The NovaBridge authors");
MODULE_LICENSE("GPL");
#ifdef NVB_ABI_RECORD
MODULE_INFO(nvb_abi, NVB_ABI_RECORD);
#endif
