// SPDX-License-Identifier: GPL-2.0
/*
 * charon, asked over its VICI socket. The protocol is small and fixed, so it is
 * spoken here: libvici would bring threads, libstrongswan and its configuration
 * into a process that may change the network.
 *
 * Events tell of SAs as they come. A list of all is asked for after each
 * connection, and when an SA stays without an owner.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "log.h"
#include "vici.h"

#define PACKET_MAX	(512 << 10)	/* as the protocol has it */
#define BACK_OFF_MIN	100
#define BACK_OFF_MAX	5000
#define PATIENCE	30000		/* ms that charon may take for an answer */
#define GAVE_UP_MAX	64
#define GAVE_UP_KEPT	5000

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
	"child-updown", "child-rekey", "ike-update", "list-sa",
	/* without these two no peer is found dead */
	"ike-updown", "log",
};

#define N_EVENTS	(sizeof(events) / sizeof(*events))
#define N_NEEDED	4

/**
 * struct loss - an IKE_SA that charon gave up, or that went down undeleted: both
 * together are a dead peer, in whatever order they are told
 * @id:      its unique number
 * @at:      when, in milliseconds
 * @gave_up: the log said so
 * @down:    it went down
 * @peer:    whose it was, known with @down
 * @auth:    of that
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
	int64_t due;		/* when to connect, or to lose patience */
	uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_len;
	size_t confirmed;	/* events that are registered */
	bool listing;		/* an answer is awaited */
	bool list_again;
	struct claims claims;	/* of that answer */
	bool list_bad;
	struct loss losses[GAVE_UP_MAX];
	struct ident doomed;	/* dead unless an answer asked for later has it alive */
	uint8_t doomed_auth;
	bool judging;		/* that answer is the one that is awaited */
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
	v.list_again = false;
	/* what was not answered to the end does not count */
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
 * vici_list() - have charon tell of all its SAs
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
	v.judging = v.doomed.type;
	v.due = now + PATIENCE;
	send_packet(CMD_REQUEST, "list-sas");
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
 * The peer is dead when none of its IKE_SAs is alive; that is asked for. A second
 * peer that dies meanwhile is left out: its flows wait instead of breaking.
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

/* DELETING: one side said that it goes, which is no death. */
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

static void bury(void)
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

/* Whoever is listed with an IKE_SA that works is alive. */
static void spare(const struct vici_answer *a)
{
	if (v.judging && a->ike && ident_equal(&a->peer, &v.doomed) &&
	    (!strcmp(a->state, "ESTABLISHED") || !strcmp(a->state, "REKEYING") ||
	     !strcmp(a->state, "REKEYED")))
		v.doomed.type = 0;
}

static void take_list_sa(const uint8_t *msg, size_t len)
{
	struct vici_answer a;

	if (!v.listing)
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
	else if (a.up || !strcmp(name, "child-rekey"))
		claims_tell(&c);
	claims_drop(&c);
}

static void take_answer(int64_t now)
{
	if (!v.listing)
		return;
	v.listing = false;
	if (v.list_bad)
		claims_drop(&v.claims);
	claims_tell(&v.claims);
	if (v.judging && v.doomed.type && !v.list_bad)
		bury();
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
 * vici_take() - one packet of charon
 * @p:   without the header that tells its length
 * @len: its bytes
 * @now: in milliseconds
 *
 * Return: false where it is none: the connection cannot be used any more.
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
 * vici_open() - begin to talk to charon, whenever it is there
 * @path:      of its socket
 * @dead_peer: tell the kernel of peers that it gave up
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

/** vici_close() - stop that */
void vici_close(void)
{
	disconnect(0, "closed");
	v.path[0] = '\0';
}

/** vici_fd() - what to poll, or -1 */
int vici_fd(void)
{
	return v.fd;
}

/** vici_wants_to_write() - is there something to say to charon? */
bool vici_wants_to_write(void)
{
	return v.fd >= 0 && v.out_len;
}

/** vici_due() - when vici_tick() is to be called, in milliseconds; -1: no matter */
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
 * vici_tick() - time has passed
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
 * vici_write() - send what there is to say
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

/* Take the packets that are complete. */
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
 * vici_read() - read what charon says
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
