// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probe: NVB_HAVE_VFIO_BIND_IOMMUFD
 * why: VFIO devices can be bound to an iommufd
 * kernels: 6.2
 */
#include <linux/vfio.h>

const struct vfio_device_ops nvb_probe;
const struct vfio_device_ops nvb_probe = {
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
};
