/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocating by type came in 7.0.
 */

#ifndef NVB_COMPAT_SLAB_H
#define NVB_COMPAT_SLAB_H

#include <linux/slab.h>

#include "nvb_compat_config.h"

#ifndef NVB_HAVE_KZALLOC_OBJ
#define kzalloc_obj(obj) kzalloc(sizeof(obj), GFP_KERNEL)
#endif

#endif /* NVB_COMPAT_SLAB_H */
