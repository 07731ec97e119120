// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge PF driver: a GPU that answers no more.
 *
 * It cannot raise an interrupt to say so. Whoever notices has the core look, as an
 * interrupt would have, and the core tells the drivers of the VFs.
 */

#include <linux/pci.h>
#include <linux/workqueue.h>

#include "pf.h"

/* Bits of &nvb_pf.lost. */
#define NVB_PF_LOST		0	/* fails accesses, so that nobody waits for answers */
#define NVB_PF_LOST_NO_WORK	1	/* the core knows, or is being taken down */

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
 *
 * Context: any.
 */
void nvb_pf_set_lost(struct nvb_pf *pf)
{
	set_bit(NVB_PF_LOST, &pf->lost);
	if (!test_and_set_bit(NVB_PF_LOST_NO_WORK, &pf->lost))
		schedule_work(&pf->lost_work);
}

/*
 * What recovery would do next is a reset of the link, which the firmware does not
 * outlive, nor do its vGPUs.
 */
static pci_ers_result_t nvb_pf_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;

	nvb_pf_set_lost(pci_get_drvdata(pdev));
	return PCI_ERS_RESULT_DISCONNECT;
}

const struct pci_error_handlers nvb_pf_err_handlers = {
	.error_detected = nvb_pf_error_detected,
};
