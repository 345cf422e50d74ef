// SPDX-License-Identifier: GPL-2.0
/*
 * A copy of the SAD, kept by the key manager events, and the paths: who shares
 * addresses and reqid. An SA's event finds the latches it can touch by its path,
 * a latch the SAs that can carry it by its own.
 */
#include "bind.h"
#include "latch.h"

static struct rhashtable latch_paths;
static struct rhashtable latch_sas;

/* The copies once more, by where the SA lies: the last one that came to each place. */
#define LATCH_SA_NEAR_BITS	10
static struct latch_sa *latch_sa_near[1 << LATCH_SA_NEAR_BITS] __read_mostly;

static struct latch_sa **latch_sa_slot(const struct xfrm_state *x)
{
	return &latch_sa_near[hash_ptr(x, LATCH_SA_NEAR_BITS)];
}

/* The bytes that IPv4 leaves zero are not hashed. */
static u32 latch_addr_hash(const xfrm_address_t *a, u16 family, u32 seed)
{
	return family == AF_INET ? jhash_1word((__force u32)a->a4, seed) :
				   jhash2((__force const u32 *)a->a6, 4, seed);
}

static u32 latch_path_hash(const void *data, u32 len, u32 seed)
{
	const struct latch_path_key *key = data;
	u32 far;

	if (key->family == AF_INET)
		return jhash_3words((__force u32)key->daddr.a4, (__force u32)key->saddr.a4,
				    key->reqid + key->any, seed);
	far = latch_addr_hash(&key->daddr, key->family, seed);
	return jhash_1word(key->reqid + key->any, latch_addr_hash(&key->saddr, key->family, far));
}

static int latch_path_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct latch_path_key *key = arg->key;
	const struct latch_path *path = obj;

	return !latch_words_equal(&path->key, key, sizeof(*key));
}

static const struct rhashtable_params latch_path_params = {
	.key_len = sizeof(struct latch_path_key),
	.key_offset = offsetof(struct latch_path, key),
	.head_offset = offsetof(struct latch_path, node),
	.hashfn = latch_path_hash,
	.obj_cmpfn = latch_path_cmp,
	.automatic_shrinking = true,
};

static u32 latch_sa_hash(const void *data, u32 len, u32 seed)
{
	const struct latch_sa_key *key = data;

	return jhash_3words((__force u32)key->spi, key->proto ^ key->mark_v,
			    latch_addr_hash(&key->daddr, key->family, seed), seed);
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
	.hashfn = latch_sa_hash,
	.obj_cmpfn = latch_sa_cmp,
	.automatic_shrinking = true,
};

/**
 * latch_path_find() - look a path up
 * @key: addresses and reqid
 *
 * Context: RCU read side.
 * Return: the path or NULL.
 */
struct latch_path *latch_path_find(const struct latch_path_key *key)
{
	return rhashtable_lookup(&latch_paths, key, latch_path_params);
}

/**
 * latch_path_get() - a path with one more member, made where it is not there
 * @key: what it is found by
 *
 * Context: any. Return: the path, for latch_path_put(); NULL without memory.
 */
struct latch_path *latch_path_get(const struct latch_path_key *key)
{
	struct latch_path *path, *new;

	rcu_read_lock();
again:
	path = latch_path_find(key);
	if (path) {
		spin_lock_bh(&path->lock);
		if (path->refs) {
			path->refs++;
			spin_unlock_bh(&path->lock);
			rcu_read_unlock();
			return path;
		}
		spin_unlock_bh(&path->lock);
	}
	new = kzalloc(sizeof(*new), GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);
	if (!new)
		goto out;
	new->key = *key;
	new->refs = 1;
	spin_lock_init(&new->lock);
	INIT_LIST_HEAD(&new->dirty);
	path = rhashtable_lookup_get_insert_fast(&latch_paths, &new->node,
						 latch_path_params);
	if (!path) {
		rcu_read_unlock();
		return new;
	}
	kfree(new);
	if (!IS_ERR(path)) {
		/* somebody was quicker, or it is about to leave the table */
		cpu_relax();
		goto again;
	}
out:
	rcu_read_unlock();
	return NULL;
}

/**
 * latch_path_put() - one member less
 * @path: a path that the caller is a member of
 *
 * Context: any; takes the path's lock.
 */
void latch_path_put(struct latch_path *path)
{
	bool last;

	/* whoever meets it without members waits until it is out of the table */
	local_bh_disable();
	spin_lock(&path->lock);
	last = !--path->refs;
	spin_unlock(&path->lock);
	if (last) {
		rhashtable_remove_fast(&latch_paths, &path->node, latch_path_params);
		kfree_rcu(path, rcu);
	}
	local_bh_enable();
}

/**
 * latch_path_join() - enter a group into a path
 * @link: the group's link, in no path
 * @path: the path, which the caller holds; NULL none
 * @g:    the group
 *
 * Context: any.
 */
void latch_path_join(struct latch_link *link, struct latch_path *path, struct latch_group *g)
{
	link->group = g;
	if (!path)
		return;
	spin_lock_bh(&path->lock);
	path->refs++;
	hlist_add_head_rcu(&link->node, &path->groups);
	spin_unlock_bh(&path->lock);
}

/**
 * latch_path_leave() - take a group out of a path
 * @link: the group's link
 * @path: the path it is in; NULL none
 *
 * Context: any.
 */
void latch_path_leave(struct latch_link *link, struct latch_path *path)
{
	if (!path)
		return;
	spin_lock_bh(&path->lock);
	hlist_del_rcu(&link->node);
	spin_unlock_bh(&path->lock);
	latch_path_put(path);
}

/* Groups of a path that are looked at before they are all judged. */
#define LATCH_PATH_LOOK	8

/*
 * Under the path's lock: can it mean something to a group that an SA came, or that one
 * went? One that goes takes its conflicts along and brings none (2.2-10).
 */
static bool latch_path_minds(const struct latch_path *path, bool came)
{
	const struct latch_link *link;
	int n = 0;

	hlist_for_each_entry(link, &path->groups, node)
		if (came || n++ == LATCH_PATH_LOOK || !latch_group_clean(link->group))
			return true;
	return false;
}

/* Under sad_lock: the worker shall judge the latches of this path. */
static void latch_path_mark(struct latch_net *ln, struct latch_path *path)
{
	lockdep_assert_held(&ln->sad_lock);
	if (!list_empty(&path->dirty))
		return;
	spin_lock(&path->lock);
	path->refs++;
	spin_unlock(&path->lock);
	list_add_tail(&path->dirty, &ln->dirty);
	latch_km_queue(ln, LATCH_WORK_PATHS);
}

/**
 * latch_path_dirty() - take the next path whose latches are to be judged
 * @ln: the namespace
 *
 * Context: process. Return: the path, for latch_path_put(), or NULL.
 */
struct latch_path *latch_path_dirty(struct latch_net *ln)
{
	struct latch_path *path;

	spin_lock_bh(&ln->sad_lock);
	path = list_first_entry_or_null(&ln->dirty, struct latch_path, dirty);
	if (path)
		list_del_init(&path->dirty);
	spin_unlock_bh(&ln->sad_lock);
	return path;
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
 * latch_sad_near() - the copy of this very SA, where it is at hand
 * @x: the SA
 *
 * Context: RCU read side. Return: the copy; NULL where it has to be looked for.
 */
struct latch_sa *latch_sad_near(const struct xfrm_state *x)
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

/*
 * Under sad_lock and the path's: an SA came or went. Whoever judges at the same time
 * sees that in @seq, or has told its group before, see latch_group_rejudge().
 */
static bool latch_path_changed(struct latch_net *ln, struct latch_path *path, bool came)
{
	atomic_inc(&ln->seq);
	WRITE_ONCE(path->seq, path->seq + 1);
	smp_mb(); /* pairs with latch_group_rejudge() */
	return latch_path_minds(path, came);
}

static void latch_sa_leave(struct latch_sa *sa)
{
	bool minds;
	int i;

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
	bool minds;
	int i;

	for (i = 0; i < 2; i++) {
		latch_sa_path_key(sa, i, &key);
		sa->path[i] = latch_path_get(&key);
		if (!sa->path[i])
			return -ENOMEM;
		spin_lock(&sa->path[i]->lock);
		hlist_add_head_rcu(&sa->member[i], &sa->path[i]->sas[i]);
		minds = latch_path_changed(sa->key.ln, sa->path[i], true);
		spin_unlock(&sa->path[i]->lock);
		if (minds)
			latch_path_mark(sa->key.ln, sa->path[i]);
	}
	return 0;
}

/* Under sad_lock: out of every list; the paths it was in are to be judged. */
static void latch_sa_remove(struct latch_sa *sa)
{
	struct latch_net *ln = sa->key.ln;

	lockdep_assert_held(&ln->sad_lock);
	cmpxchg(latch_sa_slot(sa->xs), sa, NULL);
	rhashtable_remove_fast(&latch_sas, &sa->node, latch_sa_params);
	list_del(&sa->all);
	latch_bind_sa_went(sa);
	latch_sa_leave(sa);
	latch_group_forget(sa);
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
	       a->tag_flags == b->tag_flags;
}

/* Under sad_lock: enter @sa, in place of @old where the SA was only changed. */
static int latch_sa_enter(struct latch_net *ln, struct latch_sa *sa, struct latch_sa *old)
{
	int err;

	sa->serial = old ? old->serial : ++ln->next_serial;
	sa->born = old ? old->born : jiffies;
	/* another SA may have lain here and gone without an event of its own */
	latch_sacache_void(&ln->gens, sa->xs);
	/* first, so that the binding of one that was only changed does not go */
	latch_bind_sa_came(sa);
	if (old)
		latch_sa_remove(old);
	err = rhashtable_insert_fast(&latch_sas, &sa->node, latch_sa_params);
	if (err)
		goto went;
	list_add_tail(&sa->all, &ln->sas);
	err = latch_sa_join(sa);
	if (!err) {
		WRITE_ONCE(*latch_sa_slot(sa->xs), sa);
		return 0;
	}
	list_del(&sa->all);
	rhashtable_remove_fast(&latch_sas, &sa->node, latch_sa_params);
	latch_sa_leave(sa);
went:
	latch_bind_sa_went(sa);
	return err;
}

/**
 * latch_sad_add() - an SA is there, new or changed (2.3-12)
 * @ln: its namespace
 * @x:  the SA
 *
 * An SA whose algorithms are not known enters with a protocol of 0, so that it
 * is congruent with nothing.
 *
 * Context: any, x->lock may be held; takes sad_lock.
 * Return: 0, or -ENOMEM, and the caller has to have the SAD read anew.
 */
int latch_sad_add(struct latch_net *ln, const struct xfrm_state *x)
{
	struct latch_sa *sa, *old;
	int err = 0;

	/* one byte more takes twice the memory */
	BUILD_BUG_ON(sizeof(*sa) > 256);
	if (x->id.proto != IPPROTO_ESP && x->id.proto != IPPROTO_AH)
		return 0;
	sa = kzalloc(sizeof(*sa), GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);
	if (!sa)
		return -ENOMEM;
	latch_view_sa_key(ln, x, &sa->key);
	if (sa->key.mark_m)
		WRITE_ONCE(ln->marked, true);
	if (latch_view_sa(x, sa))
		sa->x.proto = 0;
	sa->swept = true;

	spin_lock_bh(&ln->sad_lock);
	rcu_read_lock();
	old = latch_sad_find(&sa->key);
	if (old && latch_sa_same(old, sa)) {
		old->swept = true;
		kfree(sa);
	} else {
		err = latch_sa_enter(ln, sa, old);
		if (err)
			kfree_rcu(sa, rcu);
	}
	rcu_read_unlock();
	spin_unlock_bh(&ln->sad_lock);
	return err;
}

/**
 * latch_sad_del() - an SA is gone
 * @ln: its namespace
 * @x:  the SA, which may still be in use by packets on their way
 *
 * Context: any, x->lock may be held; takes sad_lock.
 */
void latch_sad_del(struct latch_net *ln, const struct xfrm_state *x)
{
	struct latch_sa_key key;
	struct latch_sa *sa;

	latch_view_sa_key(ln, x, &key);
	spin_lock_bh(&ln->sad_lock);
	rcu_read_lock();
	sa = latch_sad_find(&key);
	if (sa)
		latch_sa_remove(sa);
	rcu_read_unlock();
	spin_unlock_bh(&ln->sad_lock);
	if (!latch_net_needed(ln))
		latch_km_queue(ln, LATCH_WORK_TELL);
}

/**
 * latch_sad_flush() - all SAs of a protocol are gone
 * @ln:    the namespace
 * @proto: IPPROTO_ESP, IPPROTO_AH, or 0 or IPSEC_PROTO_ANY for all
 *
 * An SA that came after the flush, but before its event, is gone too; the caller
 * has the SAD read anew.
 *
 * Context: any; takes sad_lock.
 */
void latch_sad_flush(struct latch_net *ln, u8 proto)
{
	struct latch_sa *sa, *next;

	spin_lock_bh(&ln->sad_lock);
	list_for_each_entry_safe(sa, next, &ln->sas, all)
		if (xfrm_id_proto_match(sa->key.proto, proto))
			latch_sa_remove(sa);
	spin_unlock_bh(&ln->sad_lock);
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
 * Marks, walks, and takes out what the walk did not meet.
 *
 * Context: process.
 * Return: 0, or -ENOMEM with the copy incomplete.
 */
int latch_sad_read(struct latch_net *ln)
{
	struct xfrm_state_walk walk;
	struct latch_sa *sa, *next;
	int err;

	spin_lock_bh(&ln->sad_lock);
	list_for_each_entry(sa, &ln->sas, all)
		sa->swept = false;
	spin_unlock_bh(&ln->sad_lock);

	xfrm_state_walk_init(&walk, IPSEC_PROTO_ANY, NULL);
	err = xfrm_state_walk(ln->net, &walk, latch_sad_one, ln);
	xfrm_state_walk_done(&walk, ln->net);
	if (err && err != -ENOENT)
		return err;

	spin_lock_bh(&ln->sad_lock);
	list_for_each_entry_safe(sa, next, &ln->sas, all)
		if (!sa->swept)
			latch_sa_remove(sa);
	spin_unlock_bh(&ln->sad_lock);
	return 0;
}

/* Under sad_lock: who is behind it may be somebody else now. */
static void latch_sa_mark(struct latch_net *ln, struct latch_sa *sa)
{
	latch_sacache_void(&ln->gens, sa->xs);
	atomic_inc(&ln->seq);
	latch_path_mark(ln, sa->path[0]);
	latch_path_mark(ln, sa->path[1]);
}

/**
 * latch_sad_overdue() - end the wait of SAs whose identity did not come
 * @ln:   the namespace
 * @next: jiffies until the next one's wait is over
 *
 * Context: process; takes sad_lock.
 * Return: true where some still wait.
 */
bool latch_sad_overdue(struct latch_net *ln, unsigned long *next)
{
	unsigned long wait = msecs_to_jiffies(READ_ONCE(ln->identity_wait_ms));
	bool more = false;
	struct latch_sa *sa;

	*next = wait;
	spin_lock_bh(&ln->sad_lock);
	list_for_each_entry(sa, &ln->sas, all) {
		if (sa->expired)
			continue;
		if (time_before(jiffies, sa->born + wait)) {
			*next = min(*next, sa->born + wait - jiffies);
			more = true;
			continue;
		}
		WRITE_ONCE(sa->expired, true);
		latch_sa_mark(ln, sa);
	}
	spin_unlock_bh(&ln->sad_lock);
	return more;
}

/**
 * latch_sad_claimed() - have the latches of the SAs that a binding names judged
 * @ln:  the namespace
 * @key: what it names
 *
 * An SA that is not there yet has its latches judged when it comes.
 *
 * Context: process; takes ln->sad_lock.
 */
void latch_sad_claimed(struct latch_net *ln, const struct latch_bind_key *key)
{
	struct latch_sa *sa;

	spin_lock_bh(&ln->sad_lock);
	if (key->reqid) {
		list_for_each_entry(sa, &ln->sas, all)
			if (sa->reqid == key->reqid)
				latch_sa_mark(ln, sa);
	} else {
		rcu_read_lock();
		sa = latch_sad_find(&key->sa);
		if (sa)
			latch_sa_mark(ln, sa);
		rcu_read_unlock();
	}
	spin_unlock_bh(&ln->sad_lock);
}

/**
 * latch_sad_doubt() - have the latches of a group judged
 * @ln: the namespace
 * @g:  the group, held
 *
 * Context: any; takes ln->sad_lock.
 */
void latch_sad_doubt(struct latch_net *ln, const struct latch_group *g)
{
	int dir, i;

	spin_lock_bh(&ln->sad_lock);
	for (dir = 0; dir < LATCH_DIRS; dir++)
		for (i = 0; i < LATCH_LINKS; i++)
			if (g->c.path[dir][i])
				latch_path_mark(ln, g->c.path[dir][i]);
	spin_unlock_bh(&ln->sad_lock);
}

/**
 * latch_sad_count() - how many SAs a reqid has
 * @ln:    the namespace
 * @reqid: the reqid
 *
 * Context: ln->sad_lock held. Return: the number.
 */
u32 latch_sad_count(struct latch_net *ln, u32 reqid)
{
	struct latch_sa *sa;
	u32 n = 0;

	lockdep_assert_held(&ln->sad_lock);
	list_for_each_entry(sa, &ln->sas, all)
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
	int err;

	err = rhashtable_init(&latch_paths, &latch_path_params);
	if (err)
		return err;
	err = rhashtable_init(&latch_sas, &latch_sa_params);
	if (err)
		rhashtable_destroy(&latch_paths);
	return err;
}

/**
 * latch_sad_exit() - free the tables, which are empty by then
 */
void latch_sad_exit(void)
{
	rhashtable_destroy(&latch_sas);
	rhashtable_destroy(&latch_paths);
}
