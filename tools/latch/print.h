/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One call prints a field, as text or as JSON.
 *
 * Each call takes a @key, the name of the field in JSON, which is the attribute's name
 * in Documentation/netlink/specs/latch.yaml; and a @label, the word before the field in
 * text: "" to print the value alone, NULL to print nothing in text.
 */
#ifndef LATCH_PRINT_H
#define LATCH_PRINT_H

#include "latch.h"
#include "names.h"

void print_list_open(const char *key);
void print_open(const char *key);
void print_close(void);
void print_list_end(int rc);
void print_line(void);
void print_title(const char *word);

void print_num(const char *key, const char *label, uint64_t v);
void print_hex(const char *key, const char *label, uint32_t v);
void print_mark(uint32_t value, uint32_t mask);
void print_bool(const char *key, const char *label, bool v);
void print_flag(const char *key, const char *label);
void print_str(const char *key, const char *label, const char *v);
void print_name(const char *key, const char *label, const struct name *names, unsigned int v);
void print_set(const char *key, const char *label, const struct name *names, uint32_t bits);
void print_addr(const char *key, const char *label, const void *data, size_t len);
void print_blob(const char *key, const char *label, const void *data, size_t len);
char *identity_text(unsigned int type, const void *data, size_t len);
void print_identity(const char *prefix, unsigned int type, const void *data, size_t len);

#endif /* LATCH_PRINT_H */
