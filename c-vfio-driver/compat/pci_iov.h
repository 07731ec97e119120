/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a VF to its index and to what its PF's driver keeps.
 * Kernels before 5.17 have neither function, but all they are made of.
 */

#ifndef NVB_COMPAT_PCI_IOV_H
#define NVB_COMPAT_PCI_IOV_H

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/pci.h>

#include "nvb_compat_config.h"

#ifndef NVB_HAVE_PCI_IOV_GET_PF_DRVDATA
static inline void *pci_iov_get_pf_drvdata(struct pci_dev *dev, struct pci_driver *pf_driver)
{
	struct pci_dev *pf;

	if (!dev->is_virtfn)
		return ERR_PTR(-EINVAL);

	pf = pci_physfn(dev);
	if (pf->driver != pf_driver)
		return ERR_PTR(-EINVAL);

	return pci_get_drvdata(pf);
}
#endif

#ifndef NVB_HAVE_PCI_IOV_VF_ID
static inline int pci_iov_vf_id(struct pci_dev *dev)
{
	struct pci_dev *pf = pci_physfn(dev);
	u16 offset, stride;
	int pos;

	pos = pci_find_ext_capability(pf, PCI_EXT_CAP_ID_SRIOV);
	if (!dev->is_virtfn || !pos)
		return -EINVAL;

	pci_read_config_word(pf, pos + PCI_SRIOV_VF_OFFSET, &offset);
	pci_read_config_word(pf, pos + PCI_SRIOV_VF_STRIDE, &stride);

	/* With a single VF there is no second one to be a stride away. */
	return (pci_dev_id(dev) - pci_dev_id(pf) - offset) / max_t(int, stride, 1);
}
#endif

#endif /* NVB_COMPAT_PCI_IOV_H */
