/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_TEST_UNIT_H
#define LATCHD_TEST_UNIT_H

#include <stdio.h>
#include "fake.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof(*(a)))

#define CHECK(cond) do {							\
	if (!(cond)) {								\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);		\
		failures++;							\
	}									\
} while (0)

/**
 * struct msg - a message of charon
 * @data: its bytes
 * @len:  their number
 */
struct msg {
	uint8_t data[8192];
	size_t len;
};

extern int failures;

void seed(char kind, const void *data, size_t len);
const char *hex_of(const struct ident *id);
bool is_peer(const char *dst, uint32_t spi, const char *name);
void sas(void);
void msg_kv(struct msg *m, const char *key, const char *value);
void msg_ike(struct msg *m, const char *id, const char *state, const char *peer);
void msg_child(struct msg *m, const char *out, const char *in);
void msg_end(struct msg *m);
struct msg updown(const char *peer, bool up);
struct msg msg_conn(const char *name, const char *class);

void identities_of_environment(void);
void identities_of_vici(void);
void identities_of_whack(void);
void identities_have_a_length(void);
void configuration(void);
void environment(void);
void environment_verbs(void);
void status_binds(void);
void status_refuses(void);
void status_peer_cannot_forge(void);
void vici_messages(void);
void vici_rekey(void);
void vici_refuses(void);
void vici_other_names(void);
void vici_hidden_eap(void);
void vici_new_connection(void);
void vici_list_binds(void);
void vici_events_bind(void);
void dead_peer_is_told(void);
void dead_peer_is_sure(void);
void dead_peer_needs_a_new_list(void);
void sad_asks_with_patience(void);
void sad_reads_anew(void);
void claims_fail_closed(void);
void kernel_messages(void);
void logs_are_harmless(void);

#endif /* LATCHD_TEST_UNIT_H */
