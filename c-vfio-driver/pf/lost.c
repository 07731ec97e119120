// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge PF driver: a GPU that answers no more.
 *
 * It cannot raise an interrupt to say so. Whoever notices has the core look, as an
 * interrupt would have, and the core tells the drivers of the VFs.
 */

#include <linux/io.h>
#include <linux/limits.h>
#include <linux/pci.h>
#include <linux/workqueue.h>

#include "pf.h"

/* Bits of &nvb_pf.lost. */
#define NVB_PF_LOST		0	/* fails accesses, so that nobody waits for answers */
#define NVB_PF_LOST_NO_WORK	1	/* the core knows, or is being taken down */

/* The chip's id, which is never all ones. */
#define NVB_PF_REG_ID		0

static void nvb_pf_lost_work(struct work_struct *work)
{
	struct nvb_pf *pf = container_of(work, struct nvb_pf, lost_work);

	nvb_gpu_interrupt(pf->gpu);
	nvb_gpu_service(pf->gpu);
}

/**
 * nvb_pf_lost_init() - from now on a loss of the GPU is passed on
 * @pf: GPU that nobody uses yet
 */
void nvb_pf_lost_init(struct nvb_pf *pf)
{
	INIT_WORK(&pf->lost_work, nvb_pf_lost_work);
}

/**
 * nvb_pf_lost_exit() - undo nvb_pf_lost_init()
 * @pf: GPU that nobody uses any more
 */
void nvb_pf_lost_exit(struct nvb_pf *pf)
{
	set_bit(NVB_PF_LOST_NO_WORK, &pf->lost);
	cancel_work_sync(&pf->lost_work);
}

/**
 * nvb_pf_lost_forget() - find out anew whether the GPU answers
 * @pf: GPU that is about to be booted
 */
void nvb_pf_lost_forget(struct nvb_pf *pf)
{
	clear_bit(NVB_PF_LOST, &pf->lost);
	clear_bit(NVB_PF_LOST_NO_WORK, &pf->lost);
}

/**
 * nvb_pf_is_lost() - whether there is no use in asking the GPU
 * @pf: GPU
 *
 * Context: any.
 * Return: true if so.
 */
bool nvb_pf_is_lost(struct nvb_pf *pf)
{
	return test_bit(NVB_PF_LOST, &pf->lost) || pci_channel_offline(pf->pdev);
}

/**
 * nvb_pf_set_lost() - the GPU was found to be lost
 * @pf: GPU
 * @sign: how, in words
 *
 * Context: any.
 */
void nvb_pf_set_lost(struct nvb_pf *pf, const char *sign)
{
	if (!test_and_set_bit(NVB_PF_LOST, &pf->lost))
		dev_err(&pf->pdev->dev, "given up until it is booted again: %s\n", sign);
	if (!test_and_set_bit(NVB_PF_LOST_NO_WORK, &pf->lost))
		schedule_work(&pf->lost_work);
}

/**
 * nvb_pf_answers() - whether the GPU's registers can be reached
 * @pf: GPU
 *
 * A GPU that fell off the bus reads as all ones. Its configuration space is no
 * sign: that can live on while nothing behind it does.
 *
 * Context: any.
 * Return: true if so.
 */
bool nvb_pf_answers(struct nvb_pf *pf)
{
	return ioread32(pf->bar0 + NVB_PF_REG_ID) != U32_MAX;
}

/*
 * An error of the bus that harms no more than the access it met leaves the GPU
 * as it is. What else recovery does is a reset of the link, which brings back the
 * PCI function, but neither its firmware nor their vGPUs.
 */
static pci_ers_result_t nvb_pf_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct nvb_pf *pf = pci_get_drvdata(pdev);

	switch (state) {
	case pci_channel_io_normal:
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		nvb_pf_set_lost(pf, "its link fails and is reset");
		return PCI_ERS_RESULT_NEED_RESET;
	default:
		nvb_pf_set_lost(pf, "its link has failed");
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

/* The access that failed may have been the first to a GPU that is gone. */
static pci_ers_result_t nvb_pf_mmio_enabled(struct pci_dev *pdev)
{
	struct nvb_pf *pf = pci_get_drvdata(pdev);

	if (nvb_pf_answers(pf))
		return PCI_ERS_RESULT_RECOVERED;

	nvb_pf_set_lost(pf, "it does not answer after an error of its link");
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t nvb_pf_slot_reset(struct pci_dev *pdev)
{
	pci_restore_state(pdev);
	/* Many kernels forget a state that they have restored. */
	pci_save_state(pdev);

	return nvb_pf_answers(pci_get_drvdata(pdev)) ? PCI_ERS_RESULT_RECOVERED :
						       PCI_ERS_RESULT_DISCONNECT;
}

/* By sysfs, or for another function of the slot. */
static void nvb_pf_reset_prepare(struct pci_dev *pdev)
{
	nvb_pf_set_lost(pci_get_drvdata(pdev), "it is being reset");
}

const struct pci_error_handlers nvb_pf_err_handlers = {
	.error_detected = nvb_pf_error_detected,
	.mmio_enabled = nvb_pf_mmio_enabled,
	.slot_reset = nvb_pf_slot_reset,
	.reset_prepare = nvb_pf_reset_prepare,
};
