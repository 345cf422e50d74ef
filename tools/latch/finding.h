/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What "latch status" has found that somebody has to look at.
 */
#ifndef LATCH_TOOL_FINDING_H
#define LATCH_TOOL_FINDING_H

#include "latch.h"

/* As plug-ins of monitoring systems have it; also the exit status of "latch status". */
#define STATUS_OK	0
#define STATUS_WARNING	1
#define STATUS_BROKEN	2
#define STATUS_UNKNOWN	3

enum finding {
	FOUND_BROKEN,
	FOUND_INACTIVE,
	FOUND_AMBIGUOUS,
	FOUND_CLAIMS,
	FOUND_PINNED,
	FOUND_UNLATCHED,
	FOUND_REFUSED,
	FOUND_UNCLAIMED,
	FOUND_REQID,
	FOUND_PEERS,
	FOUND_DIRECTIONS,
	FOUND_SUITES,
	FOUND_WINDOWS,
	FOUND_CRYPTO,
	FOUND_PACKET,
	FOUND_SOURCE,
	FOUND_MARK,
	FOUND_SUB,
	FOUND_OPTIONAL,
	FOUND_DEVICE,
	FOUND_ONE_WAY,
	FOUND_VTI,
	FOUND_AUTO,
	FOUND_LIMIT,
	N_FINDINGS
};

void finding_note(enum finding what);
void finding_add(enum finding what, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void findings_print(void);
int findings_status(void);
void findings_free(void);

#endif /* LATCH_TOOL_FINDING_H */
