// SPDX-License-Identifier: GPL-2.0
/*
 * Asks charon about its SAs, over its VICI socket. The protocol is small and fixed, so
 * we speak it ourselves: libvici would bring threads, libstrongswan and its
 * configuration into a process that may change the network.
 *
 * Events tell of SAs as they come. We ask for a list of all SAs after we connect, and
 * where nobody claims an SA.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "conns.h"
#include "log.h"
#include "vici.h"

#define PACKET_MAX	(512 << 10)	/* limit of the protocol, in bytes */
#define BACK_OFF_MIN	100		/* ms between attempts to connect, at first */
#define BACK_OFF_MAX	5000		/* ms between them, at most */
#define PATIENCE	30000		/* ms that charon may take for an answer */
#define GAVE_UP_MAX	64		/* IKE_SAs that we remember as given up */
#define GAVE_UP_KEPT	5000		/* ms that we remember them */

enum packet {
	CMD_REQUEST,
	CMD_RESPONSE,
	CMD_UNKNOWN,
	EVENT_REGISTER,
	EVENT_UNREGISTER,
	EVENT_CONFIRM,
	EVENT_UNKNOWN,
	EVENT,
};

static const char * const events[] = {
	"child-updown", "child-rekey", "ike-update", "list-sa", "list-conn",
	/* charon may lack these two: then we find no peer dead */
	"ike-updown", "log",
};

#define N_EVENTS	(sizeof(events) / sizeof(*events))
#define N_NEEDED	5

/**
 * struct loss - an IKE_SA that charon gave up, or that went down without being deleted
 * @id:      its unique number
 * @at:      when we heard of it first, in milliseconds
 * @gave_up: charon's log says that it gave the IKE_SA up
 * @down:    an event says that it went down
 * @peer:    its peer, known once @down is set
 * @auth:    LATCH_AUTH_* of the peer
 *
 * The peer is dead where both are set; they may come in either order.
 */
struct loss {
	uint32_t id;
	int64_t at;
	bool gave_up;
	bool down;
	struct ident peer;
	uint8_t auth;
};

static struct vici {
	char path[108];
	bool dead_peer;
	int fd;
	bool complained;
	int64_t back_off;
	int64_t due;		/* ms: when to connect, or to give up waiting */
	uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_len;
	size_t confirmed;	/* how many events charon will send us */
	bool listing;		/* we wait for the end of a list */
	bool conns_first;	/* of connections, before that of SAs */
	bool list_again;	/* then ask for another one */
	struct claims claims;	/* of that list */
	bool list_bad;		/* an entry of it was not understood */
	struct loss losses[GAVE_UP_MAX];
	struct ident doomed;	/* dead, unless a list that we ask for now has it alive */
	uint8_t doomed_auth;
	bool checking;		/* we asked for the list after we set doomed */
} v = { .fd = -1, .claims.who = "charon" };

static void disconnect(int64_t now, const char *why)
{
	if (v.fd < 0)
		return;
	say_note("charon: connection lost: %s", why);
	close(v.fd);
	v.fd = -1;
	v.in_len = 0;
	v.out_len = 0;
	v.listing = false;
	v.conns_first = false;
	v.list_again = false;
	/* another charon may have others of the same name */
	conns_clear();
	/* a list without its end does not count */
	claims_drop(&v.claims);
	v.doomed.type = 0;
	memset(v.losses, 0, sizeof(v.losses));
	v.due = now + v.back_off;
}

static void send_packet(enum packet type, const char *name)
{
	size_t len = strlen(name), total = 2 + len;
	uint32_t head = htonl(total);
	uint8_t *p = realloc(v.out, v.out_len + 4 + total);

	if (!p) {
		say_error("out of memory");
		return;
	}
	v.out = p;
	p += v.out_len;
	memcpy(p, &head, 4);
	p[4] = type;
	p[5] = len;
	memcpy(p + 6, name, len);
	v.out_len += 4 + total;
}

/**
 * vici_list() - ask charon for a list of all its SAs
 * @now: in milliseconds
 */
void vici_list(int64_t now)
{
	if (v.fd < 0 || v.confirmed < N_EVENTS)
		return;
	if (v.listing) {
		v.list_again = true;
		return;
	}
	v.listing = true;
	v.list_bad = false;
	v.checking = v.doomed.type;
	v.due = now + PATIENCE;
	v.conns_first = vici_needs_conns();
	send_packet(CMD_REQUEST, v.conns_first ? "list-conns" : "list-sas");
}

/* --- dead peers ------------------------------------------------------------------------ */

static struct loss *loss_of(uint32_t id, int64_t now)
{
	struct loss *l, *old = NULL;

	for (l = v.losses; l < v.losses + GAVE_UP_MAX; l++) {
		if (l->id == id && l->at + GAVE_UP_KEPT > now)
			return l;
		if (!old || l->at < old->at)
			old = l;
	}
	*old = (struct loss){ .id = id, .at = now };
	return old;
}

/*
 * A peer is dead where none of its IKE_SAs is alive: ask charon for a list. Where a
 * second peer dies meanwhile, leave it out: its flows wait instead of breaking.
 */
static void check_loss(struct loss *l, int64_t now)
{
	if (!v.dead_peer || !l->gave_up || !l->down || !l->peer.type || v.doomed.type)
		return;
	v.doomed = l->peer;
	v.doomed_auth = l->auth;
	*l = (struct loss){ 0 };
	vici_list(now);
}

static void take_log(const struct vici_answer *a, int64_t now)
{
	struct loss *l;

	if (!a->gave_up)
		return;
	l = loss_of(a->id, now);
	l->gave_up = true;
	check_loss(l, now);
}

/* In the state DELETING one side has said that it goes: the peer is not dead then. */
static void take_down(const struct vici_answer *a, int64_t now)
{
	struct loss *l;

	if (a->up || !a->ike ||
	    (strcmp(a->state, "ESTABLISHED") && strcmp(a->state, "REKEYING")))
		return;
	l = loss_of(a->id, now);
	l->down = true;
	l->peer = a->peer;
	l->auth = a->auth;
	check_loss(l, now);
}

static void tell_dead(void)
{
	int rc;

	rc = kernel_dead(&v.doomed, v.doomed_auth);
	if (rc)
		say_error("charon: cannot tell that \"%s\" is dead: %s",
			  shown(v.doomed.value, v.doomed.len), strerror(-rc));
	else
		say_note("charon: peer \"%s\" is dead", shown(v.doomed.value, v.doomed.len));
	v.doomed.type = 0;
}

/* --- what charon says ----------------------------------------------------------------- */

/* The list has an IKE_SA of the peer that works: the peer is alive. */
static void spare(const struct vici_answer *a)
{
	if (v.checking && a->ike && ident_equal(&a->peer, &v.doomed) &&
	    (!strcmp(a->state, "ESTABLISHED") || !strcmp(a->state, "REKEYING") ||
	     !strcmp(a->state, "REKEYED")))
		v.doomed.type = 0;
}

static void take_list_sa(const uint8_t *msg, size_t len)
{
	struct vici_answer a;

	if (!v.listing || v.conns_first)
		return;
	if (!vici_parse(msg, len, &a, &v.claims)) {
		say_warn("charon: an IKE_SA that is told in an unknown way");
		v.list_bad = true;
		return;
	}
	spare(&a);
}

static void take_event(const char *name, const uint8_t *msg, size_t len, int64_t now)
{
	struct claims c = { .who = "charon" };
	struct vici_answer a;

	if (!strcmp(name, "list-sa")) {
		take_list_sa(msg, len);
		return;
	}
	if (!strcmp(name, "list-conn")) {
		if (!vici_parse_conn(msg, len))
			say_warn("charon: a connection that is told in an unknown way");
		return;
	}
	if (!vici_parse(msg, len, &a, &c)) {
		say_warn("charon: an event %s that makes no sense", name);
		claims_drop(&c);
		return;
	}
	if (!strcmp(name, "log"))
		take_log(&a, now);
	else if (!strcmp(name, "ike-updown"))
		take_down(&a, now);
	else if (!strcmp(name, "ike-update"))
		vici_list(now);
	else if ((a.up || !strcmp(name, "child-rekey")) && a.new)
		vici_list(now);
	else if (a.up || !strcmp(name, "child-rekey"))
		claims_tell(&c);
	claims_drop(&c);
}

static void take_answer(int64_t now)
{
	if (!v.listing)
		return;
	if (v.conns_first) {
		v.conns_first = false;
		v.due = now + PATIENCE;
		send_packet(CMD_REQUEST, "list-sas");
		return;
	}
	v.listing = false;
	if (v.list_bad)
		claims_drop(&v.claims);
	claims_tell(&v.claims);
	if (v.checking && v.doomed.type && !v.list_bad)
		tell_dead();
	if (v.list_again) {
		v.list_again = false;
		vici_list(now);
	}
}

static bool take_event_packet(const uint8_t *p, size_t len, int64_t now)
{
	char name[256];
	size_t n = len ? p[0] : 0, i;

	if (!n || len - 1 < n || memchr(p + 1, '\0', n))
		return false;
	memcpy(name, p + 1, n);
	name[n] = '\0';
	for (i = 0; i < N_EVENTS; i++)
		if (!strcmp(name, events[i]))
			break;
	if (i < N_EVENTS)
		take_event(events[i], p + 1 + n, len - 1 - n, now);
	return true;
}

/**
 * vici_take() - read a packet of charon
 * @p:   the packet, without the header that has its length
 * @len: its bytes
 * @now: in milliseconds
 *
 * Return: false where it is not VICI: the caller must close the connection.
 */
bool vici_take(const uint8_t *p, size_t len, int64_t now)
{
	if (!len)
		return false;
	switch (p[0]) {
	case EVENT:
		return take_event_packet(p + 1, len - 1, now);
	case EVENT_UNKNOWN:
		if (v.confirmed < N_NEEDED)
			return false;
		v.dead_peer = false;
		/* fall through */
	case EVENT_CONFIRM:
		if (v.confirmed < N_EVENTS && ++v.confirmed == N_EVENTS) {
			say_note("charon: connected");
			v.back_off = BACK_OFF_MIN;
			vici_list(now);
		}
		return true;
	case CMD_RESPONSE:
		take_answer(now);
		return true;
	default:
		return false;
	}
}

/* --- the socket --------------------------------------------------------------------------- */

/**
 * vici_open() - begin to talk to charon, as soon as it runs
 * @path:      path of its socket, copied
 * @dead_peer: tell the kernel of peers that charon gives up
 */
void vici_open(const char *path, bool dead_peer)
{
	strcpy(v.path, path);
	v.dead_peer = dead_peer;
	v.back_off = BACK_OFF_MIN;
	v.due = 0;
	if (!v.in)
		v.in = malloc(4 + PACKET_MAX);
}

/**
 * vici_close() - close the connection, and try no more
 */
void vici_close(void)
{
	disconnect(0, "closed");
	v.path[0] = '\0';
}

/**
 * vici_fd() - get the descriptor to poll
 *
 * Return: the descriptor; -1 while there is no connection.
 */
int vici_fd(void)
{
	return v.fd;
}

/**
 * vici_wants_to_write() - tell whether there is something to send
 *
 * Return: true where the caller polls for writing, too, and calls vici_write().
 */
bool vici_wants_to_write(void)
{
	return v.fd >= 0 && v.out_len;
}

/**
 * vici_due() - find out when to call vici_tick()
 *
 * Return: that time in milliseconds; -1 where it does not matter.
 */
int64_t vici_due(void)
{
	if (!v.path[0] || (v.fd >= 0 && v.confirmed == N_EVENTS && !v.listing))
		return -1;
	return v.due;
}

static void connect_now(int64_t now)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t i;

	v.due = now + v.back_off;
	v.back_off = v.back_off < BACK_OFF_MAX / 2 ? 2 * v.back_off : BACK_OFF_MAX;
	if (!v.in)
		return;
	v.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (v.fd < 0)
		return;
	strcpy(to.sun_path, v.path);
	if (connect(v.fd, (struct sockaddr *)&to, sizeof(to))) {
		if (!v.complained)
			say(errno == ENOENT || errno == ECONNREFUSED ? LOG_DETAIL : LOG_WARN,
			    "charon: cannot connect to %s: %s", v.path, strerror(errno));
		v.complained = true;
		close(v.fd);
		v.fd = -1;
		return;
	}
	v.complained = false;
	v.confirmed = 0;
	v.due = now + PATIENCE;
	for (i = 0; i < N_EVENTS; i++)
		send_packet(EVENT_REGISTER, events[i]);
}

/**
 * vici_tick() - do what is due: connect, or give up waiting for an answer
 * @now: in milliseconds
 */
void vici_tick(int64_t now)
{
	if (vici_due() < 0 || now < v.due)
		return;
	if (v.fd < 0)
		connect_now(now);
	else
		disconnect(now, "no answer");
}

/**
 * vici_write() - send what waits to be sent
 * @now: in milliseconds
 */
void vici_write(int64_t now)
{
	ssize_t n = send(v.fd, v.out, v.out_len, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		disconnect(now, strerror(errno));
		return;
	}
	if (n <= 0)
		return;
	v.out_len -= n;
	memmove(v.out, v.out + n, v.out_len);
}

/* Read the packets that are complete. Returns false where one is not VICI. */
static bool take_packets(int64_t now)
{
	size_t at = 0, len;
	uint32_t head;

	while (v.in_len - at >= 4) {
		memcpy(&head, v.in + at, 4);
		len = ntohl(head);
		if (len > PACKET_MAX)
			return false;
		if (v.in_len - at - 4 < len)
			break;
		if (!vici_take(v.in + at + 4, len, now))
			return false;
		at += 4 + len;
	}
	v.in_len -= at;
	memmove(v.in, v.in + at, v.in_len);
	return true;
}

/**
 * vici_read() - read what charon has sent
 * @now: in milliseconds
 */
void vici_read(int64_t now)
{
	ssize_t n = recv(v.fd, v.in + v.in_len, 4 + PACKET_MAX - v.in_len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		disconnect(now, n ? strerror(errno) : "closed by charon");
		return;
	}
	v.in_len += n;
	if (!take_packets(now))
		disconnect(now, "what it says is not VICI");
}
