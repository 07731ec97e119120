// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge PF driver: agreeing with the core, and telling it what the PCI
 * core knows about the GPU.
 */

#include <linux/module.h>
#include <linux/pci.h>

#include "pf.h"

/* Two releases the core has tables for; the core picks among those present. */
MODULE_FIRMWARE("nvidia/ad102/gsp/gsp-570.144.bin");
MODULE_FIRMWARE("nvidia/ad102/gsp/bootloader-570.144.bin");
MODULE_FIRMWARE("nvidia/ad102/gsp/booter_load-570.144.bin");
MODULE_FIRMWARE("nvidia/ad102/gsp/booter_unload-570.144.bin");
MODULE_FIRMWARE("nvidia/ad102/gsp/scrubber-570.144.bin");
MODULE_FIRMWARE("nvidia/ad102/gsp/gsp-535.113.01.bin");
MODULE_FIRMWARE("nvidia/ad102/gsp/bootloader-535.113.01.bin");
MODULE_FIRMWARE("nvidia/ad102/gsp/booter_load-535.113.01.bin");
MODULE_FIRMWARE("nvidia/ad102/gsp/booter_unload-535.113.01.bin");

/**
 * nvb_pf_handshake() - agree with the core on the interface
 * @pf: GPU
 *
 * Return: 0, or the core's negative errno after its reason was logged.
 */
int nvb_pf_handshake(struct nvb_pf *pf)
{
	struct nvb_abi abi = NVB_ABI_INIT(NVB_FEATURE_VGPU | NVB_FEATURE_LOG);
	int ret;

	ret = nvb_abi_handshake(&abi);
	if (ret)
		dev_err(&pf->pdev->dev, "the core refuses this driver (%d): %s\n", ret,
			abi.reason);

	return ret;
}

static u32 nvb_pf_sbdf(struct pci_dev *pdev)
{
	return (u32)pci_domain_nr(pdev->bus) << 16 | pci_dev_id(pdev);
}

#ifdef CONFIG_PCI_IOV
static void nvb_pf_sriov_config(struct nvb_pf *pf, struct nvb_boot_config *config)
{
	static const u8 bars[] = { NVB_BAR_REGS, NVB_BAR_FB, NVB_BAR_INST };
	struct pci_dev *pdev = pf->pdev;
	u64 addr[ARRAY_SIZE(bars)];
	unsigned int i;
	u16 offset = 0;
	int pos;

	pos = pci_find_ext_capability(pdev, PCI_EXT_CAP_ID_SRIOV);
	if (!pos)
		return;

	pci_read_config_word(pdev, pos + PCI_SRIOV_VF_OFFSET, &offset);

	for (i = 0; i < ARRAY_SIZE(bars); i++) {
		int res = PCI_IOV_RESOURCES + bars[i];

		addr[i] = pci_resource_start(pdev, res);
		if (pci_resource_flags(pdev, res) & IORESOURCE_MEM_64)
			config->vf_bar_64bit |= BIT(i);
	}

	config->flags |= NVB_BOOT_VGPU_HOST;
	config->total_vfs = pf->total_vfs;
	config->first_vf_offset = offset;
	config->vf_bar0_addr = addr[0];
	config->vf_bar1_addr = addr[1];
	config->vf_bar2_addr = addr[2];
}
#else
static void nvb_pf_sriov_config(struct nvb_pf *pf, struct nvb_boot_config *config)
{
}
#endif

/**
 * nvb_pf_boot() - boot the GPU's firmware
 * @pf: GPU
 *
 * A GPU with VFs is booted as a vGPU host, whether or not VFs are enabled
 * later: the firmware sizes its memory for vGPUs only when it boots.
 *
 * The PCI registers are saved as they are then, for a reset of the link.
 *
 * Return: 0, or a negative errno after the core has logged the reason.
 */
int nvb_pf_boot(struct nvb_pf *pf)
{
	struct nvb_gpu_info info = { .size = sizeof(info) };
	struct nvb_boot_config config = { .size = sizeof(config) };
	struct pci_dev *pdev = pf->pdev;
	int ret;

	config.bar0_addr = pci_resource_start(pdev, NVB_BAR_REGS);
	config.bar1_addr = pci_resource_start(pdev, NVB_BAR_FB);
	config.bar2_addr = pci_resource_start(pdev, NVB_BAR_INST);
	config.sbdf = nvb_pf_sbdf(pdev);
	config.pci_vendor = pdev->vendor;
	config.pci_device = pdev->device;
	config.pci_subvendor = pdev->subsystem_vendor;
	config.pci_subdevice = pdev->subsystem_device;
	config.pci_revision = pdev->revision;
	if (pf->total_vfs)
		nvb_pf_sriov_config(pf, &config);

	nvb_pf_lost_forget(pf);
	ret = nvb_gpu_boot(pf->gpu, &config);
	if (ret)
		return ret;

	pci_save_state(pdev);

	ret = nvb_gpu_get_info(pf->gpu, &info);
	if (ret)
		return ret;

	dev_dbg(&pdev->dev, "%s, firmware %s, %llu MiB for up to %u vGPUs\n",
		info.gpu_name, info.release, info.fb_usable >> 20, info.max_vgpus);

	return 0;
}
