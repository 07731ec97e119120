// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probe: NVB_HAVE_VFIO_MATCH_TOKEN_UUID
 * why: VF tokens are handed over when a device is opened by its own node
 * kernels: 6.17
 */
#include <linux/vfio_pci_core.h>

const struct vfio_device_ops nvb_probe;
const struct vfio_device_ops nvb_probe = {
	.match_token_uuid = vfio_pci_core_match_token_uuid,
};
