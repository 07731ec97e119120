/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * put_unaligned_le16() and its family moved from asm/ to linux/ in 6.12.
 */

#ifndef NVB_COMPAT_UNALIGNED_H
#define NVB_COMPAT_UNALIGNED_H

#include "nvb_compat_config.h"

#ifdef NVB_HAVE_LINUX_UNALIGNED_H
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif /* NVB_COMPAT_UNALIGNED_H */
