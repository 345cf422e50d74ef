// SPDX-License-Identifier: GPL-2.0
/*
 * Which policy governs a flow, by the copy of the SPD, and whether that is to be believed
 * (RFC 5660 2.2-7, 2.3-13).
 */
#include <uapi/linux/xfrm.h>

#include "base/net.h"
#include "channel/eval.h"
#include "channel/evalcase.h"
#include "channel/group.h"
#include "channel/pkt.h"
#include "core/tag.h"
#include "core/types.h"
#include "xfrm/path.h"
#include "xfrm/sad.h"
#include "xfrm/spd.h"
#include "xfrm/view.h"

/*
 * Without a policy to read (a policy of the socket's own, or the copy is behind)
 * what was seen of the flow's SAs stands for the templates.
 */
static void latch_eval_seen(struct latch_eval_case *c)
{
	const struct latch_common *m = c->common;
	bool in = c->dir == LATCH_DIR_IN;
	struct latch_hop hop;
	int i;

	c->n = m->params.tag.n;
	for (i = 0; i < c->n; i++) {
		struct latch_tmpl *t = &c->tmpl[i];

		latch_common_hop(m, i, &hop);
		memset(t, 0, sizeof(*t));
		t->family = hop.family;
		t->daddr = in ? hop.local : hop.remote;
		t->saddr = in ? hop.remote : hop.local;
		t->reqid = hop.reqid[c->dir] ?: hop.reqid[!c->dir];
		t->proto = m->params.tag.x[i].proto;
		t->mode = m->params.tag.x[i].mode;
		t->outer = true;
	}
}

/* Where there is no policy, does the namespace's default block the flow? */
static bool latch_eval_blocked(const struct latch_eval_case *c)
{
	int dir = c->dir == LATCH_DIR_OUT ? XFRM_POLICY_OUT :
		  latch_flow_forwarded(c->flow) ? XFRM_POLICY_FWD : XFRM_POLICY_IN;

	return READ_ONCE(c->ln->net->xfrm.policy_default[dir]) == XFRM_USERPOLICY_BLOCK;
}

/* Clear text goes out, and comes in where nothing else demands IPsec. */
static u32 latch_eval_clear(const struct latch_eval_case *c)
{
	if (c->dir == LATCH_DIR_OUT)
		return LATCH_R(POLICY_OUT);
	return c->common->in_protected ? LATCH_R(POLICY_IN) : 0;
}

/*
 * May this direction's packets be looked up otherwise than is thought? Each direction can have
 * a mark and an XFRM interface of its own, which its first packet tells.
 */
static bool latch_eval_unseen(const struct latch_eval_case *c)
{
	const struct latch_common *m = c->common;

	return !(m->seen & BIT(c->dir)) && (m->if_id[c->dir] || latch_sad_marked(c->ln));
}

/*
 * Would the kernel have chosen the SA that the flow's packets came or went under by this policy?
 * Templates are compared with the outermost SA, which is what was noted.
 */
static bool latch_eval_explains(const struct latch_eval_case *c, const struct latch_pol *pol)
{
	const struct latch_common *m = c->common;
	const struct latch_tag *tag = &m->params.tag;
	const xfrm_address_t *here = c->dir == LATCH_DIR_IN ? &m->outer_local : &m->outer_remote;
	const struct latch_tmpl *t;
	int i;

	if (!pol || pol->action != XFRM_POLICY_ALLOW || !pol->n_tmpl || pol->n_tmpl != tag->n)
		return false;
	for (i = 0; i < pol->n_tmpl; i++) {
		t = &pol->tmpl[i];
		if (t->proto != tag->x[i].proto || t->mode != tag->x[i].mode)
			return false;
	}
	t = &pol->tmpl[pol->n_tmpl - 1];
	if (t->reqid && t->reqid != m->reqid[c->dir])
		return false;
	return (t->mode == XFRM_MODE_TRANSPORT && !t->outer) ||
	       xfrm_addr_any(&t->daddr, t->family) ||
	       xfrm_addr_equal(&t->daddr, here, t->family);
}

/*
 * The copy of the SPD is believed for a flow only if, for the packet that it is read for first,
 * it says what the kernel did. The kernel may have looked by another address (NAT), mark or
 * device, or by a policy that is not copied (of type sub). Then the flow goes by what its packets
 * show: that costs an early warning, never a connection.
 */
static bool latch_eval_unexplained(struct latch_eval_case *c, const struct latch_pol *pol)
{
	struct latch_common *m = c->common;

	if (m->pol[c->dir] == LATCH_POL_SEEN && m->seen & BIT(c->dir) &&
	    !latch_eval_explains(c, pol))
		m->unexplained |= BIT(c->dir) | (m->seen == BIT(c->dir) ? BIT(!c->dir) : 0);
	return m->unexplained & BIT(c->dir);
}

/* What was seen of the flow's SAs is what it is checked by. */
static u32 latch_eval_by_seen(struct latch_eval_case *c)
{
	c->common->pol[c->dir] = LATCH_POL_SEEN;
	latch_eval_seen(c);
	return 0;
}

/**
 * latch_eval_policy() - the templates that a flow is checked by, in one direction
 * @c: the check
 *
 * A policy that blocks is silence, no conflict, and leaves none. A flow that begins may do so by
 * a policy that was not read yet; what governs an older one is checked against what was read
 * last.
 *
 * Context: RCU read side. Return: set of LATCH_R() bits.
 */
u32 latch_eval_policy(struct latch_eval_case *c)
{
	struct latch_common *m = c->common;
	const struct latch_pol *pol;

	c->pol = NULL;
	if (m->sockpol & BIT(c->dir) ||
	    (m->pol[c->dir] == LATCH_POL_SEEN && latch_spd_stale(c->ln)))
		return latch_eval_by_seen(c);
	pol = latch_spd_find(c->ln, c->flow, c->dir, m->if_id[c->dir], m->mark[c->dir]);
	if (latch_eval_unexplained(c, pol) || (!pol && latch_eval_unseen(c)))
		return latch_eval_by_seen(c);
	c->pol = pol;
	m->pol[c->dir] = pol ? pol->id : 0;
	if (!pol)
		return latch_eval_blocked(c) ? 0 : latch_eval_clear(c);
	if (pol->action == XFRM_POLICY_ALLOW && !pol->n_tmpl)
		return latch_eval_clear(c);
	if (pol->action != XFRM_POLICY_ALLOW)
		return 0;
	if (c->dir == LATCH_DIR_IN)
		m->in_protected = 1;
	c->n = pol->n_tmpl;
	memcpy(c->tmpl, pol->tmpl, c->n * sizeof(c->tmpl[0]));
	return 0;
}

/* Is there an SA by which the answer to a packet could be protected? */
static bool latch_eval_answers(struct latch_net *ln, const struct latch_pkt *p)
{
	const struct xfrm_state *x = p->outer;
	struct latch_path_key key = { .ln = ln, .family = x->props.family, .any = true };
	const struct latch_path *path;

	latch_view_addr(&key.daddr, &x->props.saddr, key.family);
	latch_view_addr(&key.saddr, &x->id.daddr, key.family);
	path = latch_path_find(&key);
	return (path && !hlist_empty(&path->sas[true])) || latch_sad_anywhere(ln);
}

/**
 * latch_eval_one_way() - is a flow protected only in the direction of its first packet?
 * @ln: the namespace
 * @f:  the flow
 * @p:  the packet, which an SA protects
 * @wait: say so, too, where a mark decides which policy is the answer's, and nobody knows the mark
 *
 * It is where no policy protects the answer, as far as the copies of SPD and SAD can tell, which
 * have to be up to date, and there is no SA for it: where there is one, the policy is missing for a
 * moment, or the peer answers under the SA though nothing demands that.
 *
 * Context: RCU read side. Return: true where it is.
 */
bool latch_eval_one_way(struct latch_net *ln, const struct latch_flow *f,
			const struct latch_pkt *p, bool wait)
{
	struct latch_eval_case c = { .ln = ln, .flow = f, .dir = !p->dir };
	const struct latch_pol *pol;

	if (latch_spd_stale(ln) || latch_sad_lost(ln))
		return false;
	pol = latch_spd_find(ln, f, c.dir, p->outer->if_id, p->mark);
	if (pol ? pol->action != XFRM_POLICY_ALLOW || pol->n_tmpl : latch_eval_blocked(&c))
		return false;
	return (wait && latch_sad_marked(ln)) || !latch_eval_answers(ln, p);
}
