/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parts of a namespace that belong to sock/: latches without socket, owners to be told.
 */
#ifndef LATCH_NETNS_SOCK_H
#define LATCH_NETNS_SOCK_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/ratelimit.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

/* Peers share what half-open latches there may be by a hash of who they are. */
#define LATCH_SHARES	256

/**
 * struct latch_net_pending - latches that wait; sock/halfopen.c, sock/timewait.c
 * @lock:       @halfopen, @timewait
 * @n_halfopen: half-open latches by the peer that they are for
 * @halfopen:   latches that wait for their socket, or for its end
 * @timewait:   latches that stand for TIME_WAIT, in the order in which they began to
 * @work:       looks after both
 */
struct latch_net_pending {
	spinlock_t		lock;
	atomic_t		n_halfopen[LATCH_SHARES];
	struct list_head	halfopen;
	struct list_head	timewait;
	struct delayed_work	work;
};

/**
 * struct latch_net_sctp - what is latched of SCTP; sock/sctp.c
 * @n:     latches, of paths and of sockets
 * @lock:  writers of @socks
 * @socks: latches of sockets that ask for something; read under RCU
 */
struct latch_net_sctp {
	atomic_t		n;
	spinlock_t		lock;
	struct list_head	socks;
};

/**
 * struct latch_net_tell - owners that are to be told; sock/tell.c
 * @work: tells those that take a lock to be told; nobody waits for it
 */
struct latch_net_tell {
	struct delayed_work	work;
};

/**
 * struct latch_net_alerts - records for the error queues of sockets; sock/alert.c
 * @queue: those that the worker is to deliver; each holds its socket
 * @asked: some socket has asked for them, once
 */
struct latch_net_alerts {
	struct sk_buff_head	queue;
	bool			asked;
};

/**
 * struct latch_net_forward - latches of flows that this host forwards; sock/forward.c
 * @lock: the rest, but for @work
 * @all:  the latches, the one that the worker has looked at last at the end
 * @n:    how many
 * @rate: answers to packets that are dropped
 * @work: looks which of them are over
 */
struct latch_net_forward {
	spinlock_t		lock;
	struct list_head	all;
	u32			n;
	struct ratelimit_state	rate;
	struct delayed_work	work;
};

#endif /* LATCH_NETNS_SOCK_H */
