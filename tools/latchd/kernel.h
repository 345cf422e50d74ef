/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What latchd asks of the kernel. The tests replace these functions by their own.
 */
#ifndef LATCHD_KERNEL_H
#define LATCHD_KERNEL_H

#include "sad.h"

int kernel_open(void);
int kernel_fd(void);
bool kernel_changed(void);
int kernel_manager(void);
const char *kernel_why(void);
int kernel_claim(const struct sa_key *key, const struct ident *peer, const struct ident *local,
		 uint8_t auth);
int kernel_unclaim(const struct sa_key *key);
int kernel_bound(const struct sa *sa);
int kernel_dead(const struct ident *peer, uint8_t auth);

/* xfrm.c */
int xfrm_open(void);
int xfrm_fd(void);
bool xfrm_read(int64_t now);
bool xfrm_reload(int64_t now);
bool xfrm_exists(const struct sa_key *key);

/* xfrmmsg.c */
bool xfrm_message(const void *msg, size_t len, int64_t now);

#endif /* LATCHD_KERNEL_H */
