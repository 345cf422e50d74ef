/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a key manager tells the module: whose an SA is, that it is at work, that
 * a peer is dead. A client of the generic netlink family "latch" for programs
 * that must not exit, print or block for long.
 *
 * One handle is used by one thread at a time. All calls return 0 or a negative
 * errno; -ENOPROTOOPT: the module is not there, -EIO: the kernel's answer makes
 * no sense, -ETIMEDOUT: there was none. latchnl_why() has the kernel's words.
 */
#ifndef LATCHNL_H
#define LATCHNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct latchnl;

/**
 * struct latchnl_blob - bytes of somebody else
 * @data: where they are, NULL for none
 * @len:  how many
 */
struct latchnl_blob {
	const void *data;
	size_t len;
};

/**
 * struct latchnl_peer - an identity as IKE authenticated it
 * @id_type: LATCH_ID_*; LATCH_ID_NONE: there is no such identity
 * @auth:    LATCH_AUTH_*
 * @id:      value of the ID as IKE carries it
 * @cert:    end-entity certificate, DER
 * @anchor:  trust anchor that it was validated to, DER or name
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
 * struct latchnl_sa - an SA, or with @reqid all SAs of it
 * @dst:       destination address, 4 or 16 bytes
 * @spi:       network byte order
 * @mark:      mark value of the SA, with @mark_mask; 0 without
 * @reqid:     not 0: nothing else is looked at
 * @proto:     IPPROTO_ESP or IPPROTO_AH
 */
struct latchnl_sa {
	struct latchnl_blob dst;
	uint32_t spi;
	uint32_t mark;
	uint32_t mark_mask;
	uint32_t reqid;
	uint8_t proto;
};

struct latchnl *latchnl_open(void);
void latchnl_close(struct latchnl *nl);
const char *latchnl_why(const struct latchnl *nl);
int latchnl_fd(const struct latchnl *nl);
bool latchnl_changed(struct latchnl *nl);
int latchnl_manager(struct latchnl *nl, bool active);
int latchnl_claim(struct latchnl *nl, const struct latchnl_sa *sa,
		  const struct latchnl_peer *peer, const struct latchnl_peer *local);
int latchnl_keep(struct latchnl *nl, const struct latchnl_sa *sa,
		 const struct latchnl_peer *peer, const struct latchnl_peer *local, bool keep);
int latchnl_unclaim(struct latchnl *nl, const struct latchnl_sa *sa);
int latchnl_dead(struct latchnl *nl, const struct latchnl_peer *peer);

#endif /* LATCHNL_H */
