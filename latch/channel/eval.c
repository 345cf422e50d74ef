// SPDX-License-Identifier: GPL-2.0
/*
 * Which conflicts a latch has (RFC 5660 2.2-6, 2.2-7, 2.3-11 to 2.3-13): reads
 * the copies of SPD and SAD the way the kernel would choose, policy, template,
 * SA, for the latch's own flow in both directions.
 */
#include "base/net.h"
#include "base/words.h"
#include "channel/demand.h"
#include "channel/eval.h"
#include "channel/evalcase.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "channel/pkt.h"
#include "core/flow.h"
#include "core/params.h"
#include "core/tag.h"
#include "core/types.h"
#include "peer/identity.h"
#include "peer/peer.h"
#include "xfrm/path.h"
#include "xfrm/sad.h"
#include "xfrm/spd.h"

static void latch_eval_addr(xfrm_address_t *to, const union latch_addr *from)
{
	memcpy(to, from, sizeof(*to));
}

/*
 * Does a template name nobody? Key managers put such a one in a trap, which keeps packets until
 * there are SAs; with an SA of reqid 0 it is a template like any other.
 */
static bool latch_eval_placeholder(const struct latch_tmpl *t)
{
	return !t->reqid && !t->spi && xfrm_addr_any(&t->daddr, t->family) &&
	       xfrm_addr_any(&t->saddr, t->family);
}

/*
 * The policy names other protocols or modes than are latched (2.3-13). The mode of a placeholder
 * says nothing: libreswan writes transport there for tunnels, too. An SA that fits it does.
 */
static u32 latch_eval_shape(struct latch_eval_case *c)
{
	const struct latch_tag *tag = &c->common->params.tag;
	u32 diff = 0;
	int i;

	if (!c->n)
		return 0;
	if (c->n != tag->n)
		return LATCH_R(PROTO);
	for (i = 0; i < c->n; i++) {
		if (c->tmpl[i].proto != tag->x[i].proto)
			diff |= LATCH_R(PROTO);
		if (c->tmpl[i].mode == tag->x[i].mode)
			continue;
		if (latch_eval_placeholder(&c->tmpl[i]))
			c->uniform = false;
		else
			diff |= LATCH_R(MODE);
	}
	return diff;
}

/*
 * Has the key manager taken the SAs away and set a trap for the next packet? Then nothing leaves,
 * and what comes in clear has the latch against it.
 */
static bool latch_eval_is_trap(const struct latch_eval_case *c)
{
	return c->n == 1 && !c->have && latch_eval_placeholder(&c->tmpl[0]);
}

static bool latch_eval_names(const struct latch_eval_case *c, u8 proto)
{
	int i;

	for (i = 0; i < c->n; i++)
		if (c->tmpl[i].proto == proto)
			return true;
	return false;
}

/* The kernel looks for an outbound SA by the mark of the policy, not by that of the packet. */
static u32 latch_eval_mark(const struct latch_eval_case *c)
{
	if (c->dir == LATCH_DIR_OUT && c->pol)
		return c->pol->mark_v & c->pol->mark_m;
	return c->common->mark[c->dir];
}

/* Could the kernel take this SA for this flow, but for protocol and mode? */
static bool latch_eval_covers(struct latch_eval_case *c, int i, const struct latch_sa *sa)
{
	const struct latch_common *m = c->common;

	if (sa->bound || sa->if_id != m->if_id[c->dir] ||
	    (latch_eval_mark(c) & sa->key.mark_m) != sa->key.mark_v ||
	    (c->tmpl[i].spi && c->tmpl[i].spi != sa->key.spi))
		return false;
	if (c->pol ? !latch_sel_contains(&sa->sel, &c->pol->sel) : sa->sel.family)
		c->uniform = false;
	return latch_sel_covers(&sa->sel, c->flow, c->dir);
}

/* A good SA; of several, one of whom somebody says whose it is tells more. */
static void latch_eval_found(struct latch_eval_case *c, int i, const struct latch_sa *sa,
			     const struct latch_identity *identity)
{
	if (!(c->have & BIT(i)))
		c->found.x[i] = sa->x;
	if (!i && (!c->have || identity->id->kind == LATCH_IDENT_NAMED)) {
		c->found.id = *identity->id;
		c->who.peer = identity->peer;
		c->who.local = identity->local;
	}
	c->have |= BIT(i);
}

/*
 * What speaks against an SA. Protocol and mode of another kind make no SA the
 * kernel would take now; but with the template's own reqid they are what the key
 * manager is about to put in its place (2.3-12: told before it is taken).
 */
static u32 latch_eval_sa(struct latch_eval_case *c, int i, const struct latch_sa *sa)
{
	const struct latch_demand *demand = c->common->demand;
	const struct latch_tmpl *t = &c->tmpl[i];
	struct latch_ident id;
	struct latch_identity identity = { .id = &id };
	struct latch_tag tag;
	u32 diff;

	if (sa->key.proto != t->proto)
		return t->reqid && !latch_eval_names(c, sa->key.proto) ? LATCH_R(PROTO) : 0;
	if (sa->x.mode != t->mode && sa->x.proto)
		return t->reqid ? LATCH_R(MODE) : 0;

	tag = c->common->params.tag;
	tag.x[i] = sa->x;
	tag.flags = sa->tag_flags;
	latch_identify(c->ln, &sa->key, sa->reqid, sa, &identity);
	/* of unidentified SAs the innermost one is pinned, see latch_classify_add() */
	if (i && id.kind == LATCH_IDENT_PINNED &&
	    tag.id.kind == LATCH_IDENT_PINNED)
		tag.id.peer[0] = c->common->params.pinned[c->dir];
	else
		tag.id = id;
	diff = latch_params_cmp(&c->common->params, demand ? &demand->want : NULL, &tag,
				c->dir);
	if (!diff)
		latch_eval_found(c, i, sa, &identity);
	return diff & ~LATCH_R(PENDING);
}

/* The latch's group is to be in the path that a template names. */
static int latch_eval_relink(struct latch_eval_case *c, int i, const struct latch_path_key *key)
{
	struct latch_path **path, *new;

	if (i >= LATCH_LINKS)
		c->uniform = false;
	if (!c->relink || i >= LATCH_LINKS)
		return 0;
	path = &c->common->path[c->dir][i];
	if (*path && !memcmp(&(*path)->key, key, sizeof(*key)))
		return 0;
	new = latch_path_get(key);
	if (IS_ERR(new))
		return PTR_ERR(new);
	c->got[c->dir][i] = new;
	*path = new;
	return 0;
}

static u32 latch_eval_path_sas(struct latch_eval_case *c, int i, const struct latch_path_key *key)
{
	const struct latch_path *path = latch_path_find(key);
	const struct latch_sa *sa;
	u32 diff = 0;

	if (!path)
		return 0;
	hlist_for_each_entry_rcu(sa, &path->sas[key->any], member[key->any])
		if (latch_eval_covers(c, i, sa))
			diff |= latch_eval_sa(c, i, sa);
	return diff;
}

/*
 * All SAs between two addresses that one template accepts. The kernel takes one whose source is
 * any address, too; for an outbound packet where there is no other. No group is in the path of such
 * SAs: where one comes or goes every latch is checked, see latch_sa_join().
 */
static u32 latch_eval_path(struct latch_eval_case *c, int i, const struct latch_path_key *key)
{
	struct latch_path_key any = *key;
	u32 diff;

	if (latch_eval_relink(c, i, key))
		return LATCH_R(NO_MEM);
	diff = latch_eval_path_sas(c, i, key);
	if (!latch_sad_anywhere(c->ln))
		return diff;
	memset(&any.saddr, 0, sizeof(any.saddr));
	return diff | latch_eval_path_sas(c, i, &any);
}

/* Walks the templates from the flow outwards. */
static u32 latch_eval_sas(struct latch_eval_case *c)
{
	const struct latch_common *m = c->common;
	const struct latch_flow *f = c->flow;
	bool in = c->dir == LATCH_DIR_IN;
	struct latch_path_key key = { .ln = c->ln, .family = f->family };
	const struct latch_tmpl *t;
	u32 diff = 0;
	int i;

	latch_eval_addr(&key.daddr, in ? &f->local : &f->remote);
	latch_eval_addr(&key.saddr, in ? &f->remote : &f->local);
	for (i = 0; i < c->n; i++) {
		t = &c->tmpl[i];
		if (t->mode != XFRM_MODE_TRANSPORT || t->outer) {
			key.family = t->family;
			key.daddr = t->daddr;
			key.saddr = t->saddr;
			if (xfrm_addr_any(&key.daddr, key.family))
				key.daddr = in ? m->outer_local : m->outer_remote;
			if (xfrm_addr_any(&key.saddr, key.family))
				key.saddr = in ? m->outer_remote : m->outer_local;
		}
		key.reqid = t->reqid;
		key.any = in && !t->reqid;
		diff |= latch_eval_path(c, i, &key);
	}
	return diff;
}

/* The paths are the group's from here on. */
static void latch_eval_done(struct latch_eval_case *c)
{
	int dir, i;

	for (dir = 0; dir < LATCH_DIRS; dir++)
		for (i = 0; i < LATCH_LINKS; i++)
			if (c->got[dir][i])
				latch_path_put(c->got[dir][i]);
}

/**
 * latch_common_add() - add to what latches have in common what another SA tells
 * @c:   that; the records that it names are held by nobody
 * @t:   the tag of a packet or SA that is congruent
 * @who: who is behind it, by the records
 * @dir: LATCH_DIR_* of it
 *
 * Context: RCU read side.
 */
void latch_common_add(struct latch_common *c, const struct latch_tag *t,
		      const struct latch_identity *who, u8 dir)
{
	u32 was = c->params.tag.id.kind;

	latch_params_add(&c->params, t, dir, latch_sad_last_serial(c->ln));
	if (c->params.tag.id.kind == was)
		return;
	c->peer = who->peer;
	c->local = who->local;
}

/* One direction, by what is there now. */
static u32 latch_eval_dir(struct latch_eval_case *c)
{
	u32 diff;

	c->n = 0;
	c->have = 0;
	c->found = c->common->params.tag;
	diff = latch_eval_policy(c);
	if (!diff)
		diff = latch_eval_shape(c);
	if (!diff)
		diff = latch_eval_sas(c);
	if (!diff && c->n && c->have == BIT(c->n) - 1)
		latch_common_add(c->common, &c->found, &c->who, c->dir);
	if (c->dir == LATCH_DIR_OUT)
		c->trapped = !diff && latch_eval_is_trap(c);
	else
		c->no_in_pol = !c->pol;
	return diff;
}

/*
 * Both directions; once more where it became known who the peer is. A trap has no inbound policy:
 * its flow is silent, as without SAs (2-20), and goes on with the next ones.
 */
static u32 latch_eval_both(struct latch_eval_case *c)
{
	u32 was, all;

	do {
		was = c->common->params.tag.id.kind;
		c->uniform = true;
		/* what a direction shows may say what the copies are worth for the other one */
		c->dir = c->common->seen == BIT(LATCH_DIR_OUT) ? LATCH_DIR_OUT : LATCH_DIR_IN;
		all = latch_eval_dir(c);
		c->dir = !c->dir;
		all |= latch_eval_dir(c);
	} while (c->common->params.tag.id.kind != was);
	if (c->trapped && c->no_in_pol)
		all &= ~LATCH_R(POLICY_IN);
	if (all & LATCH_R(NO_MEM))
		c->uniform = false;
	return all;
}

/* A record that is on its way out is not known any more. */
static int latch_eval_place(struct latch *l, struct latch_common *c, u32 conflicts, bool uniform)
{
	int err;

	c->peer = latch_peer_hold(c->peer);
	c->local = latch_peer_hold(c->local);
	err = latch_group_set(l, c, conflicts, uniform);
	latch_peer_put(c->peer);
	latch_peer_put(c->local);
	return err;
}

/**
 * latch_eval() - find the conflicts that a latch has now, and put it in its group
 * @l:      the latch
 * @common: what it is to have in common with others, parameters set; paths, policies
 *          and what the SAs tell that no packet has told yet (replay windows, the
 *          unidentified SA of the other direction, who the peer is) are filled in; nobody
 *          need hold the records
 * @relink: look for the paths that its templates name
 *
 * Context: @l->lock held, RCU read side.
 * Return: set of LATCH_R() bits; NO_MEM too where the latch stays in the group it
 * was in.
 */
u32 latch_eval(struct latch *l, struct latch_common *common, bool relink)
{
	int seq = latch_sad_seq(l->ln);
	struct latch_eval_case c;
	u32 all, spd;

	lockdep_assert_held(&l->lock);
	common->params.rule = latch_rule(l);
	common->demand = common->params.rule == LATCH_QOP_SET ? l->demand : NULL;
	common->sockpol = l->sockpol_in << LATCH_DIR_IN | l->sockpol_out << LATCH_DIR_OUT;
	do {
		c = (struct latch_eval_case){ .ln = l->ln, .flow = &l->flow, .common = common,
					 .relink = relink };
		spd = latch_spd_id(l->ln);
		all = latch_eval_both(&c);
		if (latch_eval_place(l, common, all, c.uniform))
			all |= LATCH_R(NO_MEM);
		latch_eval_done(&c);
		/* an event that came since may have looked at the group without it */
		smp_mb();
	} while (!(all & LATCH_R(NO_MEM)) && latch_spd_id(l->ln) != spd);
	if (l->group && latch_sad_seq(l->ln) != seq)
		latch_group_queue_eval(l->group);
	return all;
}

/**
 * latch_eval_group() - find the conflicts that all latches of a group have now
 * @g:         the group
 * @f:         the flow of one of them
 * @conflicts: set of LATCH_R() bits
 *
 * Context: RCU read side.
 * Return: false where each has to be checked by itself: they may differ, or say
 * something else than the group does from now on.
 */
bool latch_eval_group(struct latch_group *g, const struct latch_flow *f, u32 *conflicts)
{
	struct latch_common common = g->c;
	struct latch_eval_case c = { .ln = g->c.ln, .flow = f, .common = &common };

	*conflicts = latch_eval_both(&c);
	return c.uniform && !memcmp(&common, &g->c, sizeof(common));
}

/* Is the policy of a flow the one that @c names? 0 is none. */
static bool latch_eval_pol(const struct latch_common *c, const struct latch_flow *f, u8 dir,
			   const struct latch_pol **pol)
{
	*pol = latch_spd_find(c->ln, f, dir, c->if_id[dir], c->mark[dir]);
	return (*pol ? (*pol)->id : 0) == c->pol[dir];
}

/**
 * latch_eval_policies() - is a latch governed by the policies that its group names?
 * @l: the latch, whose lock is held
 * @c: what the group says
 *
 * Context: RCU read side. Return: true where it is.
 */
bool latch_eval_policies(const struct latch *l, const struct latch_common *c)
{
	const struct latch_pol *pol;

	lockdep_assert_held(&l->lock);
	return !c->sockpol && latch_eval_pol(c, &l->flow, LATCH_DIR_IN, &pol) &&
	       latch_eval_pol(c, &l->flow, LATCH_DIR_OUT, &pol);
}

/**
 * latch_eval_unmoved() - are all flows of a group governed by the policies it names?
 * @c: what the group says; by the copy of the SPD before the latest, they were
 * @f: one of the flows
 * @limit: of new policies that are looked at
 *
 * All of them lie within the selectors of these policies, so that only one that is new
 * can take them. The caller looks at flows whose sockets have policies of their own.
 *
 * Context: RCU read side, the worker only.
 * Return: false where some may not be, and where no policy governs them.
 */
bool latch_eval_unmoved(const struct latch_common *c, const struct latch_flow *f, u32 limit)
{
	const struct latch_pol *pol;
	u8 dir;

	for (dir = 0; dir < LATCH_DIRS; dir++)
		if (!latch_eval_pol(c, f, dir, &pol) || !pol ||
		    latch_spd_overtaken(c->ln, pol, limit))
			return false;
	return true;
}

/**
 * latch_eval_hosts() - is a flow between the hosts that its group's SAs are for?
 * @l: the flow's latch
 * @c: what the group says
 *
 * In transport mode the flow's addresses are those of its SAs.
 *
 * Context: any. Return: true where it is, and in tunnel mode.
 */
bool latch_eval_hosts(const struct latch *l, const struct latch_common *c)
{
	const struct latch_path *path = c->path[LATCH_DIR_OUT][0];
	const struct latch_flow *f = &l->flow;

	if (c->params.tag.x[0].mode != XFRM_MODE_TRANSPORT)
		return true;
	return path && path->key.family == f->family &&
	       latch_words_equal(&path->key.daddr, &f->remote, sizeof(f->remote)) &&
	       latch_words_equal(&path->key.saddr, &f->local, sizeof(f->local));
}

/* As what kind of identity would an SA's be latched? */
static u32 latch_eval_who(const struct latch *l, const struct latch_ident *id)
{
	return id->kind == LATCH_IDENT_PINNED && latch_protects(l) ? LATCH_IDENT_UNKNOWN : id->kind;
}

/**
 * latch_eval_again() - would a new flow be checked as those of a group were, if it is
 *                       between the same hosts and the same policies govern it?
 * @l: its latch, whose lock is held and whose flow is set
 * @c: what the group says
 * @p: the flow's first packet, under the SA under which one of the group began
 *
 * What could differ: identities, the demand, marks.
 *
 * Context: RCU read side. Return: true where it would.
 */
bool latch_eval_again(const struct latch *l, const struct latch_common *c,
		      const struct latch_pkt *p)
{
	u8 rule = latch_rule(l);

	lockdep_assert_held(&l->lock);
	return c->forwarded == latch_flow_forwarded(&l->flow) && p->sa->xs == p->first &&
	       latch_eval_who(l, &p->tag.id) == c->params.tag.id.kind &&
	       p->identity.peer == c->peer && p->identity.local == c->local &&
	       rule == c->params.rule &&
	       c->demand == (rule == LATCH_QOP_SET ? l->demand : NULL) &&
	       !l->sockpol_in && !l->sockpol_out && !latch_sad_marked(l->ln) &&
	       p->mark == c->mark[LATCH_DIR_IN] && p->mark == c->mark[LATCH_DIR_OUT];
}
