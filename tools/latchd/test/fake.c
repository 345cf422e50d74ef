// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for the kernel that remembers what it is told.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "fake.h"

struct fake fake;

/**
 * fake_reset() - forget all claims and all SAs
 */
void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	sad_flush(0);
}

static struct sa_key key_of(const char *dst, uint32_t spi)
{
	struct sa_key k = { .proto = IPPROTO_ESP, .spi = htonl(spi) };

	k.family = strchr(dst, ':') ? AF_INET6 : AF_INET;
	inet_pton(k.family, dst, k.dst);
	return k;
}

/**
 * fake_sa() - add an SA at the time 1000, so that latchd asks about it from 1050 on
 * @dst:   destination address
 * @spi:   SPI
 * @reqid: reqid
 */
void fake_sa(const char *dst, uint32_t spi, uint32_t reqid)
{
	struct sa_key k = key_of(dst, spi);

	sad_add(&k, reqid, 1000);
}

/**
 * fake_five_sas() - have these SAs and no others: two of one reqid, three of another, one
 * of these with IPv6
 */
void fake_five_sas(void)
{
	fake_reset();
	fake_sa("10.9.0.2", 0x7f01, 16393);
	fake_sa("10.9.0.1", 0x7f02, 16393);
	fake_sa("10.9.0.2", 0x7f03, 16397);
	fake_sa("10.9.0.1", 0x7f04, 16397);
	fake_sa("2001:db8::2", 0x7f05, 16397);
}

static struct fake_claim *find(const struct sa_key *k)
{
	size_t i;

	for (i = 0; i < fake.n; i++)
		if (!memcmp(&fake.claims[i].key, k, sizeof(*k)))
			return &fake.claims[i];
	return NULL;
}

/**
 * fake_find() - find the claim for an SA
 * @dst: destination address
 * @spi: SPI
 *
 * Return: the claim, or NULL.
 */
const struct fake_claim *fake_find(const char *dst, uint32_t spi)
{
	struct sa_key k = key_of(dst, spi);

	return find(&k);
}

int kernel_claim(const struct sa_key *key, const struct ident *peer, const struct ident *local,
		 uint8_t auth)
{
	const struct fake_claim *have = find(key);

	if (fake.error)
		return fake.error;
	if (have)
		return ident_equal(&have->peer, peer) && ident_equal(&have->local, local) ?
		       0 : -EEXIST;
	if (fake.n == FAKE_MAX)
		return -ENOSPC;
	fake.claims[fake.n++] = (struct fake_claim){ *key, *peer, *local, auth };
	return 0;
}

int kernel_unclaim(const struct sa_key *key)
{
	struct fake_claim *c = find(key);

	fake.taken++;
	if (!c)
		return -ENOENT;
	*c = fake.claims[--fake.n];
	return 0;
}

int kernel_dead(const struct ident *peer, uint8_t auth)
{
	(void)auth;
	fake.dead = *peer;
	fake.deaths++;
	return 0;
}

int kernel_bound(const struct sa *sa)
{
	(void)sa;
	fake.asked++;
	return fake.bound;
}

const char *kernel_why(void)
{
	return "";
}

bool xfrm_exists(const struct sa_key *key)
{
	(void)key;
	return !fake.gone;
}
