// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probe: NVB_HAVE_DEFINE_SIMPLE_DEV_PM_OPS
 * why: suspend callbacks that need no CONFIG_PM_SLEEP around them, of a storage class of their user's choice
 * kernels: 5.17
 */
#include <linux/pm.h>

const struct dev_pm_ops *nvb_probe(void);

static int nvb_probe_suspend(struct device *dev)
{
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(nvb_probe_ops, nvb_probe_suspend, nvb_probe_suspend);

const struct dev_pm_ops *nvb_probe(void)
{
	return pm_sleep_ptr(&nvb_probe_ops);
}
