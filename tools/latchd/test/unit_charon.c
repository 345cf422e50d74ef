// SPDX-License-Identifier: GPL-2.0
/*
 * A charon at the other end of the socket, and what latchd makes of what it says.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "../conns.h"
#include "../vici.h"
#include "unit.h"

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

/* How often has latchd asked for a list since the last call? */
static int asked(void)
{
	struct msg conn = msg_conn("ab", "public key");
	char buf[4096];
	ssize_t len;
	char *p = buf;
	int n = 0;

	while (vici_wants_to_write())
		vici_write(2000);
	len = recv(charon, buf, sizeof(buf), MSG_DONTWAIT);
	/* latchd wants to know the connections first */
	if (len > 0 && memmem(buf, len, "list-conns", 10)) {
		say_packet(7, "list-conn", &conn);
		say_packet(1, NULL, NULL);
		return asked();
	}
	while (len > 0 && (p = memmem(p, buf + len - p, "list-sas", 8))) {
		p += 8;
		n++;
	}
	return n;
}

static void say_ike(const char *event, const char *id, const char *state, const char *peer)
{
	struct msg m = { .len = 0 };

	msg_ike(&m, id, state, peer);
	msg_end(&m);
	say_packet(7, event, &m);
}

static void say_log(const char *id, const char *text)
{
	struct msg m = { .len = 0 };

	msg_kv(&m, "group", "IKE");
	msg_kv(&m, "ikesa-name", "ab");
	msg_kv(&m, "ikesa-uniqueid", id);
	msg_kv(&m, "msg", text);
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
	for (i = 0; i < 7; i++)
		say_packet(5, NULL, NULL);
	CHECK(asked() == 1);
}

static void charon_down(void)
{
	close(charon);
	vici_close();
}

/* latchd asks for a list of all SAs when it connects; it binds none before the list ends. */
void vici_list_binds(void)
{
	struct msg m = updown("bob", false), n = { .len = 0 };

	sas();
	charon_up(true);
	say_packet(7, "list-sa", &m);
	CHECK(!fake.n);
	msg_ike(&n, "2", "ESTABLISHED", "mallory");
	msg_child(&n, "00007f03", "00007f04");
	msg_end(&n);
	say_packet(7, "list-sa", &n);
	say_packet(1, NULL, NULL);
	CHECK(fake.n == 4 && is_peer("10.9.0.2", 0x7f01, "bob") &&
	      is_peer("10.9.0.2", 0x7f03, "mallory"));
	charon_down();
	/* two peers claim one SA: latchd binds it to neither */
	sas();
	charon_up(true);
	say_packet(7, "list-sa", &m);
	m = updown("mallory", false);
	say_packet(7, "list-sa", &m);
	say_packet(1, NULL, NULL);
	CHECK(!fake.n);
	charon_down();
	/* latchd uses no list with an entry that it does not understand, or without an end */
	sas();
	charon_up(true);
	m = updown("bob", false);
	say_packet(7, "list-sa", &m);
	m.len -= 3;
	say_packet(7, "list-sa", &m);
	say_packet(1, NULL, NULL);
	CHECK(!fake.n);
	vici_list(2000);
	CHECK(asked() == 1);
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
	/* latchd closes the connection where charon does not speak VICI */
	say_packet(9, NULL, NULL);
	CHECK(vici_fd() < 0);
	charon_down();
}

/* An SA of a connection that latchd does not know waits for a list of them. */
void vici_new_connection(void)
{
	struct msg m = updown("bob", true);

	sas();
	charon_up(true);
	say_packet(1, NULL, NULL);
	conns_clear();
	say_packet(7, "child-updown", &m);
	CHECK(!fake.n && asked() == 1);
	m = updown("bob", false);
	say_packet(7, "list-sa", &m);
	say_packet(1, NULL, NULL);
	CHECK(fake.n == 2 && is_peer("10.9.0.2", 0x7f01, "bob"));
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
		{ NULL, NULL, "7", "ESTABLISHED", "bob", false }, /* the administrator ended it */
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

/* A list that latchd asked for before the peer died does not tell whether it is dead. */
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
