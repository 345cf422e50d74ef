// SPDX-License-Identifier: GPL-2.0
/*
 * See finding.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "finding.h"
#include "names.h"
#include "print.h"

#define FEW	3	/* so many places are printed without -d */

static const struct name levels[] = {
	{ STATUS_WARNING, "warning" },
	{ STATUS_BROKEN, "broken" },
	{ 0, NULL }
};

/**
 * struct kind - a kind of finding
 * @level:  STATUS_*
 * @word:   its name; those that only the settings tell apart share one
 * @text:   what it means
 * @remedy: what to do
 */
struct kind {
	int level;
	const char *word;
	const char *text;
	const char *remedy;
};

#define HAVE_THEM_BOUND "have them bound by latchd(8), strongSwan's plugin or \"latch binding add\""

static const struct kind kinds[N_FINDINGS] = {
	[FOUND_BROKEN] = { STATUS_BROKEN, "latches",
		"latches are broken, and nothing passes for their connections",
		"see \"latch connection show state BROKEN\"" },
	[FOUND_INACTIVE] = { STATUS_BROKEN, "inactive",
		"the module does not look at packets although there are SAs or policies",
		"load the module anew" },
	[FOUND_AMBIGUOUS] = { STATUS_BROKEN, "ambiguous",
		"SAs are claimed for several peers, and nothing latched passes under them",
		"delete the wrong claims, see \"latch binding\"" },
	[FOUND_CLAIMS] = { STATUS_WARNING, "ambiguous-binding",
		"bindings are claimed for several peers, and have no SA yet",
		"delete the wrong claims, see \"latch binding\"" },
	[FOUND_PINNED] = { STATUS_WARNING, "unidentified",
		"SAs have no identity, and connections over them break when they are replaced",
		HAVE_THEM_BOUND },
	[FOUND_UNLATCHED] = { STATUS_WARNING, "unidentified",
		"SAs have no identity, and connections over them are not latched",
		HAVE_THEM_BOUND },
	[FOUND_REFUSED] = { STATUS_BROKEN, "unidentified",
		"SAs have no identity, and no connection can begin over them",
		HAVE_THEM_BOUND },
	[FOUND_UNCLAIMED] = { STATUS_WARNING, "unidentified",
		"SAs have no identity although a key manager is active",
		"see what the key manager has logged" },
	[FOUND_REQID] = { STATUS_WARNING, "shared-reqid",
		"a reqid is bound to one peer, and its SAs lead to several addresses",
		"if these are several peers, bind their SAs one by one" },
	[FOUND_PEERS] = { STATUS_WARNING, "peers",
		"SAs for the same packets are of several peers, and connections over them break",
		"give each peer a virtual address, or its policies a mark: latch-ike.rst" },
	[FOUND_DIRECTIONS] = { STATUS_WARNING, "directions",
		"the SAs of the two directions differ, and connections over them break",
		"give both directions the same mode, algorithms and ESN" },
	[FOUND_SUITES] = { STATUS_WARNING, "suites",
		"SAs for the same packets differ, and connections latched with one break",
		"have both ends offer one suite, or all of them in the same order" },
	[FOUND_WINDOWS] = { STATUS_WARNING, "replay-window",
		"inbound SAs differ in their replay windows, and what is latched with the larger breaks",
		"configure one replay window" },
	[FOUND_CRYPTO] = { STATUS_WARNING, "offload",
		"a device decrypts for SAs, and GRO can merge packets of two before the module looks",
		"see Documentation/networking/latch-gro.rst, or do not offload" },
	[FOUND_PACKET] = { STATUS_WARNING, "packet-offload",
		"a device does all of IPsec for SAs, and the module cannot see what it does",
		"offload no more than the cryptography" },
	[FOUND_SOURCE] = { STATUS_WARNING, "any-source",
		"SAs are for any source address, and the module does not foresee what they carry",
		"give them a source address" },
	[FOUND_MARK] = { STATUS_WARNING, "mark",
		"SAs or policies have marks, and a connection whose packets change theirs breaks",
		"let rules give all packets of a connection the same mark" },
	[FOUND_SUB] = { STATUS_WARNING, "sub-policy",
		"the module does not read policies of type sub, and tells nobody when they change",
		"make them policies of type main" },
	[FOUND_OPTIONAL] = { STATUS_WARNING, "level-use",
		"connections that do without a template of level use are not told when policies change",
		"make it level required" },
	[FOUND_DEVICE] = { STATUS_WARNING, "policy-device",
		"the module does not read policies for one device, and tells nobody when they change",
		"leave the device out of the policy" },
	[FOUND_ONE_WAY] = { STATUS_WARNING, "one-way",
		"policies protect one direction only, and connections are not latched, or refused",
		"add the policy for the other direction" },
	[FOUND_VTI] = { STATUS_WARNING, "vti",
		"connections over VTI devices are not latched",
		"use XFRM interfaces" },
	[FOUND_AUTO] = { STATUS_WARNING, "auto",
		"net.latch.auto is 0, and sockets that ask for nothing are not latched",
		"set it to 1, unless this is meant" },
	[FOUND_LIMIT] = { STATUS_WARNING, "limit",
		"nine tenths of a limit are used, and what is beyond it is refused",
		"raise the limit" },
};

/**
 * struct places - where a kind of finding was made
 * @where: in words, ready to print
 * @n:     how many there are
 * @found: it was made, perhaps nowhere in particular
 */
struct places {
	char **where;
	size_t n;
	bool found;
};

static struct places found[N_FINDINGS];

/**
 * finding_note() - note a finding that is made nowhere in particular
 * @what: which
 */
void finding_note(enum finding what)
{
	found[what].found = true;
}

/**
 * finding_add() - note a finding
 * @what: which
 * @fmt:  where, as printf(3)
 */
void finding_add(enum finding what, const char *fmt, ...)
{
	struct places *p = &found[what];
	va_list ap;

	p->found = true;
	p->where = need(realloc(p->where, (p->n + 1) * sizeof(*p->where)));
	va_start(ap, fmt);
	if (vasprintf(&p->where[p->n], fmt, ap) < 0)
		p->where[p->n] = NULL;
	va_end(ap);
	need(p->where[p->n++]);
}

static void print_places(const struct places *p)
{
	size_t i, n = opt.json || opt.details || p->n <= FEW ? p->n : FEW;
	char more[64];

	print_list_open("where");
	for (i = 0; i < n; i++) {
		print_line();
		print_str(NULL, "", p->where[i]);
	}
	print_close();
	if (n == p->n)
		return;
	snprintf(more, sizeof(more), "and %zu more, see -d", p->n - n);
	print_line();
	print_title(more);
}

/**
 * findings_print() - print all findings, those that are broken now first
 */
void findings_print(void)
{
	int level;
	size_t i;

	print_list_open("findings");
	for (level = STATUS_BROKEN; level > STATUS_OK; level--) {
		for (i = 0; i < N_FINDINGS; i++) {
			if (!found[i].found || kinds[i].level != level)
				continue;
			print_open(NULL);
			print_name("level", "", levels, level);
			print_str("finding", "", kinds[i].word);
			print_str("text", "-", kinds[i].text);
			print_places(&found[i]);
			print_line();
			print_str("remedy", "to do:", kinds[i].remedy);
			print_close();
		}
	}
	print_close();
}

/**
 * findings_status() - tell how bad the findings are
 *
 * Return: the highest STATUS_* of them.
 */
int findings_status(void)
{
	int worst = STATUS_OK;
	size_t i;

	for (i = 0; i < N_FINDINGS; i++)
		if (found[i].found && kinds[i].level > worst)
			worst = kinds[i].level;
	return worst;
}

/**
 * findings_free() - forget all findings
 */
void findings_free(void)
{
	struct places *p;

	for (p = found; p < found + N_FINDINGS; p++) {
		while (p->n)
			free(p->where[--p->n]);
		free(p->where);
		memset(p, 0, sizeof(*p));
	}
}
