// SPDX-License-Identifier: GPL-2.0
/*
 * What latchd makes of what IKE daemons write, with a stand-in for the kernel.
 *
 *	unit		all cases, KTAP
 *	unit seeds DIR	write what the cases read into DIR, for the fuzzer
 */
#include <stdlib.h>
#include <string.h>
#include "../log.h"
#include "unit.h"

int failures;
static const char *seeds;

/**
 * seed() - write input for the fuzzer
 * @kind: first byte, which says which reader gets it
 * @data: the other bytes
 * @len:  their number
 */
void seed(char kind, const void *data, size_t len)
{
	static int n;
	char path[4096];
	FILE *f;

	if (!seeds)
		return;
	snprintf(path, sizeof(path), "%s/%c%03d", seeds, kind, n++);
	f = fopen(path, "w");
	if (!f || fputc(kind, f) == EOF || fwrite(data, 1, len, f) != len || fclose(f))
		exit(1);
}

/**
 * hex_of() - write the value of an identity as hexadecimal digits
 * @id: the identity
 *
 * Return: the digits; the next call uses the same memory again.
 */
const char *hex_of(const struct ident *id)
{
	static char out[2 * LATCH_MAX_ID + 1];
	size_t i;

	for (i = 0; i < id->len; i++)
		sprintf(out + 2 * i, "%02x", id->value[i]);
	out[2 * i] = '\0';
	return out;
}

#define CASE(f)       \
	{             \
#f, f \
	}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	CASE(identities_of_environment),
	CASE(identities_of_vici),
	CASE(identities_of_whack),
	CASE(identities_have_a_length),
	CASE(configuration),
	CASE(environment),
	CASE(environment_verbs),
	CASE(status_binds),
	CASE(status_refuses),
	CASE(status_peer_cannot_forge),
	CASE(vici_messages),
	CASE(vici_rekey),
	CASE(vici_refuses),
	CASE(vici_other_names),
	CASE(vici_hidden_eap),
	CASE(vici_new_connection),
	CASE(vici_list_binds),
	CASE(vici_events_bind),
	CASE(dead_peer_is_told),
	CASE(dead_peer_is_sure),
	CASE(dead_peer_needs_a_new_list),
	CASE(sad_asks_with_patience),
	CASE(sad_reads_anew),
	CASE(claims_fail_closed),
	CASE(kernel_messages),
	CASE(logs_are_harmless),
};

int main(int argc, char **argv)
{
	size_t i, n = ARRAY_SIZE(cases);
	int bad = 0, before;

	if (argc == 3 && !strcmp(argv[1], "seeds"))
		seeds = argv[2];
	log_open("unit");
	/* no case looks at messages */
	if (!freopen("/dev/null", "w", stderr))
		return 1;
	printf("KTAP version 1\n1..%zu\n", n);
	for (i = 0; i < n; i++) {
		before = failures;
		cases[i].run();
		bad += failures != before;
		printf("%s %zu %s\n", failures == before ? "ok" : "not ok", i + 1, cases[i].name);
		fflush(stdout);
	}
	fake_reset();
	return bad != 0;
}
