/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_TEST_FAKE_H
#define LATCHD_TEST_FAKE_H

#include "../kernel.h"

#define FAKE_MAX	64

/**
 * struct fake_claim - what was told to the kernel
 * @key, @peer, @local, @auth: as kernel_claim()
 */
struct fake_claim {
	struct sa_key key;
	struct ident peer;
	struct ident local;
	uint8_t auth;
};

/**
 * struct fake - a kernel
 * @claims: that it has
 * @n:      their number
 * @dead:   the peer that was told to be dead last
 * @deaths: how many were
 * @error:  what the next claims give
 * @gone:   SAs are gone when they are asked for
 * @taken:  claims that were taken back
 * @bound:  what kernel_whose() says
 * @asked:  how often it was asked
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
