// SPDX-License-Identifier: GPL-2.0
/*
 * Counters, in the form of /proc/net/xfrm_stat: one for each reason to drop a
 * packet, in each direction, per CPU.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "base/mib.h"
#include "base/net.h"
#include "base/work.h"
#include "core/reasons.h"
#include "core/types.h"

#define LATCH_NAME(id, name, word)	\
	[LATCH_REASON_ ## id] = #name,

static const char *const latch_reason_names[LATCH_N_REASONS] = {
	LATCH_REASONS(LATCH_NAME)
};

static const char *const latch_event_names[LATCH_MIB_EVENTS] = {
	[LATCH_MIB_CREATED]	= "Created",
	[LATCH_MIB_BROKEN]	= "Broken",
	[LATCH_MIB_RESTORED]	= "Restored",
	[LATCH_MIB_CLOSED]	= "Closed",
	[LATCH_MIB_REFUSED]	= "Refused",
	[LATCH_MIB_IDENTIFIED]	= "Identified",
	[LATCH_MIB_ALERTS_LOST]	= "AlertsLost",
	[LATCH_MIB_OWN_FAILED]	= "OwnPolicyFailed",
	[LATCH_MIB_TAG_UNKNOWN]	= "TagUnknown",
};

/**
 * latch_mib_event() - count an event
 * @ln: the namespace
 * @ev: the event
 *
 * Context: any.
 */
void latch_mib_event(struct latch_net *ln, enum latch_mib_event ev)
{
	this_cpu_inc(ln->mib->event[ev]);
}

/**
 * latch_mib_drop() - count a dropped packet
 * @ln:     the namespace
 * @dir:    LATCH_DIR_*
 * @reason: LATCH_REASON_*
 *
 * Context: any.
 */
void latch_mib_drop(struct latch_net *ln, u8 dir, u8 reason)
{
	this_cpu_inc(ln->mib->drop[dir][reason]);
}

static u64 latch_mib_sum(const struct latch_net *ln, size_t at)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*(u64 *)((char *)per_cpu_ptr(ln->mib, cpu) + at));
	return sum;
}

static void latch_mib_line(struct seq_file *seq, const char *a, const char *b, u64 n)
{
	seq_printf(seq, "Latch%s%-*s%llu\n", a, 27 - (int)strlen(a), b, n);
}

static int latch_mib_show(struct seq_file *seq, void *v)
{
	struct latch_net *ln = latch_pernet(seq_file_single_net(seq));
	unsigned int i, dir;

	if (!ln)
		return -ENOENT;
	latch_work_sync(ln);
	latch_mib_line(seq, "", "Active", latch_net_active(ln));
	latch_mib_line(seq, "", "Latches", atomic_read(&ln->gauge.latches));
	latch_mib_line(seq, "", "Unknown", atomic_read(&ln->gauge.unknown));
	latch_mib_line(seq, "", "Unexplained", atomic_read(&ln->gauge.unexplained));
	latch_mib_line(seq, "", "Listeners", atomic_read(&ln->gauge.listeners));
	latch_mib_line(seq, "", "OwnPolicies", atomic_read(&ln->gauge.own));
	latch_mib_line(seq, "", "Peers", READ_ONCE(ln->gauge.peers));
	latch_mib_line(seq, "", "Bindings", READ_ONCE(ln->gauge.bindings));
	latch_mib_line(seq, "", "Tags", READ_ONCE(ln->gauge.tags));
	for (i = 0; i < LATCH_MIB_EVENTS; i++)
		latch_mib_line(seq, "", latch_event_names[i],
			       latch_mib_sum(ln, offsetof(struct latch_mib, event[i])));
	for (dir = 0; dir < LATCH_DIRS; dir++)
		for (i = 1; i < LATCH_N_REASONS; i++)
			latch_mib_line(seq, dir == LATCH_DIR_IN ? "In" : "Out",
				       latch_reason_names[i],
				       latch_mib_sum(ln, offsetof(struct latch_mib,
								  drop[dir][i])));
	return 0;
}

/**
 * latch_mib_init() - make a namespace's counters and /proc/net/latch_stat
 * @ln: the namespace
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int latch_mib_init(struct latch_net *ln)
{
	ln->mib = alloc_percpu(struct latch_mib);
	if (!ln->mib)
		return -ENOMEM;
	if (proc_create_net_single("latch_stat", 0444, ln->net->proc_net, latch_mib_show, NULL))
		return 0;
	free_percpu(ln->mib);
	return -ENOMEM;
}

/**
 * latch_mib_exit() - free them
 * @ln: the namespace, of which no packet comes any more
 *
 * Context: process.
 */
void latch_mib_exit(struct latch_net *ln)
{
	remove_proc_entry("latch_stat", ln->net->proc_net);
	free_percpu(ln->mib);
}
