// SPDX-License-Identifier: GPL-2.0
/*
 * What charon's messages say.
 */
#include <stdio.h>
#include <string.h>
#include <linux/latch.h>
#include "../conns.h"
#include "../vici.h"
#include "unit.h"

/* --- messages ------------------------------------------------------------ */

static void put_name(struct msg *m, uint8_t type, const char *name)
{
	m->data[m->len++] = type;
	m->data[m->len++] = strlen(name);
	memcpy(m->data + m->len, name, strlen(name));
	m->len += strlen(name);
}

static void msg_section(struct msg *m, const char *name)
{
	put_name(m, 1, name);
}

/**
 * msg_end() - end a section
 * @m: the message
 */
void msg_end(struct msg *m)
{
	m->data[m->len++] = 2;
}

/**
 * msg_kv() - add a key and its value
 * @m:     the message
 * @key:   the key
 * @value: the value
 */
void msg_kv(struct msg *m, const char *key, const char *value)
{
	put_name(m, 3, key);
	m->data[m->len++] = strlen(value) >> 8;
	m->data[m->len++] = strlen(value);
	memcpy(m->data + m->len, value, strlen(value));
	m->len += strlen(value);
}

static void list(struct msg *m, const char *name, const char *item)
{
	put_name(m, 4, name);
	m->data[m->len++] = 5;
	m->data[m->len++] = 0;
	m->data[m->len++] = strlen(item);
	memcpy(m->data + m->len, item, strlen(item));
	m->len += strlen(item);
	m->data[m->len++] = 6;
}

/**
 * msg_ike() - begin the section of an IKE_SA, and add its fields
 * @m:     the message
 * @id:    unique number of the IKE_SA
 * @state: its state
 * @peer:  identity of the peer
 */
void msg_ike(struct msg *m, const char *id, const char *state, const char *peer)
{
	msg_section(m, "ab");
	msg_kv(m, "uniqueid", id);
	msg_kv(m, "version", "2");
	msg_kv(m, "state", state);
	msg_kv(m, "local-host", "10.9.0.1");
	msg_kv(m, "local-port", "500");
	msg_kv(m, "local-id", "alice");
	msg_kv(m, "remote-host", "10.9.0.2");
	msg_kv(m, "remote-id", peer);
	list(m, "tasks-active", "CHILD_CREATE");
}

static void child_fields(struct msg *m, const char *out, const char *in)
{
	msg_kv(m, "name", "ab-c");
	msg_kv(m, "uniqueid", "2");
	msg_kv(m, "reqid", "1");
	msg_kv(m, "state", "INSTALLED");
	msg_kv(m, "protocol", "ESP");
	msg_kv(m, "spi-in", in);
	msg_kv(m, "spi-out", out);
	list(m, "local-ts", "10.9.0.1/32");
}

/**
 * msg_child() - add the section of a CHILD_SA
 * @m:   the message
 * @out: outbound SPI, in hexadecimal
 * @in:  inbound SPI, in hexadecimal
 */
void msg_child(struct msg *m, const char *out, const char *in)
{
	msg_section(m, "child-sas");
	msg_section(m, "ab-c-2");
	child_fields(m, out, in);
	msg_end(m);
	msg_end(m);
}

/**
 * updown() - make a message that the child of an IKE_SA comes up or goes down
 * @peer: identity of the peer
 * @up:   it comes up
 *
 * Return: the message.
 */
struct msg updown(const char *peer, bool up)
{
	struct msg m = { .len = 0 };

	if (up)
		msg_kv(&m, "up", "yes");
	msg_ike(&m, "1", "ESTABLISHED", peer);
	msg_child(&m, "00007f01", "00007f02");
	msg_end(&m);
	return m;
}

/**
 * sas() - have four SAs and no claims
 */
void sas(void)
{
	fake_reset();
	fake_sa("10.9.0.2", 0x7f01, 1);
	fake_sa("10.9.0.1", 0x7f02, 1);
	fake_sa("10.9.0.2", 0x7f03, 1);
	fake_sa("10.9.0.1", 0x7f04, 1);
}

static bool parse(const struct msg *m, struct vici_answer *a)
{
	struct claims c = { .who = "charon" };
	bool ok;

	sas();
	conns_add("ab", false);
	ok = vici_parse(m->data, m->len, a, &c);
	if (ok)
		claims_tell(&c);
	claims_drop(&c);
	seed('v', m->data, m->len);
	return ok;
}

/* The message ends early, or a byte is another one: never another peer. */
static void spoil(const struct msg *m)
{
	struct vici_answer a;
	struct msg n;
	size_t i;

	for (i = 0; i < m->len; i++) {
		n = *m;
		n.len = i;
		CHECK(!parse(&n, &a) || (!fake.n && !a.ike));
	}
	for (i = 0; i < m->len * 255; i++) {
		n = *m;
		n.data[i / 255] ^= 1 + i % 255;
		if (parse(&n, &a) && fake.n > 2)
			CHECK(!"more SAs than there were");
	}
}

void vici_messages(void)
{
	struct msg m = updown("bob", true);
	struct vici_answer a;

	CHECK(parse(&m, &a) && a.up && a.ike && a.id == 1 && !strcmp(a.state, "ESTABLISHED"));
	CHECK(fake.n == 2 && is_peer("10.9.0.2", 0x7f01, "bob") &&
	      is_peer("10.9.0.1", 0x7f02, "bob"));
	CHECK(fake.claims[0].auth == LATCH_AUTH_UNKNOWN && fake.claims[0].local.len == 5);
	spoil(&m);
	m = updown("bob", false);
	CHECK(parse(&m, &a) && !a.up);
	m = updown("%any", true);
	CHECK(parse(&m, &a) && a.ike && !a.peer.type && !fake.n);
}

void vici_rekey(void)
{
	struct msg m = { .len = 0 };
	struct vici_answer a;

	msg_ike(&m, "1", "ESTABLISHED", "bob");
	msg_section(&m, "child-sas");
	msg_section(&m, "ab-c");
	msg_section(&m, "old");
	child_fields(&m, "00007f01", "00007f02");
	msg_end(&m);
	msg_section(&m, "new");
	child_fields(&m, "00007f03", "00007f04");
	msg_end(&m);
	msg_end(&m);
	msg_end(&m);
	msg_end(&m);
	CHECK(parse(&m, &a) && fake.n == 4 && is_peer("10.9.0.2", 0x7f03, "bob"));
}

void vici_refuses(void)
{
	static const char *const keys[] = { "remote-id", "spi-in", "remote-host", "uniqueid",
					    "protocol" };
	static const char *const spis[] = {
		"", "0", "00000000", "7f01x", "-1", "0x7f01", "17f0100000", "7F01",
	};
	struct vici_answer a;
	struct msg m;
	size_t i;

	/* a key twice */
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		m.len = 0;
		msg_ike(&m, "1", "ESTABLISHED", "bob");
		if (i % 2 == 0 && i != 4)
			msg_kv(&m, keys[i], "mallory");
		msg_section(&m, "child-sas");
		msg_section(&m, "c");
		child_fields(&m, "00007f01", "00007f02");
		if (i == 1 || i == 4)
			msg_kv(&m, keys[i], "ESP");
		msg_end(&m);
		msg_end(&m);
		if (i == 3)
			msg_kv(&m, keys[i], "7");
		msg_end(&m);
		CHECK(!parse(&m, &a) && !fake.n);
	}
	/* two IKE_SAs */
	m.len = 0;
	msg_ike(&m, "1", "ESTABLISHED", "bob");
	msg_end(&m);
	msg_ike(&m, "2", "ESTABLISHED", "mallory");
	msg_child(&m, "00007f01", "00007f02");
	msg_end(&m);
	CHECK(!parse(&m, &a) && !fake.n);
	/* values that make no sense */
	for (i = 0; i < ARRAY_SIZE(spis); i++) {
		m.len = 0;
		msg_ike(&m, "1", "ESTABLISHED", "bob");
		msg_child(&m, spis[i], "00007f02");
		msg_end(&m);
		CHECK(!parse(&m, &a) && !fake.n);
	}
}

/* EAP: what was said need not be what was proved; XAUTH: what IKE carries is a group's */
void vici_other_names(void)
{
	struct msg m = { .len = 0 };
	struct vici_answer a;

	msg_ike(&m, "1", "ESTABLISHED", "bob");
	msg_kv(&m, "remote-eap-id", "mallory");
	msg_child(&m, "00007f01", "00007f02");
	msg_end(&m);
	CHECK(parse(&m, &a) && !fake.n && !a.new);
	vici_trust_eap(true);
	CHECK(parse(&m, &a) && is_peer("10.9.0.2", 0x7f01, "mallory") &&
	      fake.claims[0].auth == LATCH_AUTH_EAP);
	vici_trust_eap(false);
	m.len = 0;
	msg_ike(&m, "1", "ESTABLISHED", "bob");
	msg_kv(&m, "remote-xauth-id", "mallory");
	msg_child(&m, "00007f01", "00007f02");
	msg_end(&m);
	CHECK(parse(&m, &a) && !fake.n);
}

/**
 * msg_conn() - make a message about a connection
 * @name:  its name
 * @class: how the peer authenticates; NULL where that is not told
 *
 * Return: the message.
 */
struct msg msg_conn(const char *name, const char *class)
{
	struct msg m = { .len = 0 };

	msg_section(&m, name);
	list(&m, "local_addrs", "10.9.0.1");
	msg_section(&m, "local-1");
	msg_kv(&m, "class", "EAP");
	msg_end(&m);
	msg_section(&m, "remote-1");
	if (class)
		msg_kv(&m, "class", class);
	list(&m, "cacerts", "CN=ca");
	msg_end(&m);
	msg_end(&m);
	return m;
}

/* EAP with the name that IKE carries is told like any other method: the connection says it. */
void vici_hidden_eap(void)
{
	static const struct {
		const char *class;
		bool eap;
	} is[] = {
		{ "public key", false }, { "pre-shared key", false }, { "XAuth", false },
		{ "EAP", true }, { "any", true }, { "", true }, { "public keys", true },
		{ NULL, true },
	};
	struct msg m = updown("bob", true), c;
	struct vici_answer a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(is); i++) {
		conns_clear();
		c = msg_conn("ab", is[i].class);
		CHECK(vici_parse_conn(c.data, c.len));
		CHECK(parse(&m, &a) && (fake.n == 0) == is[i].eap && !a.new);
		CHECK(conns_find("ab") == (is[i].eap ? CONNS_BY_EAP : CONNS_BY_IKE));
	}
	/* what was EAP once stays so */
	c = msg_conn("ab", "public key");
	CHECK(vici_parse_conn(c.data, c.len) && conns_find("ab") == CONNS_BY_EAP);
	c.len--;
	CHECK(!vici_parse_conn(c.data, c.len));
	conns_clear();
	sas();
	CHECK(vici_parse(m.data, m.len, &a, NULL) && a.new && !a.peer.type);
}
