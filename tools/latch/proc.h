/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module shows of the namespace in /proc.
 */
#ifndef LATCH_TOOL_PROC_H
#define LATCH_TOOL_PROC_H

#include "latch.h"

/**
 * struct setting - one of net.latch.*
 * @name:  its name
 * @value: its value, ready to print
 */
struct setting {
	char *name;
	char *value;
};

/**
 * struct settings - all of them
 * @set: sorted by name
 * @n:   how many there are
 */
struct settings {
	struct setting *set;
	size_t n;
};

int counters_read(void (*cb)(const char *name, uint64_t v, void *data), void *data);
int settings_read(struct settings *s);
void settings_free(struct settings *s);
const char *setting_value(const struct settings *s, const char *name);

#endif /* LATCH_TOOL_PROC_H */
