// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge PF driver: events of the firmware, logged and handed on to the
 * driver of the VF they concern.
 */

#include <linux/pci.h>

#include "pf.h"

static void nvb_pf_event_log(struct nvb_pf *pf, const struct nvb_event *event)
{
	struct device *dev = &pf->pdev->dev;

	switch (event->kind) {
	case NVB_EVENT_RC_ERROR:
		dev_err_ratelimited(dev, "channel %u of VF %d: robust-channel error %u: %s\n",
				    event->channel, (s32)event->vf, event->code, event->text);
		break;
	case NVB_EVENT_MMU_FAULT:
		dev_err_ratelimited(dev, "MMU fault, VF %d: %s\n", (s32)event->vf,
				    event->text);
		break;
	case NVB_EVENT_OS_ERROR:
		dev_err_ratelimited(dev, "firmware error %u: %s\n", event->code,
				    event->text);
		break;
	case NVB_EVENT_GPU_LOST:
		dev_err(dev, "GPU lost: %s\n", event->text);
		break;
	default:
		dev_dbg(dev, "event %u, VF %d, code %u: %s\n", event->kind, (s32)event->vf,
			event->code, event->text);
		break;
	}
}

/**
 * nvb_pf_event() - the core's event callback
 * @ctx: GPU
 * @event: what happened
 *
 * Context: the thread of the GPU's interrupt, or a work item; the core holds no lock.
 */
void nvb_pf_event(void *ctx, const struct nvb_event *event)
{
	struct nvb_pf *pf = ctx;
	unsigned int i;

	nvb_pf_event_log(pf, event);

	mutex_lock(&pf->event_lock);
	for (i = 0; i < pf->total_vfs; i++) {
		struct nvb_pf_vf *vf = &pf->vfs[i];

		if (vf->event && (event->vf == i || event->vf == NVB_VF_NONE))
			vf->event(vf->event_ctx, event);
	}
	mutex_unlock(&pf->event_lock);
}
