/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NovaBridge PF driver: what the core's object calls by name.
 */

#ifndef NVB_PF_PLATFORM_H
#define NVB_PF_PLATFORM_H

#include <linux/types.h>

void nvb_panic(const u8 *file, size_t len, u32 line);

#endif /* NVB_PF_PLATFORM_H */
