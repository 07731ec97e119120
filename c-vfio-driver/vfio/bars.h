/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NovaBridge VFIO driver: the BARs of a vGPU.
 */

#ifndef NVB_VFIO_BARS_H
#define NVB_VFIO_BARS_H

#include <linux/pci.h>
#include <linux/vfio.h>

struct nvb_vfio_device;

/* The vGPU's framebuffer aperture; the VF's own may be larger. */
#define NVB_VFIO_BAR_FB		1

/**
 * struct nvb_vfio_bars - sizes of the BARs the user sees
 * @size: bytes of each; 0 = no such BAR, or the upper half of a 64-bit one
 */
struct nvb_vfio_bars {
	u64 size[PCI_STD_NUM_BARS];
};

int nvb_vfio_bars_init(struct nvb_vfio_device *nvdev);
int nvb_vfio_bars_limit(struct nvb_vfio_device *nvdev, loff_t pos, size_t *count);
int nvb_vfio_bars_mmap(struct nvb_vfio_device *nvdev, struct vm_area_struct *vma);
int nvb_vfio_get_region_info(struct nvb_vfio_device *nvdev, struct vfio_region_info *info,
			     struct vfio_info_cap *caps);

#endif /* NVB_VFIO_BARS_H */
