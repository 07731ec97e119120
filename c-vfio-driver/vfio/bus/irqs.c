// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: interrupts and notifications as event counters, on
 * kernels without vfio-pci-core.
 */

#include <linux/eventfd.h>
#include <linux/interrupt.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "../vfio.h"

static irqreturn_t nvb_bus_irq(int irq, void *trigger)
{
	eventfd_signal(trigger, 1);
	return IRQ_HANDLED;
}

static void nvb_bus_vector_clear(struct nvb_vfio_device *nvdev, unsigned int i)
{
	struct nvb_bus_vector *vector = &nvdev->bus.vectors[i];

	if (!vector->trigger)
		return;

	irq_bypass_unregister_producer(&vector->producer);
	free_irq(pci_irq_vector(nvdev->pdev, i), vector->trigger);
	eventfd_ctx_put(vector->trigger);
	kfree(vector->name);
	memset(vector, 0, sizeof(*vector));
}

/* Lets a vector signal the event counter @fd, or nothing if that is negative. */
static int nvb_bus_vector_set(struct nvb_vfio_device *nvdev, unsigned int i, s32 fd)
{
	struct nvb_bus_vector *vector = &nvdev->bus.vectors[i];
	int irq = pci_irq_vector(nvdev->pdev, i);
	struct eventfd_ctx *trigger;
	int ret;

	nvb_bus_vector_clear(nvdev, i);
	if (fd < 0)
		return 0;

	trigger = eventfd_ctx_fdget(fd);
	if (IS_ERR(trigger))
		return PTR_ERR(trigger);

	vector->name = kasprintf(GFP_KERNEL_ACCOUNT, "%s-msix%u(%s)", KBUILD_MODNAME, i,
				 pci_name(nvdev->pdev));
	if (!vector->name) {
		ret = -ENOMEM;
		goto err_put;
	}

	ret = request_irq(irq, nvb_bus_irq, 0, vector->name, trigger);
	if (ret)
		goto err_name;

	vector->trigger = trigger;
	vector->producer.token = trigger;
	vector->producer.irq = irq;
	/* Without it interrupts take the way through the host. */
	if (irq_bypass_register_producer(&vector->producer))
		vector->producer.token = NULL;

	return 0;

err_name:
	kfree(vector->name);
	vector->name = NULL;
err_put:
	eventfd_ctx_put(trigger);
	return ret;
}

static void nvb_bus_msix_disable(struct nvb_vfio_device *nvdev)
{
	struct nvb_vfio_bus *bus = &nvdev->bus;
	unsigned int i;

	if (!bus->num_vectors)
		return;

	for (i = 0; i < bus->num_vectors; i++)
		nvb_bus_vector_clear(nvdev, i);

	pci_free_irq_vectors(nvdev->pdev);
	kfree(bus->vectors);
	bus->vectors = NULL;
	bus->num_vectors = 0;
}

/* 0, a negative errno, or how many vectors there could be if @count are too many. */
static int nvb_bus_msix_enable(struct nvb_vfio_device *nvdev, unsigned int count)
{
	struct nvb_vfio_bus *bus = &nvdev->bus;
	int ret;

	bus->vectors = kcalloc(count, sizeof(*bus->vectors), GFP_KERNEL_ACCOUNT);
	if (!bus->vectors)
		return -ENOMEM;

	ret = pci_alloc_irq_vectors(nvdev->pdev, 1, count, PCI_IRQ_MSIX);
	if (ret == count) {
		bus->num_vectors = count;
		return 0;
	}

	if (ret > 0)
		pci_free_irq_vectors(nvdev->pdev);
	kfree(bus->vectors);
	bus->vectors = NULL;

	return ret;
}

static int nvb_bus_msix_connect(struct nvb_vfio_device *nvdev, const struct vfio_irq_set *set,
				const s32 *fds)
{
	struct nvb_vfio_bus *bus = &nvdev->bus;
	bool was_enabled = bus->num_vectors;
	unsigned int i;
	int ret;

	if (!was_enabled) {
		ret = nvb_bus_msix_enable(nvdev, set->start + set->count);
		if (ret)
			return ret;
	}
	if (set->start + set->count > bus->num_vectors)
		return -EINVAL;

	for (i = 0; i < set->count; i++) {
		ret = nvb_bus_vector_set(nvdev, set->start + i, fds[i]);
		if (ret)
			goto err_clear;
	}

	return 0;

err_clear:
	while (i--)
		nvb_bus_vector_clear(nvdev, set->start + i);
	if (!was_enabled)
		nvb_bus_msix_disable(nvdev);
	return ret;
}

static int nvb_bus_msix_simulate(struct nvb_vfio_device *nvdev, const struct vfio_irq_set *set,
				 const u8 *which)
{
	struct nvb_vfio_bus *bus = &nvdev->bus;
	unsigned int i;

	if (!bus->num_vectors || set->start + set->count > bus->num_vectors)
		return -EINVAL;

	for (i = 0; i < set->count; i++) {
		struct nvb_bus_vector *vector = &bus->vectors[set->start + i];

		if (vector->trigger && (!which || which[i]))
			eventfd_signal(vector->trigger, 1);
	}

	return 0;
}

static int nvb_bus_set_msix(struct nvb_vfio_device *nvdev, const struct vfio_irq_set *set,
			    const void *data)
{
	switch (set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_EVENTFD:
		return nvb_bus_msix_connect(nvdev, set, data);
	case VFIO_IRQ_SET_DATA_BOOL:
		return nvb_bus_msix_simulate(nvdev, set, data);
	case VFIO_IRQ_SET_DATA_NONE:
		if (set->count || !nvdev->bus.num_vectors)
			return nvb_bus_msix_simulate(nvdev, set, NULL);
		nvb_bus_msix_disable(nvdev);
		return 0;
	default:
		return -EINVAL;
	}
}

static void nvb_bus_notify_clear(struct eventfd_ctx **ctx)
{
	if (*ctx)
		eventfd_ctx_put(*ctx);
	*ctx = NULL;
}

static int nvb_bus_notify_connect(struct eventfd_ctx **ctx, s32 fd)
{
	struct eventfd_ctx *trigger = NULL;

	if (fd >= 0) {
		trigger = eventfd_ctx_fdget(fd);
		if (IS_ERR(trigger))
			return PTR_ERR(trigger);
	}

	nvb_bus_notify_clear(ctx);
	*ctx = trigger;
	return 0;
}

/* There is one such interrupt; with a count of 0 @data is NULL. */
static int nvb_bus_set_notify(struct eventfd_ctx **ctx, const struct vfio_irq_set *set,
			      const void *data)
{
	switch (set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_EVENTFD:
		if (!set->count)
			return -EINVAL;
		return nvb_bus_notify_connect(ctx, *(const s32 *)data);
	case VFIO_IRQ_SET_DATA_BOOL:
		if (!set->count)
			return -EINVAL;
		if (*ctx && *(const u8 *)data)
			eventfd_signal(*ctx, 1);
		return 0;
	case VFIO_IRQ_SET_DATA_NONE:
		if (!*ctx)
			return -EINVAL;
		if (set->count)
			eventfd_signal(*ctx, 1);
		else
			nvb_bus_notify_clear(ctx);
		return 0;
	default:
		return -EINVAL;
	}
}

/**
 * nvb_bus_set_irqs() - connect, disconnect or simulate interrupts
 * @nvdev: open VF
 * @set: what is to be done; its ranges were checked
 * @data: as many descriptors or truth values as @set says, NULL for none
 *
 * Nonsense gets vfio-pci's answers.
 *
 * Return: 0, the number of vectors there can be if @set has more, or a negative
 *         errno.
 */
int nvb_bus_set_irqs(struct nvb_vfio_device *nvdev, const struct vfio_irq_set *set,
		     const void *data)
{
	struct nvb_vfio_bus *bus = &nvdev->bus;
	int ret;

	/* The host cannot mask what is edge-triggered. */
	if ((set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) != VFIO_IRQ_SET_ACTION_TRIGGER)
		return -ENOTTY;

	/* The MSI-X table is in a BAR. */
	down_read(&bus->reset_lock);
	mutex_lock(&bus->irq_lock);
	switch (set->index) {
	case VFIO_PCI_MSIX_IRQ_INDEX:
		ret = nvb_bus_set_msix(nvdev, set, data);
		break;
	case VFIO_PCI_ERR_IRQ_INDEX:
		ret = nvb_bus_set_notify(&bus->err, set, data);
		break;
	case VFIO_PCI_REQ_IRQ_INDEX:
		ret = nvb_bus_set_notify(&bus->req, set, data);
		break;
	default:
		ret = -ENOTTY;
		break;
	}
	mutex_unlock(&bus->irq_lock);
	up_read(&bus->reset_lock);

	return ret;
}

/**
 * nvb_bus_irq_count() - how many interrupts of a kind there are
 * @nvdev: open VF
 * @index: VFIO_PCI_*_IRQ_INDEX
 *
 * Return: the number, or -EINVAL when there is no such kind.
 */
int nvb_bus_irq_count(struct nvb_vfio_device *nvdev, unsigned int index)
{
	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
	case VFIO_PCI_MSI_IRQ_INDEX:
		return 0;
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return pci_msix_vec_count(nvdev->pdev);
	case VFIO_PCI_ERR_IRQ_INDEX:
	case VFIO_PCI_REQ_IRQ_INDEX:
		return 1;
	default:
		return -EINVAL;
	}
}

void nvb_bus_gpu_lost(struct nvb_vfio_device *nvdev)
{
	struct nvb_vfio_bus *bus = &nvdev->bus;

	mutex_lock(&bus->irq_lock);
	if (bus->err)
		eventfd_signal(bus->err, 1);
	mutex_unlock(&bus->irq_lock);
}

/**
 * nvb_bus_request() - ask the user to let go of the device
 * @nvdev: open VF
 * @count: how often that was asked before
 */
void nvb_bus_request(struct nvb_vfio_device *nvdev, unsigned int count)
{
	struct nvb_vfio_bus *bus = &nvdev->bus;

	mutex_lock(&bus->irq_lock);
	if (bus->req)
		eventfd_signal(bus->req, 1);
	else if (!count)
		pci_warn(nvdev->pdev, "in use, and the user has not asked to be told: waiting\n");
	mutex_unlock(&bus->irq_lock);
}

/**
 * nvb_bus_irqs_disable() - disable interrupts
 * @nvdev: VF that is being closed
 */
void nvb_bus_irqs_disable(struct nvb_vfio_device *nvdev)
{
	down_read(&nvdev->bus.reset_lock);
	mutex_lock(&nvdev->bus.irq_lock);
	nvb_bus_msix_disable(nvdev);
	mutex_unlock(&nvdev->bus.irq_lock);
	up_read(&nvdev->bus.reset_lock);
}

/**
 * nvb_bus_irqs_exit() - forget whom to notify
 * @nvdev: VF that is being closed
 */
void nvb_bus_irqs_exit(struct nvb_vfio_device *nvdev)
{
	struct nvb_vfio_bus *bus = &nvdev->bus;

	mutex_lock(&bus->irq_lock);
	nvb_bus_notify_clear(&bus->err);
	nvb_bus_notify_clear(&bus->req);
	mutex_unlock(&bus->irq_lock);
}
