/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only names that the core takes from outside: fixed-width integers, the
 * numbers of the public headers, memcmp() and friends. The same files are built
 * into the module and into a user-space test program.
 */
#ifndef LATCH_CORE_TYPES_H
#define LATCH_CORE_TYPES_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/string.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#else
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
#define __force
#define BIT(n)	(1UL << (n))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

#include <linux/latch.h>
#include <linux/latch_netlink.h>

#define LATCH_DIR_IN	0
#define LATCH_DIR_OUT	1
#define LATCH_DIRS	2

#define LATCH_N_STATES	(LATCH_STATE_CLOSED + 1)
#define LATCH_N_REASONS	(LATCH_REASON_NO_SA + 1)

/* Set of reasons: one bit for each LATCH_REASON_*. */
#define LATCH_R(name)	((u32)BIT(LATCH_REASON_ ## name))

#endif /* LATCH_CORE_TYPES_H */
