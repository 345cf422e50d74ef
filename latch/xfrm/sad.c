// SPDX-License-Identifier: GPL-2.0
/*
 * A copy of the SAD, kept by the key manager events.
 */
#include "base/manager.h"
#include "base/net.h"
#include "base/sacache.h"
#include "base/words.h"
#include "base/work.h"
#include "core/types.h"
#include "xfrm/path.h"
#include "xfrm/sad.h"
#include "xfrm/view.h"

static struct rhashtable latch_sas;

/* The copies once more, by where the SA lies: the last one that came to each place. */
#define LATCH_SA_NEAR_BITS	10
static struct latch_sa *latch_sa_near[1 << LATCH_SA_NEAR_BITS] __read_mostly;

static struct latch_sa **latch_sa_slot(const struct xfrm_state *x)
{
	return &latch_sa_near[hash_ptr(x, LATCH_SA_NEAR_BITS)];
}

static int latch_sa_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct latch_sa_key *key = arg->key;
	const struct latch_sa *sa = obj;

	return !latch_words_equal(&sa->key, key, sizeof(*key));
}

static const struct rhashtable_params latch_sa_params = {
	.key_len = sizeof(struct latch_sa_key),
	.key_offset = offsetof(struct latch_sa, key),
	.head_offset = offsetof(struct latch_sa, node),
	.obj_cmpfn = latch_sa_cmp,
	.automatic_shrinking = true,
};

/* Who has to hear of each SA that comes or goes: bindings, groups, and numbers of tags. */
#define LATCH_SAD_LISTENERS	3
static const struct latch_sad_listener *latch_sad_listeners[LATCH_SAD_LISTENERS];

/**
 * latch_sad_listen() - hear of each SA that comes or goes
 * @listener: whom to call
 *
 * Context: process, while the module is loaded and no namespace is there yet.
 */
void __init latch_sad_listen(const struct latch_sad_listener *listener)
{
	int i = 0;

	while (i < LATCH_SAD_LISTENERS - 1 && latch_sad_listeners[i])
		i++;
	latch_sad_listeners[i] = listener;
}

/* Under sad.lock. */
static void latch_sad_notify(struct latch_sa *sa, bool came)
{
	int i;

	for (i = 0; i < LATCH_SAD_LISTENERS; i++) {
		if (!came)
			latch_sad_listeners[i]->went(sa);
		else if (latch_sad_listeners[i]->came)
			latch_sad_listeners[i]->came(sa);
	}
}

/**
 * latch_sad_find() - the copy of an SA
 * @key: what tells it from others
 *
 * Context: RCU read side. Return: the copy or NULL.
 */
struct latch_sa *latch_sad_find(const struct latch_sa_key *key)
{
	return rhashtable_lookup(&latch_sas, key, latch_sa_params);
}

/**
 * latch_sad_find_ptr() - the copy of this very SA, where it is at hand
 * @x: the SA
 *
 * Context: RCU read side. Return: the copy; NULL where it has to be looked for.
 */
struct latch_sa *latch_sad_find_ptr(const struct xfrm_state *x)
{
	struct latch_sa *sa = READ_ONCE(*latch_sa_slot(x));

	return sa && latch_view_is(x, sa) ? sa : NULL;
}

static void latch_sa_path_key(const struct latch_sa *sa, bool any,
			      struct latch_path_key *key)
{
	memset(key, 0, sizeof(*key));
	key->ln = sa->key.ln;
	key->family = sa->key.family;
	key->daddr = sa->key.daddr;
	key->saddr = sa->saddr;
	key->reqid = any ? 0 : sa->reqid;
	key->any = any;
}

/* An SA from any address is for flows between any two, whose groups are not in its path. */
static void latch_sa_anywhere(const struct latch_sa *sa)
{
	if (!xfrm_addr_any(&sa->saddr, sa->key.family))
		return;
	WRITE_ONCE(sa->key.ln->sad.anywhere, true);
	latch_work_queue(sa->key.ln, LATCH_WORK_ALL);
}

static void latch_sa_leave(struct latch_sa *sa)
{
	bool minds;
	int i;

	latch_sa_anywhere(sa);
	for (i = 0; i < 2; i++) {
		if (!sa->path[i])
			continue;
		spin_lock(&sa->path[i]->lock);
		hlist_del_rcu(&sa->member[i]);
		minds = latch_path_changed(sa->key.ln, sa->path[i], false);
		spin_unlock(&sa->path[i]->lock);
		if (minds)
			latch_path_mark(sa->key.ln, sa->path[i]);
		latch_path_put(sa->path[i]);
	}
}

static int latch_sa_join(struct latch_sa *sa)
{
	struct latch_path_key key;
	struct latch_path *path;
	bool minds;
	int i;

	latch_sa_anywhere(sa);
	for (i = 0; i < 2; i++) {
		latch_sa_path_key(sa, i, &key);
		path = latch_path_get(&key);
		if (IS_ERR(path))
			return PTR_ERR(path);
		sa->path[i] = path;
		spin_lock(&path->lock);
		hlist_add_head_rcu(&sa->member[i], &path->sas[i]);
		minds = latch_path_changed(sa->key.ln, path, true);
		spin_unlock(&path->lock);
		if (minds)
			latch_path_mark(sa->key.ln, path);
	}
	return 0;
}

/* Under sad.lock: out of every list; the paths it was in are to be checked. */
static void latch_sa_remove(struct latch_sa *sa)
{
	struct latch_net *ln = sa->key.ln;

	lockdep_assert_held(&ln->sad.lock);
	cmpxchg(latch_sa_slot(sa->xs), sa, NULL);
	rhashtable_remove_fast(&latch_sas, &sa->node, latch_sa_params);
	list_del(&sa->all);
	latch_sad_notify(sa, false);
	latch_sa_leave(sa);
	latch_sacache_void(&ln->gens, sa->xs);
	kfree_rcu(sa, rcu);
}

/* What is immutable in a copy and differs in the SA, as after UPDSA or migrate. */
static bool latch_sa_same(const struct latch_sa *a, const struct latch_sa *b)
{
	return !memcmp(&a->sel, &b->sel, sizeof(a->sel)) &&
	       !memcmp(&a->x, &b->x, sizeof(a->x)) &&
	       !memcmp(&a->saddr, &b->saddr, sizeof(a->saddr)) &&
	       a->reqid == b->reqid && a->if_id == b->if_id && a->xs == b->xs &&
	       a->tag_flags == b->tag_flags && a->bound == b->bound;
}

/* Under sad.lock: enter @sa, in place of @old where the SA was only changed. */
static int latch_sa_enter(struct latch_net *ln, struct latch_sa *sa, struct latch_sa *old)
{
	int err;

	sa->serial = old ? old->serial : ++ln->sad.next_serial;
	sa->born = old ? old->born : jiffies;
	/* another SA may have lain here and gone without an event of its own */
	latch_sacache_void(&ln->gens, sa->xs);
	/* first, so that the binding of one that was only changed does not go */
	latch_sad_notify(sa, true);
	if (old)
		latch_sa_remove(old);
	err = rhashtable_insert_fast(&latch_sas, &sa->node, latch_sa_params);
	if (err)
		goto went;
	list_add_tail(&sa->all, &ln->sad.all);
	err = latch_sa_join(sa);
	if (!err) {
		WRITE_ONCE(*latch_sa_slot(sa->xs), sa);
		return 0;
	}
	list_del(&sa->all);
	rhashtable_remove_fast(&latch_sas, &sa->node, latch_sa_params);
	latch_sa_leave(sa);
went:
	latch_sad_notify(sa, false);
	return err;
}

/**
 * latch_sad_add() - an SA is there, new or changed (2.3-12)
 * @ln: its namespace
 * @x:  the SA
 *
 * An SA whose algorithms are not known enters with a protocol of 0, so that it
 * is congruent with nothing. One that is as its copy takes no memory.
 *
 * Context: any, x->lock may be held; takes sad.lock.
 * Return: 0; -ENOMEM, or -EBUSY while a table is made anew. The SA has no copy then, so that
 * nobody is known to be behind it, and the caller has to have the SAD read anew.
 */
int latch_sad_add(struct latch_net *ln, const struct xfrm_state *x)
{
	struct latch_sa view = { .swept = true };
	struct latch_sa *sa, *old;
	int err = 0;

	/* one byte more takes twice the memory */
	BUILD_BUG_ON(sizeof(*sa) > 256);
	if (x->id.proto != IPPROTO_ESP && x->id.proto != IPPROTO_AH)
		return 0;
	latch_view_sa_key(ln, x, &view.key);
	if (view.key.mark_m)
		latch_sad_set_marked(ln);
	if (latch_view_sa(x, &view))
		view.x.proto = 0;

	spin_lock_bh(&ln->sad.lock);
	rcu_read_lock();
	old = latch_sad_find(&view.key);
	if (old && latch_sa_same(old, &view)) {
		old->swept = true;
	} else {
		sa = kmemdup(&view, sizeof(view), GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);
		err = sa ? latch_sa_enter(ln, sa, old) : -ENOMEM;
		if (sa && err)
			kfree_rcu(sa, rcu);
	}
	rcu_read_unlock();
	spin_unlock_bh(&ln->sad.lock);
	return err;
}

/**
 * latch_sad_del() - an SA is gone
 * @ln: its namespace
 * @x:  the SA, which may still be in use by packets on their way
 *
 * Context: any, x->lock may be held; takes sad.lock.
 */
void latch_sad_del(struct latch_net *ln, const struct xfrm_state *x)
{
	struct latch_sa_key key;
	struct latch_sa *sa;

	latch_view_sa_key(ln, x, &key);
	spin_lock_bh(&ln->sad.lock);
	rcu_read_lock();
	sa = latch_sad_find(&key);
	/* another one may have come since this one was deleted */
	if (sa && sa->xs == x)
		latch_sa_remove(sa);
	rcu_read_unlock();
	spin_unlock_bh(&ln->sad.lock);
	if (!latch_net_needed(ln))
		latch_work_queue(ln, LATCH_WORK_WAKE);
}

/**
 * latch_sad_flush() - all SAs of a protocol are gone
 * @ln:    the namespace
 * @proto: IPPROTO_ESP, IPPROTO_AH, or 0 or IPSEC_PROTO_ANY for all
 *
 * An SA that came after the flush, but before its event, is gone too; the caller
 * has the SAD read anew.
 *
 * Context: any; takes sad.lock.
 */
void latch_sad_flush(struct latch_net *ln, u8 proto)
{
	struct latch_sa *sa, *next;

	spin_lock_bh(&ln->sad.lock);
	list_for_each_entry_safe(sa, next, &ln->sad.all, all)
		if (xfrm_id_proto_match(sa->key.proto, proto))
			latch_sa_remove(sa);
	spin_unlock_bh(&ln->sad.lock);
}

static int latch_sad_one(struct xfrm_state *x, int seq, void *data)
{
	if (x->km.state != XFRM_STATE_VALID)
		return 0;
	return latch_sad_add(data, x);
}

/**
 * latch_sad_read() - bring the whole copy up to date (2.3-11)
 * @ln: the namespace
 *
 * Marks, walks, and takes out what the walk did not meet. What was lost before is made good.
 *
 * Context: process.
 * Return: 0; -ENOMEM or -EBUSY with the copy incomplete, see latch_sad_add().
 */
int latch_sad_read(struct latch_net *ln)
{
	int err, losses = atomic_read(&ln->sad.losses);
	struct xfrm_state_walk walk;
	struct latch_sa *sa, *next;

	spin_lock_bh(&ln->sad.lock);
	list_for_each_entry(sa, &ln->sad.all, all)
		sa->swept = false;
	spin_unlock_bh(&ln->sad.lock);

	xfrm_state_walk_init(&walk, IPSEC_PROTO_ANY, NULL);
	err = xfrm_state_walk(ln->net, &walk, latch_sad_one, ln);
	xfrm_state_walk_done(&walk, ln->net);
	if (err && err != -ENOENT)
		return err;

	spin_lock_bh(&ln->sad.lock);
	list_for_each_entry_safe(sa, next, &ln->sad.all, all)
		if (!sa->swept)
			latch_sa_remove(sa);
	spin_unlock_bh(&ln->sad.lock);
	/* an event that was lost since the beginning may have been for what was read already */
	WRITE_ONCE(ln->sad.made_good, losses);
	return 0;
}

/**
 * latch_sad_count() - how many SAs a reqid has
 * @ln:    the namespace
 * @reqid: the reqid
 *
 * Context: ln->sad.lock held. Return: the number.
 */
u32 latch_sad_count(struct latch_net *ln, u32 reqid)
{
	struct latch_sa *sa;
	u32 n = 0;

	lockdep_assert_held(&ln->sad.lock);
	list_for_each_entry(sa, &ln->sad.all, all)
		n += sa->reqid == reqid;
	return n;
}

/**
 * latch_sad_clear() - forget everything
 * @ln: the namespace, for which no more events come
 *
 * Context: process.
 */
void latch_sad_clear(struct latch_net *ln)
{
	struct latch_path *path;

	latch_sad_flush(ln, 0);
	while ((path = latch_path_dirty(ln)))
		latch_path_put(path);
}

/**
 * latch_sad_init() - make the tables
 *
 * Return: 0 or -ENOMEM.
 */
int __init latch_sad_init(void)
{
	int err = latch_path_init();

	if (err)
		return err;
	err = rhashtable_init(&latch_sas, &latch_sa_params);
	if (err)
		latch_path_exit();
	return err;
}

/**
 * latch_sad_exit() - free the tables, which are empty by then
 */
void latch_sad_exit(void)
{
	rhashtable_destroy(&latch_sas);
	latch_path_exit();
}
