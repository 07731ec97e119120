// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probe: NVB_HAVE_LINUX_UNALIGNED_H
 * why: put_unaligned_le16() and its family moved out of asm/
 * kernels: 6.12
 */
#include <linux/unaligned.h>

void nvb_probe(unsigned short val, void *to);
void nvb_probe(unsigned short val, void *to)
{
	put_unaligned_le16(val, to);
}
