// SPDX-License-Identifier: GPL-2.0
/*
 * latch-updown: what libreswan's leftupdown= names, so that the kernel knows
 * whose the SAs of a connection are. Then comes the ordinary updown command, by
 * exec.
 *
 * pluto waits for us, so nothing here asks pluto, and nothing waits for long. By
 * reqid: pluto gives one to a connection or instance, which keeps its peer while
 * it lives, so that SAs that replace others are known from their first packet.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/latch.h>
#include "conf.h"
#include "env.h"
#include "latchnl.h"

extern char **environ;

static struct latchnl_peer record(const struct ident *id)
{
	/* pluto tells its updown our own method, not the peer's */
	return (struct latchnl_peer){
		.id_type = id->type,
		.auth = LATCH_AUTH_UNKNOWN,
		.id = { id->value, id->len },
	};
}

/* Why the peer could not be told to the kernel; 0 when it was. */
static int bind_reqid(struct latchnl *nl, const struct updown *u, const char *text)
{
	struct latchnl_peer peer = record(&u->peer), local = record(&u->local);
	struct latchnl_sa sa = { .reqid = u->reqid };
	const char *id = shown(text, strlen(text));
	int rc;

	rc = latchnl_claim(nl, &sa, &peer, &local);
	if (!rc)
		say_detail("reqid %u is \"%s\"", u->reqid, id);
	else if (rc == -EEXIST)
		say_error("reqid %u belongs to another peer than \"%s\"", u->reqid, id);
	else
		say_error("cannot bind reqid %u to \"%s\": %s%s%s", u->reqid, id, strerror(-rc),
			  *latchnl_why(nl) ? ": " : "", latchnl_why(nl));
	return rc;
}

/* True where the connection may come up. */
static bool tell(struct latchnl *nl, const struct conf *c)
{
	const char *text = getenv("PLUTO_PEER_ID"), *why;
	struct updown u;
	int rc;

	why = env_updown(&u, environ);
	if (why) {
		text = text ? text : "";
		say_warn("the peer \"%s\" stays unidentified: %s", shown(text, strlen(text)), why);
		return !c->require;
	}
	rc = bind_reqid(nl, &u, text);
	/* two peers for one reqid: not even an administrator can want that */
	return !rc || (rc != -EEXIST && !c->require);
}

static bool work(const struct conf *c)
{
	enum verb verb = env_verb(environ);
	struct latchnl *nl;
	bool ok = true;
	int rc;

	if (verb == VERB_OTHER)
		return true;
	nl = latchnl_open();
	rc = nl ? latchnl_manager(nl, true) : -errno;
	if (rc) {
		say_warn("cannot talk to the kernel module: %s",
			 rc == -ENOPROTOOPT ? "ipsec_latch is not loaded" : strerror(-rc));
		ok = !c->require || verb != VERB_UP;
	} else if (verb == VERB_UP) {
		ok = tell(nl, c);
	}
	if (nl)
		latchnl_close(nl);
	return ok;
}

static int usage(FILE *to, int rc)
{
	fputs("usage: latch-updown [-c FILE] [COMMAND [ARGUMENT...]]\n"
	      "for leftupdown= of libreswan; COMMAND is the ordinary one (ipsec _updown)\n", to);
	return rc;
}

int main(int argc, char **argv)
{
	const char *file = NULL;
	struct conf c;
	char **command;
	int opt;

	log_open("latch-updown");
	while ((opt = getopt(argc, argv, "+c:h")) != -1) {
		switch (opt) {
		case 'c':
			file = optarg;
			break;
		case 'h':
			return usage(stdout, 0);
		default:
			return usage(stderr, 1);
		}
	}
	if (!conf_load(&c, file))
		return 1;
	log_level(c.log);
	if (!work(&c))
		return 1;
	command = argv[optind] ? argv + optind : c.updown;
	execvp(command[0], command);
	say_error("cannot execute %s: %s", command[0], strerror(errno));
	return 127;
}
