// SPDX-License-Identifier: GPL-2.0
/*
 * Feeds any bytes to each reader, with a stand-in for the kernel; the first byte says to
 * which one. Whatever the bytes are, latchd may bind only SAs that exist, each of them
 * once, and only to a well-formed identity.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/latch.h>
#include "../conf.h"
#include "../conns.h"
#include "../env.h"
#include "../log.h"
#include "../status.h"
#include "../vici.h"
#include "fake.h"

static void need(bool ok)
{
	if (!ok)
		abort();
}

/* Check a value's tag and length. Returns its content, @len bytes. */
static const uint8_t *open_der(const uint8_t *p, const uint8_t *end, uint8_t tag, size_t *len)
{
	need(end - p >= 2 && p[0] == tag);
	*len = p[1];
	p += 2;
	if (*len == 0x81) {
		need(p < end && *p >= 0x80);
		*len = *p++;
	} else if (*len == 0x82) {
		need(end - p >= 2 && *p);
		*len = p[0] << 8 | p[1];
		p += 2;
	} else {
		need(*len < 0x80);
	}
	need((size_t)(end - p) >= *len);
	return p;
}

static void check_dn(const struct ident *id)
{
	const uint8_t *p, *end, *set, *seq;
	size_t len, n;

	p = open_der(id->value, id->value + id->len, 0x30, &len);
	end = p + len;
	need(end == id->value + id->len && len);
	while (p < end) {
		set = open_der(p, end, 0x31, &n);
		p = set + n;
		seq = open_der(set, p, 0x30, &len);
		need(seq + len == p);
		seq = open_der(seq, p, 0x06, &n);
		need(n && seq + n < p);
	}
}

static void check_ident(const struct ident *id)
{
	size_t i;

	need(id->len > 0 && id->len <= sizeof(id->value));
	switch (id->type) {
	case LATCH_ID_IPV4:
		need(id->len == 4);
		break;
	case LATCH_ID_IPV6:
		need(id->len == 16);
		break;
	case LATCH_ID_DN:
		check_dn(id);
		break;
	case LATCH_ID_FQDN:
	case LATCH_ID_EMAIL:
		for (i = 0; i < id->len; i++)
			need(id->value[i] > 0x20 && id->value[i] < 0x7f);
		need(!memchr(id->value, '@', id->len) == (id->type == LATCH_ID_FQDN));
		break;
	case LATCH_ID_KEYID:
		break;
	default:
		abort();
	}
}

static void check_claims(void)
{
	size_t i, j;
	bool more;

	for (i = 0; i < fake.n; i++) {
		check_ident(&fake.claims[i].peer);
		if (fake.claims[i].local.type)
			check_ident(&fake.claims[i].local);
		need(sad_find(&fake.claims[i].key, &more));
		for (j = 0; j < i; j++)
			need(memcmp(&fake.claims[i].key, &fake.claims[j].key,
				    sizeof(struct sa_key)));
	}
}

static void fuzz_ident(char kind, const char *text, size_t len)
{
	struct ident id;
	const char *why;

	why = kind == 'i' ? ident_from_environment(&id, text) : ident_from_vici(&id, text, len);
	if (why)
		need(id.type == LATCH_ID_NONE);
	else
		check_ident(&id);
	if (kind == 'i' && !ident_from_whack(&id, "ID_DER_ASN1_DN", text))
		check_ident(&id);
}

static void fuzz_env(char *text, size_t len)
{
	char *env[64], *p = text;
	struct updown u;
	size_t n = 0;

	while (p < text + len && n < 63) {
		env[n++] = p;
		p += strlen(p) + 1;
	}
	env[n] = NULL;
	env_verb(env);
	if (env_updown(&u, env))
		return;
	need(u.reqid);
	check_ident(&u.peer);
}

static void fuzz_status(char *text, size_t len)
{
	struct claims c = { .who = "pluto" };

	fake_five_sas();
	if (status_read(&c, text, len))
		claims_tell(&c);
	claims_drop(&c);
	check_claims();
}

static void fuzz_vici(const uint8_t *data, size_t len)
{
	struct claims c = { .who = "charon" };
	struct vici_answer a;

	fake_five_sas();
	if (vici_parse(data, len, &a, &c))
		claims_tell(&c);
	claims_drop(&c);
	if (a.peer.type)
		check_ident(&a.peer);
	check_claims();
}

static void fuzz_packet(const uint8_t *data, size_t len)
{
	fake_five_sas();
	vici_take(data, len, 5000);
	check_claims();
	need(!fake.deaths);
}

static void fuzz_conf(const char *text, size_t len)
{
	struct conf c;
	char why[1024];
	size_t i;

	if (conf_parse(&c, "f", text, len, why, sizeof(why))) {
		need(*c.whack == '/' && *c.vici_socket == '/' && *c.pluto_socket == '/' &&
		     c.updown[0]);
		return;
	}
	for (i = 0; why[i]; i++)
		need(why[i] >= 0x20 && why[i] < 0x7f);
}

static void fuzz_xfrm(const uint8_t *data, size_t len)
{
	fake_five_sas();
	xfrm_message(data, len, 1000);
	sad_ask(5000, kernel_bound);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_level(0);
	conns_add("ab", false);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text;

	if (!len)
		return 0;
	/* of its own, so that a look past the end is seen */
	text = malloc(len);
	memcpy(text, data + 1, len - 1);
	text[len - 1] = '\0';
	switch (data[0]) {
	case 'i':
	case 'I':
		fuzz_ident(data[0], text, strlen(text));
		break;
	case 'e':
		fuzz_env(text, len - 1);
		break;
	case 'w':
		fuzz_status(text, len - 1);
		break;
	case 'v':
		fuzz_vici(data + 1, len - 1);
		break;
	case 'p':
		fuzz_packet(data + 1, len - 1);
		break;
	case 'c':
		fuzz_conf(text, len - 1);
		break;
	case 'x':
		fuzz_xfrm((uint8_t *)text, len - 1);
		break;
	}
	free(text);
	fake_reset();
	return 0;
}
