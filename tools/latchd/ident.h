/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Identities as IKE carries them, read from the text of IKE daemons. Nothing here has
 * state or makes system calls.
 */
#ifndef LATCHD_IDENT_H
#define LATCHD_IDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/latch_netlink.h>

/**
 * struct ident - an identity as IKE carries it
 * @type:  LATCH_ID_*; LATCH_ID_NONE where it is not known
 * @len:   bytes of @value
 * @value: of a distinguished name its DER, of an address its bytes, else its text
 */
struct ident {
	uint8_t type;
	uint16_t len;
	uint8_t value[LATCH_MAX_ID];
};

/* Which daemon wrote the text: each writes distinguished names in its own way. */
enum ident_from {
	IDENT_PLUTO = 1,
	IDENT_CHARON = 2,
};

const char *ident_from_environment(struct ident *id, const char *text);
const char *ident_from_whack(struct ident *id, const char *type, const char *text);
const char *ident_from_vici(struct ident *id, const char *text, size_t len);
const char *ident_address(struct ident *id, const char *text);
bool ident_equal(const struct ident *a, const struct ident *b);

/* dn.c */
const char *dn_from_text(struct ident *id, const char *text, size_t len, enum ident_from from);

#endif /* LATCHD_IDENT_H */
