// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers and their words. The list of reasons is the one that the module compiles.
 */
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/latch.h>
#include <linux/latch_netlink.h>
#include "reasons.h"
#include "names.h"

const struct name state_names[] = {
	{ LATCH_STATE_NONE, "NONE" },
	{ LATCH_STATE_LARVAL, "LARVAL" },
	{ LATCH_STATE_LISTENER, "LISTENER" },
	{ LATCH_STATE_ESTABLISHED, "ESTABLISHED" },
	{ LATCH_STATE_BROKEN, "BROKEN" },
	{ LATCH_STATE_CLOSED, "CLOSED" },
	{ LATCH_STATE_NONE, "none" },
	{ LATCH_STATE_LARVAL, "larval" },
	{ LATCH_STATE_LISTENER, "listener" },
	{ LATCH_STATE_ESTABLISHED, "established" },
	{ LATCH_STATE_BROKEN, "broken" },
	{ LATCH_STATE_CLOSED, "closed" },
	{ 0, NULL }
};

#define REASON(id, camel, word)	{ LATCH_REASON_ ## id, word },
const struct name reason_names[] = {
	{ LATCH_REASON_NONE, "none" },
	LATCH_REASONS(REASON)
	{ 0, NULL }
};

/* The reasons as bits of a set of conflicts. */
#define REASON_BIT(id, camel, word)	{ 1U << LATCH_REASON_ ## id, word },
const struct name reason_bits[] = {
	LATCH_REASONS(REASON_BIT)
	{ 0, NULL }
};

const struct name mode_names[] = {
	{ LATCH_MODE_AUTO, "auto" },
	{ LATCH_MODE_REQUIRE, "require" },
	{ LATCH_MODE_OFF, "off" },
	{ LATCH_MODE_BYPASS, "bypass" },
	{ 0, NULL }
};

const struct name disposition_names[] = {
	{ LATCH_DISP_DEFAULT, "default" },
	{ LATCH_DISP_WAIT, "wait" },
	{ LATCH_DISP_RESET, "reset" },
	{ LATCH_DISP_UNREACH, "unreach" },
	{ 0, NULL }
};

const struct name id_type_names[] = {
	{ LATCH_ID_NONE, "none" },
	{ LATCH_ID_IPV4, "ipv4" },
	{ LATCH_ID_FQDN, "fqdn" },
	{ LATCH_ID_EMAIL, "email" },
	{ LATCH_ID_IPV6, "ipv6" },
	{ LATCH_ID_DN, "dn" },
	{ LATCH_ID_GN, "gn" },
	{ LATCH_ID_KEYID, "keyid" },
	{ LATCH_ID_NULL, "null" },
	{ 0, NULL }
};

const struct name auth_names[] = {
	{ LATCH_AUTH_PSK, "psk" },
	{ LATCH_AUTH_RSA, "rsa" },
	{ LATCH_AUTH_DSS, "dss" },
	{ LATCH_AUTH_ECDSA_256, "ecdsa-256" },
	{ LATCH_AUTH_ECDSA_384, "ecdsa-384" },
	{ LATCH_AUTH_ECDSA_521, "ecdsa-521" },
	{ LATCH_AUTH_SIGNATURE, "signature" },
	{ LATCH_AUTH_NULL, "null" },
	{ LATCH_AUTH_EAP, "eap" },
	{ LATCH_AUTH_MANUAL, "manual" },
	{ LATCH_AUTH_UNKNOWN, "unknown" },
	{ LATCH_AUTH_ECDSA_256, "ecdsa" },
	{ 0, NULL }
};

/* These are bits. */
const struct name flag_names[] = {
	{ LATCH_F_PEER_IDENTIFIED, "peer-identified" },
	{ LATCH_F_QOP_INDETERMINATE, "qop-indeterminate" },
	{ LATCH_F_NATT, "natt" },
	{ LATCH_F_ESN, "esn" },
	{ LATCH_F_IPCOMP, "ipcomp" },
	{ LATCH_F_AUTO, "auto" },
	{ LATCH_F_PEER_UNKNOWN, "peer-unknown" },
	{ LATCH_F_ADOPTED, "adopted" },
	{ LATCH_F_PENDING, "pending" },
	{ LATCH_F_UNEXPLAINED, "unexplained" },
	{ LATCH_F_OWN_POLICY, "own-policy" },
	{ LATCH_F_FORWARDED, "forwarded" },
	{ 0, NULL }
};

const struct name own_none_names[] = {
	{ LATCH_OWN_NONE_INTERFACE, "interface" },
	{ LATCH_OWN_NONE_MARK, "mark" },
	{ LATCH_OWN_NONE_SAS, "sas" },
	{ 0, NULL }
};

const struct name family_names[] = {
	{ AF_INET, "inet" },
	{ AF_INET6, "inet6" },
	{ 0, NULL }
};

const struct name flow_proto_names[] = {
	{ IPPROTO_TCP, "tcp" },
	{ IPPROTO_UDP, "udp" },
	{ IPPROTO_SCTP, "sctp" },
	{ 0, NULL }
};

const struct name sa_proto_names[] = {
	{ IPPROTO_ESP, "esp" },
	{ IPPROTO_AH, "ah" },
	{ IPPROTO_COMP, "comp" },
	{ 0, NULL }
};

const struct name xfrm_mode_names[] = {
	{ 0, "transport" },
	{ 1, "tunnel" },
	{ 4, "beet" },
	{ 0, NULL }
};

const struct name on_off_names[] = {
	{ 0, "off" },
	{ 1, "on" },
	{ 0, NULL }
};

static const struct name peer_attr_names[] = {
	{ LATCH_A_PEER_ID, "id" },
	{ LATCH_A_PEER_ID_TYPE, "id-type" },
	{ LATCH_A_PEER_ID_VALUE, "id-value" },
	{ LATCH_A_PEER_AUTH, "auth" },
	{ LATCH_A_PEER_CERT, "cert" },
	{ LATCH_A_PEER_ANCHOR, "anchor" },
	{ LATCH_A_PEER_KEY, "key" },
	{ 0, NULL }
};

static const struct name binding_attr_names[] = {
	{ LATCH_A_BINDING_FAMILY, "family" },
	{ LATCH_A_BINDING_DST, "dst" },
	{ LATCH_A_BINDING_PROTO, "proto" },
	{ LATCH_A_BINDING_SPI, "spi" },
	{ LATCH_A_BINDING_MARK, "mark" },
	{ LATCH_A_BINDING_MARK_MASK, "mark-mask" },
	{ LATCH_A_BINDING_REQID, "reqid" },
	{ LATCH_A_BINDING_PEER, "peer" },
	{ LATCH_A_BINDING_LOCAL, "local" },
	{ 0, NULL }
};

static const struct name conn_attr_names[] = {
	{ LATCH_A_CONN_ID, "id" },
	{ LATCH_A_CONN_PEER, "peer" },
	{ 0, NULL }
};

static const struct name manager_attr_names[] = {
	{ LATCH_A_MANAGER_ACTIVE, "active" },
	{ LATCH_A_MANAGER_DEAD_PEER, "dead-peer" },
	{ 0, NULL }
};

static const struct name policy_attr_names[] = {
	{ LATCH_A_POLICY_ID, "id" },
	{ LATCH_A_POLICY_ACTION, "action" },
	{ LATCH_A_POLICY_BEFORE, "before" },
	{ LATCH_A_POLICY_PROTO, "proto" },
	{ LATCH_A_POLICY_LOCAL, "local" },
	{ LATCH_A_POLICY_LOCAL_LEN, "local-len" },
	{ LATCH_A_POLICY_REMOTE, "remote" },
	{ LATCH_A_POLICY_REMOTE_LEN, "remote-len" },
	{ LATCH_A_POLICY_LOCAL_PORT, "local-port" },
	{ LATCH_A_POLICY_REMOTE_PORT, "remote-port" },
	{ LATCH_A_POLICY_TMPL_PROTO, "tmpl-proto" },
	{ LATCH_A_POLICY_TMPL_MODE, "tmpl-mode" },
	{ LATCH_A_POLICY_TMPL_LOCAL, "tmpl-local" },
	{ LATCH_A_POLICY_TMPL_REMOTE, "tmpl-remote" },
	{ LATCH_A_POLICY_TMPL_REQID, "tmpl-reqid" },
	{ 0, NULL }
};

/* IKEv2 transform type 1. */
static const struct name encr_names[] = {
	{ 1, "DES-IV64" },
	{ 2, "DES" },
	{ 3, "3DES" },
	{ 4, "RC5" },
	{ 5, "IDEA" },
	{ 6, "CAST" },
	{ 7, "Blowfish" },
	{ 8, "3IDEA" },
	{ 9, "DES-IV32" },
	{ 11, "NULL" },
	{ 12, "AES-CBC" },
	{ 13, "AES-CTR" },
	{ 14, "AES-CCM-8" },
	{ 15, "AES-CCM-12" },
	{ 16, "AES-CCM-16" },
	{ 18, "AES-GCM-8" },
	{ 19, "AES-GCM-12" },
	{ 20, "AES-GCM-16" },
	{ 21, "NULL-AES-GMAC" },
	{ 23, "Camellia-CBC" },
	{ 24, "Camellia-CTR" },
	{ 25, "Camellia-CCM-8" },
	{ 26, "Camellia-CCM-12" },
	{ 27, "Camellia-CCM-16" },
	{ 28, "ChaCha20-Poly1305" },
	/* private use, as the module numbers them */
	{ LATCH_ENCR_SERPENT_CBC, "Serpent-CBC" },
	{ LATCH_ENCR_TWOFISH_CBC, "Twofish-CBC" },
	{ LATCH_ENCR_SM4_CBC, "SM4-CBC" },
	{ 0, NULL }
};

/* IKEv2 transform type 3, without the length of the ICV, which the kernel may cut. */
static const struct name integ_names[] = {
	{ 1, "HMAC-MD5" },
	{ 2, "HMAC-SHA1" },
	{ 3, "DES-MAC" },
	{ 4, "KPDK-MD5" },
	{ 5, "AES-XCBC" },
	{ 6, "HMAC-MD5" },
	{ 7, "HMAC-SHA1" },
	{ 8, "AES-CMAC" },
	{ 9, "AES-128-GMAC" },
	{ 10, "AES-192-GMAC" },
	{ 11, "AES-256-GMAC" },
	{ 12, "HMAC-SHA2-256" },
	{ 13, "HMAC-SHA2-384" },
	{ 14, "HMAC-SHA2-512" },
	{ LATCH_INTEG_HMAC_RIPEMD160, "HMAC-RIPEMD160" },
	{ LATCH_INTEG_HMAC_SM3, "HMAC-SM3" },
	{ 0, NULL }
};

/**
 * name_word() - find the word for a number
 * @names: the table, up to an entry without a word
 * @value: the number
 *
 * Return: the word; NULL where the table does not have the number.
 */
const char *name_word(const struct name *names, unsigned int value)
{
	for (; names->word; names++)
		if (names->value == value)
			return names->word;
	return NULL;
}

/**
 * name_value() - find the number for a word
 * @names: the table, up to an entry without a word
 * @word:  the word, in full
 * @value: set to the number
 *
 * Return: false where the table does not have the word.
 */
bool name_value(const struct name *names, const char *word, uint64_t *value)
{
	for (; names->word; names++) {
		if (!strcmp(names->word, word)) {
			*value = names->value;
			return true;
		}
	}
	return false;
}

/**
 * attr_names() - get the names of a request's attributes
 * @cmd: the command, LATCH_CMD_*
 *
 * Return: the table.
 */
const struct name *attr_names(unsigned int cmd)
{
	switch (cmd) {
	case LATCH_CMD_PEER_NEW:
	case LATCH_CMD_PEER_DEL:
	case LATCH_CMD_PEER_GET:
		return peer_attr_names;
	case LATCH_CMD_BINDING_NEW:
	case LATCH_CMD_BINDING_DEL:
	case LATCH_CMD_BINDING_GET:
		return binding_attr_names;
	case LATCH_CMD_MANAGER_SET:
		return manager_attr_names;
	case LATCH_CMD_POLICY_NEW:
	case LATCH_CMD_POLICY_DEL:
	case LATCH_CMD_POLICY_GET:
	case LATCH_CMD_POLICY_FLUSH:
		return policy_attr_names;
	default:
		return conn_attr_names;
	}
}

/**
 * encr_name() - name a cipher as IKE daemons do: AES-GCM-16-128
 * @buf:  ALG_NAME_MAX bytes, set
 * @encr: IKEv2 number of the cipher
 * @bits: length of the key; left out where the name implies it, or it is 0
 */
void encr_name(char *buf, unsigned int encr, unsigned int bits)
{
	const char *word = name_word(encr_names, encr);
	bool fixed = encr <= 3 || encr == 11 || encr == 28;

	if (!word)
		snprintf(buf, ALG_NAME_MAX, "%u-%u", encr, bits);
	else if (fixed || !bits)
		snprintf(buf, ALG_NAME_MAX, "%s", word);
	else
		snprintf(buf, ALG_NAME_MAX, "%s-%u", word, bits);
}

/**
 * integ_name() - name an integrity algorithm as RFC 8221 does: HMAC-SHA2-256-128
 * @buf:      ALG_NAME_MAX bytes, set
 * @integ:    IKEv2 number of the algorithm
 * @icv_bits: length of the ICV; left out where the name implies it, or it is 0
 */
void integ_name(char *buf, unsigned int integ, unsigned int icv_bits)
{
	const char *word = name_word(integ_names, integ);
	bool gmac = integ >= 9 && integ <= 11;

	if (!word)
		snprintf(buf, ALG_NAME_MAX, "%u-%u", integ, icv_bits);
	else if (gmac || !icv_bits)
		snprintf(buf, ALG_NAME_MAX, "%s", word);
	else
		snprintf(buf, ALG_NAME_MAX, "%s-%u", word, icv_bits);
}
