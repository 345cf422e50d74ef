// SPDX-License-Identifier: GPL-2.0
/*
 * What charon says, and a charon that says it.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <stdio.h>
#include <string.h>
#include <linux/latch.h>
#include "../vici.h"
#include "unit.h"

static void put_name(struct msg *m, uint8_t type, const char *name)
{
	m->data[m->len++] = type;
	m->data[m->len++] = strlen(name);
	memcpy(m->data + m->len, name, strlen(name));
	m->len += strlen(name);
}

static void section(struct msg *m, const char *name)
{
	put_name(m, 1, name);
}

static void end(struct msg *m)
{
	m->data[m->len++] = 2;
}

static void kv(struct msg *m, const char *key, const char *value)
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

static void ike(struct msg *m, const char *id, const char *state, const char *peer)
{
	section(m, "ab");
	kv(m, "uniqueid", id);
	kv(m, "version", "2");
	kv(m, "state", state);
	kv(m, "local-host", "10.9.0.1");
	kv(m, "local-port", "500");
	kv(m, "local-id", "alice");
	kv(m, "remote-host", "10.9.0.2");
	kv(m, "remote-id", peer);
	list(m, "tasks-active", "CHILD_CREATE");
}

static void child_fields(struct msg *m, const char *out, const char *in)
{
	kv(m, "name", "ab-c");
	kv(m, "uniqueid", "2");
	kv(m, "reqid", "1");
	kv(m, "state", "INSTALLED");
	kv(m, "protocol", "ESP");
	kv(m, "spi-in", in);
	kv(m, "spi-out", out);
	list(m, "local-ts", "10.9.0.1/32");
}

static void child(struct msg *m, const char *out, const char *in)
{
	section(m, "child-sas");
	section(m, "ab-c-2");
	child_fields(m, out, in);
	end(m);
	end(m);
}

struct msg updown(const char *peer, bool up)
{
	struct msg m = { .len = 0 };

	if (up)
		kv(&m, "up", "yes");
	ike(&m, "1", "ESTABLISHED", peer);
	child(&m, "00007f01", "00007f02");
	end(&m);
	return m;
}

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
	ok = vici_parse(m->data, m->len, a, &c);
	if (ok)
		claims_tell(&c);
	claims_drop(&c);
	seed('v', m->data, m->len);
	return ok;
}

void vici_messages(void)
{
	struct vici_answer a;
	struct msg m, n;
	size_t i;

	m = updown("bob", true);
	CHECK(parse(&m, &a) && a.up && a.ike && a.id == 1 && !strcmp(a.state, "ESTABLISHED"));
	CHECK(fake.n == 2 && is_peer("10.9.0.2", 0x7f01, "bob") &&
	      is_peer("10.9.0.1", 0x7f02, "bob"));
	CHECK(fake.claims[0].auth == LATCH_AUTH_UNKNOWN && fake.claims[0].local.len == 5);
	/* each end of it, each byte changed: never another peer */
	for (i = 0; i < m.len; i++) {
		n = m;
		n.len = i;
		CHECK(!parse(&n, &a) || (!fake.n && !a.ike));
	}
	for (i = 0; i < m.len * 255; i++) {
		n = m;
		n.data[i / 255] ^= 1 + i % 255;
		if (parse(&n, &a) && fake.n > 2)
			CHECK(!"more SAs than there were");
	}
	m = updown("bob", false);
	CHECK(parse(&m, &a) && !a.up);
	m = updown("%any", true);
	CHECK(parse(&m, &a) && a.ike && !a.peer.type && !fake.n);
}

void vici_rekey(void)
{
	struct msg m = { .len = 0 };
	struct vici_answer a;

	ike(&m, "1", "ESTABLISHED", "bob");
	section(&m, "child-sas");
	section(&m, "ab-c");
	section(&m, "old");
	child_fields(&m, "00007f01", "00007f02");
	end(&m);
	section(&m, "new");
	child_fields(&m, "00007f03", "00007f04");
	end(&m);
	end(&m);
	end(&m);
	end(&m);
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
		ike(&m, "1", "ESTABLISHED", "bob");
		if (i % 2 == 0 && i != 4)
			kv(&m, keys[i], "mallory");
		section(&m, "child-sas");
		section(&m, "c");
		child_fields(&m, "00007f01", "00007f02");
		if (i == 1 || i == 4)
			kv(&m, keys[i], "ESP");
		end(&m);
		end(&m);
		if (i == 3)
			kv(&m, keys[i], "7");
		end(&m);
		CHECK(!parse(&m, &a) && !fake.n);
	}
	/* two IKE_SAs */
	m.len = 0;
	ike(&m, "1", "ESTABLISHED", "bob");
	end(&m);
	ike(&m, "2", "ESTABLISHED", "mallory");
	child(&m, "00007f01", "00007f02");
	end(&m);
	CHECK(!parse(&m, &a) && !fake.n);
	/* values that make no sense */
	for (i = 0; i < ARRAY_SIZE(spis); i++) {
		m.len = 0;
		ike(&m, "1", "ESTABLISHED", "bob");
		child(&m, spis[i], "00007f02");
		end(&m);
		CHECK(!parse(&m, &a) && !fake.n);
	}
	/* EAP: what IKE carries is not what was proven; XAUTH: it is a group's */
	m.len = 0;
	ike(&m, "1", "ESTABLISHED", "bob");
	kv(&m, "remote-eap-id", "mallory");
	child(&m, "00007f01", "00007f02");
	end(&m);
	CHECK(parse(&m, &a) && is_peer("10.9.0.2", 0x7f01, "mallory") &&
	      fake.claims[0].auth == LATCH_AUTH_EAP);
	m.len = 0;
	ike(&m, "1", "ESTABLISHED", "bob");
	kv(&m, "remote-xauth-id", "mallory");
	child(&m, "00007f01", "00007f02");
	end(&m);
	CHECK(parse(&m, &a) && !fake.n);
}

/* --- a charon ------------------------------------------------------------ */

static int charon = -1;

static void say_packet(uint8_t type, const char *name, const struct msg *m)
{
	uint8_t buf[9000];
	size_t n = 5;
	uint32_t head;

	buf[4] = type;
	if (name) {
		buf[n++] = strlen(name);
		memcpy(buf + n, name, strlen(name));
		n += strlen(name);
	}
	if (m) {
		memcpy(buf + n, m->data, m->len);
		n += m->len;
	}
	head = htonl(n - 4);
	memcpy(buf, &head, 4);
	if (write(charon, buf, n) != (ssize_t)n)
		exit(1);
	seed('p', buf + 4, n - 4);
	vici_read(2000);
}

/* Which requests came since the last call? */
static int asked(void)
{
	char buf[4096];
	ssize_t len;
	char *p = buf;
	int n = 0;

	while (vici_wants_to_write())
		vici_write(2000);
	len = recv(charon, buf, sizeof(buf), MSG_DONTWAIT);
	while (len > 0 && (p = memmem(p, buf + len - p, "list-sas", 8))) {
		p += 8;
		n++;
	}
	return n;
}

static void say_ike(const char *event, const char *id, const char *state, const char *peer)
{
	struct msg m = { .len = 0 };

	ike(&m, id, state, peer);
	end(&m);
	say_packet(7, event, &m);
}

static void say_log(const char *id, const char *text)
{
	struct msg m = { .len = 0 };

	kv(&m, "group", "IKE");
	kv(&m, "ikesa-name", "ab");
	kv(&m, "ikesa-uniqueid", id);
	kv(&m, "msg", text);
	say_packet(7, "log", &m);
}

static void charon_up(bool dead_peer)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), i;

	snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/latchd-unit.%d", getpid());
	unlink(at.sun_path);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 1))
		exit(1);
	vici_open(at.sun_path, dead_peer);
	vici_tick(1000);
	charon = accept(fd, NULL, NULL);
	close(fd);
	unlink(at.sun_path);
	while (vici_wants_to_write())
		vici_write(1000);
	for (i = 0; i < 6; i++)
		say_packet(5, NULL, NULL);
	CHECK(asked() == 1);
}

static void charon_down(void)
{
	close(charon);
	vici_close();
}

/* After a connection all SAs are listed; nothing is bound before the list ends. */
void vici_list_binds(void)
{
	struct msg m = updown("bob", false), n = { .len = 0 };

	sas();
	charon_up(true);
	say_packet(7, "list-sa", &m);
	CHECK(!fake.n);
	ike(&n, "2", "ESTABLISHED", "mallory");
	child(&n, "00007f03", "00007f04");
	end(&n);
	say_packet(7, "list-sa", &n);
	say_packet(1, NULL, NULL);
	CHECK(fake.n == 4 && is_peer("10.9.0.2", 0x7f01, "bob") &&
	      is_peer("10.9.0.2", 0x7f03, "mallory"));
	charon_down();
	/* two owners of one SA: nobody has it */
	sas();
	charon_up(true);
	say_packet(7, "list-sa", &m);
	m = updown("mallory", false);
	say_packet(7, "list-sa", &m);
	say_packet(1, NULL, NULL);
	CHECK(!fake.n);
	charon_down();
	/* one that is not understood spoils the list; a list that does not end says nothing */
	sas();
	charon_up(true);
	m = updown("bob", false);
	say_packet(7, "list-sa", &m);
	m.len -= 3;
	say_packet(7, "list-sa", &m);
	say_packet(1, NULL, NULL);
	CHECK(!fake.n);
	vici_list(2000);
	m = updown("bob", false);
	say_packet(7, "list-sa", &m);
	charon_down();
	CHECK(!fake.n);
}

void vici_events_bind(void)
{
	struct msg m = updown("bob", true);

	sas();
	charon_up(true);
	say_packet(7, "child-updown", &m);
	CHECK(fake.n == 2);
	m = updown("mallory", true);
	say_packet(7, "child-updown", &m);
	CHECK(fake.n == 2 && is_peer("10.9.0.2", 0x7f01, "bob"));
	m = updown("bob", false);
	sas();
	say_packet(7, "child-updown", &m);
	CHECK(!fake.n);
	CHECK(asked() == 0);
	say_ike("ike-update", "1", "ESTABLISHED", "bob");
	say_packet(1, NULL, NULL);
	CHECK(asked() == 1);
	/* what is no VICI ends the connection */
	say_packet(9, NULL, NULL);
	CHECK(vici_fd() < 0);
	charon_down();
}

static void end_first_list(void)
{
	say_packet(1, NULL, NULL);
}

/* Both the log and the event, in each order, and a list without the peer. */
void dead_peer_is_told(void)
{
	int order;

	static const char *const words[] = {
		"giving up after 5 retransmits",
		"DPD check timed out, enforcing DPD action",
	};

	for (order = 0; order < 2; order++) {
		fake_reset();
		charon_up(true);
		end_first_list();
		if (order)
			say_log("7", words[1]);
		say_ike("ike-updown", "7", "ESTABLISHED", "bob");
		if (!order) {
			CHECK(asked() == 0);
			say_log("7", words[0]);
		}
		CHECK(!fake.deaths && asked() == 1);
		say_ike("list-sa", "8", "CONNECTING", "bob");
		say_ike("list-sa", "9", "ESTABLISHED", "carol");
		say_packet(1, NULL, NULL);
		CHECK(fake.deaths == 1 && fake.dead.len == 3 && !memcmp(fake.dead.value, "bob", 3));
		charon_down();
	}
}

void dead_peer_is_sure(void)
{
	static const struct {
		const char *log_id, *log, *id, *state, *peer;
		bool up;
	} no[] = {
		{ NULL, NULL, "7", "ESTABLISHED", "bob", false }, /* forced by somebody */
		{ "7", "giving up after 5 retransmits", "8", "ESTABLISHED", "bob", false },
		{ "7", "giving up after 5 retransmits", "7", "DELETING", "bob", false },
		{ "7", "giving up after 5 retransmits", "7", "CONNECTING", "bob", false },
		{ "7", "giving up after 5 retransmits", "7", "ESTABLISHED", "%any", false },
		{ "7", "giving up after 5 path probings", "7", "ESTABLISHED", "bob", false },
		{ "7", "giving up after 5 retransmits!", "7", "ESTABLISHED", "bob", false },
		{ "7", "peer 'giving up after 5 retransmits'", "7", "ESTABLISHED", "bob", false },
		{ "7", "giving up after retransmits", "7", "ESTABLISHED", "bob", false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(no); i++) {
		fake_reset();
		charon_up(true);
		end_first_list();
		if (no[i].log)
			say_log(no[i].log_id, no[i].log);
		say_ike("ike-updown", no[i].id, no[i].state, no[i].peer);
		CHECK(asked() == 0);
		say_packet(1, NULL, NULL);
		CHECK(!fake.deaths);
		charon_down();
	}
	/* alive with another IKE_SA */
	fake_reset();
	charon_up(true);
	end_first_list();
	say_log("7", "giving up after 5 retransmits");
	say_ike("ike-updown", "7", "ESTABLISHED", "bob");
	CHECK(asked() == 1);
	say_ike("list-sa", "9", "ESTABLISHED", "bob");
	say_packet(1, NULL, NULL);
	CHECK(!fake.deaths);
	charon_down();
	/* not wanted */
	fake_reset();
	charon_up(false);
	end_first_list();
	say_log("7", "giving up after 5 retransmits");
	say_ike("ike-updown", "7", "ESTABLISHED", "bob");
	say_packet(1, NULL, NULL);
	CHECK(!fake.deaths);
	charon_down();
}

/* A list that was asked for before the death says nothing of it. */
void dead_peer_needs_a_new_list(void)
{
	fake_reset();
	charon_up(true);
	say_log("7", "giving up after 5 retransmits");
	say_ike("ike-updown", "7", "ESTABLISHED", "bob");
	say_ike("list-sa", "7", "ESTABLISHED", "bob");
	say_packet(1, NULL, NULL);
	CHECK(!fake.deaths && asked() == 1);
	say_packet(1, NULL, NULL);
	CHECK(fake.deaths == 1);
	charon_down();
}
