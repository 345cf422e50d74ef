// SPDX-License-Identifier: GPL-2.0
/*
 * What a namespace watches, and when: hooks and TCP's state changes are there while there is
 * something to watch, and cost nothing else.
 */
#include <linux/mutex.h>

#include "base/net.h"
#include "packet/hooks.h"
#include "packet/watch.h"
#include "sock/tcp.h"

/**
 * latch_watch_tcp() - hear of TCP's state changes from now on, or not any more
 * @ln: the namespace
 * @on: which
 *
 * Context: process; ln->hook_mutex held, or the namespace's end. Return: true where they are
 * heard of.
 */
bool latch_watch_tcp(struct latch_net *ln, bool on)
{
	if (on && !ln->watching_tcp) {
		ln->watching_tcp = !latch_tcp_watch();
	} else if (!on && ln->watching_tcp) {
		latch_tcp_unwatch();
		ln->watching_tcp = false;
	}
	return ln->watching_tcp;
}

/* Under hook_mutex: one of the hooks that are there on demand, and go with the others. */
static void latch_watch_demanded(struct latch_net *ln, bool *want, bool *have,
				 int (*turn)(struct latch_net *ln, bool on))
{
	bool on = ln->active && *want;

	if (on != *have)
		WRITE_ONCE(*have, turn(ln, on) ? false : on);
	if (!ln->active)
		WRITE_ONCE(*want, false);
}

/**
 * latch_watch_update() - hooks on while there is something to watch, else off
 * @ln: the namespace
 *
 * So that a namespace without IPsec and latches pays nothing. Failing to switch
 * them on leaves latches unmade, not packets unjudged: one that needs a channel
 * is only there with its hooks. Sockets are watched as long as one has a latch, be
 * it over: it may come to listen.
 *
 * Context: process; takes ln->hook_mutex.
 * Return: 0; -ENOMEM where sockets cannot be watched that are to be.
 */
int latch_watch_update(struct latch_net *ln)
{
	bool need, watch, watching_tcp;

	mutex_lock(&ln->hook_mutex);
	need = latch_net_needed(ln) && !READ_ONCE(ln->dying);
	if (need && !ln->active && latch_watch_tcp(ln, true)) {
		WRITE_ONCE(ln->active, !latch_hooks_register(ln));
	} else if (!need && ln->active) {
		latch_hooks_unregister(ln);
		WRITE_ONCE(ln->active, false);
	}
	latch_watch_demanded(ln, &ln->keep_apart, &ln->apart, latch_apart_switch);
	latch_watch_demanded(ln, &ln->mark_sent, &ln->marking, latch_mark_switch);
	smp_mb(); /* pairs with latch_unhash_sk(): one of us sees the other's news */
	watch = ln->active || atomic_read(&ln->n_socks);
	watching_tcp = latch_watch_tcp(ln, watch);
	mutex_unlock(&ln->hook_mutex);
	return watch && !watching_tcp ? -ENOMEM : 0;
}
