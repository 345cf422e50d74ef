// SPDX-License-Identifier: GPL-2.0
/*
 * Whose identity EAP proved.
 *
 * The name that charon has for a peer is the one that the peer said before the method
 * began. Some methods prove that very name, others prove one of their own, or none.
 */
#include <stdbool.h>

#include <daemon.h>

#include "eap.h"

/* Take the name from any method: the AAA server sees to it that it is the right one. */
static bool any_method;

/**
 * eap_trust_any() - say whether a name is taken whatever the method is
 * @trust: true: whoever decides about the peers compares the name that a peer says at
 *         first with the one that it proves
 */
void eap_trust_any(bool trust)
{
	any_method = trust;
}

/*
 * Does the remote end of a connection, in any round, authenticate by a method that charon
 * does not carry out itself, or has the peer choose?
 */
static bool handed_on(peer_cfg_t *conn)
{
	enumerator_t *rounds = conn->create_auth_cfg_enumerator(conn, false);
	auth_cfg_t *cfg;
	bool found = false;

	while (rounds->enumerate(rounds, &cfg)) {
		switch ((uintptr_t)cfg->get(cfg, AUTH_RULE_EAP_TYPE)) {
		case EAP_RADIUS:
		case EAP_DYNAMIC:
			found = true;
		}
	}
	rounds->destroy(rounds);
	return found;
}

/*
 * May a RADIUS server have carried out the method? charon does not write that down, only
 * which method the server chose. It may begin with one connection, and turn to another one
 * when the peer is authenticated: ask all that are for these ends.
 */
static bool maybe_handed_on(ike_sa_t *ike)
{
	peer_cfg_t *conn = ike->get_peer_cfg(ike);
	bool found = !conn || handed_on(conn);
	enumerator_t *conns;

	conns = charon->backends->create_peer_cfg_enumerator(charon->backends,
			ike->get_my_host(ike), ike->get_other_host(ike),
			ike->get_my_id(ike), ike->get_other_id(ike), IKEV2);
	while (!found && conns->enumerate(conns, &conn))
		found = handed_on(conn);
	conns->destroy(conns);
	return found;
}

/**
 * eap_proves() - find out whether a round of EAP proved the peer's name
 * @cfg: the round
 * @ike: the IKE_SA, checked out by this thread
 *
 * MD5 and MSCHAPv2 look up the secret by the name, and TLS wants a certificate for it. TTLS
 * and PEAP prove a name inside that may be another one; SIM and AKA ask for one of their
 * own; GTC gives the name to another program, without its type, perhaps without its domain.
 * With an identity of an AAA server it is not the other end that is authenticated.
 *
 * Return: true where it did.
 */
bool eap_proves(auth_cfg_t *cfg, ike_sa_t *ike)
{
	if (any_method)
		return true;
	if (cfg->get(cfg, AUTH_RULE_EAP_VENDOR) || cfg->get(cfg, AUTH_RULE_AAA_IDENTITY))
		return false;
	switch ((uintptr_t)cfg->get(cfg, AUTH_RULE_EAP_TYPE)) {
	case EAP_MD5:
	case EAP_MSCHAPV2:
	case EAP_TLS:
		return !maybe_handed_on(ike);
	default:
		return false;
	}
}
