// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge PF driver: binds the physical function of an NVIDIA GPU, lets the
 * core boot the GPU's firmware, and serves its interrupt.
 */

#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "../compat/pm.h"
#include "pf.h"

/* The GPU's MMU addresses 47 bits of bus address space. */
#define NVB_DMA_BITS		47

static irqreturn_t nvb_pf_irq(int irq, void *data)
{
	struct nvb_pf *pf = data;
	int ret;

	ret = nvb_gpu_interrupt(pf->gpu);
	/* Of a GPU that is lost the thread hands on the news. */
	if (ret == NVB_IRQ_SERVICE || ret < 0)
		return IRQ_WAKE_THREAD;

	return ret == NVB_IRQ_HANDLED ? IRQ_HANDLED : IRQ_NONE;
}

static irqreturn_t nvb_pf_irq_thread(int irq, void *data)
{
	struct nvb_pf *pf = data;
	int ret;

	ret = nvb_gpu_service(pf->gpu);
	if (ret < 0)
		dev_err_ratelimited(&pf->pdev->dev, "servicing the firmware's messages failed (%d)\n",
				    ret);

	return IRQ_HANDLED;
}

static int nvb_pf_irq_init(struct nvb_pf *pf)
{
	int ret;

	ret = pci_alloc_irq_vectors(pf->pdev, 1, 1, PCI_IRQ_MSIX | PCI_IRQ_MSI);
	if (ret < 0)
		return ret;

	ret = request_threaded_irq(pci_irq_vector(pf->pdev, 0), nvb_pf_irq, nvb_pf_irq_thread, 0,
				   pci_name(pf->pdev), pf);
	if (ret)
		pci_free_irq_vectors(pf->pdev);

	return ret;
}

static void nvb_pf_irq_exit(struct nvb_pf *pf)
{
	free_irq(pci_irq_vector(pf->pdev, 0), pf);
	pci_free_irq_vectors(pf->pdev);
}

static int nvb_pf_pci_init(struct nvb_pf *pf)
{
	struct pci_dev *pdev = pf->pdev;
	int ret;

	ret = pci_enable_device_mem(pdev);
	if (ret)
		return ret;

	ret = pci_request_mem_regions(pdev, KBUILD_MODNAME);
	if (ret)
		goto err_disable;

	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(NVB_DMA_BITS));
	if (ret)
		goto err_regions;

	/* The GPU has its own page tables, and no limits on a scatterlist. */
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);

	pf->bar0_len = pci_resource_len(pdev, NVB_BAR_REGS);
	pf->bar0 = pci_iomap(pdev, NVB_BAR_REGS, 0);
	if (!pf->bar0) {
		ret = -ENOMEM;
		goto err_regions;
	}

	pci_set_master(pdev);

	return 0;

err_regions:
	pci_release_mem_regions(pdev);
err_disable:
	pci_disable_device(pdev);
	return ret;
}

static void nvb_pf_pci_exit(struct nvb_pf *pf)
{
	pci_clear_master(pf->pdev);
	pci_iounmap(pf->pdev, pf->bar0);
	pci_release_mem_regions(pf->pdev);
	pci_disable_device(pf->pdev);
}

static int nvb_pf_gpu_init(struct nvb_pf *pf)
{
	struct nvb_platform platform;
	int ret;

	ret = nvb_pf_handshake(pf);
	if (ret)
		return ret;

	nvb_pf_lost_init(pf);
	nvb_pf_platform_init(pf, &platform);
	ret = nvb_gpu_create(&platform, &pf->gpu);
	if (ret) {
		dev_err(&pf->pdev->dev, "the core does not take this GPU (%d)\n", ret);
		goto err_lost;
	}

	ret = nvb_gpu_set_event_handler(pf->gpu, nvb_pf_event, pf);
	if (ret)
		goto err_destroy;

	/* The firmware answers by interrupt, already while it boots. */
	ret = nvb_pf_irq_init(pf);
	if (ret)
		goto err_handler;

	ret = nvb_pf_boot(pf);
	if (ret)
		goto err_irq;

	return 0;

err_irq:
	nvb_pf_irq_exit(pf);
err_handler:
	nvb_gpu_set_event_handler(pf->gpu, NULL, NULL);
err_destroy:
	nvb_pf_lost_exit(pf);
	nvb_gpu_destroy(pf->gpu);
	return ret;
err_lost:
	nvb_pf_lost_exit(pf);
	return ret;
}

static void nvb_pf_gpu_exit(struct nvb_pf *pf)
{
	/* Should it not go in order, the core has said so, and has stopped all the same. */
	nvb_gpu_shutdown(pf->gpu);
	nvb_pf_irq_exit(pf);
	nvb_gpu_set_event_handler(pf->gpu, NULL, NULL);
	nvb_pf_lost_exit(pf);
	nvb_gpu_destroy(pf->gpu);
}

static int nvb_pf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	unsigned int total_vfs = 0;
	struct nvb_pf *pf;
	int ret;

	/* A VF has its PF's device id, and is left to the VFIO driver. */
	if (pdev->is_virtfn)
		return -ENODEV;

	ret = pci_sriov_get_totalvfs(pdev);
	if (ret > 0)
		total_vfs = ret;

	pf = kzalloc(struct_size(pf, vfs, total_vfs), GFP_KERNEL);
	if (!pf)
		return -ENOMEM;

	pf->pdev = pdev;
	pf->total_vfs = total_vfs;
	init_waitqueue_head(&pf->event_wait);
	mutex_init(&pf->vf_lock);
	mutex_init(&pf->event_lock);

	ret = nvb_pf_pci_init(pf);
	if (ret)
		goto err_free;

	ret = nvb_pf_gpu_init(pf);
	if (ret)
		goto err_pci;

	pci_set_drvdata(pdev, pf);
	nvb_pf_debugfs_init(pf);

	return 0;

err_pci:
	nvb_pf_pci_exit(pf);
err_free:
	mutex_destroy(&pf->event_lock);
	mutex_destroy(&pf->vf_lock);
	kfree(pf);
	return ret;
}

static void nvb_pf_remove(struct pci_dev *pdev)
{
	struct nvb_pf *pf = pci_get_drvdata(pdev);

	/* Unbinds the VFs' drivers, which destroy their vGPUs. */
	nvb_pf_vfs_remove(pf);

	nvb_pf_debugfs_exit(pf);
	nvb_pf_gpu_exit(pf);
	nvb_pf_pci_exit(pf);
	pci_set_drvdata(pdev, NULL);
	mutex_destroy(&pf->event_lock);
	mutex_destroy(&pf->vf_lock);
	kfree(pf);
}

/*
 * Leaves the GPU such that the next kernel finds it bootable and silent. The VFs
 * were shut down before, and their vGPUs with them.
 */
static void nvb_pf_shutdown(struct pci_dev *pdev)
{
	struct nvb_pf *pf = pci_get_drvdata(pdev);
	int ret;

	ret = nvb_gpu_shutdown(pf->gpu);
	if (ret)
		dev_err(&pdev->dev, "the GPU is left in disorder (%d)\n", ret);
	pci_clear_master(pdev);
}

/*
 * What the firmware knows does not outlive the GPU's power. Without vGPUs that is
 * nothing that booting again would not bring back. The lock keeps a VF's driver,
 * which claims the VF for longer than its vGPU lives, from getting in between.
 */
static int nvb_pf_suspend(struct device *dev)
{
	struct nvb_pf *pf = dev_get_drvdata(dev);
	int ret = -EBUSY;

	mutex_lock(&pf->vf_lock);
	if (nvb_pf_vfs_claimed(pf))
		dev_err(dev, "no suspend while a VF is open: its vGPU would be lost\n");
	else
		ret = nvb_gpu_shutdown(pf->gpu);
	mutex_unlock(&pf->vf_lock);

	/* A GPU that is lost has nothing more to lose, and is no reason to stay awake. */
	return ret == -ENODEV ? 0 : ret;
}

static int nvb_pf_resume(struct device *dev)
{
	struct nvb_pf *pf = dev_get_drvdata(dev);

	return nvb_pf_is_lost(pf) ? 0 : nvb_pf_boot(pf);
}

static DEFINE_SIMPLE_DEV_PM_OPS(nvb_pf_pm_ops, nvb_pf_suspend, nvb_pf_resume);

static const struct pci_device_id nvb_pf_ids[] = {
	/* RTX 6000 Ada (AD102) */
	{ PCI_DEVICE(PCI_VENDOR_ID_NVIDIA, 0x26b1),
	  .class = PCI_CLASS_DISPLAY_3D << 8, .class_mask = 0xffffff },
	{}
};
MODULE_DEVICE_TABLE(pci, nvb_pf_ids);

struct pci_driver nvb_pf_driver = {
	.name = KBUILD_MODNAME,
	.id_table = nvb_pf_ids,
	.probe = nvb_pf_probe,
	.remove = nvb_pf_remove,
	.shutdown = nvb_pf_shutdown,
	.err_handler = &nvb_pf_err_handlers,
	.sriov_configure = nvb_pf_sriov_configure,
	.driver.pm = pm_sleep_ptr(&nvb_pf_pm_ops),
};
module_pci_driver(nvb_pf_driver);

MODULE_DESCRIPTION("NovaBridge: NVIDIA GPU firmware host (PF driver)");
MODULE_AUTHOR("The NovaBridge authors");
MODULE_LICENSE("GPL");
#ifdef NVB_ABI_RECORD
MODULE_INFO(nvb_abi, NVB_ABI_RECORD);
#endif
