/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The objects that the command knows. Only what runs or completes a whole command
 * line looks at all of them; an object needs no other.
 */
#ifndef LATCH_OBJECTS_H
#define LATCH_OBJECTS_H

#include <stdio.h>
#include "args.h"

extern const struct object * const objects[];

const struct object *object_find(const char *word);
int object_failed(const struct object *o, int rc);
void usage(FILE *f);

#endif /* LATCH_OBJECTS_H */
