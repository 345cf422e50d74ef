/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The SAs of this namespace, without their keys, and whether anybody has claimed them.
 */
#ifndef LATCHD_SAD_H
#define LATCHD_SAD_H

#include "ident.h"

/**
 * struct sa_key - what identifies an SA
 * @family: AF_INET or AF_INET6
 * @proto:  IPPROTO_ESP or IPPROTO_AH
 * @spi:    network byte order
 * @dst:    destination address; the rest of an IPv4 one is zero
 * @mark:   value of its mark, 0 where it has none
 * @mask:   mask of its mark, 0 where it has none
 */
struct sa_key {
	uint16_t family;
	uint8_t proto;
	uint32_t spi;
	uint8_t dst[16];
	uint32_t mark;
	uint32_t mask;
};

enum sa_state {
	SA_ASK,		/* we know of no claim yet, and ask for one */
	SA_BOUND,	/* somebody has claimed it */
	SA_LEFT,	/* the IKE daemons do not know it, or contradict themselves */
};

/**
 * struct sa - one SA
 * @next:     the next in its bucket
 * @ask_next: the next in the list of SAs in SA_ASK
 * @ask_prev: the pointer to this one in that list; NULL where it is not in the list
 * @key:      what identifies it
 * @reqid:    its reqid in the kernel
 * @state:    what we know
 * @tries:    how often we have asked
 * @due:      when to ask next, in milliseconds
 * @round:    the last reading of the SAD that had it
 */
struct sa {
	struct sa *next;
	struct sa *ask_next;
	struct sa **ask_prev;
	struct sa_key key;
	uint32_t reqid;
	enum sa_state state;
	unsigned int tries;
	int64_t due;
	unsigned int round;
};

void sad_add(const struct sa_key *key, uint32_t reqid, int64_t now);
void sad_del(const struct sa_key *key);
void sad_flush(uint8_t proto);
void sad_round_begin(void);
void sad_round_end(void);
struct sa *sad_find(const struct sa_key *key, bool *more);
void sad_settle(struct sa *sa, enum sa_state state);
void sad_forget(int64_t now);
int64_t sad_due(void);
unsigned int sad_ask(int64_t now, int (*bound)(const struct sa *sa));
size_t sad_count(enum sa_state state);

#endif /* LATCHD_SAD_H */
