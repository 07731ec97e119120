// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge PF driver: the sysfs group "nvidia" of each VF, through which an
 * administrator says which vGPU type the VF is to be.
 *
 * The firmware wants all vGPUs of a GPU to be of one type. Types are counted
 * here by VF and not by open vGPU, so that whoever was given a type also gets
 * the vGPU.
 */

#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/pci.h>
#include <linux/sysfs.h>

#include "pf.h"

/*
 * Whether VF @index could be of type @type.
 * 0, -EINVAL when the other VFs are of another type, -ENOSPC when none is left.
 */
static int nvb_pf_type_check(struct nvb_pf *pf, unsigned int index,
			     const struct nvb_vgpu_type_info *type)
{
	struct nvb_gpu_info info = { .size = sizeof(info) };
	unsigned int others = 0, i;
	u64 possible;
	int ret;

	lockdep_assert_held(&pf->vf_lock);

	for (i = 0; i < pf->num_vfs; i++) {
		if (i == index || !pf->vfs[i].type)
			continue;
		if (pf->vfs[i].type != type->id)
			return -EINVAL;
		others++;
	}

	ret = nvb_gpu_get_info(pf->gpu, &info);
	if (ret)
		return ret;

	/* What runs already is of this type too, and what is left comes on top. */
	possible = min_t(u64, type->max_instances, (u64)type->available + info.vgpus);

	return others < possible ? 0 : -ENOSPC;
}

static ssize_t creatable_vgpu_types_show(struct device *dev, struct device_attribute *attr,
					 char *buf)
{
	unsigned int index;
	struct nvb_pf *pf;
	int len, i, types;

	pf = nvb_pf_of_vf(to_pci_dev(dev), &index);
	if (!pf)
		return -ENODEV;

	len = sysfs_emit(buf, "ID    : vGPU Name\n");

	mutex_lock(&pf->vf_lock);
	types = nvb_vgpu_type_count(pf->gpu);
	for (i = 0; i < types; i++) {
		struct nvb_vgpu_type_info type = { .size = sizeof(type) };

		if (nvb_vgpu_type_at(pf->gpu, i, &type) || nvb_pf_type_check(pf, index, &type))
			continue;
		len += sysfs_emit_at(buf, len, "%-5u : %s\n", type.id, type.name);
	}
	mutex_unlock(&pf->vf_lock);

	return types < 0 ? types : len;
}
static DEVICE_ATTR_RO(creatable_vgpu_types);

static ssize_t current_vgpu_type_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	unsigned int index;
	struct nvb_pf *pf;
	u32 type;

	pf = nvb_pf_of_vf(to_pci_dev(dev), &index);
	if (!pf)
		return -ENODEV;

	mutex_lock(&pf->vf_lock);
	type = pf->vfs[index].type;
	mutex_unlock(&pf->vf_lock);

	return sysfs_emit(buf, "%u\n", type);
}

static int nvb_pf_set_type(struct nvb_pf *pf, unsigned int index, u32 id)
{
	struct nvb_vgpu_type_info type = { .size = sizeof(type) };
	int ret;

	lockdep_assert_held(&pf->vf_lock);

	if (index >= pf->num_vfs)
		return -ENODEV;
	if (pf->vfs[index].claimed)
		return -EBUSY;

	if (id) {
		ret = nvb_vgpu_type_find(pf->gpu, id, &type);
		if (ret)
			return ret == -ENOENT ? -ENODEV : ret;
		ret = nvb_pf_type_check(pf, index, &type);
		if (ret)
			return ret;
	}

	pf->vfs[index].type = id;
	return 0;
}

static ssize_t current_vgpu_type_store(struct device *dev, struct device_attribute *attr,
				       const char *buf, size_t count)
{
	unsigned int index;
	struct nvb_pf *pf;
	u32 id;
	int ret;

	ret = kstrtou32(buf, 10, &id);
	if (ret)
		return ret;

	pf = nvb_pf_of_vf(to_pci_dev(dev), &index);
	if (!pf)
		return -ENODEV;

	mutex_lock(&pf->vf_lock);
	ret = nvb_pf_set_type(pf, index, id);
	mutex_unlock(&pf->vf_lock);

	return ret ? ret : count;
}
static DEVICE_ATTR_RW(current_vgpu_type);

static struct attribute *nvb_pf_provision_attrs[] = {
	&dev_attr_creatable_vgpu_types.attr,
	&dev_attr_current_vgpu_type.attr,
	NULL
};

const struct attribute_group nvb_pf_provision_group = {
	.name = "nvidia",
	.attrs = nvb_pf_provision_attrs,
};
