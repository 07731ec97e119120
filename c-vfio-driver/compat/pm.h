/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Suspend callbacks without preprocessor conditions came in 5.17. Stable kernels
 * from before have them too by now, in a form that says "static" by itself.
 */

#ifndef NVB_COMPAT_PM_H
#define NVB_COMPAT_PM_H

#include <linux/kconfig.h>
#include <linux/pm.h>

#include "nvb_compat_config.h"

#ifndef NVB_HAVE_DEFINE_SIMPLE_DEV_PM_OPS
#undef DEFINE_SIMPLE_DEV_PM_OPS
#define DEFINE_SIMPLE_DEV_PM_OPS(name, suspend_fn, resume_fn)		\
	SIMPLE_DEV_PM_OPS(name, suspend_fn, resume_fn)
#ifndef pm_sleep_ptr
#define pm_sleep_ptr(ops)	(IS_ENABLED(CONFIG_PM_SLEEP) ? (ops) : NULL)
#endif
#endif

#endif /* NVB_COMPAT_PM_H */
