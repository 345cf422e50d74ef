/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers of the interface and their words: one table serves to print and to parse.
 */
#ifndef LATCH_NAMES_H
#define LATCH_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct name - one number and its word
 * @value: the number
 * @word:  the word; of several for one number we print the first and accept all
 */
struct name {
	unsigned int value;
	const char *word;
};

extern const struct name state_names[];
extern const struct name reason_names[];
extern const struct name reason_bits[];
extern const struct name mode_names[];
extern const struct name disposition_names[];
extern const struct name id_type_names[];
extern const struct name auth_names[];
extern const struct name flag_names[];
extern const struct name own_none_names[];
extern const struct name family_names[];
extern const struct name flow_proto_names[];
extern const struct name sa_proto_names[];
extern const struct name xfrm_mode_names[];
extern const struct name on_off_names[];

const char *name_word(const struct name *names, unsigned int value);
bool name_value(const struct name *names, const char *word, uint64_t *value);
const struct name *attr_names(unsigned int cmd);

#define ALG_NAME_MAX	48

void encr_name(char *buf, unsigned int encr, unsigned int bits);
void integ_name(char *buf, unsigned int integ, unsigned int icv_bits);

#endif /* LATCH_NAMES_H */
