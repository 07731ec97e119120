// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probe: NVB_HAVE_VFIO_GET_REGION_INFO_CAPS
 * why: the VFIO core takes VFIO_DEVICE_GET_REGION_INFO apart for drivers
 * kernels: 6.19
 */
#include <linux/vfio_pci_core.h>

const struct vfio_device_ops nvb_probe;
const struct vfio_device_ops nvb_probe = {
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
};
