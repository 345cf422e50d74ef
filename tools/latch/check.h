/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Looks for what breaks connections now or later, and notes it by finding_add().
 */
#ifndef LATCH_TOOL_CHECK_H
#define LATCH_TOOL_CHECK_H

#include "claims.h"
#include "link.h"
#include "proc.h"
#include "sad.h"
#include "spd.h"

/**
 * struct owners - how many SAs belong to whom
 * @identified:   to one peer
 * @ambiguous:    claimed for several
 * @awaited:      to nobody yet, and a key manager may still say
 * @unidentified: to nobody
 */
struct owners {
	size_t identified;
	size_t ambiguous;
	size_t awaited;
	size_t unidentified;
};

/* check_owner.c */
void check_owners(const struct sad *sad, const struct claims *claims, bool manager,
		  const struct settings *set, struct owners *o);
void check_reqids(const struct sad *sad, const struct claims *claims, const struct links *links);

/* check_sa.c */
void check_sas(const struct sad *sad);
void check_pairs(const struct sad *sad, const struct links *links);

/* check_policy.c */
void check_policies(const struct spd *spd, const struct sad *sad);

#endif /* LATCH_TOOL_CHECK_H */
