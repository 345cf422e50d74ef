/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_WHACK_H
#define LATCHD_WHACK_H

#include <stdbool.h>
#include <stdint.h>

void whack_open(const char *program, const char *socket);
void whack_close(void);
void whack_ask(int64_t now);
int whack_fd(void);
int64_t whack_due(void);
void whack_tick(int64_t now);
void whack_read(void);

#endif /* LATCHD_WHACK_H */
