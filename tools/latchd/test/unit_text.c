// SPDX-License-Identifier: GPL-2.0
/*
 * Configuration, environment, and what whack says.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <linux/latch.h>
#include "../conf.h"
#include "../env.h"
#include "../log.h"
#include "../status.h"
#include "unit.h"

/* --- configuration ----------------------------------------------------------- */

void configuration(void)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", NULL },
		{ "\n\n# comment\n \t\n", NULL },
		{ "log = debug\nvici = no # not here\nvici-socket=/x\npluto = yes\n", NULL },
		{ "updown = /bin/true a b", NULL },
		{ "require = no\r\ndead-peer = no\r\n", NULL },
		{ "\nfoo = 1\n", "f:2: \"foo\"" },
		{ "log\n", "f:1: no \"=\" after \"log\"" },
		{ "log = loud\n", "\"loud\", the value of \"log\"" },
		{ "log = info\nlog = info\n", "f:2: \"log\" was given before" },
		{ "vici = maybe\n", "\"maybe\"" },
		{ "vici-socket = x\n", "no absolute path" },
		{ "vici =\n", "is nothing" },
		{ "updown = 1 2 3 4 5 6 7 8 9\n", "too many words" },
		{ "a\033[2Jb = 1\n", "a\\x1b[2Jb" },
		{ "= yes\n", "\"\"" },
	};
	static const char nul[] = "log = info\n\0vici = no\n";
	char why[1024], path[300];
	struct conf c;
	size_t i;
	bool ok;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		*why = '\0';
		ok = conf_parse(&c, "f", cases[i].text, strlen(cases[i].text), why, sizeof(why));
		seed('c', cases[i].text, strlen(cases[i].text));
		if (ok == !cases[i].why && (ok || strstr(why, cases[i].why)))
			continue;
		printf("# \"%s\": %s\n", shown(cases[i].text, strlen(cases[i].text)), why);
		failures++;
	}
	CHECK(!conf_parse(&c, "f", nul, sizeof(nul) - 1, why, sizeof(why)));
	memset(path, 'x', sizeof(path));
	memcpy(path, "whack = /", 9);
	CHECK(!conf_parse(&c, "f", path, sizeof(path), why, sizeof(why)) &&
	      strstr(why, "too long"));
	conf_default(&c);
	CHECK(c.vici && c.pluto && c.require && c.dead_peer && c.log == LOG_NOTE);
	CHECK(!strcmp(c.updown[0], "ipsec") && !strcmp(c.updown[1], "_updown") && !c.updown[2]);
	CHECK(conf_parse(&c, "f", "updown = a  b\n", 14, why, sizeof(why)));
	CHECK(!strcmp(c.updown[0], "a") && !strcmp(c.updown[1], "b") && !c.updown[2]);
}

/* --- the environment of updown ----------------------------------------------- */

#define GOOD                                                                                   \
	"PLUTO_VERB=up-host", "PLUTO_SA_TYPE=ESP", "PLUTO_PEER_ID=@bob", "PLUTO_MY_ID=@alice", \
		"PLUTO_CONN_POLICY=IKEv2+ECDSA+ENCRYPT"

static char *bad_environments[][8] = {
	{ NULL },
	{ GOOD, NULL },
	{ GOOD, "PLUTO_SA_REQID=0" },
	{ GOOD, "PLUTO_SA_REQID=-1" },
	{ GOOD, "PLUTO_SA_REQID=4294967295" },
	{ GOOD, "PLUTO_SA_REQID=016392" },
	{ GOOD, "PLUTO_SA_REQID=16392 " },
	{ GOOD, "PLUTO_SA_REQID=" },
	{ GOOD, "PLUTO_SA_REQID=99999999999999999999" },
	/* twice: which one is pluto's? */
	{ GOOD, "PLUTO_SA_REQID=16392", "PLUTO_PEER_ID=@mallory" },
	{ GOOD, "PLUTO_SA_REQID=16392", "PLUTO_SA_REQID=16396" },
	{ GOOD, "PLUTO_SA_REQID=16392", "PLUTO_USERNAME=mallory" },
	{ "PLUTO_SA_TYPE=IPCOMP", "PLUTO_SA_REQID=16392", "PLUTO_PEER_ID=@bob",
	  "PLUTO_CONN_POLICY=x" },
	{ "PLUTO_SA_TYPE=none", "PLUTO_SA_REQID=16392", "PLUTO_PEER_ID=@bob",
	  "PLUTO_CONN_POLICY=x" },
	{ "PLUTO_SA_TYPE=ESP", "PLUTO_SA_REQID=16392", "PLUTO_PEER_ID=@bob" },
	{ "PLUTO_SA_TYPE=ESP", "PLUTO_SA_REQID=16392", "PLUTO_CONN_POLICY=x" },
	{ "PLUTO_SA_TYPE=ESP", "PLUTO_SA_REQID=16392", "PLUTO_PEER_ID=(none)",
	  "PLUTO_CONN_POLICY=x" },
	{ "PLUTO_SA_TYPE=ESP", "PLUTO_SA_REQID=16392", "PLUTO_PEER_ID=@bob",
	  "PLUTO_CONN_POLICY=IKEv2+ALLOW_NO_SAN" },
	{ "PLUTO_SA_TYPE=ESP", "PLUTO_SA_REQID=16392", "PLUTO_PEER_ID=@bob",
	  "PLUTO_CONN_POLICY=ALLOW_NO_SAN+x" },
	/* of many peers with one secret */
	{ "PLUTO_SA_TYPE=ESP", "PLUTO_SA_REQID=16392", "PLUTO_PEER_ID=@bob",
	  "PLUTO_CONN_POLICY=IKEv2+PSK", "PLUTO_CONN_KIND=CK_INSTANCE" },
	{ "PLUTO_SA_TYPE=ESP", "PLUTO_SA_REQID=16392", "PLUTO_PEER_ID=@bob",
	  "PLUTO_CONN_POLICY=PSK+x" },
	{ "PLUTO_SA_TYPE=ESP", "PLUTO_SA_REQID=16392", "PLUTO_PEER_ID=@#0x6162",
	  "PLUTO_CONN_POLICY=x", "PLUTO_CONN_KIND=CK_INSTANCE" },
};

void environment(void)
{
	static char *good[] = { "A=1", GOOD, "PLUTO_SA_REQID=16392", NULL };
	static char *manual[] = { GOOD, "PLUTO_SA_REQID=100", NULL };
	static char *psk[] = { "PLUTO_SA_TYPE=ESP", "PLUTO_SA_REQID=16392",
			       "PLUTO_PEER_ID=@#0x6162", "PLUTO_CONN_POLICY=IKEv2+PSK",
			       "PLUTO_CONN_KIND=CK_PERMANENT", NULL };
	static char *ah[] = { "PLUTO_SA_TYPE=AH", "PLUTO_SA_REQID=16392", "PLUTO_PEER_ID=@bob",
			      "PLUTO_CONN_POLICY=x", NULL };
	struct updown u;
	size_t i, n;

	CHECK(!env_updown(&u, good) && u.reqid == 16393 && env_verb(good) == VERB_UP);
	CHECK(u.peer.type == LATCH_ID_FQDN && !strcmp(hex_of(&u.peer), "626f62"));
	CHECK(u.local.type == LATCH_ID_FQDN && !strcmp(hex_of(&u.local), "616c696365"));
	CHECK(!env_updown(&u, manual) && u.reqid == 100);
	CHECK(!env_updown(&u, psk) && u.peer.type == LATCH_ID_KEYID);
	CHECK(!env_updown(&u, ah) && u.reqid == 16392 && !u.local.type);
	for (i = 0; i < ARRAY_SIZE(bad_environments); i++) {
		if (env_updown(&u, bad_environments[i]))
			continue;
		printf("# environment %zu is understood\n", i);
		failures++;
	}
	for (i = 0, n = 0; good[i]; i++)
		n += strlen(good[i]) + 1;
	char all[n];

	for (i = 0, n = 0; good[i]; i++)
		n += strlen(strcpy(all + n, good[i])) + 1;
	seed('e', all, n);
}

void environment_verbs(void)
{
	static const struct {
		char *text;
		enum verb verb;
	} verbs[] = {
		{ "PLUTO_VERB=up-client-v6", VERB_UP },
		{ "PLUTO_VERB=down-host", VERB_OTHER },
		{ "PLUTO_VERB=route-host", VERB_PREPARE },
		{ "PLUTO_VERB=up-hostx", VERB_OTHER },
		{ "PLUTO_VERB=", VERB_OTHER },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		char *env[] = { verbs[i].text, NULL };

		CHECK(env_verb(env) == verbs[i].verb);
	}
}

/* --- whack --status ---------------------------------------------------------- */

#define HEAD "000 using kernel interface: xfrm\n000  \n000 Connection list:\n000  \n"
#define IDS(label, peer)                                                  \
	"000 " label ":   policy: IKEv2+ECDSA+ENCRYPT+PFS+IKEV2_ALLOW;\n" \
	"000 " label ":   our idtype: ID_FQDN; our id=@alice; their idtype: " peer "\n"
#define BOB "ID_FQDN; their id=@bob"
#define MALLORY "ID_FQDN; their id=@mallory"
#define STATES "000  \n000 Total IPsec connections: loaded 1, active 1\n000  \n"
#define STATE(n, label, saids)                                                                    \
	"000 #" n ": " label ":500 STATE_V2_ESTABLISHED_CHILD_SA (established Child SA); idle;\n" \
	"000 #" n ": " label " " saids " Traffic: ESPin=0B ESPout=0B ESPmax=2^63B \n"
#define SAS_A "esp.7f01@10.9.0.2 esp.7f02@10.9.0.1"
#define SAS_B "esp.7f03@10.9.0.2 esp.7f04@10.9.0.1"

static bool read_status(const char *text)
{
	struct claims c = { .who = "pluto" };
	size_t len = strlen(text);
	char *copy = malloc(len + 1);
	bool ok;

	fake_five_sas();
	memcpy(copy, text, len + 1);
	ok = status_read(&c, copy, len);
	if (ok)
		claims_tell(&c);
	claims_drop(&c);
	free(copy);
	seed('w', text, len);
	return ok;
}

/**
 * is_peer() - tell whether latchd has bound an SA to this peer
 * @dst:  destination address of the SA
 * @spi:  its SPI
 * @name: FQDN of the peer
 *
 * Return: true where it has.
 */
bool is_peer(const char *dst, uint32_t spi, const char *name)
{
	const struct fake_claim *c = fake_find(dst, spi);

	return c && c->peer.type == LATCH_ID_FQDN && c->peer.len == strlen(name) &&
	       !memcmp(c->peer.value, name, c->peer.len);
}

void status_binds(void)
{
	CHECK(read_status(HEAD IDS("\"ab\"", BOB) STATES STATE("2", "\"ab\"", SAS_A)));
	CHECK(fake.n == 2 && is_peer("10.9.0.2", 0x7f01, "bob") &&
	      is_peer("10.9.0.1", 0x7f02, "bob"));
	/* instances have their own peers, the template has none */
	CHECK(read_status(HEAD IDS("\"mesh\"", "ID_NONE; their id=(none)") IDS("\"mesh\"[1]", BOB)
				  IDS("\"mesh\"[2]", MALLORY)
					  STATES STATE("2", "\"mesh\"[1] 10.9.0.2", SAS_A)
						  STATE("4", "\"mesh\"[2] 10.9.0.2", SAS_B)));
	CHECK(fake.n == 4 && is_peer("10.9.0.2", 0x7f01, "bob") &&
	      is_peer("10.9.0.2", 0x7f03, "mallory"));
	CHECK(read_status(HEAD IDS("\"ab\"", BOB)
				  STATES STATE("2", "\"ab\"", "esp:7f05@2001:db8::2")));
	CHECK(fake.n == 1 && is_peer("2001:db8::2", 0x7f05, "bob"));
	/* what is not there is not bound */
	CHECK(read_status(HEAD IDS("\"ab\"", BOB)
				  STATES STATE("2", "\"ab\"", "esp.99@10.9.0.2 ah.7f01@10.9.0.2")));
	CHECK(fake.n == 0);
}

static const char *const binds_nothing[] = {
	/* no such connection, no such instance, no IDs */
	HEAD STATES STATE("2", "\"ab\"", SAS_A),
	HEAD IDS("\"ab\"[1]", BOB) STATES STATE("2", "\"ab\"", SAS_A),
	HEAD IDS("\"ab\"", "ID_NONE; their id=(none)") STATES STATE("2", "\"ab\"", SAS_A),
	HEAD IDS("\"ab\"", "ID_NULL; their id=ID_NULL") STATES STATE("2", "\"ab\"", SAS_A),
	/* IDs that are not proven */
	HEAD "000 \"ab\":   policy: IKEv2+ALLOW_NO_SAN+PFS;\n" IDS("\"ab\"", BOB)
		STATES STATE("2", "\"ab\"", SAS_A),
	/* two lines, two peers */
	HEAD IDS("\"ab\"", BOB) IDS("\"ab\"", MALLORY) STATES STATE("2", "\"ab\"", SAS_A),
	/* one SA with two peers, or an XAUTH name beside it */
	HEAD IDS("\"ab\"", BOB) IDS("\"am\"", MALLORY) STATES STATE("2", "\"ab\"", SAS_A)
		STATE("4", "\"am\"", SAS_A),
	HEAD IDS("\"ab\"", BOB) STATES "000 #2: \"ab\" " SAS_A
				       " Traffic: ESPin=0B username=x\n",
	/* a name with line breaks that pretends to be a line about a state */
	HEAD IDS("\"am\"", MALLORY) IDS("\"ab\"", BOB) STATES
	"000 #4: \"am\" " SAS_A " Traffic: ESPin=0B username=x\n"
	"000 #2: \"ab\" " SAS_A " Traffic: ESPin=0B ESPout=0B \n",
	/* connections after states are none */
	HEAD STATES STATE("2", "\"ab\"", "x") IDS("\"ab\"", BOB)
		STATE("2", "\"ab\"", SAS_A),
	/* without the word that ends the SAs */
	HEAD IDS("\"ab\"", BOB) STATES "000 #2: \"ab\" " SAS_A "\n",
	HEAD IDS("\"ab\"", BOB)
		STATES STATE("2", "\"ab\"", "esp:7f01@10.9.0.2 esp.@10.9.0.1"),
	HEAD IDS("\"ab\"", BOB)
		STATES STATE("2", "\"ab\"", "esp.7f01@10.9.0 esp.7f0100000@10.9.0.1"),
	HEAD IDS("\"\"", BOB) STATES STATE("2", "\"\"", SAS_A),
	HEAD IDS("\"ab\"[]", BOB) STATES STATE("2", "\"ab\"[]", SAS_A),
};

void status_refuses(void)
{
	static const char *const garbage[] = {
		"",
		"x",
		"000 x",
		"\n",
		"010 #2: \"ab\"\n",
		"000 a\nb\n",
		HEAD IDS("\"ab\"", BOB) STATES STATE("2", "\"ab\"", SAS_A) "Terminated\n",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(binds_nothing); i++) {
		if (read_status(binds_nothing[i]) && !fake.n)
			continue;
		printf("# status %zu binds %zu\n", i, fake.n);
		failures++;
	}
	for (i = 0; i < ARRAY_SIZE(garbage); i++)
		CHECK(!read_status(garbage[i]) && !fake.n);
}

/* The ID that the peer chooses comes last in its line, and may contain anything. */
void status_peer_cannot_forge(void)
{
	static const char two[] =
		HEAD IDS("\"am\"", "ID_FQDN; their id=@x; their idtype: ID_FQDN; their id=@bob")
		STATES STATE("2", "\"am\"", SAS_A);

	CHECK(read_status(two));
	CHECK(!fake.n);
	CHECK(read_status(HEAD IDS("\"am\"", "ID_USER_FQDN; their id=@bob")
				  STATES STATE("2", "\"am\"", SAS_A)));
	CHECK(!fake.n);
	CHECK(read_status(HEAD IDS("\"am\"", "ID_KEY_ID; their id=@#0x626f62")
				  STATES STATE("2", "\"am\"", SAS_A)));
	CHECK(fake.n == 2 && !is_peer("10.9.0.2", 0x7f01, "bob"));
}
