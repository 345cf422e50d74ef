/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_TEST_FAKE_H
#define LATCHD_TEST_FAKE_H

#include "../kernel.h"

#define FAKE_MAX	64

/**
 * struct fake_claim - a claim that the stand-in for the kernel took
 * @key:   as for kernel_claim()
 * @peer:  as for kernel_claim()
 * @local: as for kernel_claim()
 * @auth:  as for kernel_claim()
 */
struct fake_claim {
	struct sa_key key;
	struct ident peer;
	struct ident local;
	uint8_t auth;
};

/**
 * struct fake - the stand-in for the kernel
 * @claims: the claims that it took
 * @n:      their number
 * @dead:   the peer that latchd reported dead last
 * @deaths: how many peers latchd reported dead
 * @error:  a negative errno with which it refuses claims, 0 to take them
 * @gone:   xfrm_exists() says that an SA does not exist
 * @taken:  how many claims latchd has deleted
 * @bound:  what kernel_bound() returns
 * @asked:  how often latchd has called kernel_bound()
 */
struct fake {
	struct fake_claim claims[FAKE_MAX];
	size_t n;
	struct ident dead;
	unsigned int deaths;
	int error;
	bool gone;
	unsigned int taken;
	int bound;
	unsigned int asked;
};

extern struct fake fake;

void fake_reset(void);
void fake_five_sas(void);
void fake_sa(const char *dst, uint32_t spi, uint32_t reqid);
const struct fake_claim *fake_find(const char *dst, uint32_t spi);

#endif /* LATCHD_TEST_FAKE_H */
