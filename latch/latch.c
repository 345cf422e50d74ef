// SPDX-License-Identifier: GPL-2.0
/*
 * Life of a latch: made, found, moved from state to state, judged, let go.
 */
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>

#include "find.h"
#include "peer.h"
#include "skcache.h"
#include "udp.h"

static struct kmem_cache *latch_cache;
struct rhashtable latch_flows;
static struct rhashtable latch_socks;

struct latch_flow_key {
	struct latch_net *ln;
	struct latch_flow flow;
};

/* Drawn when the module is loaded. */
u64 latch_secret[LATCH_SECRETS] __ro_after_init;

/*
 * So that flows seldom meet in one chain, and that neither table is resized again and again
 * where connections come and go.
 */
#define LATCH_FLOWS_MIN	8192
#define LATCH_SOCKS_MIN	1024

static __always_inline u32 latch_flow_hash(const void *data, u32 len, u32 seed)
{
	const struct latch_flow_key *key = data;
	const struct latch_flow *f = &key->flow;

	return latch_hash(f->local.w, f->remote.w, f->ports, f->family == AF_INET, seed);
}

static u32 latch_flow_obj_hash(const void *data, u32 len, u32 seed)
{
	const struct latch *l = data;

	return latch_flow_hash(&l->ln, len, seed);
}

static int latch_flow_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct latch_flow_key *key = arg->key;
	const struct latch *l = obj;

	return l->ln != key->ln || !latch_flow_equal(&l->flow, &key->flow);
}

static const struct rhashtable_params latch_flow_params = {
	.key_len = sizeof(struct latch_flow_key),
	.head_offset = offsetof(struct latch, flow_node),
	.hashfn = latch_flow_hash,
	.obj_hashfn = latch_flow_obj_hash,
	.obj_cmpfn = latch_flow_cmp,
	.min_size = LATCH_FLOWS_MIN,
	.automatic_shrinking = true,
};

/* Where a socket lies is nothing that a remote host chooses. */
static __always_inline u32 latch_sock_hash(const void *data, u32 len, u32 seed)
{
	return hash_ptr(*(void *const *)data, 32);
}

static __always_inline int latch_sock_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct latch *l = obj;

	return l->sk != *(struct sock *const *)arg->key;
}

static const struct rhashtable_params latch_sock_params = {
	.key_len = sizeof(struct sock *),
	.key_offset = offsetof(struct latch, sk),
	.head_offset = offsetof(struct latch, sock_node),
	.hashfn = latch_sock_hash,
	.obj_cmpfn = latch_sock_cmp,
	.min_size = LATCH_SOCKS_MIN,
	.automatic_shrinking = true,
};

/* rhashtable_lookup(), in whichever table. */
static __always_inline struct latch *latch_lookup_far(const struct latch_wanted *w)
{
	struct bucket_table *tbl = rht_dereference_rcu(latch_flows.tbl, &latch_flows);
	struct latch *l;
	u32 index;

	do {
		index = latch_wanted_index(w, tbl);
		l = latch_walk(w, rht_bucket(tbl, index), tbl, index);
		if (l)
			return l;
		smp_rmb(); /* pairs with the table's resizing */
		tbl = rht_dereference_rcu(tbl->future_tbl, &latch_flows);
	} while (tbl);
	return NULL;
}

/**
 * latch_find4_far() - latch_find4() in whichever table
 * @ln:     the namespace
 * @local:  local address
 * @remote: remote address
 * @ports:  as in struct latch_flow
 * @kind:   as there
 *
 * Context: RCU read side. Return: the latch or NULL.
 */
struct latch *latch_find4_far(const struct latch_net *ln, u32 local, u32 remote, u32 ports,
			      u32 kind)
{
	const struct latch_wanted w = {
		.ln = ln, .local = &local, .remote = &remote, .ports = ports, .kind = kind,
		.ip4 = true,
	};

	return latch_lookup_far(&w);
}

/**
 * latch_find6_far() - latch_find6() in whichever table
 * @ln:     the namespace
 * @local:  local address, four words
 * @remote: remote address
 * @ports:  as in struct latch_flow
 * @kind:   as there
 *
 * Context: RCU read side. Return: the latch or NULL.
 */
struct latch *latch_find6_far(const struct latch_net *ln, const u32 *local,
			      const u32 *remote, u32 ports, u32 kind)
{
	const struct latch_wanted w = {
		.ln = ln, .local = local, .remote = remote, .ports = ports, .kind = kind,
	};

	return latch_lookup_far(&w);
}

/**
 * latch_find() - FIND_LATCH (2.3-8)
 * @ln: the namespace
 * @f:  the 5-tuple
 *
 * Context: RCU read side. Takes no lock. Return: the latch or NULL.
 */
struct latch *latch_find(const struct latch_net *ln, const struct latch_flow *f)
{
	return f->family == AF_INET ?
	       latch_find4(ln, f->local.w[0], f->remote.w[0], f->ports, f->kind) :
	       latch_find6(ln, f->local.w, f->remote.w, f->ports, f->kind);
}

/**
 * latch_find_live() - FIND_LATCH, for a packet whose header is all that is known (2.3-8)
 * @ln: the namespace
 * @f:  the 5-tuple
 *
 * A latch that its flow has left goes: that of a UDP socket which is closed or connected
 * anew, and that of a TIME_WAIT which another connection has replaced. A socket that is bound
 * to no VRF may have flows in any.
 *
 * Context: RCU read side, no latch's lock held. Return: the latch or NULL.
 */
struct latch *latch_find_live(struct latch_net *ln, const struct latch_flow *f)
{
	struct latch *l = latch_find(ln, f);
	struct latch_flow g = *f;

	if (!l && f->l3) {
		g.l3 = 0;
		l = latch_find(ln, &g);
	}
	if (!l)
		return NULL;
	if (f->proto == IPPROTO_UDP && latch_udp_left(l)) {
		latch_owner_left(l);
		return NULL;
	}
	if (READ_ONCE(l->special) & LATCH_GHOST && latch_ghost_replaced(l)) {
		latch_unlink(l);
		return NULL;
	}
	return l;
}

/**
 * latch_find_sk() - the latch of a socket
 * @sk: the socket
 *
 * Context: RCU read side. Return: the latch, in whatever state, or NULL.
 */
struct latch *latch_find_sk(const struct sock *sk)
{
	struct latch *l = latch_sk_cached(sk);

	return l ?: rhashtable_lookup(&latch_socks, &sk, latch_sock_params);
}

/* Memory of a latch counts where the memory of its socket does. */
static struct latch *latch_cache_alloc(const struct sock *sk, gfp_t gfp)
{
#ifdef CONFIG_MEMCG
	if (sk && sk->sk_memcg) {
		struct mem_cgroup *old = set_active_memcg(sk->sk_memcg);
		struct latch *l = kmem_cache_zalloc(latch_cache, gfp | __GFP_NOWARN);

		set_active_memcg(old);
		return l;
	}
#endif
	return kmem_cache_zalloc(latch_cache, gfp | __GFP_NOWARN);
}

/**
 * latch_alloc() - a new latch in state NONE
 * @ln:  the namespace
 * @sk:  the socket whose memory it counts as, NULL none
 * @gfp: GFP_KERNEL or GFP_ATOMIC
 *
 * Context: as @gfp says.
 * Return: the latch with the tables' reference, in no table; NULL without memory.
 */
struct latch *latch_alloc(struct latch_net *ln, const struct sock *sk, gfp_t gfp)
{
	struct latch *l = latch_cache_alloc(sk, gfp);

	if (!l)
		return NULL;
	l->ln = ln;
	spin_lock_init(&l->lock);
	refcount_set(&l->ref, 1);
	INIT_LIST_HEAD(&l->act);
	INIT_LIST_HEAD(&l->embryos);
	return l;
}

/**
 * latch_list() - number a latch and count it against the limit
 * @l: a latch that nobody else sees yet; not a listener's
 *
 * Context: any.
 * Return: 0; -ENOBUFS where max_latches are there; -ENOMEM.
 */
int latch_list(struct latch *l)
{
	struct latch_net *ln = l->ln;
	int err = -ENOBUFS;

	if (atomic_inc_return(&ln->n_latches) <= READ_ONCE(ln->max_latches))
		err = latch_number(l);
	if (err)
		atomic_dec(&ln->n_latches);
	else
		l->listed = 1;
	return err;
}

/**
 * latch_hash_flow() - let packets find a latch
 * @l: a latch that is in no table of flows
 * @f: its 5-tuple
 *
 * Context: any. Return: 0, -EEXIST, -ENOMEM.
 */
int latch_hash_flow(struct latch *l, const struct latch_flow *f)
{
	int err;

	l->flow = *f;
	err = rhashtable_lookup_insert_key(&latch_flows, &l->ln, &l->flow_node,
					   latch_flow_params);
	if (err)
		return err == -EEXIST ? err : -ENOMEM;
	WRITE_ONCE(l->hashed, true);
	return 0;
}

/**
 * latch_hash_twin() - let packets find a latch whose 5-tuple another one has already
 * @l:   a latch of a UDP socket, in no table of flows, whose flow is set
 * @old: the other one, of another UDP socket
 *
 * A datagram that comes in then has to be matched by its socket.
 *
 * Context: any. Return: 0 or -ENOMEM.
 */
int latch_hash_twin(struct latch *l, struct latch *old)
{
	WRITE_ONCE(l->special, l->special | LATCH_TWIN);
	WRITE_ONCE(old->special, READ_ONCE(old->special) | LATCH_TWIN);
	if (rhashtable_insert_fast(&latch_flows, &l->flow_node, latch_flow_params))
		return -ENOMEM;
	WRITE_ONCE(l->hashed, true);
	return 0;
}

/**
 * latch_flow_replace() - packets find another latch under the same 5-tuple
 * @old: the latch that they find now, whose lock is held
 * @new: the one that they shall find; nobody else sees it yet
 *
 * Context: any. Return: 0 or a negative errno, and nothing has changed.
 */
int latch_flow_replace(struct latch *old, struct latch *new)
{
	int err;

	lockdep_assert_held(&old->lock);
	err = rhashtable_replace_fast(&latch_flows, &old->flow_node, &new->flow_node,
				      latch_flow_params);
	if (err)
		return err;
	WRITE_ONCE(old->noted, 0);
	WRITE_ONCE(old->hashed, false);
	WRITE_ONCE(new->hashed, true);
	return 0;
}

/* While a socket has a latch, its namespace hears of TCP's state changes. */
static void latch_sock_more(struct latch_net *ln)
{
	int n = atomic_read(&latch_socks.nelems);

	atomic_inc(&ln->n_socks);
	/* the worker may just be switching the hooks off */
	if (!READ_ONCE(ln->active) || latch_sk_cache_misfit(n))
		latch_km_queue(ln, LATCH_WORK_TELL);
}

/**
 * latch_hash_sk() - let a socket find its latch
 * @l:  a latch without socket, whose lock is held
 * @sk: the socket
 *
 * Context: any. Return: 0, -EEXIST, -ENOMEM.
 */
int latch_hash_sk(struct latch *l, struct sock *sk)
{
	int err;

	lockdep_assert_held(&l->lock);
	l->sk = sk;
	err = rhashtable_lookup_insert_fast(&latch_socks, &l->sock_node, latch_sock_params);
	if (!err) {
		latch_sk_cache_add(l);
		latch_sock_more(l->ln);
		return 0;
	}
	l->sk = NULL;
	return err == -EEXIST ? err : -ENOMEM;
}

/**
 * latch_fit_sk() - bring the cache of latches by socket to the size that is needed
 *
 * Context: process.
 */
void latch_fit_sk(void)
{
	latch_sk_cache_fit(&latch_socks);
}

/**
 * latch_no_more() - the socket of a connection that is over has said all that it had to say
 * @l: its latch, whose lock is held
 *
 * Context: any.
 */
void latch_no_more(struct latch *l)
{
	struct latch_net *ln = l->ln;

	lockdep_assert_held(&l->lock);
	if (!l->over)
		return;
	l->over = 0;
	atomic_dec(&ln->n_over);
	if (!latch_net_needed(ln))
		latch_km_queue(ln, LATCH_WORK_TELL);
}

/**
 * latch_unhash_sk() - a socket has no latch any more
 * @l: its latch, whose lock is held
 *
 * Context: BH off.
 */
void latch_unhash_sk(struct latch *l)
{
	struct latch_net *ln = l->ln;

	lockdep_assert_held(&l->lock);
	if (!l->sk)
		return;
	rhashtable_remove_fast(&latch_socks, &l->sock_node, latch_sock_params);
	latch_sk_cache_del(l);
	WRITE_ONCE(l->sk, NULL);
	if (l->over)
		latch_no_more(l);
	if (atomic_dec_and_test(&ln->n_socks) && !READ_ONCE(ln->active))
		latch_km_queue(ln, LATCH_WORK_TELL);
}

/**
 * latch_hold() - one reference more
 * @l: a latch under RCU
 *
 * Return: false where it is on its way out.
 */
bool latch_hold(struct latch *l)
{
	return refcount_inc_not_zero(&l->ref);
}

/**
 * latch_demand_put() - one reference less
 * @d: the demand, or NULL
 *
 * Context: any.
 */
void latch_demand_put(struct latch_demand *d)
{
	if (d && refcount_dec_and_test(&d->ref))
		kfree_rcu(d, rcu);
}

/* The module is left behind here: latch_exit() waits for all call-backs. */
static void latch_free_rcu(struct rcu_head *rcu)
{
	struct latch *l = container_of(rcu, struct latch, rcu);
	bool pinned = l->pinned;

	kmem_cache_free(latch_cache, l);
	if (pinned)
		module_put(THIS_MODULE);
}

/**
 * latch_put() - one reference less
 * @l: the latch
 *
 * Context: any.
 */
void latch_put(struct latch *l)
{
	if (!refcount_dec_and_test(&l->ref))
		return;
	WARN_ON_ONCE(l->hashed || l->numbered || l->sk);
	latch_demand_put(l->demand);
	latch_group_put(l->group);
	call_rcu(&l->rcu, latch_free_rcu);
}

/**
 * latch_want_more() - a socket has a demand, but packets cannot find it yet
 * @l: its latch, whose lock is held
 */
void latch_want_more(struct latch *l)
{
	if (l->wanting)
		return;
	l->wanting = 1;
	atomic_inc(&l->ln->n_wanting);
	/* the worker may just be switching the hooks off */
	latch_km_queue(l->ln, LATCH_WORK_TELL);
}

/**
 * latch_want_less() - packets find it now, or it has none any more
 * @l: the latch, whose lock is held
 */
void latch_want_less(struct latch *l)
{
	if (!l->wanting)
		return;
	l->wanting = 0;
	atomic_dec(&l->ln->n_wanting);
}

/* No event and no list finds a latch any more. */
static void latch_unlist(struct latch *l)
{
	struct latch_net *ln = l->ln;

	latch_group_leave(l);
	latch_unnumber(l);
	if (l->listed) {
		atomic_dec(&ln->n_latches);
		l->listed = 0;
		if (!latch_net_needed(ln))
			latch_km_queue(ln, LATCH_WORK_TELL);
	}
	if (l->counted) {
		atomic_dec(&ln->n_listeners);
		l->counted = 0;
	}
	if (l->in_group) {
		atomic_dec(&ln->n_wanting);
		l->in_group = 0;
	}
}

/**
 * latch_retire() - no packet, event or list finds a latch any more
 * @l: the latch, whose lock is held
 *
 * Its socket still does.
 */
void latch_retire(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	WRITE_ONCE(l->noted, 0);
	if (l->hashed)
		rhashtable_remove_fast(&latch_flows, &l->flow_node, latch_flow_params);
	WRITE_ONCE(l->hashed, false);
	/* a demand holds for whatever the socket does next */
	if (l->mode == LATCH_MODE_REQUIRE && l->sk && !l->unlinked)
		latch_want_more(l);
	else
		latch_want_less(l);
	latch_unlist(l);
}

/**
 * latch_unlink() - take a latch out of all tables and drop their reference
 * @l: the latch; the caller holds it, or is under RCU
 *
 * Context: any, @l->lock not held. Once only for each latch; later calls do nothing.
 */
void latch_unlink(struct latch *l)
{
	struct sock *kept = NULL;

	spin_lock_bh(&l->lock);
	if (l->unlinked) {
		spin_unlock_bh(&l->lock);
		return;
	}
	l->unlinked = 1;
	latch_retire(l);
	if (l->kept)
		kept = l->sk;
	/* else the socket's destructor still needs it, and calls this again */
	if (l->chained && l->sk && !latch_owner_unchain(l)) {
		l->unlinked = 0;
		spin_unlock_bh(&l->lock);
		return;
	}
	latch_unhash_sk(l);
	latch_embryo_del(l);
	spin_unlock_bh(&l->lock);
	if (kept)
		sock_put(kept);
	latch_put(l);
}

/**
 * latch_renew() - a socket whose latch is over gets a new one
 * @l:   a latch in CLOSED that no packet finds any more; the caller is under RCU
 *       and keeps the socket from being freed
 * @gfp: GFP_KERNEL or GFP_ATOMIC
 *
 * Parameters never change (2-19), so the old latch stays as it is for who still
 * reads it; what the socket asked for goes over to the new one.
 *
 * Context: as @gfp says. Return: the new latch, listed, in NONE; ERR_PTR(-ENOMEM),
 * ERR_PTR(-ENOBUFS) at the limit, ERR_PTR(-EEXIST) where somebody else was quicker,
 * ERR_PTR(-EBUSY) while the module goes.
 */
struct latch *latch_renew(struct latch *l, gfp_t gfp)
{
	struct latch *new = latch_alloc(l->ln, l->sk, gfp);
	struct sock *kept;
	int err;

	if (!new)
		return ERR_PTR(-ENOMEM);
	err = latch_list(new);
	spin_lock_bh(&l->lock);
	spin_lock_nested(&new->lock, SINGLE_DEPTH_NESTING);
	new->sk = l->sk;
	kept = l->kept ? l->sk : NULL;
	if (!err && kept)
		err = latch_owner_chain(new, kept);
	if (!err && (l->unlinked || !l->sk || l->hashed ||
		     rhashtable_replace_fast(&latch_socks, &l->sock_node, &new->sock_node,
					     latch_sock_params)))
		err = -EEXIST;
	if (err) {
		if (new->chained && latch_owner_unchain(new))
			latch_owner_unpin(new);
		new->sk = NULL;
		spin_unlock(&new->lock);
		spin_unlock_bh(&l->lock);
		latch_unlink(new);
		return ERR_PTR(err);
	}
	latch_sk_cache_del(l);
	latch_sk_cache_add(new);
	new->mode = l->mode;
	new->disposition = l->disposition;
	new->automatic = l->automatic;
	new->demand = l->demand;
	if (!kept) {
		new->destruct = l->destruct;
		new->chained = l->chained;
		new->pinned = l->pinned;
	}
	l->demand = NULL;
	l->chained = 0;
	l->pinned = 0;
	l->kept = false;
	latch_no_more(l);
	WRITE_ONCE(l->sk, NULL);
	spin_unlock(&new->lock);
	spin_unlock_bh(&l->lock);
	latch_unlink(l);
	if (kept)
		sock_put(kept);
	if (new->mode == LATCH_MODE_REQUIRE) {
		spin_lock_bh(&new->lock);
		latch_want_more(new);
		latch_step(new, LATCH_EV_WANT, LATCH_REASON_NONE);
		spin_unlock_bh(&new->lock);
	}
	return new;
}

/**
 * latch_disposition() - what happens to the owner on a break (5.5-1, 5.5-2)
 * @l: the latch
 *
 * Return: LATCH_DISP_WAIT, _RESET or _UNREACH.
 */
u8 latch_disposition(const struct latch *l)
{
	if (l->disposition != LATCH_DISP_DEFAULT)
		return l->disposition;
	if (l->flow.proto == IPPROTO_UDP)
		return LATCH_DISP_WAIT;
	return READ_ONCE(l->ln->disposition);
}

/* The error that the owner is to get on a break, 0 for none; negative. */
static int latch_owner_errno(const struct latch *l)
{
	const struct sock *sk = l->sk;

	if (latch_disposition(l) == LATCH_DISP_WAIT)
		return 0;
	/* connect() has not returned yet and tells why (2.3-16) */
	if (sk && sk->sk_protocol == IPPROTO_TCP && sk->sk_state == TCP_SYN_SENT)
		return -EKEYREJECTED;
	return latch_disposition(l) == LATCH_DISP_UNREACH ? -EHOSTUNREACH : -ECONNRESET;
}

static void latch_step_count(struct latch *l, u8 state)
{
	switch (state) {
	case LATCH_STATE_ESTABLISHED:
		latch_mib_event(l->ln, l->breaks ? LATCH_MIB_RESTORED : LATCH_MIB_CREATED);
		break;
	case LATCH_STATE_BROKEN:
		l->breaks++;
		latch_mib_event(l->ln, LATCH_MIB_BROKEN);
		break;
	case LATCH_STATE_CLOSED:
		latch_mib_event(l->ln, LATCH_MIB_CLOSED);
		break;
	}
}

/**
 * latch_step() - the only writer of a latch's state
 * @l:      the latch, whose lock is held
 * @event:  enum latch_event
 * @reason: LATCH_REASON_* of a break or close, else NONE and the old one stays
 *
 * Counts, tells the multicast group (2.3-10) and has the owner told (2.2-9).
 *
 * Context: any.
 * Return: false where the event cannot happen in this state.
 */
bool latch_step(struct latch *l, u8 event, u8 reason)
{
	struct latch_step step = latch_fsm(l->state, event);
	u8 old = l->state;

	lockdep_assert_held(&l->lock);
	if (!step.valid)
		return false;
	if (reason != LATCH_REASON_NONE && step.next != old)
		l->reason = reason;
	if (step.next != LATCH_STATE_ESTABLISHED)
		WRITE_ONCE(l->noted, 0);
	WRITE_ONCE(l->state, step.next);
	if (step.next != old)
		latch_step_count(l, step.next);
	if (step.act & LATCH_ACT_NOTIFY)
		latch_notify(l, old);
	if (step.act & LATCH_ACT_OWNER)
		latch_owner_tell(l, latch_owner_errno(l));
	/* UDP is silenced, not told (2.3-20) */
	if (step.act & LATCH_ACT_RESET && l->flow.proto == IPPROTO_TCP)
		latch_owner_tell(l, -ECONNRESET);
	return true;
}

/**
 * latch_linger() - a connection is over, but packets go on to find its latch
 * @l: the latch, ESTABLISHED or BROKEN, whose lock is held; its socket is about to go
 *
 * To whoever asks, and to the counters, it is CLOSED; for the packets of TIME_WAIT its
 * state is what it was, and no event moves it.
 *
 * Context: BH off.
 */
void latch_linger(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	if (l->state == LATCH_STATE_ESTABLISHED)
		l->reason = LATCH_REASON_RELEASED;
	WRITE_ONCE(l->special, LATCH_GHOST);
	latch_step_count(l, LATCH_STATE_CLOSED);
	latch_notify(l, l->state);
	latch_unlist(l);
}

/**
 * latch_rule() - which suites are congruent now
 * @l: the latch, whose lock is held
 *
 * What is latched stays; but net.latch.qop says for connections that are there
 * already, too, whether a stronger suite may follow, so that a fleet can be
 * moved to one. A set that the socket gave stays.
 *
 * Return: enum latch_qop_rule.
 */
u8 latch_rule(const struct latch *l)
{
	lockdep_assert_held(&l->lock);
	if (l->demand && l->demand->want.n_suites)
		return LATCH_QOP_SET;
	return READ_ONCE(l->ln->qop);
}

/**
 * latch_settle() - a latch has these conflicts now
 * @l:         a latch, lock held
 * @conflicts: set of LATCH_R() bits, as latch_judge() finds them
 *
 * Context: any. Does nothing to one that is not established or broken.
 */
void latch_settle(struct latch *l, u32 conflicts)
{
	u32 now = latch_conflict_update(l->conflicts, conflicts);
	u8 event;

	lockdep_assert_held(&l->lock);
	if (l->unlinked || (l->state != LATCH_STATE_ESTABLISHED && l->state != LATCH_STATE_BROKEN))
		return;
	if (latch_conflict_event(l->conflicts, now, &event))
		latch_step(l, event, latch_reason_first(now));
	l->conflicts = now;
}

/**
 * latch_resettle() - judge a latch for what it has in common with others now
 * @l:      a latch that was established, lock held
 * @common: that
 * @relink: see latch_judge()
 *
 * Context: RCU read side.
 */
void latch_resettle(struct latch *l, struct latch_common *common, bool relink)
{
	u32 conflicts = latch_judge(l, common, relink);

	latch_settle(l, conflicts);
	if (conflicts & LATCH_R(NO_MEM))
		latch_km_retry(l->ln, LATCH_WORK_ALL);
}

/**
 * latch_rejudge() - bring a latch's conflicts up to date (2.2-6 to 2.2-10)
 * @l:      the latch
 * @relink: see latch_judge()
 *
 * Context: RCU read side; takes @l->lock.
 */
void latch_rejudge(struct latch *l, bool relink)
{
	struct latch_common common;

	spin_lock_bh(&l->lock);
	if (!l->unlinked && l->joined && (l->state == LATCH_STATE_ESTABLISHED ||
					  l->state == LATCH_STATE_BROKEN)) {
		common = l->group->c;
		latch_resettle(l, &common, relink);
	}
	spin_unlock_bh(&l->lock);
}

/**
 * latch_rejudge_all() - bring every latch of a namespace up to date
 * @ln: the namespace
 *
 * Context: process.
 */
void latch_rejudge_all(struct latch_net *ln)
{
	struct latch *l;

	rcu_read_lock();
	latch_for_each(ln, l) {
		latch_rejudge(l, true);
		if (need_resched()) {
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
}

/**
 * latch_unlink_all() - let every latch of a namespace go
 * @ln: the namespace; none is made any more
 *
 * Context: process.
 */
void latch_unlink_all(struct latch_net *ln)
{
	struct latch *l;

	rcu_read_lock();
	latch_for_each(ln, l)
		latch_unlink(l);
	rcu_read_unlock();
}

/* Puts a latch that is about to be established in a group, by itself. */
static u32 latch_place(struct latch *l, const struct latch_pkt *p)
{
	struct latch_common common = {
		.ln = l->ln,
		.pol = { LATCH_POL_SEEN, LATCH_POL_SEEN },
	};
	u32 conflicts;

	latch_params_set(&common.params, &p->tag, latch_rule(l), p->dir);
	common.peer = latch_peer_hold(p->who.peer);
	common.local = latch_peer_hold(p->who.local);
	common.mark[!p->dir] = p->mark;
	latch_view_outer(&common, p);
	conflicts = latch_judge(l, &common, true);
	latch_peer_put(common.peer);
	latch_peer_put(common.local);
	return conflicts;
}

/**
 * latch_establish() - latch a packet's SA (2.3-2, 2.3-3)
 * @l: a latch in NONE or LARVAL whose flow is set, lock held
 * @p: the packet; it gives what the socket asked for
 *
 * Context: RCU read side. Takes no memory but for a group and its paths; without
 * paths the latch is born BROKEN for NO_MEM until the worker has judged it.
 * Return: 0; -ENOMEM without a group, and nothing has changed.
 */
int latch_establish(struct latch *l, const struct latch_pkt *p)
{
	lockdep_assert_held(&l->lock);
	l->conflicts = latch_group_again(l, p) ? 0 : latch_place(l, p);
	if (!l->group)
		return -ENOMEM;
	if (l->conflicts & LATCH_R(NO_MEM))
		latch_km_queue(l->ln, LATCH_WORK_ALL);
	latch_want_less(l);
	if (l->conflicts)
		latch_step(l, LATCH_EV_BIND_CONFLICT, latch_reason_first(l->conflicts));
	else
		latch_step(l, LATCH_EV_BIND, LATCH_REASON_NONE);
	return 0;
}

/**
 * latch_init() - make cache and tables
 *
 * Return: 0 or -ENOMEM.
 */
int __init latch_init(void)
{
	int err;

	BUILD_BUG_ON(offsetof(struct latch, flow) - offsetof(struct latch, ln) !=
		     offsetof(struct latch_flow_key, flow));
	get_random_bytes(latch_secret, sizeof(latch_secret));
	latch_cache = kmem_cache_create("latch", sizeof(struct latch), 0,
					SLAB_ACCOUNT | SLAB_HWCACHE_ALIGN, NULL);
	if (!latch_cache)
		return -ENOMEM;
	err = rhashtable_init(&latch_flows, &latch_flow_params);
	if (err)
		goto cache;
	err = rhashtable_init(&latch_socks, &latch_sock_params);
	if (err)
		goto flows;
	err = latch_sk_cache_init();
	if (err)
		goto socks;
	return 0;
socks:
	rhashtable_destroy(&latch_socks);
flows:
	rhashtable_destroy(&latch_flows);
cache:
	kmem_cache_destroy(latch_cache);
	return err;
}

/**
 * latch_exit() - free them; no latch is left
 */
void latch_exit(void)
{
	rcu_barrier();
#ifdef CONFIG_TASKS_RCU
	/* a task may have been preempted on its last steps in latch_sk_destruct() */
	synchronize_rcu_tasks();
#endif
	latch_sk_cache_exit();
	rhashtable_destroy(&latch_socks);
	rhashtable_destroy(&latch_flows);
	kmem_cache_destroy(latch_cache);
}
