// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: BARs in user space, on kernels without vfio-pci-core.
 *
 * Pages are mapped when they are touched, and all are unmapped before the
 * function is reset: what a CPU asks of a function in reset may come back as a
 * fatal error. Who touches a BAR meanwhile waits.
 */

#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/sched/mm.h>
#include <linux/wait.h>

#include "../../compat/slab.h"
#include "../vfio.h"

/**
 * struct nvb_bus_vma - a place where pages of a BAR may be mapped
 * @list: in &nvb_vfio_bus.vmas
 * @vma: the place
 */
struct nvb_bus_vma {
	struct list_head list;
	struct vm_area_struct *vma;
};

static struct nvb_bus_vma *nvb_bus_vma_find(struct nvb_vfio_bus *bus, struct vm_area_struct *vma)
{
	struct nvb_bus_vma *place;

	lockdep_assert_held(&bus->map_lock);

	list_for_each_entry(place, &bus->vmas, list) {
		if (place->vma == vma)
			return place;
	}

	return NULL;
}

static bool nvb_bus_vma_track(struct nvb_vfio_bus *bus, struct vm_area_struct *vma)
{
	struct nvb_bus_vma *place;

	if (nvb_bus_vma_find(bus, vma))
		return true;

	place = kzalloc_obj(*place);
	if (!place)
		return false;

	place->vma = vma;
	list_add(&place->list, &bus->vmas);
	return true;
}

static void nvb_bus_vma_forget(struct nvb_bus_vma *place)
{
	list_del(&place->list);
	kfree(place);
}

/* A copy by fork() or one half of a mapping that was split; it has pages already. */
static void nvb_bus_vm_open(struct vm_area_struct *vma)
{
	struct nvb_vfio_device *nvdev = vma->vm_private_data;
	struct nvb_vfio_bus *bus = &nvdev->bus;

	mutex_lock(&bus->map_lock);
	if (!nvb_bus_vma_track(bus, vma))
		zap_vma_ptes(vma, vma->vm_start, vma->vm_end - vma->vm_start);
	mutex_unlock(&bus->map_lock);
}

static void nvb_bus_vm_close(struct vm_area_struct *vma)
{
	struct nvb_vfio_device *nvdev = vma->vm_private_data;
	struct nvb_vfio_bus *bus = &nvdev->bus;
	struct nvb_bus_vma *place;

	mutex_lock(&bus->map_lock);
	place = nvb_bus_vma_find(bus, vma);
	if (place)
		nvb_bus_vma_forget(place);
	mutex_unlock(&bus->map_lock);
}

/*
 * Waits until the function can be reached, without the lock of the address space,
 * which the reset's unmapping needs; the file keeps the device meanwhile. Only the
 * answer "retry" has everybody try again: KVM takes a page that is not there after
 * any other as one that never will be.
 */
static vm_fault_t nvb_bus_vm_wait(struct nvb_vfio_bus *bus, struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct file *file;

	/* Who cannot be kept waiting for as long is a CPU, and tries again by itself. */
	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY) || vmf->flags & FAULT_FLAG_RETRY_NOWAIT) {
		msleep(20);
		return VM_FAULT_NOPAGE;
	}

	file = get_file(vma->vm_file);
	mmap_read_unlock(vma->vm_mm);
	wait_event_killable(bus->reachable, !READ_ONCE(bus->unreachable));
	fput(file);

	return VM_FAULT_RETRY;
}

static vm_fault_t nvb_bus_vm_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct nvb_vfio_device *nvdev = vma->vm_private_data;
	struct nvb_vfio_bus *bus = &nvdev->bus;
	u64 pos = (u64)vmf->pgoff << PAGE_SHIFT;
	vm_fault_t ret = VM_FAULT_NOPAGE;
	phys_addr_t phys;
	bool wait;

	phys = pci_resource_start(nvdev->pdev, nvb_vfio_region(pos)) + nvb_vfio_offset(pos);

	mutex_lock(&bus->map_lock);
	wait = bus->unreachable;
	if (!wait) {
		if (nvb_bus_vma_track(bus, vma))
			ret = vmf_insert_pfn(vma, vmf->address, PHYS_PFN(phys));
		else
			ret = VM_FAULT_OOM;
	}
	mutex_unlock(&bus->map_lock);

	return wait ? nvb_bus_vm_wait(bus, vmf) : ret;
}

static const struct vm_operations_struct nvb_bus_vm_ops = {
	.open = nvb_bus_vm_open,
	.close = nvb_bus_vm_close,
	.fault = nvb_bus_vm_fault,
};

bool nvb_bus_can_mmap(struct nvb_vfio_device *nvdev, unsigned int bar)
{
	struct pci_dev *pdev = nvdev->pdev;

	return pci_resource_flags(pdev, bar) & IORESOURCE_MEM &&
	       PAGE_ALIGNED(pci_resource_start(pdev, bar)) &&
	       PAGE_ALIGNED(pci_resource_len(pdev, bar));
}

int nvb_bus_mmap(struct nvb_vfio_device *nvdev, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (!nvb_bus_can_mmap(nvdev, nvb_vfio_region((u64)vma->vm_pgoff << PAGE_SHIFT)))
		return -EINVAL;

	vma->vm_private_data = nvdev;
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vma->vm_flags |= VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
	vma->vm_ops = &nvb_bus_vm_ops;

	return 0;
}

/*
 * An address space with mapped pages, with a reference, or NULL when none is left.
 * Those that are about to end are left to themselves: nobody runs in them.
 */
static struct mm_struct *nvb_bus_next_mm(struct nvb_vfio_bus *bus)
{
	struct nvb_bus_vma *place, *next;
	struct mm_struct *mm = NULL;

	mutex_lock(&bus->map_lock);
	list_for_each_entry_safe(place, next, &bus->vmas, list) {
		if (mmget_not_zero(place->vma->vm_mm)) {
			mm = place->vma->vm_mm;
			break;
		}
		nvb_bus_vma_forget(place);
	}
	mutex_unlock(&bus->map_lock);

	return mm;
}

/**
 * nvb_bus_unmap_begin() - unmap all BARs, and keep them unmapped
 * @nvdev: VF that is about to be reset
 */
void nvb_bus_unmap_begin(struct nvb_vfio_device *nvdev)
{
	struct nvb_vfio_bus *bus = &nvdev->bus;
	struct nvb_bus_vma *place, *next;
	struct mm_struct *mm;

	mutex_lock(&bus->map_lock);
	WRITE_ONCE(bus->unreachable, true);
	mutex_unlock(&bus->map_lock);

	/* A fork() may add places until its parent's turn has come; none are added by faults. */
	while ((mm = nvb_bus_next_mm(bus))) {
		mmap_read_lock(mm);
		mutex_lock(&bus->map_lock);
		list_for_each_entry_safe(place, next, &bus->vmas, list) {
			struct vm_area_struct *vma = place->vma;

			if (vma->vm_mm != mm)
				continue;
			zap_vma_ptes(vma, vma->vm_start, vma->vm_end - vma->vm_start);
			nvb_bus_vma_forget(place);
		}
		mutex_unlock(&bus->map_lock);
		mmap_read_unlock(mm);
		mmput(mm);
	}
}

/**
 * nvb_bus_unmap_end() - let BARs be mapped again
 * @nvdev: VF that was reset
 */
void nvb_bus_unmap_end(struct nvb_vfio_device *nvdev)
{
	struct nvb_vfio_bus *bus = &nvdev->bus;

	mutex_lock(&bus->map_lock);
	WRITE_ONCE(bus->unreachable, false);
	mutex_unlock(&bus->map_lock);
	wake_up_all(&bus->reachable);
}
