// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: the BARs of a vGPU.
 *
 * A vGPU's framebuffer aperture is as large as its type says, which may be less
 * than the VF's BAR1. The same limit holds for the size in configuration space,
 * the region's size, reading, writing and mapping; what lies beyond is not
 * reached. All else of a BAR access is the VFIO device's (bus.h).
 */

#include <linux/log2.h>
#include <linux/overflow.h>

#include "vfio.h"

/**
 * nvb_vfio_bars_init() - find the sizes of the BARs
 * @nvdev: VF, with the type of its vGPU
 *
 * Return: 0, or -EINVAL when the type's aperture does not fit the VF.
 */
int nvb_vfio_bars_init(struct nvb_vfio_device *nvdev)
{
	struct pci_dev *pdev = nvdev->pdev;
	u64 fb = nvdev->type.bar1_size;
	int i;

	/* A BAR cannot express other sizes. */
	if (fb < PAGE_SIZE || !is_power_of_2(fb) || fb > pci_resource_len(pdev, NVB_VFIO_BAR_FB)) {
		pci_err(pdev, "BAR1 of vGPU type %u (0x%llx bytes) does not fit the VF's (0x%llx)\n",
			nvdev->type.id, fb, (u64)pci_resource_len(pdev, NVB_VFIO_BAR_FB));
		return -EINVAL;
	}

	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		nvdev->bars.size[i] = pci_resource_len(pdev, i);
	nvdev->bars.size[NVB_VFIO_BAR_FB] = fb;

	return 0;
}

/**
 * nvb_vfio_bars_limit() - keep a read or write within the region
 * @nvdev: open VF
 * @pos: position in the device's file
 * @count: bytes wanted, reduced to those there are
 *
 * Return: 0, or -EINVAL when @pos lies beyond the region.
 */
int nvb_vfio_bars_limit(struct nvb_vfio_device *nvdev, loff_t pos, size_t *count)
{
	unsigned int index = nvb_vfio_region(pos);
	u64 off = nvb_vfio_offset(pos);

	if (index >= PCI_STD_NUM_BARS)
		return 0;
	if (off >= nvdev->bars.size[index])
		return -EINVAL;

	*count = min_t(u64, *count, nvdev->bars.size[index] - off);
	return 0;
}

/**
 * nvb_vfio_bars_mmap() - map a BAR into user space
 * @nvdev: open VF
 * @vma: where to
 *
 * Return: 0, -EINVAL beyond the region, or another negative errno.
 */
int nvb_vfio_bars_mmap(struct nvb_vfio_device *nvdev, struct vm_area_struct *vma)
{
	u64 pos = (u64)vma->vm_pgoff << PAGE_SHIFT;
	unsigned int index = nvb_vfio_region(pos);
	u64 off = nvb_vfio_offset(pos);
	u64 end;

	if (index >= PCI_STD_NUM_BARS)
		return -EINVAL;
	if (check_add_overflow(off, (u64)(vma->vm_end - vma->vm_start), &end) ||
	    end > PAGE_ALIGN(nvdev->bars.size[index]))
		return -EINVAL;

	return nvb_bus_mmap(nvdev, vma);
}

static int nvb_vfio_bar_info(struct nvb_vfio_device *nvdev, struct vfio_region_info *info,
			     struct vfio_info_cap *caps)
{
	struct vfio_info_cap_header msix = {
		.id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE,
		.version = 1,
	};

	info->size = nvdev->bars.size[info->index];
	if (!info->size)
		return 0;

	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (!nvb_bus_can_mmap(nvdev, info->index))
		return 0;

	info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	if (!nvb_bus_has_msix_table(nvdev, info->index))
		return 0;

	return vfio_info_add_capability(caps, &msix, sizeof(msix));
}

/**
 * nvb_vfio_get_region_info() - describe a region
 * @nvdev: open VF
 * @info: the region's index in; offset, size and flags out
 * @caps: capabilities are added here
 *
 * Return: 0, -EINVAL when there is no such region, -ENOMEM.
 */
int nvb_vfio_get_region_info(struct nvb_vfio_device *nvdev, struct vfio_region_info *info,
			     struct vfio_info_cap *caps)
{
	info->offset = (u64)info->index << NVB_BUS_OFFSET_SHIFT;
	info->size = 0;
	info->flags = 0;

	switch (info->index) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		info->size = NVB_VFIO_CONFIG_SIZE;
		info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
		return 0;
	case VFIO_PCI_BAR0_REGION_INDEX ... VFIO_PCI_BAR5_REGION_INDEX:
		return nvb_vfio_bar_info(nvdev, info, caps);
	case VFIO_PCI_ROM_REGION_INDEX:
	case VFIO_PCI_VGA_REGION_INDEX:
		return 0;
	default:
		return -EINVAL;
	}
}
