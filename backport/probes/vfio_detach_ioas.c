// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probe: NVB_HAVE_VFIO_DETACH_IOAS
 * why: a VFIO device can be detached from its IO address space without being closed
 * kernels: 6.6
 */
#include <linux/vfio.h>

const struct vfio_device_ops nvb_probe;
const struct vfio_device_ops nvb_probe = {
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
};
