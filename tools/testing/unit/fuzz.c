// SPDX-License-Identifier: GPL-2.0
/*
 * The parts of the core that read what a remote peer may have written, for libFuzzer:
 * it looks for input that makes a sanitizer, or one of the tests' own checks, speak.
 */
#include <stdlib.h>

#include "../../../latch/core/types.h"
#include "../../../latch/tests/chanbind_cases.h"
#include "../../../latch/tests/pattern_cases.h"

/* A pattern of the first bytes, an ID of the rest. */
static void fuzz_pattern(u8 type, const uint8_t *data, size_t size)
{
	size_t n = size ? data[0] % (LATCH_ID_INLINE + 1) : 0;
	struct latch_id id;

	if (size < 1 + n)
		return;
	id = pattern_of(type, data + 1, n);
	if (latch_pattern_ok(&id))
		latch_pattern_match(&id, type, data + 1 + n, size - 1 - n);
}

static void fuzz_binding(struct tally *t, const uint8_t *data, size_t size)
{
	struct latch_end a = end_of(LATCH_ID_FQDN, "bob", 3, 0);
	struct latch_end b = end_of(LATCH_ID_DN, data, size, 1);
	static u8 out[4096], other[4096];
	u32 n = binding_text(t, &a, &b, true, out, sizeof(out));

	EXPECT(t, binding_text(t, &b, &a, true, other, sizeof(other)) == n &&
	       !memcmp(out, other, n), "not the same at both ends");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const u8 types[] = { LATCH_ID_FQDN, LATCH_ID_EMAIL, LATCH_ID_DN };
	struct latch_bytes key;
	struct tally t = { 0 };

	if (!size || size > 2048)
		return 0;
	switch (data[0] % 6) {
	case 0:
		walk_name(&t, data + 1, size - 1);
		break;
	case 1:
		latch_cert_parts(data + 1, size - 1, &subject, &key);
		break;
	case 2:
		fuzz_binding(&t, data + 1, size - 1);
		break;
	default:
		fuzz_pattern(types[data[0] % 6 - 3], data + 1, size - 1);
	}
	if (t.failed)
		abort();
	return 0;
}
