// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: reading and writing through the device's file, on
 * kernels without vfio-pci-core.
 */

#include <linux/io.h>
#include <linux/pci.h>
#include <linux/uaccess.h>

#include "../vfio.h"

/* The kernel's mapping of a BAR; made when it is first used. */
static void __iomem *nvb_bus_io(struct nvb_vfio_device *nvdev, unsigned int bar)
{
	struct nvb_vfio_bus *bus = &nvdev->bus;
	void __iomem *io;

	mutex_lock(&bus->map_lock);
	if (!bus->io[bar])
		bus->io[bar] = pci_iomap(nvdev->pdev, bar, 0);
	io = bus->io[bar];
	mutex_unlock(&bus->map_lock);

	return io;
}

/**
 * nvb_bus_access_exit() - take the kernel's mappings of the BARs down
 * @nvdev: VF nobody accesses any more
 */
void nvb_bus_access_exit(struct nvb_vfio_device *nvdev)
{
	struct nvb_vfio_bus *bus = &nvdev->bus;
	unsigned int i;

	mutex_lock(&bus->map_lock);
	for (i = 0; i < ARRAY_SIZE(bus->io); i++) {
		if (bus->io[i])
			pci_iounmap(nvdev->pdev, bus->io[i]);
		bus->io[i] = NULL;
	}
	mutex_unlock(&bus->map_lock);
}

/* The widest access that is aligned and stays within @count. */
static size_t nvb_bus_width(u64 off, size_t count)
{
	if (count >= 4 && IS_ALIGNED(off, 4))
		return 4;
	if (count >= 2 && IS_ALIGNED(off, 2))
		return 2;

	return 1;
}

/* The MSI-X table is the host's: it reads as all ones, and is not written. */
static bool nvb_bus_is_msix_table(const struct nvb_vfio_bus *bus, unsigned int bar, u64 off)
{
	return bar == bus->msix_bar && off >= bus->msix_start && off < bus->msix_end;
}

static u32 nvb_bus_io_read(void __iomem *io, size_t width)
{
	switch (width) {
	case 4:
		return ioread32(io);
	case 2:
		return ioread16(io);
	default:
		return ioread8(io);
	}
}

static void nvb_bus_io_write(void __iomem *io, size_t width, u32 value)
{
	switch (width) {
	case 4:
		iowrite32(value, io);
		break;
	case 2:
		iowrite16(value, io);
		break;
	default:
		iowrite8(value, io);
		break;
	}
}

/* Values are passed on in the order of their bytes; PCI's is little-endian, as is x86. */
static ssize_t nvb_bus_bar_read(struct nvb_vfio_device *nvdev, unsigned int bar, u64 off,
				char __user *buf, size_t count)
{
	void __iomem *io = nvb_bus_io(nvdev, bar);
	size_t done, width;

	if (!io)
		return -ENOMEM;

	for (done = 0; done < count; done += width) {
		u32 value = ~0;

		width = nvb_bus_width(off + done, count - done);
		if (!nvb_bus_is_msix_table(&nvdev->bus, bar, off + done)) {
			down_read(&nvdev->bus.reset_lock);
			value = nvb_bus_io_read(io + off + done, width);
			up_read(&nvdev->bus.reset_lock);
		}
		if (copy_to_user(buf + done, &value, width))
			return -EFAULT;
		cond_resched();
	}

	return count;
}

static ssize_t nvb_bus_bar_write(struct nvb_vfio_device *nvdev, unsigned int bar, u64 off,
				 const char __user *buf, size_t count)
{
	void __iomem *io = nvb_bus_io(nvdev, bar);
	size_t done, width;

	if (!io)
		return -ENOMEM;

	for (done = 0; done < count; done += width) {
		u32 value = 0;

		width = nvb_bus_width(off + done, count - done);
		if (copy_from_user(&value, buf + done, width))
			return -EFAULT;
		if (!nvb_bus_is_msix_table(&nvdev->bus, bar, off + done)) {
			down_read(&nvdev->bus.reset_lock);
			nvb_bus_io_write(io + off + done, width, value);
			up_read(&nvdev->bus.reset_lock);
		}
		cond_resched();
	}

	return count;
}

/* The PCI core lets users wait while the function is reset. */
static ssize_t nvb_bus_config_read(struct nvb_vfio_device *nvdev, unsigned int off,
				   char __user *buf, size_t count)
{
	size_t i;
	int ret;
	u8 byte;

	for (i = 0; i < count; i++) {
		ret = pci_user_read_config_byte(nvdev->pdev, off + i, &byte);
		if (ret)
			return ret;
		if (put_user(byte, buf + i))
			return -EFAULT;
	}

	return count;
}

/* Errors in the status register are cleared by writing; MSI-X is set up by ioctl only. */
static ssize_t nvb_bus_config_write(struct nvb_vfio_device *nvdev, unsigned int off,
				    const char __user *buf, size_t count)
{
	size_t i;
	int ret;
	u8 byte;

	for (i = 0; i < count; i++) {
		if (off + i < PCI_STATUS || off + i >= PCI_STATUS + 2)
			continue;
		if (get_user(byte, buf + i))
			return -EFAULT;
		ret = pci_user_write_config_byte(nvdev->pdev, off + i, byte);
		if (ret)
			return ret;
	}

	return count;
}

ssize_t nvb_bus_read(struct nvb_vfio_device *nvdev, char __user *buf, size_t count, loff_t *ppos)
{
	unsigned int index = nvb_vfio_region(*ppos);
	u64 off = nvb_vfio_offset(*ppos);
	ssize_t ret;

	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		ret = nvb_bus_config_read(nvdev, off, buf, count);
	else if (index < PCI_STD_NUM_BARS)
		ret = nvb_bus_bar_read(nvdev, index, off, buf, count);
	else
		ret = -EINVAL;

	if (ret > 0)
		*ppos += ret;
	return ret;
}

ssize_t nvb_bus_write(struct nvb_vfio_device *nvdev, const char __user *buf, size_t count,
		      loff_t *ppos)
{
	unsigned int index = nvb_vfio_region(*ppos);
	u64 off = nvb_vfio_offset(*ppos);
	ssize_t ret;

	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		ret = nvb_bus_config_write(nvdev, off, buf, count);
	else if (index < PCI_STD_NUM_BARS)
		ret = nvb_bus_bar_write(nvdev, index, off, buf, count);
	else
		ret = -EINVAL;

	if (ret > 0)
		*ppos += ret;
	return ret;
}
