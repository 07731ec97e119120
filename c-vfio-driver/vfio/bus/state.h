/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NovaBridge VFIO driver: a VF as a VFIO device, on kernels without
 * vfio-pci-core. No more of vfio-pci is here than a VF needs: its configuration
 * space is emulated, it has no INTx and no memory enable bit, and MSI-X is the
 * only interrupt that is shown.
 *
 * Lock order: open_lock, the PCI device's lock, reset_lock, then either irq_lock or
 * the mmap_lock of a user and map_lock.
 */

#ifndef NVB_VFIO_BUS_STATE_H
#define NVB_VFIO_BUS_STATE_H

#include <linux/irqbypass.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/vfio.h>
#include <linux/wait.h>

struct eventfd_ctx;
struct nvb_vfio_device;

/* A region's offset in the device's file; the index of the region is above. */
#define NVB_BUS_OFFSET_SHIFT	40

/**
 * struct nvb_bus_vector - an MSI-X vector
 * @trigger: what the interrupt signals; NULL while none is set
 * @producer: offers the interrupt to KVM, for delivery past the host
 * @name: as the interrupt is called in /proc/interrupts
 */
struct nvb_bus_vector {
	struct eventfd_ctx *trigger;
	struct irq_bypass_producer producer;
	char *name;
};

/**
 * struct nvb_vfio_bus - a VF as a VFIO device
 * @open_lock: guards @users; held while the first opens and the last closes
 * @users: open files
 * @reset_works: the function could be reset when it was opened
 * @reset_lock: held for reading by who accesses the function for the user, for
 *		writing while the function is reset
 * @io: BARs as far as the user has read or written them; under @map_lock
 * @map_lock: guards @io, @vmas, @unreachable
 * @vmas: where BARs may be mapped
 * @unreachable: the function is being reset, and the BARs must not be mapped
 * @reachable: who waits for the end of that
 * @msix_bar: BAR with the MSI-X table
 * @msix_start: first byte of the table in it
 * @msix_end: first byte behind the table
 * @irq_lock: guards what follows
 * @vectors: MSI-X vectors, as many as are enabled
 * @num_vectors: how many; 0 = MSI-X is disabled
 * @err: signalled when the device is beyond repair
 * @req: signalled when the device is wanted back
 */
struct nvb_vfio_bus {
	struct mutex open_lock;		/* first open, last close */
	unsigned int users;
	bool reset_works;
	struct rw_semaphore reset_lock;

	void __iomem *io[PCI_STD_NUM_BARS];
	struct mutex map_lock;		/* mappings, of the kernel and of users */
	struct list_head vmas;
	bool unreachable;
	wait_queue_head_t reachable;

	unsigned int msix_bar;
	u32 msix_start;
	u32 msix_end;

	struct mutex irq_lock;		/* interrupts and notifications */
	struct nvb_bus_vector *vectors;
	unsigned int num_vectors;
	struct eventfd_ctx *err;
	struct eventfd_ctx *req;
};

/* access.c */
void nvb_bus_access_exit(struct nvb_vfio_device *nvdev);

/* mmap.c */
void nvb_bus_unmap_begin(struct nvb_vfio_device *nvdev);
void nvb_bus_unmap_end(struct nvb_vfio_device *nvdev);

/* irqs.c */
int nvb_bus_set_irqs(struct nvb_vfio_device *nvdev, const struct vfio_irq_set *set,
		     const void *data);
int nvb_bus_irq_count(struct nvb_vfio_device *nvdev, unsigned int index);
void nvb_bus_request(struct nvb_vfio_device *nvdev, unsigned int count);
void nvb_bus_irqs_disable(struct nvb_vfio_device *nvdev);
void nvb_bus_irqs_exit(struct nvb_vfio_device *nvdev);

#endif /* NVB_VFIO_BUS_STATE_H */
