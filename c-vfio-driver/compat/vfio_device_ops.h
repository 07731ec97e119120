/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations of a VFIO device that came after 6.1. Each macro is an initialiser
 * in struct vfio_device_ops, or nothing where the kernel has no such operation.
 */

#ifndef NVB_COMPAT_VFIO_DEVICE_OPS_H
#define NVB_COMPAT_VFIO_DEVICE_OPS_H

#include <linux/vfio_pci_core.h>

#include "nvb_compat_config.h"

#ifdef NVB_HAVE_VFIO_BIND_IOMMUFD
#define NVB_VFIO_OPS_IOMMUFD						\
	.bind_iommufd = vfio_iommufd_physical_bind,			\
	.unbind_iommufd = vfio_iommufd_physical_unbind,			\
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
#else
#define NVB_VFIO_OPS_IOMMUFD
#endif

#ifdef NVB_HAVE_VFIO_DETACH_IOAS
#define NVB_VFIO_OPS_DETACH_IOAS .detach_ioas = vfio_iommufd_physical_detach_ioas,
#else
#define NVB_VFIO_OPS_DETACH_IOAS
#endif

#ifdef NVB_HAVE_VFIO_MATCH_TOKEN_UUID
#define NVB_VFIO_OPS_MATCH_TOKEN .match_token_uuid = vfio_pci_core_match_token_uuid,
#else
#define NVB_VFIO_OPS_MATCH_TOKEN
#endif

#endif /* NVB_COMPAT_VFIO_DEVICE_OPS_H */
