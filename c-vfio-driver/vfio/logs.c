// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge VFIO driver: the logs of a vGPU, as files vf<index>/log_* in the
 * GPU's debugfs directory while the vGPU lives.
 */

#include <linux/debugfs.h>

#include "vfio.h"

/* Only the machine's end takes the vGPU away before the file, and its readers, are gone. */
static s64 nvb_vfio_log_read(void *owner, u32 id, u64 off, u8 *buf, u64 len)
{
	struct nvb_vfio_device *nvdev = owner;
	s64 ret;

	mutex_lock(&nvdev->vgpu_lock);
	ret = nvdev->vgpu ? nvb_vgpu_log_read(nvdev->vgpu, id, off, buf, len) : -ENODEV;
	mutex_unlock(&nvdev->vgpu_lock);

	return ret;
}

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
		nvdev->logs.file[i] = (struct novabridge_log) {
			.read = nvb_vfio_log_read,
			.owner = nvdev,
			.id = logs[i].id,
		};
		novabridge_log_create(logs[i].name, nvdev->logs.dir, &nvdev->logs.file[i]);
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
