/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a test of the core needs, in the kernel and in a user-space program.
 */
#ifndef LATCH_TESTS_HARNESS_H
#define LATCH_TESTS_HARNESS_H

#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/sched.h>
#define say(...)	pr_info(__VA_ARGS__)
#define breathe()	cond_resched()
/*
 * Emulated machines are slow, so only every nth of a universe. No step has a factor
 * in common with a universe's dimensions, so that all values of each are there.
 */
#define STEP_SUITES	7
#define STEP_TAGS	5
#define STEP_CHAINS	3
#define RANDOM_ROUNDS	2000
#else
#include <stdio.h>
#define say(...)	printf(__VA_ARGS__)
#define breathe()	do { } while (0)
#define STEP_SUITES	1
#define STEP_TAGS	1
#define STEP_CHAINS	1
#define RANDOM_ROUNDS	100000
#endif

#define SAY_AT_MOST	5	/* failures of one test */

/**
 * struct tally - what a test found
 * @checks: conditions looked at
 * @failed: those that did not hold
 */
struct tally {
	unsigned long checks;
	unsigned long failed;
};

/**
 * struct test - one line of the result
 * @name: clause of RFC 5660 (see latch-conformance.rst) or "core", then what holds
 * @run:  looks whether it does
 */
struct test {
	const char *name;
	void (*run)(struct tally *t);
};

/* A condition that has to hold, and the values to show where it does not. */
#define EXPECT(t, cond, fmt, ...)					\
do {									\
	struct tally *__t = (t);					\
									\
	__t->checks++;							\
	if (!(cond) && ++__t->failed <= SAY_AT_MOST)			\
		say("# %s:%d: " fmt "\n", __func__, __LINE__, ##__VA_ARGS__); \
} while (0)

/* The same numbers each time (xorshift32). */
static u32 next_random(u32 *seed)
{
	u32 x = *seed;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *seed = x;
}

#endif /* LATCH_TESTS_HARNESS_H */
