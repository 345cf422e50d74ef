/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_LOG_H
#define LATCHD_LOG_H

#include <stdarg.h>
#include <stddef.h>

/* Levels of syslog(3), which sd-daemon(3) uses, too. */
enum log_level {
	LOG_ERROR_ = 3,
	LOG_WARN = 4,
	LOG_NOTE = 6,
	LOG_DETAIL = 7,
};

void log_open(const char *name);
void log_level(enum log_level level);
void say(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *shown(const void *text, size_t len);

#define say_error(...)	say(LOG_ERROR_, __VA_ARGS__)
#define say_warn(...)	say(LOG_WARN, __VA_ARGS__)
#define say_note(...)	say(LOG_NOTE, __VA_ARGS__)
#define say_detail(...)	say(LOG_DETAIL, __VA_ARGS__)

#endif /* LATCHD_LOG_H */
