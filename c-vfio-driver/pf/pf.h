/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NovaBridge PF driver: what its parts share.
 */

#ifndef NVB_PF_H
#define NVB_PF_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "novabridge.h"
#include "novabridge_pf.h"

/* BAR registers of the GPU, on the PF and on its VFs: two of them are 64-bit. */
#define NVB_BAR_REGS	0	/* the firmware interface's BAR0 */
#define NVB_BAR_FB	1	/* ... BAR1 */
#define NVB_BAR_INST	3	/* ... BAR2 */

/**
 * struct nvb_pf_vf - a VF as the PF driver keeps it
 * @type: vGPU type, 0 while none is set; under &nvb_pf.vf_lock
 * @claimed: a driver uses the VF; under &nvb_pf.vf_lock
 * @event: callback of that driver; under &nvb_pf.event_lock
 * @event_ctx: its argument
 */
struct nvb_pf_vf {
	u32 type;
	bool claimed;
	novabridge_event_fn event;
	void *event_ctx;
};

#define NVB_PF_LOGS	3

/**
 * struct nvb_pf - a GPU
 * @pdev: its physical function
 * @bar0: registers
 * @bar0_len: bytes of @bar0
 * @gpu: the core's handle
 * @events: counts nvb_platform.event_signal()
 * @event_wait: who waits for @events to move
 * @lost: whether it answers no more; bits of lost.c
 * @lost_work: has the core notice
 * @debugfs: directory of this GPU
 * @logs: its logs, as files in @debugfs
 * @vf_lock: guards provisioning; nests outside all locks of the core
 * @event_lock: held over each call of a VF driver's event callback
 * @num_vfs: VFs that may be provisioned and claimed; under @vf_lock
 * @total_vfs: entries of @vfs
 * @vfs: one for each VF the GPU can have
 */
struct nvb_pf {
	struct pci_dev *pdev;
	void __iomem *bar0;
	resource_size_t bar0_len;
	struct nvb_gpu *gpu;
	atomic_t events;
	wait_queue_head_t event_wait;
	unsigned long lost;
	struct work_struct lost_work;
	struct dentry *debugfs;
	struct novabridge_log logs[NVB_PF_LOGS];
	struct mutex vf_lock;		/* provisioning */
	struct mutex event_lock;	/* event callbacks of VF drivers */
	unsigned int num_vfs;
	unsigned int total_vfs;
	struct nvb_pf_vf vfs[];
};

extern struct pci_driver nvb_pf_driver;

/* boot.c */
int nvb_pf_handshake(struct nvb_pf *pf);
int nvb_pf_boot(struct nvb_pf *pf);

/* platform.c */
void nvb_pf_platform_init(struct nvb_pf *pf, struct nvb_platform *platform);

/* dma.c */
s32 nvb_pf_dma_alloc(void *ctx, u64 len, u32 kind, struct nvb_dma *dma);
void nvb_pf_dma_free(void *ctx, struct nvb_dma *dma);
s32 nvb_pf_dma_page_addr(void *ctx, const struct nvb_dma *dma, u64 page, u64 *addr);
s32 nvb_pf_dma_sync_for_device(void *ctx, const struct nvb_dma *dma, u64 off, u64 len);

/* events.c */
void nvb_pf_event(void *ctx, const struct nvb_event *event);

/* lost.c */
extern const struct pci_error_handlers nvb_pf_err_handlers;
void nvb_pf_lost_init(struct nvb_pf *pf);
void nvb_pf_lost_exit(struct nvb_pf *pf);
void nvb_pf_lost_forget(struct nvb_pf *pf);
bool nvb_pf_is_lost(struct nvb_pf *pf);
void nvb_pf_set_lost(struct nvb_pf *pf, const char *sign);
bool nvb_pf_answers(struct nvb_pf *pf);

/* vfs.c */
bool nvb_pf_vfs_claimed(struct nvb_pf *pf);
int nvb_pf_sriov_configure(struct pci_dev *pdev, int num_vfs);
void nvb_pf_vfs_remove(struct nvb_pf *pf);
struct nvb_pf *nvb_pf_of_vf(struct pci_dev *vf, unsigned int *index);

/* provision.c */
extern const struct attribute_group nvb_pf_provision_group;

/* debugfs.c */
void nvb_pf_debugfs_init(struct nvb_pf *pf);
void nvb_pf_debugfs_exit(struct nvb_pf *pf);

#endif /* NVB_PF_H */
