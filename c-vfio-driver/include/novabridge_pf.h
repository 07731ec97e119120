/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NovaBridge: what a VF's driver asks of the PF driver.
 *
 * The PF driver owns the GPU and says which vGPU type a VF was provisioned
 * with. The VF's driver claims the VF, drives a vGPU on it through the nvb_*
 * functions of novabridge.h, and releases the VF again.
 */

#ifndef NOVABRIDGE_PF_H
#define NOVABRIDGE_PF_H

#include <linux/types.h>

struct dentry;
struct nvb_event;
struct nvb_gpu;
struct pci_dev;

/**
 * struct novabridge_vf - a claimed VF
 * @gpu: GPU the VF belongs to; valid until the VF is released
 * @debugfs: directory of the GPU, for files of the VF's driver
 * @index: index of the VF, from 0
 * @type: vGPU type the VF is provisioned with, never 0
 */
struct novabridge_vf {
	struct nvb_gpu *gpu;
	struct dentry *debugfs;
	u32 index;
	u32 type;
};

/**
 * typedef novabridge_event_fn - an event that concerns a claimed VF
 * @ctx: as given to novabridge_vf_claim()
 * @event: the event; valid during the call only
 *
 * Runs in a thread that services the GPU and may sleep, but must not wait for
 * the GPU nor claim or release a VF.
 */
typedef void (*novabridge_event_fn)(void *ctx, const struct nvb_event *event);

/**
 * novabridge_vf_probe() - tell whether a PCI device is a VF of a running GPU
 * @vf: PCI device a driver is being bound to
 *
 * Context: probe of a driver for @vf; does not sleep.
 * Return: 0, or -ENODEV when @vf is not a VF or its PF is not driven by
 *         NovaBridge.
 */
int novabridge_vf_probe(struct pci_dev *vf);

/**
 * novabridge_vf_claim() - take a VF for use
 * @vf: VF; a driver must be bound to it until the VF is released
 * @fn: called for each event of this VF or of the whole GPU; may be NULL
 * @ctx: handed to @fn
 * @out: filled in on success
 *
 * While a VF is claimed its type cannot be changed and the VFs cannot be
 * disabled through sysfs. Every success needs one novabridge_vf_release().
 *
 * Context: may sleep.
 * Return: 0, -ENODEV when no type was set or the VF is going away, -EBUSY when
 *         it is claimed already.
 */
int novabridge_vf_claim(struct pci_dev *vf, novabridge_event_fn fn, void *ctx,
			struct novabridge_vf *out);

/**
 * novabridge_vf_release() - give a claimed VF back
 * @vf: VF that was claimed
 *
 * No event callback runs once this has returned.
 *
 * Context: may sleep.
 */
void novabridge_vf_release(struct pci_dev *vf);

/**
 * struct novabridge_log - a firmware log as a file in debugfs
 * @read: reads up to @len bytes from @off on into @buf; returns how many, 0
 *	  behind the end, or a negative errno; may sleep
 * @owner: handed to @read
 * @id: NVB_LOG_*, handed to @read
 */
struct novabridge_log {
	s64 (*read)(void *owner, u32 id, u64 off, u8 *buf, u64 len);
	void *owner;
	u32 id;
};

/**
 * novabridge_log_create() - make the file of a log
 * @name: name of the file
 * @dir: directory in debugfs
 * @log: what the file shows; must stay until the file was removed, and so must
 *	 what its @read needs: removing waits for readers
 *
 * Context: may sleep.
 */
void novabridge_log_create(const char *name, struct dentry *dir, struct novabridge_log *log);

#endif /* NOVABRIDGE_PF_H */
