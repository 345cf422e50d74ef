/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All tests of the core, and how they are run: KTAP on the standard output or in
 * the kernel log.
 */
#ifndef LATCH_TESTS_CASES_H
#define LATCH_TESTS_CASES_H

#include "fsm_cases.h"
#include "conflict_cases.h"
#include "verdict_cases.h"
#include "flow_cases.h"
#include "params_cases.h"
#include "want_cases.h"
#include "tag_cases.h"
#include "der_cases.h"
#include "pattern_cases.h"
#include "chanbind_cases.h"
#include "name_cases.h"

static const struct {
	const struct test *tests;
	size_t n;
} groups[] = {
	{ fsm_tests, ARRAY_SIZE(fsm_tests) },
	{ conflict_tests, ARRAY_SIZE(conflict_tests) },
	{ verdict_tests, ARRAY_SIZE(verdict_tests) },
	{ flow_tests, ARRAY_SIZE(flow_tests) },
	{ params_tests, ARRAY_SIZE(params_tests) },
	{ want_tests, ARRAY_SIZE(want_tests) },
	{ tag_tests, ARRAY_SIZE(tag_tests) },
	{ der_tests, ARRAY_SIZE(der_tests) },
	{ pattern_tests, ARRAY_SIZE(pattern_tests) },
	{ binding_tests, ARRAY_SIZE(binding_tests) },
	{ name_tests, ARRAY_SIZE(name_tests) },
};

/* A test that looks at nothing has failed. */
static bool run_one(const struct test *test, unsigned int number)
{
	struct tally t = { 0 };
	bool ok;

	test->run(&t);
	breathe();
	ok = t.checks && !t.failed;
	if (!ok)
		say("# %lu of %lu checks failed\n", t.failed, t.checks);
	say("%s %u %s\n", ok ? "ok" : "not ok", number, test->name);
	return ok;
}

/* Return: how many tests failed. */
static unsigned int run_all(void)
{
	unsigned int plan = 0, number = 0, failed = 0;
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(groups); i++)
		plan += groups[i].n;
	say("KTAP version 1\n");
	say("1..%u\n", plan);
	for (i = 0; i < ARRAY_SIZE(groups); i++)
		for (k = 0; k < groups[i].n; k++)
			failed += !run_one(&groups[i].tests[k], ++number);
	return failed;
}

#endif /* LATCH_TESTS_CASES_H */
