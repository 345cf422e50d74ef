// SPDX-License-Identifier: GPL-2.0
/*
 * Reads messages of strongSwan's VICI (README.md of its plugin vici): sections, keys with
 * values, lists. We first check that the whole message is well-formed, then read it:
 *
 *	NAME { uniqueid state remote-host remote-id ...
 *	       child-sas { CHILD { protocol spi-in spi-out ... } } }
 *
 * and in child-rekey, CHILD { old { ... } new { ... } }.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <linux/latch.h>
#include "conns.h"
#include "log.h"
#include "vici.h"

#define DEPTH_MAX	8
#define VALUE_MAX	512

enum element {
	SECTION_START = 1,
	SECTION_END,
	KEY_VALUE,
	LIST_START,
	LIST_ITEM,
	LIST_END,
};

/**
 * struct text - a message, and how far we have read
 * @p:    the next byte
 * @end:  after the last one
 * @name: the name of this element, with a NUL
 */
struct text {
	const uint8_t *p;
	const uint8_t *end;
	char name[256];
};

static bool take_name(struct text *t)
{
	size_t len;

	if (t->p == t->end)
		return false;
	len = *t->p++;
	if (!len || (size_t)(t->end - t->p) < len || memchr(t->p, '\0', len))
		return false;
	memcpy(t->name, t->p, len);
	t->name[len] = '\0';
	t->p += len;
	return true;
}

static bool take_blob(struct text *t, const char **value, size_t *len)
{
	if (t->end - t->p < 2)
		return false;
	*len = t->p[0] << 8 | t->p[1];
	t->p += 2;
	if ((size_t)(t->end - t->p) < *len)
		return false;
	*value = (const char *)t->p;
	t->p += *len;
	return true;
}

/**
 * struct walk - a walk through a message
 * @t:     the message
 * @sink:  functions that get its parts; NULL to check only that it is well-formed
 * @depth: sections that are open
 * @list:  a list is open
 */
struct walk {
	struct text t;
	const struct vici_sink *sink;
	unsigned int depth;
	bool list;
};

static bool begin_section(struct walk *w)
{
	if (w->depth == DEPTH_MAX || !take_name(&w->t))
		return false;
	w->depth++;
	if (w->sink)
		w->sink->section(w->sink->data, w->depth, w->t.name);
	return true;
}

static bool end_section(struct walk *w)
{
	if (!w->depth)
		return false;
	if (w->sink)
		w->sink->section(w->sink->data, w->depth, NULL);
	w->depth--;
	return true;
}

static bool take_pair(struct walk *w)
{
	const char *value;
	size_t len;

	if (!take_name(&w->t) || !take_blob(&w->t, &value, &len))
		return false;
	if (w->sink)
		w->sink->value(w->sink->data, w->depth, w->t.name, value, len);
	return true;
}

/* Read one element. Returns false where no such element may be here. */
static bool take_element(struct walk *w)
{
	enum element type = *w->t.p++;
	const char *value;
	size_t len;

	if (w->list != (type == LIST_ITEM || type == LIST_END))
		return false;
	switch (type) {
	case SECTION_START:
		return begin_section(w);
	case SECTION_END:
		return end_section(w);
	case KEY_VALUE:
		return take_pair(w);
	case LIST_START:
		w->list = true;
		return take_name(&w->t);
	case LIST_ITEM:
		return take_blob(&w->t, &value, &len);
	case LIST_END:
		w->list = false;
		return true;
	default:
		return false;
	}
}

static bool walk(const uint8_t *msg, size_t len, const struct vici_sink *sink)
{
	struct walk w = { .t = { .p = msg, .end = msg + len }, .sink = sink };

	while (w.t.p < w.t.end)
		if (!take_element(&w))
			return false;
	return !w.depth && !w.list;
}

/**
 * vici_walk() - walk through a message
 * @msg:  the message
 * @len:  its bytes
 * @sink: functions that get its parts
 *
 * Return: true; false where the message is not well-formed: @sink has got nothing then.
 */
bool vici_walk(const uint8_t *msg, size_t len, const struct vici_sink *sink)
{
	return walk(msg, len, NULL) && walk(msg, len, sink);
}

/* --- what it says ----------------------------------------------------------------------- */

enum field {
	F_UP,
	F_MSG,
	F_LOG_ID,
	F_ID,
	F_STATE,
	F_LOCAL_HOST,
	F_REMOTE_HOST,
	F_LOCAL_ID,
	F_REMOTE_ID,
	F_EAP_ID,
	F_XAUTH_ID,
	F_PROTOCOL,
	F_SPI_IN,
	F_SPI_OUT,
	N_FIELDS,
};

/* At which depth a key may be: 0 the message, 1 the IKE_SA, 3 a child. */
static const struct {
	const char *key;
	unsigned char depth;
	enum field field;
} fields[] = {
	{ "up", 0, F_UP },
	{ "msg", 0, F_MSG },
	{ "ikesa-uniqueid", 0, F_LOG_ID },
	{ "uniqueid", 1, F_ID },
	{ "state", 1, F_STATE },
	{ "local-host", 1, F_LOCAL_HOST },
	{ "remote-host", 1, F_REMOTE_HOST },
	{ "local-id", 1, F_LOCAL_ID },
	{ "remote-id", 1, F_REMOTE_ID },
	{ "remote-eap-id", 1, F_EAP_ID },
	{ "remote-xauth-id", 1, F_XAUTH_ID },
	{ "protocol", 3, F_PROTOCOL },
	{ "spi-in", 3, F_SPI_IN },
	{ "spi-out", 3, F_SPI_OUT },
};

/**
 * struct reading - what we have read of a message so far
 * @a:        what it says
 * @c:        gets a claim for each of its SAs; may be NULL
 * @value:    the values of the fields that have come
 * @have:     a bit for each of these fields
 * @ikes:     how many sections are about IKE_SAs
 * @conn:     name of the connection that the IKE_SA is of
 * @children: we are in the section that lists the children
 * @wrong:    a field came twice, or makes no sense
 */
struct reading {
	struct vici_answer *a;
	struct claims *c;
	char value[N_FIELDS][VALUE_MAX];
	char conn[256];
	unsigned int have;
	unsigned int ikes;
	bool children;
	bool wrong;
};

#define BIT(field)	(1U << (field))
#define CHILD_FIELDS	(BIT(F_PROTOCOL) | BIT(F_SPI_IN) | BIT(F_SPI_OUT))

static bool has(const struct reading *r, enum field f)
{
	return r->have & BIT(f);
}

static void take_value(void *data, unsigned int depth, const char *key, const char *value,
		       size_t len)
{
	struct reading *r = data;
	size_t i;

	/* in "old" and "new" of a rekey, a child is one deeper */
	if (depth == 4)
		depth = 3;
	if (depth == 3 && !r->children)
		return;
	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (fields[i].depth == depth && !strcmp(fields[i].key, key))
			break;
	if (i == sizeof(fields) / sizeof(*fields))
		return;
	if (has(r, fields[i].field) || len >= VALUE_MAX || memchr(value, '\0', len)) {
		r->wrong = true;
		return;
	}
	r->have |= BIT(fields[i].field);
	memcpy(r->value[fields[i].field], value, len);
	r->value[fields[i].field][len] = '\0';
}

/* Take the names that peers say before EAP begins. */
static bool trust_eap;

/**
 * vici_trust_eap() - say whether a name is taken that a peer says before EAP begins
 * @trust: true: whoever authenticates the peers compares it with the one that they prove
 */
void vici_trust_eap(bool trust)
{
	trust_eap = trust;
}

/**
 * vici_needs_conns() - find out whether vici_parse() has to know charon's connections
 *
 * Return: true where vici_parse_conn() is to read them first.
 */
bool vici_needs_conns(void)
{
	return !trust_eap;
}

/*
 * Why the peer is not identified, where EAP may not have proved its name. charon tells the
 * name of EAP only where it differs from IKE's, and the connection tells where it does not.
 */
static const char *doubt_eap(struct reading *r)
{
	if (trust_eap)
		return NULL;
	switch (conns_find(r->conn)) {
	case CONNS_BY_IKE:
		return has(r, F_EAP_ID) ? "known by a name that EAP may not have proved" : NULL;
	case CONNS_BY_EAP:
		return "of a connection with EAP, which may not have proved the name";
	default:
		r->a->new = true;
		return "of a connection that is not known";
	}
}

static void take_peer(struct reading *r)
{
	const char *text = r->value[F_REMOTE_ID], *why = doubt_eap(r);
	struct vici_answer *a = r->a;

	if (why) {
		/* that is why */
	} else if (has(r, F_XAUTH_ID)) {
		/* many peers share the identity, and each has a name of its own */
		why = "known by its XAUTH name";
	} else if (has(r, F_EAP_ID)) {
		text = r->value[F_EAP_ID];
		a->auth = LATCH_AUTH_EAP;
		why = ident_from_vici(&a->peer, text, strlen(text));
	} else {
		why = ident_from_vici(&a->peer, text, strlen(text));
	}
	if (why) {
		a->peer = (struct ident){ 0 };
		say_detail("charon: the peer \"%s\" is %s", shown(text, strlen(text)), why);
	}
	text = r->value[F_LOCAL_ID];
	if (ident_from_vici(&a->local, text, strlen(text)))
		a->local = (struct ident){ 0 };
}

static bool take_number(const char *s, int base, uint32_t *v)
{
	unsigned long long n;
	char *end;

	if (!*s || strspn(s, base == 16 ? "0123456789abcdef" : "0123456789") != strlen(s) ||
	    strlen(s) > 10)
		return false;
	n = strtoull(s, &end, base);
	*v = n;
	return n && n <= UINT32_MAX;
}

/* Read what the message says about the IKE_SA itself: it comes before the children. */
static void take_ike(struct reading *r)
{
	static const unsigned int must = BIT(F_ID) | BIT(F_STATE) | BIT(F_LOCAL_HOST) |
					 BIT(F_REMOTE_HOST) | BIT(F_LOCAL_ID) | BIT(F_REMOTE_ID);
	struct vici_answer *a = r->a;

	if (a->ike || r->wrong)
		return;
	if ((r->have & must) != must || strlen(r->value[F_STATE]) >= sizeof(a->state) ||
	    !take_number(r->value[F_ID], 10, &a->id)) {
		r->wrong = true;
		return;
	}
	strcpy(a->state, r->value[F_STATE]);
	take_peer(r);
	a->ike = true;
}

static void claim_half(struct reading *r, enum field spi, enum field host)
{
	struct claim m = { .peer = r->a->peer, .local = r->a->local, .auth = r->a->auth };

	m.key.proto = *r->value[F_PROTOCOL] == 'E' ? IPPROTO_ESP : IPPROTO_AH;
	if (!take_number(r->value[spi], 16, &m.key.spi) || !claims_address(&m, r->value[host])) {
		r->wrong = true;
		return;
	}
	m.key.spi = htonl(m.key.spi);
	claims_add(r->c, &m);
}

static void take_child(struct reading *r)
{
	const char *proto = r->value[F_PROTOCOL];

	/* a child without SPIs is not installed yet */
	if (r->c && (r->have & CHILD_FIELDS) == CHILD_FIELDS && r->a->ike && !r->wrong) {
		if (strcmp(proto, "ESP") && strcmp(proto, "AH")) {
			r->wrong = true;
			return;
		}
		claim_half(r, F_SPI_IN, F_LOCAL_HOST);
		claim_half(r, F_SPI_OUT, F_REMOTE_HOST);
	}
	r->have &= ~CHILD_FIELDS;
}

static void begin_ike(struct reading *r, const char *name)
{
	if (r->ikes++)
		r->wrong = true;
	strcpy(r->conn, name);
}

static void take_section(void *data, unsigned int depth, const char *name)
{
	struct reading *r = data;

	if (depth == 1 && name)
		begin_ike(r, name);
	if (depth == 1 && !name)
		take_ike(r);
	if (depth == 2) {
		take_ike(r);
		r->children = name && !strcmp(name, "child-sas");
	}
	if ((depth == 3 || depth == 4) && r->children) {
		if (name && r->have & CHILD_FIELDS)
			r->wrong = true;
		if (!name)
			take_child(r);
	}
}

/*
 * Does a line of the log say that charon gave an IKE_SA up?  Its task managers write
 * "giving up after 5 retransmits"; with IKEv1, its job for DPD has words of its own.
 */
static bool gives_up(const char *msg)
{
	static const char head[] = "giving up after ", tail[] = " retransmits";
	size_t n;

	if (!strcmp(msg, "DPD check timed out, enforcing DPD action"))
		return true;
	if (strncmp(msg, head, sizeof(head) - 1))
		return false;
	msg += sizeof(head) - 1;
	n = strspn(msg, "0123456789");
	return n && !strcmp(msg + n, tail);
}

/**
 * vici_parse() - read a message
 * @msg: the message of an event
 * @len: its bytes
 * @a:   set to what it says
 * @c:   gets a claim for each SA in it; may be NULL
 *
 * Return: true; false where the message makes no sense: the caller must use neither @a
 * nor @c then.
 */
bool vici_parse(const uint8_t *msg, size_t len, struct vici_answer *a, struct claims *c)
{
	struct reading *r = calloc(1, sizeof(*r));
	struct vici_sink sink = { take_section, take_value, r };
	bool ok;

	*a = (struct vici_answer){ .auth = LATCH_AUTH_UNKNOWN };
	if (!r)
		return false;
	r->a = a;
	r->c = c;
	ok = vici_walk(msg, len, &sink) && !r->wrong;
	if (ok) {
		a->up = has(r, F_UP) && !strcmp(r->value[F_UP], "yes");
		if (has(r, F_LOG_ID) && gives_up(r->value[F_MSG]))
			a->gave_up = take_number(r->value[F_LOG_ID], 10, &a->id);
	}
	free(r);
	return ok;
}

/* --- connections --------------------------------------------------------------------------- */

/**
 * struct conn_reading - what we have read of a connection so far
 * @name:   its name
 * @remote: we are in the section of how the peer authenticates
 * @rounds: how many of these there are with a method
 * @eap:    one of them is, or may be, by EAP
 */
struct conn_reading {
	char name[256];
	bool remote;
	unsigned int rounds;
	bool eap;
};

static void conn_section(void *data, unsigned int depth, const char *name)
{
	struct conn_reading *r = data;

	if (depth == 1 && name) {
		*r = (struct conn_reading){ 0 };
		strcpy(r->name, name);
	} else if (depth == 1) {
		conns_add(r->name, r->eap || !r->rounds);
	} else if (depth == 2) {
		r->remote = name && !strncmp(name, "remote", strlen("remote"));
	}
}

static void conn_value(void *data, unsigned int depth, const char *key, const char *value,
		       size_t len)
{
	static const char *const by_ike[] = { "public key", "pre-shared key", "XAuth" };
	struct conn_reading *r = data;
	size_t i;

	if (depth != 2 || !r->remote || strcmp(key, "class"))
		return;
	r->rounds++;
	for (i = 0; i < sizeof(by_ike) / sizeof(*by_ike); i++)
		if (len == strlen(by_ike[i]) && !memcmp(value, by_ike[i], len))
			return;
	r->eap = true;
}

/**
 * vici_parse_conn() - read a message about a connection, for vici_parse()
 * @msg: the message of an event list-conn
 * @len: its bytes
 *
 * Return: true; false where the message makes no sense.
 */
bool vici_parse_conn(const uint8_t *msg, size_t len)
{
	struct conn_reading r = { 0 };
	struct vici_sink sink = { conn_section, conn_value, &r };

	return vici_walk(msg, len, &sink);
}
