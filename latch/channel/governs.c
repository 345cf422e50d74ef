// SPDX-License-Identifier: GPL-2.0
/*
 * What governs a flow: the SPD, or policies that its socket has (IP_XFRM_POLICY, or those that the
 * module made).
 */
#include <net/sock.h>
#include <uapi/linux/xfrm.h>

#include "channel/group.h"
#include "channel/latch.h"
#include "channel/own.h"
#include "core/types.h"
#include "xfrm/sockpol.h"

/**
 * latch_own_governs() - does a policy of the socket's govern a flow, instead of the SPD?
 * @l:   the flow's latch, whose lock is held
 * @sk:  its socket
 * @dir: XFRM_POLICY_IN or XFRM_POLICY_OUT
 *
 * That of an offer is there before the first SA.
 *
 * Context: any. Return: true where one does.
 */
bool latch_own_governs(const struct latch *l, const struct sock *sk, int dir)
{
	lockdep_assert_held(&l->lock);
	return rcu_access_pointer(sk->sk_policy[dir]) &&
	       (l->own_given || latch_sockpol_others(sk, dir));
}

/**
 * latch_own_moved() - has a flow's socket other policies than its latch was checked by?
 * @l: the latch, whose lock is held
 *
 * An application may set or clear IP_XFRM_POLICY at any time, and the kernel tells nobody. That a
 * closed socket has none any more says nothing of its flow.
 *
 * Context: any. Return: true where it has, and the latch has to be checked anew.
 */
bool latch_own_moved(const struct latch *l)
{
	lockdep_assert_held(&l->lock);
	return l->sk && !l->listener && !sock_flag(l->sk, SOCK_DEAD) &&
	       (latch_own_governs(l, l->sk, XFRM_POLICY_IN) != l->sockpol_in ||
		latch_own_governs(l, l->sk, XFRM_POLICY_OUT) != l->sockpol_out);
}

/**
 * latch_own_look() - a latch is to be checked by the policies that its socket has now
 * @l: the latch, whose lock is held
 * @c: what it has in common with others: where the SPD governs the flow again it names a policy
 *     that was, so that none that is there now is a conflict
 *
 * Context: any.
 */
void latch_own_look(struct latch *l, struct latch_common *c)
{
	bool in = l->sockpol_in, out = l->sockpol_out;

	if (!latch_own_moved(l))
		return;
	l->sockpol_in = latch_own_governs(l, l->sk, XFRM_POLICY_IN);
	l->sockpol_out = latch_own_governs(l, l->sk, XFRM_POLICY_OUT);
	if (in && !l->sockpol_in)
		c->pol[LATCH_DIR_IN] = 0;
	if (out && !l->sockpol_out)
		c->pol[LATCH_DIR_OUT] = 0;
}
