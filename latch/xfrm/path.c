// SPDX-License-Identifier: GPL-2.0
/*
 * Paths: the SAs between two addresses for one reqid, and the groups of latches that they are
 * for. The event of an SA finds the latches that it can touch by its path, a latch the SAs that
 * can carry it by its own.
 */
#include "base/net.h"
#include "base/words.h"
#include "base/work.h"
#include "core/types.h"
#include "xfrm/path.h"

static struct rhashtable latch_paths;

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
	.obj_cmpfn = latch_path_cmp,
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
 * Context: any. Return: the path, for latch_path_put(); ERR_PTR(-ENOMEM); ERR_PTR(-EBUSY)
 * while the table is made anew, which has room for it after that.
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
	if (!new) {
		path = ERR_PTR(-ENOMEM);
		goto out;
	}
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
	return path;
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
 * @found: what the latest check says of its latches
 *
 * Context: any.
 */
void latch_path_join(struct latch_link *link, struct latch_path *path, struct latch_group *g,
		     const struct latch_found *found)
{
	link->group = g;
	link->found = found;
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

/* Groups of a path that are looked at before they are all checked. */
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
		if (came || n++ == LATCH_PATH_LOOK || !latch_found_clean(link->found))
			return true;
	return false;
}

/**
 * latch_path_mark() - have the worker check the latches of a path
 * @ln:   the namespace
 * @path: the path
 *
 * Context: any, ln->sad.lock held.
 */
void latch_path_mark(struct latch_net *ln, struct latch_path *path)
{
	lockdep_assert_held(&ln->sad.lock);
	if (!list_empty(&path->dirty))
		return;
	spin_lock(&path->lock);
	path->refs++;
	spin_unlock(&path->lock);
	list_add_tail(&path->dirty, &ln->sad.dirty);
	latch_work_queue(ln, LATCH_WORK_WAKE);
}

/**
 * latch_path_dirty() - take the next path whose latches are to be checked
 * @ln: the namespace
 *
 * Context: process. Return: the path, for latch_path_put(), or NULL.
 */
struct latch_path *latch_path_dirty(struct latch_net *ln)
{
	struct latch_path *path;

	spin_lock_bh(&ln->sad.lock);
	path = list_first_entry_or_null(&ln->sad.dirty, struct latch_path, dirty);
	if (path)
		list_del_init(&path->dirty);
	spin_unlock_bh(&ln->sad.lock);
	return path;
}

/**
 * latch_path_changed() - an SA came to a path, or went
 * @ln:   the namespace
 * @path: the path
 * @came: which
 *
 * Whoever checks at the same time sees that in @seq, or has told its group before, see
 * latch_reeval_group().
 *
 * Context: any, ln->sad.lock and the path's lock held.
 * Return: true where latches may have to be checked.
 */
bool latch_path_changed(struct latch_net *ln, struct latch_path *path, bool came)
{
	atomic_inc(&ln->sad.seq);
	WRITE_ONCE(path->seq, path->seq + 1);
	smp_mb(); /* pairs with latch_reeval_group() */
	return latch_path_minds(path, came);
}

/**
 * latch_path_init() - make the table
 *
 * Return: 0 or -ENOMEM.
 */
int __init latch_path_init(void)
{
	return rhashtable_init(&latch_paths, &latch_path_params);
}

/**
 * latch_path_exit() - free the table, which is empty by then
 */
void latch_path_exit(void)
{
	rhashtable_destroy(&latch_paths);
}
