/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events: events/latch/ in tracefs. Each has the namespace (the inode number of
 * /proc/PID/ns/net), the number of the latch, 0 none, and its flow.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM latch

#if !defined(LATCH_CHANNEL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define LATCH_CHANNEL_TRACE_H

#include <linux/in6.h>
#include <linux/tracepoint.h>

#include "base/net.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "core/reasons.h"
#include "peer/peer.h"

#ifndef LATCH_TRACE_INLINES
#define LATCH_TRACE_INLINES

/* One end of a flow as an address that %pISpc prints; 0.0.0.0:0 where it is not known. */
static inline void latch_trace_end(u8 *to, const struct latch_flow *f, bool local)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	u16 port = 0;

	if (f)
		port = local ? f->lport : f->rport;
	memset(to, 0, sizeof(in6));
	if (f && f->family == AF_INET6) {
		in6.sin6_port = (__force __be16)port;
		memcpy(&in6.sin6_addr, local ? &f->local : &f->remote, sizeof(in6.sin6_addr));
		memcpy(to, &in6, sizeof(in6));
		return;
	}
	in.sin_port = (__force __be16)port;
	if (f)
		memcpy(&in.sin_addr, local ? &f->local : &f->remote, sizeof(in.sin_addr));
	memcpy(to, &in, sizeof(in));
}

/* The number of the peer's record, 0 none. */
static inline u32 latch_trace_peer(const struct latch *l)
{
	const struct latch_group *g = l ? READ_ONCE(l->group) : NULL;

	return g && g->c.peer ? g->c.peer->id : 0;
}

#endif /* LATCH_TRACE_INLINES */

#define LATCH_TRACE_ENUM(id, name, word)	TRACE_DEFINE_ENUM(LATCH_REASON_ ## id);
LATCH_REASONS(LATCH_TRACE_ENUM)
TRACE_DEFINE_ENUM(LATCH_STATE_NONE);
TRACE_DEFINE_ENUM(LATCH_STATE_LARVAL);
TRACE_DEFINE_ENUM(LATCH_STATE_LISTENER);
TRACE_DEFINE_ENUM(LATCH_STATE_ESTABLISHED);
TRACE_DEFINE_ENUM(LATCH_STATE_BROKEN);
TRACE_DEFINE_ENUM(LATCH_STATE_CLOSED);

#define LATCH_TRACE_WORD(id, name, word)	, { LATCH_REASON_ ## id, word }
#define latch_trace_reason(reason)	\
	__print_symbolic(reason, { LATCH_REASON_NONE, "none" } LATCH_REASONS(LATCH_TRACE_WORD))
#define latch_trace_state(state)				\
	__print_symbolic(state,					\
			 { LATCH_STATE_NONE, "NONE" },		\
			 { LATCH_STATE_LARVAL, "LARVAL" },	\
			 { LATCH_STATE_LISTENER, "LISTENER" },	\
			 { LATCH_STATE_ESTABLISHED, "ESTABLISHED" }, \
			 { LATCH_STATE_BROKEN, "BROKEN" },	\
			 { LATCH_STATE_CLOSED, "CLOSED" })

/* What all events have: @l and @f are NULL where no latch is known. */
#define LATCH_TRACE_FIELDS						\
	__field(u32, netns)						\
	__field(u32, id)						\
	__field(u32, peer)						\
	__field(u8, proto)						\
	__array(u8, local, sizeof(struct sockaddr_in6))			\
	__array(u8, remote, sizeof(struct sockaddr_in6))

#define LATCH_TRACE_ASSIGN(ln, l, f)					\
	__entry->netns = (ln)->net->ns.inum;				\
	__entry->id = (l) ? (l)->id : 0;				\
	__entry->peer = latch_trace_peer(l);				\
	__entry->proto = (f) ? (f)->proto : 0;				\
	latch_trace_end(__entry->local, f, true);			\
	latch_trace_end(__entry->remote, f, false)

#define LATCH_TRACE_FORMAT						\
	"netns=%u latch=%u proto=%u local=%pISpc remote=%pISpc peer=%u "

#define LATCH_TRACE_VALUES						\
	__entry->netns, __entry->id, __entry->proto, __entry->local,	\
	__entry->remote, __entry->peer

/* A latch is in another state than before. */
TRACE_EVENT(latch_state,
	TP_PROTO(const struct latch *l, u8 old, u8 state),
	TP_ARGS(l, old, state),
	TP_STRUCT__entry(
		LATCH_TRACE_FIELDS
		__field(u8, old)
		__field(u8, state)
		__field(u8, reason)
	),
	TP_fast_assign(
		LATCH_TRACE_ASSIGN(l->ln, l, &l->flow);
		__entry->old = old;
		__entry->state = state;
		__entry->reason = l->reason;
	),
	TP_printk(LATCH_TRACE_FORMAT "old=%s state=%s reason=%s", LATCH_TRACE_VALUES,
		  latch_trace_state(__entry->old), latch_trace_state(__entry->state),
		  latch_trace_reason(__entry->reason))
);

/* A SYN that cannot be latched as its socket asks does not leave. */
TRACE_EVENT(latch_refuse,
	TP_PROTO(const struct latch *l, const struct latch_flow *f, u8 reason),
	TP_ARGS(l, f, reason),
	TP_STRUCT__entry(
		LATCH_TRACE_FIELDS
		__field(u8, reason)
	),
	TP_fast_assign(
		LATCH_TRACE_ASSIGN(l->ln, l, f);
		__entry->reason = reason;
	),
	TP_printk(LATCH_TRACE_FORMAT "reason=%s", LATCH_TRACE_VALUES,
		  latch_trace_reason(__entry->reason))
);

/*
 * A packet is dropped; @l is NULL where no latch is known for it, @f where it cannot be told
 * whose it is.
 */
TRACE_EVENT(latch_drop,
	TP_PROTO(const struct latch_net *ln, const struct latch *l, const struct latch_flow *f,
		 const struct sk_buff *skb, u8 dir, u8 reason),
	TP_ARGS(ln, l, f, skb, dir, reason),
	TP_STRUCT__entry(
		LATCH_TRACE_FIELDS
		__field(const void *, skbaddr)
		__field(u8, dir)
		__field(u8, reason)
	),
	TP_fast_assign(
		LATCH_TRACE_ASSIGN(ln, l, f);
		__entry->skbaddr = skb;
		__entry->dir = dir;
		__entry->reason = reason;
	),
	TP_printk(LATCH_TRACE_FORMAT "skbaddr=%p dir=%s reason=%s", LATCH_TRACE_VALUES,
		  __entry->skbaddr, __entry->dir == LATCH_DIR_IN ? "in" : "out",
		  latch_trace_reason(__entry->reason))
);

/* The owner of a latch is to be told; @err is negative. */
TRACE_EVENT(latch_report,
	TP_PROTO(const struct latch *l, int err),
	TP_ARGS(l, err),
	TP_STRUCT__entry(
		LATCH_TRACE_FIELDS
		__field(int, err)
		__field(u8, reason)
	),
	TP_fast_assign(
		LATCH_TRACE_ASSIGN(l->ln, l, &l->flow);
		__entry->err = err;
		__entry->reason = l->reason;
	),
	TP_printk(LATCH_TRACE_FORMAT "err=%d reason=%s", LATCH_TRACE_VALUES, __entry->err,
		  latch_trace_reason(__entry->reason))
);

#endif /* LATCH_CHANNEL_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH channel
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
