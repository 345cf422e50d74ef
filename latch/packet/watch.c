// SPDX-License-Identifier: GPL-2.0
/*
 * What a namespace watches, and when: hooks and TCP's state changes are there while there is
 * something to watch, and cost nothing else.
 */
#include <linux/mutex.h>

#include "base/net.h"
#include "base/work.h"
#include "packet/hooks.h"
#include "packet/watch.h"
#include "sock/tcp.h"

/* Holds as long as the namespace's hooks do: who needs it once needs it again. */
static void latch_watch_want(struct latch_net *ln, bool *what)
{
	if (READ_ONCE(*what))
		return;
	WRITE_ONCE(*what, true);
	latch_work_queue(ln, LATCH_WORK_WAKE);
}

/**
 * latch_watch_keep_apart() - have the worker keep fragments of different SAs apart
 * @ln: the namespace
 *
 * Context: any.
 */
void latch_watch_keep_apart(struct latch_net *ln)
{
	latch_watch_want(ln, &ln->watch.keep_apart);
}

/**
 * latch_watch_mark_sent() - have the worker mark what UDP sockets send elsewhere
 * @ln: the namespace
 *
 * Context: any.
 */
void latch_watch_mark_sent(struct latch_net *ln)
{
	latch_watch_want(ln, &ln->watch.mark_sent);
}

/**
 * latch_watch_tcp() - hear of TCP's state changes from now on, or not any more
 * @ln: the namespace
 * @on: which
 *
 * Context: process; ln->watch.mutex held, or the namespace's end. Return: true where they are
 * heard of.
 */
bool latch_watch_tcp(struct latch_net *ln, bool on)
{
	if (on && !ln->watch.tcp) {
		ln->watch.tcp = !latch_tcp_watch();
	} else if (!on && ln->watch.tcp) {
		latch_tcp_unwatch();
		ln->watch.tcp = false;
	}
	return ln->watch.tcp;
}

/* Under watch.mutex: one of the hooks that are there on demand, and go with the others. */
static void latch_watch_demanded(struct latch_net *ln, bool *want, bool *have,
				 int (*turn)(struct latch_net *ln, bool on))
{
	bool on = ln->watch.active && *want;

	if (on != *have)
		WRITE_ONCE(*have, turn(ln, on) ? false : on);
	if (!ln->watch.active)
		WRITE_ONCE(*want, false);
}

/*
 * Under watch.mutex: hooks for what this host forwards. Fragments of that are kept apart by SA,
 * too. Without memory the worker tries again: in POST_ROUTING they are checked meanwhile.
 */
static void latch_watch_forward(struct latch_net *ln)
{
	bool on = ln->watch.active && READ_ONCE(ln->conf.forward);

	if (on)
		WRITE_ONCE(ln->watch.keep_apart, true);
	if (on != ln->watch.forwarding)
		WRITE_ONCE(ln->watch.forwarding, latch_forward_switch(ln, on) ? false : on);
	if (on != ln->watch.forwarding)
		latch_work_retry(ln, LATCH_WORK_WAKE);
}

/**
 * latch_watch_update() - hooks on while there is something to watch, else off
 * @ln: the namespace
 *
 * So that a namespace without IPsec and latches pays nothing. Failing to switch
 * them on leaves latches unmade, not packets unchecked: one that needs a channel
 * is only there with its hooks. Sockets are watched as long as one has a latch, be
 * it over: it may come to listen.
 *
 * Context: process; takes ln->watch.mutex.
 * Return: 0; -ENOMEM where sockets cannot be watched that are to be.
 */
int latch_watch_update(struct latch_net *ln)
{
	bool need, watch, watching_tcp;

	mutex_lock(&ln->watch.mutex);
	need = latch_net_needed(ln) && !latch_net_dying(ln);
	if (need && !ln->watch.active && latch_watch_tcp(ln, true)) {
		WRITE_ONCE(ln->watch.active, !latch_hooks_register(ln));
	} else if (!need && ln->watch.active) {
		latch_hooks_unregister(ln);
		WRITE_ONCE(ln->watch.active, false);
	}
	latch_watch_forward(ln);
	latch_watch_demanded(ln, &ln->watch.keep_apart, &ln->watch.apart, latch_apart_switch);
	latch_watch_demanded(ln, &ln->watch.mark_sent, &ln->watch.marking, latch_mark_switch);
	smp_mb(); /* pairs with latch_unhash_sk(): one of us sees the other's news */
	watch = ln->watch.active || atomic_read(&ln->gauge.socks);
	watching_tcp = latch_watch_tcp(ln, watch);
	mutex_unlock(&ln->watch.mutex);
	return watch && !watching_tcp ? -ENOMEM : 0;
}
