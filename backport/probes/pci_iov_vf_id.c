// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probe: NVB_HAVE_PCI_IOV_VF_ID
 * why: index of a VF among those of its PF
 * kernels: 5.17
 */
#include <linux/pci.h>

int nvb_probe(struct pci_dev *vf);
int nvb_probe(struct pci_dev *vf)
{
	return pci_iov_vf_id(vf);
}
