// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: the PCI configuration space of a vGPU.
 *
 * A guest sees a VGA controller of its vGPU type, with three BARs and an MSI-X
 * capability and nothing else: no PCI Express capability, so a guest cannot
 * reset the VF past its vGPU. The space is emulated but for two windows that
 * belong to the VFIO device (bus.h): the status register and the MSI-X capability.
 *
 * In the command register a VF has no memory enable bit of its own, so all
 * there is to do is to turn bus mastering on and off, in the VF and the vGPU.
 */

#include <linux/bitops.h>
#include <linux/uaccess.h>

#include "../compat/unaligned.h"
#include "vfio.h"

#define NVB_VFIO_MSIX_CAP_LEN	12

/* BAR registers as NVIDIA's drivers know them: BAR0 is a 32-bit one, whatever the VF's is. */
static const struct {
	u8 bar;
	u32 flags;
} nvb_vfio_config_bars[] = {
	{ 0, PCI_BASE_ADDRESS_MEM_TYPE_32 },
	{ 1, PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH },
	{ 3, PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH },
};

static void nvb_vfio_config_init_bar(struct nvb_vfio_config *config, u8 bar, u32 flags, u64 size)
{
	unsigned int reg = PCI_BASE_ADDRESS_0 + 4 * bar;
	u64 mask = ~(size - 1) & ~0xfull;

	if (!size)
		return;

	put_unaligned_le32(flags, config->value + reg);
	put_unaligned_le32(lower_32_bits(mask), config->writable + reg);
	if (flags & PCI_BASE_ADDRESS_MEM_TYPE_64)
		put_unaligned_le32(upper_32_bits(mask), config->writable + reg + 4);
}

/**
 * nvb_vfio_config_init() - set configuration space up for a user
 * @nvdev: VF, with the type of its vGPU and the sizes of its BARs
 *
 * Return: 0, or -ENODEV when the VF has no MSI-X capability to show.
 */
int nvb_vfio_config_init(struct nvb_vfio_device *nvdev)
{
	const struct nvb_vgpu_type_info *type = &nvdev->type;
	struct nvb_vfio_config *config = &nvdev->config;
	struct pci_dev *pdev = nvdev->pdev;
	unsigned int i;

	if (!pdev->msix_cap) {
		pci_err(pdev, "VF without an MSI-X capability\n");
		return -ENODEV;
	}

	memset(config->value, 0, sizeof(config->value));
	memset(config->writable, 0, sizeof(config->writable));
	config->msix = pdev->msix_cap;
	config->bus_master = false;

	put_unaligned_le16(type->vendor, config->value + PCI_VENDOR_ID);
	put_unaligned_le16(type->device, config->value + PCI_DEVICE_ID);
	config->value[PCI_REVISION_ID] = pdev->revision;
	put_unaligned_le16(PCI_CLASS_DISPLAY_VGA, config->value + PCI_CLASS_DEVICE);
	put_unaligned_le16(type->subvendor, config->value + PCI_SUBSYSTEM_VENDOR_ID);
	put_unaligned_le16(type->subdevice, config->value + PCI_SUBSYSTEM_ID);
	config->value[PCI_CAPABILITY_LIST] = config->msix;

	put_unaligned_le16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE,
			   config->writable + PCI_COMMAND);
	config->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	config->writable[PCI_INTERRUPT_LINE] = 0xff;
	for (i = 0; i < ARRAY_SIZE(nvb_vfio_config_bars); i++)
		nvb_vfio_config_init_bar(config, nvb_vfio_config_bars[i].bar,
					 nvb_vfio_config_bars[i].flags,
					 nvdev->bars.size[nvb_vfio_config_bars[i].bar]);

	return 0;
}

/*
 * Whose the byte at @pos is: true for the VFIO device. @span gets the number of
 * bytes from there on that are of the same owner.
 */
static bool nvb_vfio_config_is_bus(const struct nvb_vfio_config *config, unsigned int pos,
				   size_t *span)
{
	const struct {
		unsigned int start, end;
	} windows[] = {
		{ PCI_STATUS, PCI_STATUS + 2 },
		/* The pointer to the next capability is not passed on: the others are hidden. */
		{ config->msix, config->msix + PCI_CAP_LIST_NEXT },
		{ config->msix + PCI_MSIX_FLAGS, config->msix + NVB_VFIO_MSIX_CAP_LEN },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(windows); i++) {
		if (pos < windows[i].start) {
			*span = windows[i].start - pos;
			return false;
		}
		if (pos < windows[i].end) {
			*span = windows[i].end - pos;
			return true;
		}
	}

	*span = NVB_VFIO_CONFIG_SIZE - pos;
	return false;
}

static int nvb_vfio_config_get(const struct nvb_vfio_config *config, unsigned int pos,
			       char __user *buf, size_t count)
{
	size_t known = 0;

	/* Extended configuration space is there, and empty. */
	if (pos < sizeof(config->value))
		known = min_t(size_t, count, sizeof(config->value) - pos);

	if (known && copy_to_user(buf, config->value + pos, known))
		return -EFAULT;
	if (clear_user(buf + known, count - known))
		return -EFAULT;

	return 0;
}

static int nvb_vfio_config_put(struct nvb_vfio_config *config, unsigned int pos,
			       const char __user *buf, size_t count)
{
	u8 bytes[PCI_CFG_SPACE_SIZE];
	size_t i;

	if (pos >= sizeof(config->value))
		return 0;

	count = min_t(size_t, count, sizeof(config->value) - pos);
	if (copy_from_user(bytes, buf, count))
		return -EFAULT;

	for (i = 0; i < count; i++) {
		u8 mask = config->writable[pos + i];

		config->value[pos + i] &= ~mask;
		config->value[pos + i] |= bytes[i] & mask;
	}

	return 0;
}

static bool nvb_vfio_config_bus_master(const struct nvb_vfio_config *config)
{
	return get_unaligned_le16(config->value + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

/* Makes the VF and the vGPU what the command register says. */
static int nvb_vfio_config_follow_command(struct nvb_vfio_device *nvdev)
{
	struct nvb_vfio_config *config = &nvdev->config;
	bool wanted = nvb_vfio_config_bus_master(config);
	int ret;

	if (wanted == config->bus_master)
		return 0;

	ret = nvb_vfio_vgpu_set_bus_master(nvdev, wanted);
	if (ret && wanted) {
		/* It stays off, and is seen to. */
		config->value[PCI_COMMAND] &= ~PCI_COMMAND_MASTER;
		return ret;
	}

	config->bus_master = wanted;
	return ret;
}

/**
 * nvb_vfio_config_reset() - put the registers back to what they are at open
 * @nvdev: open VF, with nvb_vfio_config.lock held
 *
 * Bus mastering is off then, in the VF and the vGPU.
 */
void nvb_vfio_config_reset(struct nvb_vfio_device *nvdev)
{
	struct nvb_vfio_config *config = &nvdev->config;
	unsigned int i;

	lockdep_assert_held(&config->lock);

	for (i = 0; i < ARRAY_SIZE(config->value); i++)
		config->value[i] &= ~config->writable[i];
	nvb_vfio_config_follow_command(nvdev);
}

/* Restricts an access to configuration space; false when nothing is left of it. */
static bool nvb_vfio_config_clip(loff_t pos, size_t *count)
{
	pos = nvb_vfio_offset(pos);
	if (pos >= NVB_VFIO_CONFIG_SIZE)
		return false;

	*count = min_t(size_t, *count, NVB_VFIO_CONFIG_SIZE - pos);
	return true;
}

/* A part of an access that is of one owner. */
static ssize_t nvb_vfio_config_part(struct nvb_vfio_device *nvdev, char __user *buf, size_t count,
				    loff_t pos, bool is_bus, bool is_write)
{
	unsigned int off = nvb_vfio_offset(pos);

	if (is_bus && is_write)
		return nvb_bus_write(nvdev, buf, count, &pos);
	if (is_bus)
		return nvb_bus_read(nvdev, buf, count, &pos);
	if (is_write)
		return nvb_vfio_config_put(&nvdev->config, off, buf, count);

	return nvb_vfio_config_get(&nvdev->config, off, buf, count);
}

static ssize_t nvb_vfio_config_rw(struct nvb_vfio_device *nvdev, char __user *buf, size_t count,
				  loff_t *ppos, bool is_write)
{
	struct nvb_vfio_config *config = &nvdev->config;
	ssize_t ret = 0;
	size_t done, n;
	int followed = 0;

	if (!nvb_vfio_config_clip(*ppos, &count))
		return -EINVAL;

	mutex_lock(&config->lock);
	for (done = 0; ret >= 0 && done < count; done += n) {
		loff_t pos = *ppos + done;
		bool is_bus = nvb_vfio_config_is_bus(config, nvb_vfio_offset(pos), &n);

		n = min(n, count - done);
		ret = nvb_vfio_config_part(nvdev, buf + done, n, pos, is_bus, is_write);
	}
	/* What a write changed before it failed is in force. */
	if (is_write)
		followed = nvb_vfio_config_follow_command(nvdev);
	mutex_unlock(&config->lock);
	if (ret < 0 || followed)
		return ret < 0 ? ret : followed;

	*ppos += count;
	return count;
}

/**
 * nvb_vfio_config_read() - read configuration space
 * @nvdev: open VF
 * @buf: where to
 * @count: bytes wanted
 * @ppos: position in the device's file; advanced by what was read
 *
 * Return: bytes read, or a negative errno.
 */
ssize_t nvb_vfio_config_read(struct nvb_vfio_device *nvdev, char __user *buf, size_t count,
			     loff_t *ppos)
{
	return nvb_vfio_config_rw(nvdev, buf, count, ppos, false);
}

/**
 * nvb_vfio_config_write() - write configuration space
 * @nvdev: open VF
 * @buf: where from
 * @count: bytes to write
 * @ppos: position in the device's file; advanced by what was written
 *
 * When the bus master bit changes, the VF and the vGPU follow.
 *
 * Return: bytes written, or a negative errno.
 */
ssize_t nvb_vfio_config_write(struct nvb_vfio_device *nvdev, const char __user *buf, size_t count,
			      loff_t *ppos)
{
	return nvb_vfio_config_rw(nvdev, (char __user *)buf, count, ppos, true);
}
