/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policies of the namespace that govern packets of this host.
 */
#ifndef LATCH_TOOL_SPD_H
#define LATCH_TOOL_SPD_H

#include <linux/xfrm.h>
#include "latch.h"

#define POLICY_TEXT_MAX	256

/**
 * struct policy - one policy
 * @sel:      the flows that it governs, without device and user; each byte is set
 * @ifindex:  the only device that it is for, 0 for all
 * @dir:      XFRM_POLICY_IN or XFRM_POLICY_OUT
 * @sub:      of type sub, not main
 * @protects: lets packets pass and has a template
 * @optional: a template other than that of IPComp is "level use"
 * @reqid:    of its first template that has one, else 0
 * @mask:     mask of its mark, 0 where it has none
 */
struct policy {
	struct xfrm_selector sel;
	int ifindex;
	uint8_t dir;
	bool sub;
	bool protects;
	bool optional;
	uint32_t reqid;
	uint32_t mask;
};

/**
 * struct spd - all policies
 * @pol:  the policies, in no order
 * @n:    how many there are
 * @room: how many fit into @pol
 */
struct spd {
	struct policy *pol;
	size_t n;
	size_t room;
};

int spd_read(struct spd *spd);
void spd_free(struct spd *spd);
void policy_text(const struct policy *pol, char *buf, size_t len);

#endif /* LATCH_TOOL_SPD_H */
