// SPDX-License-Identifier: GPL-2.0
/*
 * The identities that an IKE_SA authenticated.
 */
#include <string.h>

#include <daemon.h>
#include <credentials/certificates/certificate.h>
#include <credentials/keys/public_key.h>

#include <linux/latch.h>
#include "eap.h"
#include "proof.h"

/**
 * blob_of() - refer to the bytes of a chunk
 * @c: the chunk, which must stay as long as the result is in use
 *
 * Return: the same bytes.
 */
struct latchnl_blob blob_of(chunk_t c)
{
	return (struct latchnl_blob){ .data = c.ptr, .len = c.len };
}

static void proof_clear(struct proof *p)
{
	chunk_free(&p->id);
	chunk_free(&p->cert);
	chunk_free(&p->anchor);
	chunk_free(&p->key);
}

/**
 * ends_clear() - free what ends_take() took
 * @e: the identities; none after that
 */
void ends_clear(struct ends *e)
{
	proof_clear(&e->peer);
	proof_clear(&e->local);
}

/* Returns LATCH_ID_*; LATCH_ID_NONE for a type that does not name one host. */
static uint8_t id_type(identification_t *id)
{
	switch (id->get_type(id)) {
	case ID_IPV4_ADDR:
		return LATCH_ID_IPV4;
	case ID_FQDN:
		return LATCH_ID_FQDN;
	case ID_RFC822_ADDR:
		return LATCH_ID_EMAIL;
	case ID_IPV6_ADDR:
		return LATCH_ID_IPV6;
	case ID_DER_ASN1_DN:
		return LATCH_ID_DN;
	case ID_DER_ASN1_GN:
		return LATCH_ID_GN;
	case ID_KEY_ID:
		return LATCH_ID_KEYID;
	default:
		return LATCH_ID_NONE;
	}
}

/*
 * The authentication method. Where the peer used RFC 7427, the AUTH payload says more
 * than the key, but charon does not keep that: take the method that fits the key.
 */
static uint8_t auth_of_key(public_key_t *key)
{
	switch (key->get_type(key)) {
	case KEY_RSA:
		return LATCH_AUTH_RSA;
	case KEY_ECDSA:
		switch (key->get_keysize(key)) {
		case 256:
			return LATCH_AUTH_ECDSA_256;
		case 384:
			return LATCH_AUTH_ECDSA_384;
		case 521:
			return LATCH_AUTH_ECDSA_521;
		}
		return LATCH_AUTH_SIGNATURE;
	default:
		return LATCH_AUTH_SIGNATURE;
	}
}

/*
 * Take the certificate, the key and the trust anchor of a round with a signature. For our own
 * end charon has the authorities that the peer asked for, which are not ours.
 */
static void take_cert(struct proof *p, auth_cfg_t *cfg, bool local)
{
	certificate_t *cert = cfg->get(cfg, AUTH_RULE_SUBJECT_CERT);
	certificate_t *anchor = local ? NULL : cfg->get(cfg, AUTH_RULE_CA_CERT);
	public_key_t *key = cert ? cert->get_public_key(cert) : NULL;

	if (cert && cert->get_type(cert) == CERT_X509 &&
	    !cert->get_encoding(cert, CERT_ASN1_DER, &p->cert))
		p->cert = chunk_empty;
	if (anchor && !anchor->get_encoding(anchor, CERT_ASN1_DER, &p->anchor))
		p->anchor = chunk_empty;
	if (!key)
		return;
	p->peer.auth = auth_of_key(key);
	if (!key->get_encoding(key, PUBKEY_SPKI_ASN1_DER, &p->key))
		p->key = chunk_empty;
	key->destroy(key);
}

/*
 * The method of a round. With IKEv1 charon writes down the peer's only; ours is the
 * one that the connection names.
 */
static uintptr_t class_of(auth_cfg_t *cfg, ike_sa_t *ike, bool local)
{
	uintptr_t class = (uintptr_t)cfg->get(cfg, AUTH_RULE_AUTH_CLASS);
	peer_cfg_t *conn = ike->get_peer_cfg(ike);
	enumerator_t *rounds;

	if (class != AUTH_CLASS_ANY || !local || !conn)
		return class;
	rounds = conn->create_auth_cfg_enumerator(conn, true);
	if (rounds->enumerate(rounds, &cfg))
		class = (uintptr_t)cfg->get(cfg, AUTH_RULE_AUTH_CLASS);
	rounds->destroy(rounds);
	return class;
}

/*
 * The identity that a round is about. With EAP it is that of the method, where the method
 * has one of its own.
 */
static identification_t *id_of(auth_cfg_t *cfg, ike_sa_t *ike, bool local, uintptr_t class)
{
	identification_t *id = cfg->get(cfg, AUTH_RULE_IDENTITY);
	identification_t *eap = cfg->get(cfg, AUTH_RULE_EAP_IDENTITY);

	if (class == AUTH_CLASS_EAP && eap && eap->get_type(eap) != ID_ANY)
		return eap;
	return id || !local ? id : ike->get_my_id(ike);
}

/* Take the identity that a round of authentication proved; false where there is none. */
static bool take_round(struct proof *p, auth_cfg_t *cfg, ike_sa_t *ike, bool local)
{
	uintptr_t class = class_of(cfg, ike, local);
	identification_t *id = id_of(cfg, ike, local, class);

	if (!id || !id_type(id))
		return false;
	switch (class) {
	case AUTH_CLASS_PSK:
		p->peer.auth = LATCH_AUTH_PSK;
		break;
	case AUTH_CLASS_EAP:
		if (!local && !eap_proves(cfg, ike))
			return false;
		take_cert(p, cfg, local);
		p->peer.auth = LATCH_AUTH_EAP;
		break;
	case AUTH_CLASS_PUBKEY:
		take_cert(p, cfg, local);
		break;
	default:
		return false;
	}
	p->peer.id_type = id_type(id);
	p->id = chunk_clone(id->get_encoding(id));
	p->peer.id = blob_of(p->id);
	p->peer.cert = blob_of(p->cert);
	p->peer.anchor = blob_of(p->anchor);
	p->peer.key = blob_of(p->key);
	return true;
}

/*
 * Take the first round where there are several (RFC 4739): the host's, before its user's.
 * XAuth adds a user to the round before it. Where that was a shared secret, a whole group
 * has it, and it proves nobody.
 */
static bool take_end(struct proof *p, ike_sa_t *ike, bool local)
{
	enumerator_t *rounds = ike->create_auth_cfg_enumerator(ike, local);
	auth_cfg_t *cfg, *first = NULL;
	bool xauth = false, found;

	memset(p, 0, sizeof(*p));
	while (rounds->enumerate(rounds, &cfg)) {
		if (!first)
			first = cfg;
		if ((uintptr_t)cfg->get(cfg, AUTH_RULE_AUTH_CLASS) == AUTH_CLASS_XAUTH)
			xauth = true;
	}
	found = first && take_round(p, first, ike, local);
	rounds->destroy(rounds);
	return found && (local || !xauth || p->peer.auth != LATCH_AUTH_PSK);
}

/*
 * Has the peer proved who it is?  charon has a condition for that with IKEv2 alone. With
 * IKEv1 it establishes an IKE_SA once the peer is authenticated, and by XAuth, too, where
 * that is asked for.
 */
static bool authenticated(ike_sa_t *ike)
{
	if (ike->get_version(ike) != IKEV1)
		return ike->has_condition(ike, COND_AUTHENTICATED);
	switch (ike->get_state(ike)) {
	case IKE_ESTABLISHED:
	case IKE_REKEYING:
	case IKE_REKEYED:
		return true;
	default:
		return false;
	}
}

/**
 * ends_take() - take the identities of both ends of an IKE_SA
 * @e:   set; the caller gives it to ends_clear(), also after a failure
 * @ike: the IKE_SA, checked out by this thread, or NULL
 *
 * Return: true; false where the IKE_SA, or its peer, is not authenticated.
 */
bool ends_take(struct ends *e, ike_sa_t *ike)
{
	memset(e, 0, sizeof(*e));
	if (!ike || !authenticated(ike))
		return false;
	if (!take_end(&e->peer, ike, false))
		return false;
	take_end(&e->local, ike, true);
	return true;
}
