// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Compiles with every kernel: if it does not, the fault is with kbuild, and no
 * probe's answer means anything.
 */
#include <linux/module.h>
#include <linux/pci.h>

/* For the module all probes are linked to. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("compile probes");
