/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of a namespace that belongs to packet/: what it watches.
 */
#ifndef LATCH_NETNS_PACKET_H
#define LATCH_NETNS_PACKET_H

#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/types.h>

/**
 * struct latch_net_watch - the hooks; packet/watch.c, packet/hooks.c
 * @mutex:       writers of the rest, but for wishes
 * @active:      hooks are registered; read by all, see latch_net_active()
 * @keep_apart:  a wish: fragments are to be kept apart by SA
 * @apart:       the hooks for that are registered
 * @mark_sent:   a wish: datagrams are to be looked at before anybody changes their header
 * @marking:     the hooks for that are registered
 * @tcp:         TCP's state changes are heard of
 * @forwarding:  the hooks for flows that this host forwards are registered
 * @hooks:       those of the packet path
 * @apart_hooks: those of @apart
 * @mark_hooks:  those of @marking
 * @forward_hooks: those of @forwarding
 */
struct latch_net_watch {
	struct mutex		mutex;
	bool			active;
	bool			keep_apart;
	bool			apart;
	bool			mark_sent;
	bool			marking;
	bool			tcp;
	bool			forwarding;
	struct nf_hook_ops	hooks[4];
	struct nf_hook_ops	apart_hooks[2];
	struct nf_hook_ops	mark_hooks[2];
	struct nf_hook_ops	forward_hooks[2];
};

#endif /* LATCH_NETNS_PACKET_H */
