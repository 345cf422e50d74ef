// SPDX-License-Identifier: GPL-2.0
/*
 * latch-updown: the command for libreswan's leftupdown=. Tells the kernel which peer the
 * SAs of a connection belong to, then executes the ordinary updown command.
 *
 * pluto waits for us, so we ask it nothing, and wait for nothing long. We claim the
 * reqid, which pluto gives to a connection or instance with one peer: so SAs that
 * replace others have a claim from their first packet on.
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
	/* pluto tells how we authenticate, not how the peer does */
	return (struct latchnl_peer){
		.id_type = id->type,
		.auth = LATCH_AUTH_UNKNOWN,
		.id = { id->value, id->len },
	};
}

/* Claim the reqid. Returns 0, or a negative errno after a message. */
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

/* Tell the kernel what pluto says. Returns true where the connection may come up. */
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
	/* refuse a second peer for a reqid even where the module is not required */
	return !rc || (rc != -EEXIST && !c->require);
}

/* Returns true where the ordinary command may run. */
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
