// SPDX-License-Identifier: GPL-2.0
/*
 * The trace events of trace.h.
 */
#define CREATE_TRACE_POINTS
#include "channel/trace.h"
