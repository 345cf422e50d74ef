// SPDX-License-Identifier: GPL-2.0
/*
 * Channel bindings (RFC 5660 6.4-1, 6.3-1; RFC 5056): digests of who is at the ends
 * of a latched flow, which both ends can compare inside it.
 */
#include <crypto/sha2.h>

#include "api/chanbind.h"
#include "core/chanbind.h"
#include "core/der.h"
#include "peer/peer.h"

/* SHA-256 of the public key, which may be in the certificate only. */
static bool latch_chanbind_key(const struct latch_peer *p, u8 digest[SHA256_DIGEST_SIZE])
{
	struct latch_bytes subject, spki;
	const void *key, *cert;
	u16 key_len, cert_len;

	key = latch_peer_data(p, LATCH_PEER_KEY, &key_len);
	if (!key_len) {
		cert = latch_peer_data(p, LATCH_PEER_CERT, &cert_len);
		if (!latch_cert_parts(cert, cert_len, &subject, &spki))
			return false;
		key = spki.p;
		key_len = spki.n;
	}
	sha256(key, key_len, digest);
	return true;
}

/* One end by its record. Return: whether its key is known. */
static bool latch_chanbind_end(const struct latch_peer *p, struct latch_end *end)
{
	u16 len;

	end->type = p->id_type;
	end->id.p = latch_peer_data(p, LATCH_PEER_ID, &len);
	end->id.n = len;
	return latch_chanbind_key(p, end->key);
}

/**
 * latch_chanbind() - the channel binding of a flow
 * @peer:  record of the other end, held
 * @local: record of this end, held
 * @out:   where it goes: digest of the names, digest of names and keys
 *
 * The second digest is zero where one of the keys is not known.
 *
 * Context: process.
 * Return: 0; -ENODATA where an end is not authenticated or its identity has no
 * canonical form; -ENOMEM.
 */
int latch_chanbind(const struct latch_peer *peer, const struct latch_peer *local,
		   u8 out[LATCH_BINDING_SIZE])
{
	struct latch_end ends[2];
	bool keys;
	u8 *text;
	u32 n;

	BUILD_BUG_ON(LATCH_BINDING_SIZE != 2 * SHA256_DIGEST_SIZE);
	BUILD_BUG_ON(LATCH_CHANBIND_KEY != SHA256_DIGEST_SIZE);
	if (peer->auth == LATCH_AUTH_NULL || local->auth == LATCH_AUTH_NULL)
		return -ENODATA;
	keys = latch_chanbind_end(peer, &ends[0]);
	keys &= latch_chanbind_end(local, &ends[1]);

	text = kmalloc(latch_chanbind_room(&ends[0], &ends[1]), GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	memset(out, 0, LATCH_BINDING_SIZE);
	n = latch_chanbind_text(&ends[0], &ends[1], false, text);
	if (n)
		sha256(text, n, out);
	if (n && keys)
		sha256(text, latch_chanbind_text(&ends[0], &ends[1], true, text),
		       out + SHA256_DIGEST_SIZE);
	kfree(text);
	return n ? 0 : -ENODATA;
}
