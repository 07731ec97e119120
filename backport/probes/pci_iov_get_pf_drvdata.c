// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probe: NVB_HAVE_PCI_IOV_GET_PF_DRVDATA
 * why: a VF's driver finds what the PF's driver keeps
 * kernels: 5.17
 */
#include <linux/pci.h>

void *nvb_probe(struct pci_dev *vf, struct pci_driver *pf_driver);
void *nvb_probe(struct pci_dev *vf, struct pci_driver *pf_driver)
{
	return pci_iov_get_pf_drvdata(vf, pf_driver);
}
