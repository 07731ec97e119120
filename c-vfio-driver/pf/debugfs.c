// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge PF driver: the GPU's facts and its firmware's logs in debugfs,
 * under novabridge-<PCI address>.
 */

#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "pf.h"

static int info_show(struct seq_file *m, void *unused)
{
	static const char * const states[] = {
		[NVB_GPU_CREATED] = "created",
		[NVB_GPU_RUNNING] = "running",
		[NVB_GPU_STOPPED] = "stopped",
		[NVB_GPU_FAILED] = "failed",
	};
	struct nvb_gpu_info info = { .size = sizeof(info) };
	struct nvb_pf *pf = m->private;
	int ret;

	ret = nvb_gpu_get_info(pf->gpu, &info);
	if (ret)
		return ret;

	seq_printf(m, "gpu: %s\n", info.gpu_name);
	seq_printf(m, "chip: %s (0x%x)\n", info.chip_name,
		   info.chip);
	seq_printf(m, "firmware: %s\n", info.release);
	seq_printf(m, "state: %s\n",
		   info.state < ARRAY_SIZE(states) ? states[info.state] : "unknown");
	seq_printf(m, "framebuffer: %llu\n", info.fb_size);
	seq_printf(m, "framebuffer usable: %llu\n", info.fb_usable);
	seq_printf(m, "wpr: 0x%llx-0x%llx\n", info.wpr_start, info.wpr_end);
	seq_printf(m, "vmmu segment: %llu\n", info.vmmu_segment_size);
	seq_printf(m, "channels: %u\n", info.channels);
	seq_printf(m, "vgpu types: %u\n", info.vgpu_types);
	seq_printf(m, "vgpus: %u of %u\n", info.vgpus, info.max_vgpus);
	seq_printf(m, "events lost: %u\n", info.events_lost);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(info);

static ssize_t log_read(struct file *file, char __user *ubuf, size_t count, loff_t *ppos)
{
	struct novabridge_log *log = file->private_data;
	s64 ret;
	u8 *buf;

	count = min_t(size_t, count, SZ_64K);
	buf = kvmalloc(count, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;

	ret = log->read(log->owner, log->id, *ppos, buf, count);
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

void novabridge_log_create(const char *name, struct dentry *dir, struct novabridge_log *log)
{
	debugfs_create_file(name, 0400, dir, log, &log_fops);
}
EXPORT_SYMBOL_GPL(novabridge_log_create);

static s64 gpu_log_read(void *owner, u32 id, u64 off, u8 *buf, u64 len)
{
	struct nvb_pf *pf = owner;

	return nvb_gpu_log_read(pf->gpu, id, off, buf, len);
}

/**
 * nvb_pf_debugfs_init() - make the files
 * @pf: GPU; a failure costs nothing but the files
 */
void nvb_pf_debugfs_init(struct nvb_pf *pf)
{
	static const struct {
		u32 id;
		const char *name;
	} logs[NVB_PF_LOGS] = {
		{ NVB_LOG_INIT, "log_init" },
		{ NVB_LOG_INTR, "log_intr" },
		{ NVB_LOG_RM, "log_rm" },
	};
	unsigned int i;
	char name[48];

	snprintf(name, sizeof(name), "novabridge-%s", pci_name(pf->pdev));
	pf->debugfs = debugfs_create_dir(name, NULL);
	debugfs_create_file("info", 0400, pf->debugfs, pf, &info_fops);

	for (i = 0; i < ARRAY_SIZE(logs); i++) {
		pf->logs[i] = (struct novabridge_log) {
			.read = gpu_log_read,
			.owner = pf,
			.id = logs[i].id,
		};
		novabridge_log_create(logs[i].name, pf->debugfs, &pf->logs[i]);
	}
}

/**
 * nvb_pf_debugfs_exit() - remove the files, waiting for their readers
 * @pf: GPU
 */
void nvb_pf_debugfs_exit(struct nvb_pf *pf)
{
	debugfs_remove_recursive(pf->debugfs);
}
