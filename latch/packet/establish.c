// SPDX-License-Identifier: GPL-2.0
/*
 * The first packet of a flow, and the SA that is latched with it (RFC 5660 2.3-2, 2.3-3).
 */
#include <uapi/linux/xfrm.h>

#include "base/mib.h"
#include "base/net.h"
#include "base/work.h"
#include "channel/eval.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "channel/pkt.h"
#include "channel/report.h"
#include "channel/reuse.h"
#include "channel/table.h"
#include "channel/trace.h"
#include "core/conflict.h"
#include "core/flow.h"
#include "core/fsm.h"
#include "core/params.h"
#include "core/types.h"
#include "core/verdict.h"
#include "packet/classify.h"
#include "packet/enforce.h"
#include "packet/establish.h"
#include "packet/hooks.h"
#include "packet/watch.h"
#include "peer/peer.h"
#include "sock/owner.h"

/* Puts a latch that is about to be established in a group, by itself. */
static u32 latch_place(struct latch *l, const struct latch_pkt *p)
{
	struct latch_common common = {
		.ln = l->ln,
		.pol = { LATCH_POL_SEEN, LATCH_POL_SEEN },
		.forwarded = latch_flow_forwarded(&l->flow),
	};

	latch_params_set(&common.params, &p->tag, latch_rule(l), p->dir);
	if (latch_protects(l))
		latch_params_open(&common.params);
	common.peer = p->identity.peer;
	common.local = p->identity.local;
	common.mark[!p->dir] = p->mark;
	latch_classify_seen(&common, p);
	common.if_id[!p->dir] = common.if_id[p->dir];
	return latch_eval(l, &common, true);
}

/*
 * Latches a packet's SA (2.3-2, 2.3-3). Takes no memory but for a group and its paths; without
 * paths the latch is born BROKEN for NO_MEM until the worker has checked it. Where the group is
 * one that other flows began in, it knows the SA already. -ENOMEM without a group, and nothing
 * has changed.
 */
static int latch_establish(struct latch *l, const struct latch_pkt *p)
{
	bool again = latch_group_again(l, p);

	l->conflicts = again ? 0 : latch_place(l, p);
	if (!l->group)
		return -ENOMEM;
	if (l->conflicts & LATCH_R(NO_MEM))
		latch_work_queue(l->ln, LATCH_WORK_ALL);
	latch_lookup_dec(l);
	if (l->conflicts)
		latch_transition(l, LATCH_EV_SA_CONFLICT, latch_reason_first(l->conflicts));
	else
		latch_transition(l, LATCH_EV_SA, LATCH_REASON_NONE);
	if (!again && !l->conflicts)
		latch_note(l, p);
	return 0;
}

/**
 * latch_first_sa() - a latch meets the packet whose SA it is to latch (2.3-2, 2.3-3)
 * @l: the latch, in NONE or LARVAL, whose lock is held and whose flow is set
 * @p: the packet; it gives what the socket asked for
 *
 * Context: RCU read side. Return: what becomes of the packet.
 */
struct latch_verdict latch_first_sa(struct latch *l, const struct latch_pkt *p)
{
	struct latch_verdict none = { .act = LATCH_DROP, .reason = LATCH_REASON_NO_MEM };

	lockdep_assert_held(&l->lock);
	return latch_establish(l, p) ? none : latch_decide(l->state, l->mode, 0);
}

/**
 * latch_err_reason() - why there is no latch
 * @err: negative errno of whoever did not make it
 *
 * Context: any. Return: LATCH_REASON_*: the limit is reached, or memory is short.
 */
u8 latch_err_reason(int err)
{
	return err == -ENOBUFS ? LATCH_REASON_LIMIT : LATCH_REASON_NO_MEM;
}

/*
 * The flow's place in the table. The latch of an earlier connection of the same 5-tuple, or
 * of a SYN that this one follows, gives way. Two UDP sockets may have one 5-tuple: then
 * both latches are in the table.
 */
static int latch_take_flow(struct latch *l, const struct latch_flow *f)
{
	struct latch *old;
	int err;

	lockdep_assert_held(&l->lock);
	err = latch_hash_flow(l, f);
	if (err != -EEXIST)
		return err;
	old = latch_find(l->ln, f);
	if (!old || old == l)
		return err;
	/* one of SCTP's waits for the end of its association */
	if (READ_ONCE(old->pending) && !old->sctp) {
		spin_lock_nested(&old->lock, SINGLE_DEPTH_NESTING);
		latch_retire(old);
		spin_unlock(&old->lock);
		return latch_hash_flow(l, f);
	}
	if (l->forwarded)
		return err;
	return f->proto == IPPROTO_UDP ? latch_hash_twin(l, old) : err;
}

/* The latch has its socket. Only what comes out of a tunnel can be a fragment. */
static void latch_owned(struct latch *l, struct sock *sk, u8 mode)
{
	latch_owner_latched(l, sk);
	if (sk->sk_protocol != IPPROTO_UDP)
		return;
	if (mode != XFRM_MODE_TRANSPORT)
		latch_watch_keep_apart(l->ln);
	if (!latch_hooks_alone(l->ln, l->flow.family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6))
		latch_watch_mark_sent(l->ln);
}

/**
 * latch_first() - a latch meets the first packet of its flow
 * @l:  the latch, whose lock is held
 * @p:  the packet
 * @f:  its flow
 * @sk: the socket, NULL where that is not born yet
 *
 * Nobody finds the latch by flow yet; it is entered only to be latched, or where it must hold
 * packets back.
 *
 * Context: RCU read side. Return: what becomes of the packet.
 */
struct latch_verdict latch_first(struct latch *l, struct latch_pkt *p,
				 const struct latch_flow *f, struct sock *sk)
{
	struct latch_verdict v;
	int err;

	lockdep_assert_held(&l->lock);
	v = latch_decide(l->state, l->mode, latch_mismatch(l, p));
	if (v.act != LATCH_ESTABLISH)
		return v;
	err = latch_take_flow(l, f);
	if (!err && sk && !l->sk)
		err = latch_owner_attach(l, sk);
	if (err) {
		v.act = LATCH_DROP;
		v.reason = latch_err_reason(err);
		return v;
	}
	if (sk)
		latch_owned(l, sk, p->tag.x[0].mode);
	return latch_first_sa(l, p);
}
