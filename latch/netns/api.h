/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of a namespace that belongs to api/.
 */
#ifndef LATCH_NETNS_API_H
#define LATCH_NETNS_API_H

#include <linux/sysctl.h>

/**
 * struct latch_net_sysctl - the files in /proc/sys/net/latch; api/sysctl.c
 * @header: what takes them away
 * @table:  the namespace's copy of the table
 */
struct latch_net_sysctl {
	struct ctl_table_header	*header;
	struct ctl_table	*table;
};

#endif /* LATCH_NETNS_API_H */
