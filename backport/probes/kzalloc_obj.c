// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probe: NVB_HAVE_KZALLOC_OBJ
 * why: memory is allocated by type, with GFP_KERNEL unless said otherwise
 * kernels: 7.0
 */
#include <linux/slab.h>

struct nvb_probe_object {
	int member;
};

struct nvb_probe_object *nvb_probe(void);
struct nvb_probe_object *nvb_probe(void)
{
	return kzalloc_obj(struct nvb_probe_object);
}
