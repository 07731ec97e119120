/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VFIO_DEVICE_GET_REGION_INFO.
 *
 * Newer kernels take the ioctl apart in the VFIO core, and ask the driver
 * through get_region_info_caps. The driver is written for these; on older
 * kernels its ioctl hands the command to nvb_compat_get_region_info(), which
 * does the core's part.
 */

#ifndef NVB_COMPAT_VFIO_REGION_INFO_H
#define NVB_COMPAT_VFIO_REGION_INFO_H

#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "nvb_compat_config.h"

struct nvb_vfio_device;

typedef int (*nvb_compat_region_info_fn)(struct nvb_vfio_device *nvdev,
					 struct vfio_region_info *info,
					 struct vfio_info_cap *caps);

#ifdef NVB_HAVE_VFIO_GET_REGION_INFO_CAPS
#define NVB_VFIO_OPS_REGION_INFO(fn) .get_region_info_caps = fn,

static inline long nvb_compat_get_region_info(struct nvb_vfio_device *nvdev, unsigned long arg,
					      nvb_compat_region_info_fn fn)
{
	return -ENOTTY;
}
#else
#define NVB_VFIO_OPS_REGION_INFO(fn)

/* Copies the capabilities behind the struct, or says how much room they need. */
static inline int nvb_compat_put_region_caps(struct vfio_region_info *info, void __user *user,
					     struct vfio_info_cap *caps)
{
	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	if (info->argsz < sizeof(*info) + caps->size) {
		info->argsz = sizeof(*info) + caps->size;
		info->cap_offset = 0;
		return 0;
	}

	vfio_info_cap_shift(caps, sizeof(*info));
	info->cap_offset = sizeof(*info);

	return copy_to_user(user + sizeof(*info), caps->buf, caps->size) ? -EFAULT : 0;
}

static inline long nvb_compat_get_region_info(struct nvb_vfio_device *nvdev, unsigned long arg,
					      nvb_compat_region_info_fn fn)
{
	unsigned long minsz = offsetofend(struct vfio_region_info, offset);
	void __user *user = (void __user *)arg;
	struct vfio_info_cap caps = {};
	struct vfio_region_info info;
	int ret;

	if (copy_from_user(&info, user, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;

	ret = fn(nvdev, &info, &caps);
	if (!ret && caps.size)
		ret = nvb_compat_put_region_caps(&info, user, &caps);
	if (!ret && copy_to_user(user, &info, minsz))
		ret = -EFAULT;

	kfree(caps.buf);
	return ret;
}
#endif

#endif /* NVB_COMPAT_VFIO_REGION_INFO_H */
