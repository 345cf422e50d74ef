/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a key manager tells the module: which peer an SA belongs to, that the
 * manager is at work, that a peer is dead. This is for programs that must not exit,
 * print or wait for long.
 *
 * One thread at a time may use a handle. All calls return 0 or a negative errno:
 * -ENOPROTOOPT the module is not loaded, -EIO the kernel's answer makes no sense,
 * -ETIMEDOUT the kernel did not answer. latchnl_why() has the kernel's words.
 */
#ifndef LATCHNL_H
#define LATCHNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct latchnl;

/**
 * struct latchnl_blob - bytes that the caller owns
 * @data: the bytes, NULL for none
 * @len:  their number
 */
struct latchnl_blob {
	const void *data;
	size_t len;
};

/**
 * struct latchnl_peer - an identity as IKE authenticated it
 * @id_type: LATCH_ID_*; LATCH_ID_NONE where there is none
 * @auth:    LATCH_AUTH_*
 * @id:      the identity's value as IKE carries it
 * @cert:    end-entity certificate, DER
 * @anchor:  trust anchor of that certificate, DER or a name
 * @key:     public key, SubjectPublicKeyInfo
 */
struct latchnl_peer {
	uint8_t id_type;
	uint8_t auth;
	struct latchnl_blob id;
	struct latchnl_blob cert;
	struct latchnl_blob anchor;
	struct latchnl_blob key;
};

/**
 * struct latchnl_sa - an SA, or all SAs of a reqid
 * @dst:       destination address, 4 or 16 bytes
 * @spi:       network byte order
 * @mark:      value of the SA's mark
 * @mark_mask: mask of the mark; 0 where the SA has none
 * @natt:      the peer's own address behind its NAT, of the family of @dst; empty not known.
 *             Read with a claim only
 * @reqid:     the reqid, for all its SAs: the other fields do not count then; or 0
 * @proto:     IPPROTO_ESP or IPPROTO_AH
 */
struct latchnl_sa {
	struct latchnl_blob dst;
	struct latchnl_blob natt;
	uint32_t spi;
	uint32_t mark;
	uint32_t mark_mask;
	uint32_t reqid;
	uint8_t proto;
};

/**
 * struct latchnl_flow - a connection that is latched
 * @local:   its address here, 4 or 16 bytes
 * @remote:  the other one
 * @peer_id: its peer's identity, as IKE carries it
 * @lport:   host byte order
 * @rport:   host byte order
 * @proto:   IPPROTO_TCP or IPPROTO_UDP
 * @peer_id_type: LATCH_ID_*; LATCH_ID_NONE where nobody has said who the peer is
 */
struct latchnl_flow {
	struct latchnl_blob local;
	struct latchnl_blob remote;
	struct latchnl_blob peer_id;
	uint16_t lport;
	uint16_t rport;
	uint8_t proto;
	uint8_t peer_id_type;
};

typedef void (*latchnl_flow_cb)(const struct latchnl_flow *f, void *data);

struct latchnl *latchnl_open(void);
void latchnl_close(struct latchnl *h);
const char *latchnl_why(const struct latchnl *h);
int latchnl_fd(const struct latchnl *h);
bool latchnl_changed(struct latchnl *h);
int latchnl_manager(struct latchnl *h, bool active);
int latchnl_claim(struct latchnl *h, const struct latchnl_sa *sa,
		  const struct latchnl_peer *peer, const struct latchnl_peer *local);
int latchnl_keep(struct latchnl *h, const struct latchnl_sa *sa,
		 const struct latchnl_peer *peer, const struct latchnl_peer *local, bool keep);
int latchnl_unclaim(struct latchnl *h, const struct latchnl_sa *sa);
int latchnl_bound(struct latchnl *h, const struct latchnl_sa *sa);
int latchnl_dead(struct latchnl *h, const struct latchnl_peer *peer);
int latchnl_flows(struct latchnl *h, latchnl_flow_cb cb, void *data);

#endif /* LATCHNL_H */
