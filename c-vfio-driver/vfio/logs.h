/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NovaBridge VFIO driver: the logs of a vGPU.
 */

#ifndef NVB_VFIO_LOGS_H
#define NVB_VFIO_LOGS_H

#include "novabridge_pf.h"

struct dentry;
struct nvb_vfio_device;

#define NVB_VFIO_LOGS	3

/**
 * struct nvb_vfio_logs - the logs of a vGPU in debugfs
 * @dir: their directory, while the device is open
 * @file: what each file shows
 */
struct nvb_vfio_logs {
	struct dentry *dir;
	struct novabridge_log file[NVB_VFIO_LOGS];
};

void nvb_vfio_logs_init(struct nvb_vfio_device *nvdev);
void nvb_vfio_logs_exit(struct nvb_vfio_device *nvdev);

#endif /* NVB_VFIO_LOGS_H */
