/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names in one form: equal ones have the same bytes, others do not, and none is longer than
 * the name.
 */
#ifndef LATCH_TESTS_NAME_CASES_H
#define LATCH_TESTS_NAME_CASES_H

#include "../core/name.h"
#include "der_cases.h"

static void name_ids(struct tally *t)
{
	static const struct {
		u8 type;
		const char *id;
		const char *want;	/* NULL where only its bytes count */
	} ids[] = {
		{ LATCH_ID_FQDN, "Bob.Example", "bob.example" },
		{ LATCH_ID_FQDN, "bob", "bob" },
		{ LATCH_ID_FQDN, "", NULL },
		{ LATCH_ID_EMAIL, "Bob@Mail.Example", "Bob@mail.example" },
		{ LATCH_ID_EMAIL, "A@B@C.Example", "A@B@c.example" },
		{ LATCH_ID_EMAIL, "Bob@", "Bob@" },
		{ LATCH_ID_EMAIL, "Bob", NULL },
		{ LATCH_ID_KEYID, "Bob", NULL },
		{ LATCH_ID_IPV4, "ABCD", NULL },
		{ LATCH_ID_DN, "CN=bob", NULL },
	};
	u8 out[64];
	u32 i, n, len;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		len = strlen(ids[i].id);
		memset(out, 0xa5, sizeof(out));
		n = latch_name_text(ids[i].type, (struct latch_bytes){ (const u8 *)ids[i].id, len },
				    out);
		EXPECT(t, out[len] == 0xa5, "%s: too long", ids[i].id);
		EXPECT(t, ids[i].want ? n == strlen(ids[i].want) && !memcmp(out, ids[i].want, n) :
		       !n, "%s: %u bytes", ids[i].id, n);
	}
}

/* Equal with other types of string, and with no other change of any byte. */
static void name_dn(struct tally *t)
{
	static const u8 dn[] = {
		0x30, 0x12, 0x31, 0x10, 0x30, 0x0e, 0x06, 0x03, 0x55, 0x04, 0x0a, 0x0c, 0x07,
		'E', 'x', 'a', 'm', 'p', 'l', 'e',
	};
	u8 copy[sizeof(dn)], want[sizeof(dn)], out[sizeof(dn)];
	u32 i, value, n, len;

	len = latch_name_text(LATCH_ID_DN, (struct latch_bytes){ dn, sizeof(dn) }, want);
	EXPECT(t, len && len <= sizeof(dn), "%u bytes", len);
	for (i = 0; i < sizeof(dn); i++) {
		for (value = 0; value < 256; value++) {
			bool text = i == 11 && (value == 12 || (value >= 18 && value <= 20) ||
						value == 22 || value == 26);

			memcpy(copy, dn, sizeof(dn));
			copy[i] = value;
			n = latch_name_text(LATCH_ID_DN, (struct latch_bytes){ copy, sizeof(dn) },
					    out);
			EXPECT(t, (n == len && !memcmp(out, want, len)) ==
			       (text || value == dn[i]), "byte %u is %u", i, value);
		}
	}
}

#define CERT_SUBJECT	113	/* where the subject is, and its length */
#define CERT_SUBJECT_LEN	58

/* Whatever else changes in a certificate, subject and key make the authority. */
static void name_anchor(struct tally *t)
{
	const struct latch_bytes name = { test_cert + CERT_SUBJECT, CERT_SUBJECT_LEN };
	static u8 copy[sizeof(test_cert)], want[sizeof(test_cert)], out[sizeof(test_cert)];
	const struct latch_bytes nothing = { test_cert, 0 };
	u32 i, n, len, other = 0;

	len = latch_anchor_text((struct latch_bytes){ test_cert, sizeof(test_cert) }, want);
	EXPECT(t, len && len <= sizeof(test_cert), "%u bytes", len);
	for (i = 0; i < sizeof(test_cert); i++) {
		memcpy(copy, test_cert, sizeof(test_cert));
		copy[i] ^= 0x40;
		n = latch_anchor_text((struct latch_bytes){ copy, sizeof(test_cert) }, out);
		if (!n || (n == len && !memcmp(out, want, len)))
			continue;
		other++;
		EXPECT(t, i >= CERT_SUBJECT && i < CERT_KEY + CERT_KEY_LEN, "byte %u", i);
	}
	/* 32 bytes of the key and 7 + 14 + 2 of the subject may be anything; OIDs almost so */
	EXPECT(t, other >= 32 + 7 + 14 + 2, "%u", other);
	EXPECT(t, !latch_anchor_text(name, out), "a name");
	EXPECT(t, !latch_anchor_text(nothing, out), "nothing");
}

static const struct test name_tests[] = {
	{ "2-5_name_of_an_id", name_ids },
	{ "2-5_name_of_a_dn", name_dn },
	{ "2-5_name_of_an_authority", name_anchor },
};

#endif /* LATCH_TESTS_NAME_CASES_H */
