/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_VERSION_H
#define LATCH_VERSION_H

#define LATCH_TOOL_VERSION	"0.1"

#endif /* LATCH_VERSION_H */
