// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: the logs of a vGPU, as files vf<index>/log_* in the
 * GPU's debugfs directory while the vGPU lives.
 */

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vfio.h"

static ssize_t log_read(struct file *file, char __user *ubuf, size_t count, loff_t *ppos)
{
	struct nvb_vfio_log *log = file->private_data;
	s64 ret;
	u8 *buf;

	count = min_t(size_t, count, SZ_64K);
	buf = kvmalloc(count, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;

	/* The file is removed, and its readers waited for, before the vGPU is destroyed. */
	ret = nvb_vgpu_log_read(log->nvdev->vgpu, log->id, *ppos, buf, count);
	if (ret > 0) {
		if (copy_to_user(ubuf, buf, ret))
			ret = -EFAULT;
		else
			*ppos += ret;
	}

	kvfree(buf);
	return ret;
}

static const struct file_operations log_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = log_read,
	.llseek = default_llseek,
};

/**
 * nvb_vfio_logs_init() - make the files
 * @nvdev: VF with a vGPU; a failure costs nothing but the files
 */
void nvb_vfio_logs_init(struct nvb_vfio_device *nvdev)
{
	static const struct {
		u32 id;
		const char *name;
	} logs[NVB_VFIO_LOGS] = {
		{ NVB_LOG_VGPU_INIT, "log_init" },
		{ NVB_LOG_VGPU_TASK, "log_task" },
		{ NVB_LOG_VGPU_KERNEL, "log_kernel" },
	};
	unsigned int i;
	char name[16];

	snprintf(name, sizeof(name), "vf%u", nvdev->vf.index);
	nvdev->logs.dir = debugfs_create_dir(name, nvdev->vf.debugfs);

	for (i = 0; i < ARRAY_SIZE(logs); i++) {
		struct nvb_vfio_log *log = &nvdev->logs.file[i];

		*log = (struct nvb_vfio_log) { .nvdev = nvdev, .id = logs[i].id };
		debugfs_create_file(logs[i].name, 0400, nvdev->logs.dir, log, &log_fops);
	}
}

/**
 * nvb_vfio_logs_exit() - remove the files, waiting for their readers
 * @nvdev: VF with a vGPU
 */
void nvb_vfio_logs_exit(struct nvb_vfio_device *nvdev)
{
	debugfs_remove_recursive(nvdev->logs.dir);
	nvdev->logs.dir = NULL;
}
