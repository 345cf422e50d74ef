/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The counters as OpenMetrics text.
 */
#ifndef LATCH_TOOL_METRICS_H
#define LATCH_TOOL_METRICS_H

int metrics_print(void);

#endif /* LATCH_TOOL_METRICS_H */
