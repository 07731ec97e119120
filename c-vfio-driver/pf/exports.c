// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge PF driver: the core's interface, for other modules. The functions
 * come from the core's object; novabridge.h gives modversions their types.
 */

#include <linux/export.h>

#include "novabridge.h"

EXPORT_SYMBOL_GPL(nvb_abi_handshake);
EXPORT_SYMBOL_GPL(nvb_gpu_interrupt);
EXPORT_SYMBOL_GPL(nvb_gpu_service);
EXPORT_SYMBOL_GPL(nvb_gpu_set_event_handler);
EXPORT_SYMBOL_GPL(nvb_gpu_create);
EXPORT_SYMBOL_GPL(nvb_gpu_destroy);
EXPORT_SYMBOL_GPL(nvb_gpu_boot);
EXPORT_SYMBOL_GPL(nvb_gpu_shutdown);
EXPORT_SYMBOL_GPL(nvb_gpu_get_info);
EXPORT_SYMBOL_GPL(nvb_gpu_last_error);
EXPORT_SYMBOL_GPL(nvb_gpu_log_read);
EXPORT_SYMBOL_GPL(nvb_vgpu_log_read);
EXPORT_SYMBOL_GPL(nvb_vgpu_suspend);
EXPORT_SYMBOL_GPL(nvb_vgpu_resume);
EXPORT_SYMBOL_GPL(nvb_vgpu_save);
EXPORT_SYMBOL_GPL(nvb_vgpu_restore);
EXPORT_SYMBOL_GPL(nvb_vgpu_type_count);
EXPORT_SYMBOL_GPL(nvb_vgpu_type_at);
EXPORT_SYMBOL_GPL(nvb_vgpu_type_find);
EXPORT_SYMBOL_GPL(nvb_vgpu_create);
EXPORT_SYMBOL_GPL(nvb_vgpu_destroy);
EXPORT_SYMBOL_GPL(nvb_vgpu_get_info);
EXPORT_SYMBOL_GPL(nvb_vgpu_reset);
EXPORT_SYMBOL_GPL(nvb_vgpu_set_bus_master);
