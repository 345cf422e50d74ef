// SPDX-License-Identifier: GPL-2.0
/*
 * The tests of the core as a module, so that they also run as the kernel's
 * compiler, options and word sizes make it.  Loading it runs them; the kernel log
 * has the result, and loading fails where one of them does.
 */
#include <linux/module.h>

#include "cases.h"

static int __init latch_core_test_init(void)
{
	return run_all() ? -EINVAL : 0;
}

static void __exit latch_core_test_exit(void)
{
}

module_init(latch_core_test_init);
module_exit(latch_core_test_exit);
MODULE_DESCRIPTION("Tests of the core of IPsec connection latching");
MODULE_LICENSE("GPL");
