/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The identities that an IKE_SA authenticated.
 */
#ifndef CHARON_LATCH_PROOF_H
#define CHARON_LATCH_PROOF_H

#include <daemon.h>
#include "latchnl.h"

/**
 * struct proof - an identity and what proved it
 * @peer:   both, as the module takes them; it points to the other fields
 * @id:     the identity's value
 * @cert:   certificate, DER
 * @anchor: certificate of the authority, DER
 * @key:    public key, SubjectPublicKeyInfo
 */
struct proof {
	struct latchnl_peer peer;
	chunk_t id;
	chunk_t cert;
	chunk_t anchor;
	chunk_t key;
};

/**
 * struct ends - both ends of an IKE_SA
 * @peer:  the other end
 * @local: our end, with id_type LATCH_ID_NONE where we asserted no identity
 */
struct ends {
	struct proof peer;
	struct proof local;
};

struct latchnl_blob blob_of(chunk_t c);
bool ends_take(struct ends *e, ike_sa_t *ike);
void ends_clear(struct ends *e);

#endif /* CHARON_LATCH_PROOF_H */
