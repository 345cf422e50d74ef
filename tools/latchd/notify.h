/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_NOTIFY_H
#define LATCHD_NOTIFY_H

#include <stdint.h>

void notify(const char *what);
int64_t notify_watchdog(void);

#endif /* LATCHD_NOTIFY_H */
