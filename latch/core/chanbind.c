// SPDX-License-Identifier: GPL-2.0
/*
 * What a channel binding is the digest of (RFC 5660 6.4-1, 6.3-1; RFC 5056).
 */
#include "chanbind.h"
#include "name.h"

/* Both with the NUL behind them. */
static const char names_label[] = "ipsec-latch-names";
static const char keys_label[] = "ipsec-latch-keys";

u32 latch_chanbind_room(const struct latch_end *a, const struct latch_end *b)
{
	/* a canonical name is never longer than the name */
	u32 ends = a->id.n + b->id.n + 2 * (3 + 2 + LATCH_CHANBIND_KEY);

	return sizeof(names_label) + ends;
}

static u8 *put_id(u8 *out, const struct latch_end *end)
{
	if (!end->id.n)
		return NULL;
	switch (end->type) {
	case LATCH_ID_DN:
		return latch_put_dn(out, end->id);
	case LATCH_ID_FQDN:
		return latch_put_lower(out, end->id);
	case LATCH_ID_IPV4:
	case LATCH_ID_EMAIL:
	case LATCH_ID_IPV6:
	case LATCH_ID_GN:
	case LATCH_ID_KEYID:
		return latch_put_bytes(out, end->id.p, end->id.n);
	default:
		return NULL;
	}
}

static u8 *put_end(u8 *out, const struct latch_end *end, bool keys)
{
	u8 *id = out + 3, *behind = put_id(id, end);

	if (!behind)
		return NULL;
	*out = end->type;
	latch_put16(out + 1, behind - id);
	if (!keys)
		return behind;
	return latch_put_part(behind, (struct latch_bytes){ end->key, LATCH_CHANBIND_KEY });
}

u32 latch_chanbind_text(const struct latch_end *a, const struct latch_end *b, bool keys,
			u8 *out)
{
	const char *label = keys ? keys_label : names_label;
	u8 *first = latch_put_bytes(out, label, strlen(label) + 1), *second, *end;

	second = put_end(first, a, keys);
	end = second ? put_end(second, b, keys) : NULL;
	if (!end)
		return 0;
	if (latch_bytes_cmp((struct latch_bytes){ first, second - first },
			    (struct latch_bytes){ second, end - second }) > 0)
		end = put_end(put_end(first, b, keys), a, keys);
	return end - out;
}
