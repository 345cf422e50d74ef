/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_VICI_H
#define LATCHD_VICI_H

#include "claims.h"

void vici_open(const char *path, bool dead_peer);
void vici_close(void);
int vici_fd(void);
bool vici_wants_to_write(void);
int64_t vici_due(void);
void vici_tick(int64_t now);
void vici_write(int64_t now);
void vici_read(int64_t now);
void vici_list(int64_t now);
bool vici_take(const uint8_t *data, size_t len, int64_t now);

/* vicimsg.c */

void vici_trust_eap(bool trust);
bool vici_needs_conns(void);
bool vici_parse_conn(const uint8_t *msg, size_t len);

/**
 * struct vici_sink - functions that get the parts of a message
 * @section: gets the depth, 1 for the outermost, and name of a section that begins; its
 *           depth and NULL where it ends
 * @value:   gets a key and its value, at the depth of the section that they are in
 * @data:    for both
 */
struct vici_sink {
	void (*section)(void *data, unsigned int depth, const char *name);
	void (*value)(void *data, unsigned int depth, const char *key, const char *value,
		      size_t len);
	void *data;
};

bool vici_walk(const uint8_t *msg, size_t len, const struct vici_sink *sink);

/**
 * struct vici_answer - what a message says
 * @up:      it is an event of something that came up
 * @ike:     it is about an IKE_SA
 * @id:      unique number of the IKE_SA
 * @state:   state of the IKE_SA
 * @peer:    the authenticated identity, LATCH_ID_NONE where it is not known
 * @local:   the identity that we asserted, or LATCH_ID_NONE
 * @auth:    LATCH_AUTH_* of the peer
 * @new:     it is of a connection that we do not know: read the connections again
 * @gave_up: it is a line of the log: charon gave the IKE_SA up for want of answers
 */
struct vici_answer {
	bool up;
	bool ike;
	uint32_t id;
	char state[24];
	struct ident peer;
	struct ident local;
	uint8_t auth;
	bool new;
	bool gave_up;
};

bool vici_parse(const uint8_t *msg, size_t len, struct vici_answer *a, struct claims *c);

#endif /* LATCHD_VICI_H */
