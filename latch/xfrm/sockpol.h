/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_XFRM_SOCKPOL_H
#define LATCH_XFRM_SOCKPOL_H

#include <linux/types.h>
#include <net/sock.h>
#include <net/xfrm.h>

#include "core/flow.h"
#include "core/types.h"
#include "xfrm/spd.h"

/* All that a latch can hold, and IPComp. The kernel takes less than XFRM_MAX_DEPTH. */
#define LATCH_SOCKPOL_TMPLS	(LATCH_MAX_TRANSFORMS + 1)

/**
 * struct latch_sockpol - a policy that a socket is to have, in one direction
 * @dir:   XFRM_POLICY_IN or XFRM_POLICY_OUT
 * @owner: number of the latch that it is made for, 0 none: a bypass
 * @sel:   what it is for; all zero but the family is everything
 * @mark:  the socket's mark, and by which SAs are chosen
 * @n:     how many of @tmpl, 0 lets pass in clear text
 * @tmpl:  what protects, innermost first
 */
struct latch_sockpol {
	int			dir;
	u32			owner;
	struct xfrm_selector	sel;
	struct xfrm_mark	mark;
	u8			n;
	struct latch_tmpl	tmpl[LATCH_SOCKPOL_TMPLS];
};

struct xfrm_policy *latch_sockpol_compile(struct sock *sk, int opt, u8 *data, int len, int *dir);
void latch_sockpol_selector(const struct latch_flow *f, u8 dir, struct xfrm_selector *sel);
int latch_sockpol_set(struct sock *sk, const struct latch_sockpol *p);
void latch_sockpol_clear(struct sock *sk);
bool latch_sockpol_strip(struct sock *sk, u32 owner);
bool latch_sockpol_made(const struct sock *sk, u32 owner);
bool latch_sockpol_others(const struct sock *sk, int dir);

#endif /* LATCH_XFRM_SOCKPOL_H */
