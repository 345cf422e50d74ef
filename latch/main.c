// SPDX-License-Identifier: GPL-2.0
/*
 * ipsec_latch: IPsec connection latching (RFC 5660) for Linux.
 */
#include <linux/module.h>
#include <net/genetlink.h>

#include "api/nl.h"
#include "api/sockopt.h"
#include "base/work.h"
#include "channel/demand.h"
#include "channel/dest.h"
#include "channel/group.h"
#include "channel/label.h"
#include "channel/latch.h"
#include "channel/reuse.h"
#include "netns.h"
#include "packet/reassemble.h"
#include "peer/bind.h"
#include "peer/peer.h"
#include "sock/tcp.h"
#include "sock/tell.h"
#include "xfrm/sad.h"

/* What the rest is kept in; nothing is called from outside yet. */
static int __init latch_tables_init(void)
{
	int err;

	err = latch_init();
	if (err)
		return err;
	err = latch_demand_init();
	if (err)
		goto latch;
	err = latch_dest_init();
	if (err)
		goto demand;
	err = latch_group_init();
	if (err)
		goto dest;
	latch_reuse_init();
	err = latch_label_init();
	if (err)
		goto group;
	err = latch_sad_init();
	if (err)
		goto label;
	err = latch_peer_init();
	if (err)
		goto sad;
	err = latch_bind_init();
	if (err)
		goto peer;
	return 0;
peer:
	latch_peer_exit();
sad:
	latch_sad_exit();
label:
	latch_label_exit();
group:
	latch_group_exit();
dest:
	latch_dest_exit();
demand:
	latch_demand_exit();
latch:
	latch_exit();
	return err;
}

static void latch_tables_exit(void)
{
	latch_bind_exit();
	latch_peer_exit();
	latch_sad_exit();
	latch_label_exit();
	latch_group_exit();
	latch_dest_exit();
	latch_demand_exit();
	latch_exit();
}

/*
 * Tables first, then who fills them; the option and netlink last, since they are
 * where requests come from.
 */
static int __init latch_module_init(void)
{
	int err;

	err = latch_tables_init();
	if (err)
		return err;
	err = latch_work_init();
	if (err)
		goto tables;
	err = latch_tell_init();
	if (err)
		goto work;
	latch_reassemble_init();
	err = latch_tcp_init();
	if (err)
		goto tell;
	err = latch_net_init();
	if (err)
		goto owner;
	err = latch_netlink_init();
	if (err)
		goto net;
	err = latch_sockopt_init();
	if (err)
		goto netlink;
	return 0;
netlink:
	latch_netlink_exit();
net:
	latch_net_exit();
owner:
	latch_tcp_exit();
tell:
	latch_reassemble_exit();
	latch_tell_exit();
work:
	latch_work_exit();
tables:
	latch_tables_exit();
	return err;
}

/*
 * No socket has its destructor chained any more, or the module would be in use.
 * latch_exit() waits for the call-backs of the last ones, and for a task that is
 * still on its way out of one.
 */
static void __exit latch_module_exit(void)
{
	latch_sockopt_exit();
	latch_netlink_exit();
	latch_net_exit();
	latch_tcp_exit();
	latch_reassemble_exit();
	latch_tell_exit();
	latch_work_exit();
	rcu_barrier();
	latch_tables_exit();
}

module_init(latch_module_init);
module_exit(latch_module_exit);

MODULE_DESCRIPTION("IPsec connection latching (RFC 5660)");
MODULE_LICENSE("GPL");
MODULE_ALIAS_GENL_FAMILY("latch");
