// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge PF driver: enabling VFs, and lending them to their drivers.
 */

#include <linux/export.h>
#include <linux/pci.h>
#include <linux/sysfs.h>

#include "../compat/pci_iov.h"
#include "pf.h"

/**
 * nvb_pf_of_vf() - find the GPU of a VF
 * @vf: any PCI device
 * @index: index of the VF
 *
 * Context: the caller sees to it that the PF's driver cannot go: a driver is
 *          bound to @vf, or a sysfs file is being served that the PF's driver
 *          removes first.
 * Return: the GPU, or NULL when @vf is not a VF of a GPU of this driver.
 */
struct nvb_pf *nvb_pf_of_vf(struct pci_dev *vf, unsigned int *index)
{
	struct nvb_pf *pf;
	int id;

	pf = pci_iov_get_pf_drvdata(vf, &nvb_pf_driver);
	if (IS_ERR_OR_NULL(pf))
		return NULL;

	id = pci_iov_vf_id(vf);
	if (id < 0 || id >= pf->total_vfs)
		return NULL;

	*index = id;
	return pf;
}

/*
 * Walks the VFs: the one after @vf, whose reference is dropped, with a reference.
 * (What computes a VF's address from its index is not exported to modules.)
 */
static struct pci_dev *nvb_pf_next_vf(struct nvb_pf *pf, struct pci_dev *vf)
{
	do {
		vf = pci_get_device(pf->pdev->vendor, PCI_ANY_ID, vf);
	} while (vf && !(vf->is_virtfn && pci_physfn(vf) == pf->pdev));

	return vf;
}

/* Removes the group from all VFs that come before @end. */
static void nvb_pf_vfs_sysfs_remove(struct nvb_pf *pf, struct pci_dev *end)
{
	struct pci_dev *vf = NULL;

	while ((vf = nvb_pf_next_vf(pf, vf)) != end)
		sysfs_remove_group(&vf->dev.kobj, &nvb_pf_provision_group);
	pci_dev_put(vf);
}

static int nvb_pf_vfs_sysfs_create(struct nvb_pf *pf)
{
	struct pci_dev *vf = NULL;
	int ret;

	while ((vf = nvb_pf_next_vf(pf, vf))) {
		ret = sysfs_create_group(&vf->dev.kobj, &nvb_pf_provision_group);
		if (ret) {
			nvb_pf_vfs_sysfs_remove(pf, vf);
			pci_dev_put(vf);
			return ret;
		}
	}

	return 0;
}

static int nvb_pf_vfs_enable(struct nvb_pf *pf, unsigned int num_vfs)
{
	unsigned int i;
	int ret;

	for (i = 0; i < num_vfs; i++)
		pf->vfs[i].type = 0;

	ret = pci_enable_sriov(pf->pdev, num_vfs);
	if (ret)
		return ret;

	ret = nvb_pf_vfs_sysfs_create(pf);
	if (ret) {
		pci_disable_sriov(pf->pdev);
		return ret;
	}

	mutex_lock(&pf->vf_lock);
	pf->num_vfs = num_vfs;
	mutex_unlock(&pf->vf_lock);

	return 0;
}

/**
 * nvb_pf_vfs_claimed() - whether a driver uses a VF
 * @pf: GPU, with nvb_pf.vf_lock held
 *
 * Return: true if so.
 */
bool nvb_pf_vfs_claimed(struct nvb_pf *pf)
{
	unsigned int i;

	lockdep_assert_held(&pf->vf_lock);

	for (i = 0; i < pf->num_vfs; i++) {
		if (pf->vfs[i].claimed)
			return true;
	}

	return false;
}

/* From here on no VF is claimed; false, and no change, if one is and must not be taken away. */
static bool nvb_pf_vfs_close(struct nvb_pf *pf, bool force)
{
	bool close;

	mutex_lock(&pf->vf_lock);
	close = force || !nvb_pf_vfs_claimed(pf);
	if (close)
		pf->num_vfs = 0;
	mutex_unlock(&pf->vf_lock);

	return close;
}

static int nvb_pf_vfs_disable(struct nvb_pf *pf, bool force)
{
	if (!pf->num_vfs)
		return 0;
	if (!nvb_pf_vfs_close(pf, force))
		return -EBUSY;

	nvb_pf_vfs_sysfs_remove(pf, NULL);
	pci_disable_sriov(pf->pdev);
	return 0;
}

/**
 * nvb_pf_vfs_remove() - take the VFs away, in use or not
 * @pf: GPU
 *
 * Returns when no driver uses a VF any more; whoever has one open is asked by
 * its driver to let go of it.
 *
 * Context: with the PF's device lock, which keeps out other changes.
 */
void nvb_pf_vfs_remove(struct nvb_pf *pf)
{
	nvb_pf_vfs_disable(pf, true);
}

/**
 * nvb_pf_sriov_configure() - a number was written to sriov_numvfs
 * @pdev: PF
 * @num_vfs: VFs to enable, or 0 to disable them
 *
 * Return: @num_vfs, -EBUSY while a VF is in use, or what enabling failed with.
 */
int nvb_pf_sriov_configure(struct pci_dev *pdev, int num_vfs)
{
	struct nvb_pf *pf = pci_get_drvdata(pdev);
	int ret;

	if (!num_vfs)
		return nvb_pf_vfs_disable(pf, false);

	ret = nvb_pf_vfs_enable(pf, num_vfs);
	return ret ? ret : num_vfs;
}

int novabridge_vf_probe(struct pci_dev *vf)
{
	unsigned int index;

	return nvb_pf_of_vf(vf, &index) ? 0 : -ENODEV;
}
EXPORT_SYMBOL_GPL(novabridge_vf_probe);

int novabridge_vf_claim(struct pci_dev *vf, novabridge_event_fn fn, void *ctx,
			struct novabridge_vf *out)
{
	struct nvb_pf_vf *state;
	unsigned int index;
	struct nvb_pf *pf;
	int ret = 0;

	pf = nvb_pf_of_vf(vf, &index);
	if (!pf)
		return -ENODEV;
	state = &pf->vfs[index];

	mutex_lock(&pf->vf_lock);
	if (index >= pf->num_vfs || !state->type)
		ret = -ENODEV;
	else if (state->claimed)
		ret = -EBUSY;
	else
		state->claimed = true;
	*out = (struct novabridge_vf) {
		.gpu = pf->gpu,
		.debugfs = pf->debugfs,
		.index = index,
		.type = state->type,
	};
	mutex_unlock(&pf->vf_lock);
	if (ret)
		return ret;

	mutex_lock(&pf->event_lock);
	state->event_ctx = ctx;
	state->event = fn;
	mutex_unlock(&pf->event_lock);

	return 0;
}
EXPORT_SYMBOL_GPL(novabridge_vf_claim);

void novabridge_vf_release(struct pci_dev *vf)
{
	unsigned int index;
	struct nvb_pf *pf;

	pf = nvb_pf_of_vf(vf, &index);
	if (WARN_ON(!pf))
		return;

	mutex_lock(&pf->event_lock);
	pf->vfs[index].event = NULL;
	pf->vfs[index].event_ctx = NULL;
	mutex_unlock(&pf->event_lock);

	mutex_lock(&pf->vf_lock);
	pf->vfs[index].claimed = false;
	mutex_unlock(&pf->vf_lock);
}
EXPORT_SYMBOL_GPL(novabridge_vf_release);
