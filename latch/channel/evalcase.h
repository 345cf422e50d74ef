/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A check of a flow against the copies of SPD and SAD, while it is under way: eval.c, and
 * evalpol.c for its policies.
 */
#ifndef LATCH_CHANNEL_EVALCASE_H
#define LATCH_CHANNEL_EVALCASE_H

#include "channel/group.h"
#include "core/tag.h"
#include "core/types.h"
#include "peer/identity.h"
#include "xfrm/spd.h"

struct latch_flow;
struct latch_net;
struct latch_path;

/*
 * A flow that is being checked, in one direction. @found is what the first SA of each
 * template would give, for those in @have; @who is behind the innermost. @got are paths that
 * @common names and its latch's group does not hold. @uniform: nothing has been met that would be
 * otherwise for another flow under the same policies, between the same hosts where the mode is
 * transport. @trapped: the outbound policy is a trap that no SA fits. @no_in_pol: there is no
 * inbound policy.
 */
struct latch_eval_case {
	struct latch_net	*ln;
	const struct latch_flow	*flow;
	struct latch_common	*common;
	const struct latch_pol	*pol;
	bool			uniform;
	struct latch_path	*got[LATCH_DIRS][LATCH_LINKS];
	u8			dir;
	bool			relink;
	bool			trapped;
	bool			no_in_pol;
	u8			n;
	u8			have;
	struct latch_tag	found;
	struct latch_identity	who;
	struct latch_tmpl	tmpl[LATCH_MAX_TRANSFORMS];
};

u32 latch_eval_policy(struct latch_eval_case *c);

#endif /* LATCH_CHANNEL_EVALCASE_H */
