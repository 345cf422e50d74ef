/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Does a key manager say whose the SAs of a namespace are?
 */
#ifndef LATCH_BASE_MANAGER_H
#define LATCH_BASE_MANAGER_H

#include "base/net.h"

/* One does, or did until it went. */
static inline bool latch_manager_active(const struct latch_net *ln)
{
	return READ_ONCE(ln->manager.active);
}

/* Serial number of the last SA that was there before it: of those it says nothing. */
static inline u64 latch_manager_since(const struct latch_net *ln)
{
	return READ_ONCE(ln->manager.since);
}

/**
 * latch_manager_set() - a key manager comes or goes
 * @ln:     the namespace
 * @active: which
 * @serial: number of the last SA that there is
 *
 * Context: genl_lock held.
 */
static inline void latch_manager_set(struct latch_net *ln, bool active, u64 serial)
{
	if (!ln->manager.active)
		WRITE_ONCE(ln->manager.since, serial);
	WRITE_ONCE(ln->manager.active, active);
}

#endif /* LATCH_BASE_MANAGER_H */
