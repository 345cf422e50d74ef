/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The SAs of this namespace as the kernel tells of them, without their keys, and
 * who was found to own them.
 */
#ifndef LATCHD_SAD_H
#define LATCHD_SAD_H

#include "ident.h"

/**
 * struct sa_key - what an SA is found by
 * @family: AF_INET or AF_INET6
 * @proto:  IPPROTO_ESP or IPPROTO_AH
 * @spi:    network byte order
 * @dst:    destination, the rest zero
 * @mark:   its mark, 0 without
 * @mask:   mask of that
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
	SA_ASK,		/* nobody said yet whose it is */
	SA_BOUND,	/* somebody told the kernel */
	SA_LEFT,	/* nobody knows, or what they say does not agree */
};

/**
 * struct sa - one SA
 * @next:  in its bucket
 * @ask:   neighbours in the list of those in SA_ASK
 * @key:   what it is found by
 * @reqid: of the kernel
 * @state: what is known
 * @tries: how often was asked
 * @due:   when to ask next, in milliseconds
 * @round: the last reading of the SAD in which it was seen
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
unsigned int sad_ask(int64_t now, int (*whose)(const struct sa *sa));
size_t sad_count(enum sa_state state);

#endif /* LATCHD_SAD_H */
