// SPDX-License-Identifier: GPL-2.0
/*
 * Reads identities as IKE daemons print them.
 *
 * They print for people: identities of different types may look the same. These
 * functions refuse text that can mean two things, or that says that the peer was not
 * authenticated; the caller leaves the SA unidentified then.
 */
#include <arpa/inet.h>
#include <string.h>
#include <linux/latch.h>
#include "hex.h"
#include "ident.h"

#define TEXT_MAX	(4 * LATCH_MAX_ID)
/* charon cuts its text at 512 bytes; refuse what may have been cut */
#define CHARON_MAX	500

static int octal(char c)
{
	return c >= '0' && c <= '7' ? c - '0' : -1;
}

static const char *set(struct ident *id, uint8_t type, const void *value, size_t len)
{
	if (!len)
		return "nothing";
	if (len > sizeof(id->value))
		return "more bytes than IKE identities have";
	id->type = type;
	id->len = len;
	memcpy(id->value, value, len);
	return NULL;
}

static bool is_text(const char *s, size_t len)
{
	while (len--) {
		if (*s < 0x20 || *s > 0x7e)
			return false;
		s++;
	}
	return true;
}

/* Does this consist of characters that names of hosts and of mailboxes have? */
static bool is_name(const char *s, size_t len)
{
	static const char more[] = "-._*/:+~!#$%&^|{}[]()";
	size_t i;

	for (i = 0; i < len; i++) {
		if ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
		    (s[i] >= '0' && s[i] <= '9') || (s[i] && strchr(more, s[i])))
			continue;
		return false;
	}
	return len > 0;
}

static const char *set_name(struct ident *id, const char *s, size_t len)
{
	return is_name(s, len) ? set(id, LATCH_ID_FQDN, s, len) : "characters that no name has";
}

static const char *set_email(struct ident *id, const char *s, size_t len)
{
	const char *at = memchr(s, '@', len);

	if (!at || !is_name(s, at - s) || !is_name(at + 1, s + len - at - 1))
		return "no address of mail";
	return set(id, LATCH_ID_EMAIL, s, len);
}

/*
 * Is this an address as the daemons print one, without leading zeros and IPv6 in its
 * shortest form, and neither 0.0.0.0 nor ::?
 */
static bool is_address(const char *s, int family, uint8_t *out)
{
	char again[INET6_ADDRSTRLEN];
	static const uint8_t any[16];

	return inet_pton(family, s, out) == 1 &&
	       inet_ntop(family, out, again, sizeof(again)) && !strcmp(s, again) &&
	       memcmp(out, any, family == AF_INET ? 4 : 16);
}

/**
 * ident_address() - read an address as an identity
 * @id:   set to it
 * @text: the address as inet_ntop() writes it, other than 0.0.0.0 and ::
 *
 * Return: NULL, or what is wrong with the text.
 */
const char *ident_address(struct ident *id, const char *text)
{
	uint8_t addr[16];

	if (is_address(text, AF_INET, addr))
		return set(id, LATCH_ID_IPV4, addr, 4);
	if (is_address(text, AF_INET6, addr))
		return set(id, LATCH_ID_IPV6, addr, 16);
	return "no address";
}

/* As hex_byte(), but the daemons write lower case only. */
static int lower_byte(const char *digits)
{
	bool upper = (digits[0] >= 'A' && digits[0] <= 'F') ||
		     (digits[1] >= 'A' && digits[1] <= 'F');

	return upper ? -1 : hex_byte(digits);
}

/* Read pairs of digits as a key ID. @sep: the character between them, or NUL for none. */
static const char *set_hex(struct ident *id, const char *s, size_t len, char sep)
{
	uint8_t out[LATCH_MAX_ID];
	size_t n = 0, step = sep ? 3 : 2, i;
	int v;

	for (i = 0; i < len; i += step) {
		v = len - i < 2 || n == sizeof(out) ? -1 : lower_byte(s + i);
		if (v < 0)
			return "digits that are not hexadecimal, or too many";
		out[n++] = v;
		if (sep && len - i > 2 && (s[i + 2] != sep || len - i == 3))
			return "digits that are not hexadecimal";
	}
	return set(id, LATCH_ID_KEYID, out, n);
}

/* --- pluto ------------------------------------------------------------------------- */

/* Is this what pluto writes where there is no authenticated identity? */
static bool is_nobody(const char *s)
{
	static const char * const words[] = {
		"", "(none)", "(empty)", "%any", "%none", "%null", "%fromcert", "ID_NULL", NULL
	};
	const char * const *w;

	for (w = words; *w; w++)
		if (!strcmp(s, *w))
			return true;
	return !strncmp(s, "unknown id kind", strlen("unknown id kind"));
}

/*
 * Undo pluto's quoting for the shell: it writes five characters, and all that are not
 * printable, as \047 and so on. A backslash means nothing else there.
 */
static const char *unquote(char *out, size_t room, const char *s)
{
	size_t n = 0;
	int v;

	for (; *s; s++) {
		v = (unsigned char)*s;
		if (*s == '\\') {
			if (octal(s[1]) < 0 || octal(s[1]) > 3 ||
			    octal(s[2]) < 0 || octal(s[3]) < 0)
				return "a backslash that begins no octal number";
			v = octal(s[1]) << 6 | octal(s[2]) << 3 | octal(s[3]);
			s += 3;
		}
		if (v < 0x20 || v > 0x7e)
			return "characters that cannot be printed";
		if (n + 1 >= room)
			return "more bytes than IKE identities have";
		out[n++] = v;
	}
	out[n] = '\0';
	return NULL;
}

static const char *pluto_dn(struct ident *id, const char *s)
{
	/* "CN=bob@example.org" may as well be an e-mail address */
	if (strchr(s, '@') && !strstr(s, ", "))
		return "what may be a distinguished name or an address of mail";
	return dn_from_text(id, s, strlen(s), IDENT_PLUTO);
}

/**
 * ident_from_environment() - read an identity of libreswan's updown environment
 * @id:   set to it, or to LATCH_ID_NONE
 * @text: value of PLUTO_PEER_ID or PLUTO_MY_ID
 *
 * Return: NULL, or what the text is instead.
 */
const char *ident_from_environment(struct ident *id, const char *text)
{
	char s[TEXT_MAX];
	const char *why;

	id->type = LATCH_ID_NONE;
	id->len = 0;
	why = unquote(s, sizeof(s), text);
	if (why)
		return why;
	if (is_nobody(s))
		return "no authenticated identity";
	if (!strncmp(s, "@#0x", 4))
		return set_hex(id, s + 4, strlen(s + 4), '\0');
	if (*s == '@')
		return set_name(id, s + 1, strlen(s + 1));
	if (strchr(s, '='))
		return pluto_dn(id, s);
	if (strchr(s, '@'))
		return set_email(id, s, strlen(s));
	return ident_address(id, s);
}

/**
 * ident_from_whack() - read an identity of "whack --status"
 * @id:   set to it, or to LATCH_ID_NONE
 * @type: the word after "idtype: "
 * @text: the words after "id="
 *
 * Return: NULL, or what the text is instead.
 */
const char *ident_from_whack(struct ident *id, const char *type, const char *text)
{
	size_t len = strlen(text);

	id->type = LATCH_ID_NONE;
	id->len = 0;
	if (len > TEXT_MAX || !is_text(text, len))
		return "characters that cannot be printed";
	if (!strcmp(type, "ID_DER_ASN1_DN"))
		return dn_from_text(id, text, len, IDENT_PLUTO);
	/* but for names, a backslash may be a character or begin an escape */
	if (strchr(text, '\\'))
		return "a backslash";
	if (!strcmp(type, "ID_FQDN"))
		return *text == '@' ? set_name(id, text + 1, len - 1) : "no name";
	if (!strcmp(type, "ID_USER_FQDN") || !strcmp(type, "ID_RFC822_ADDR"))
		return set_email(id, text, len);
	if (!strcmp(type, "ID_KEY_ID"))
		return strncmp(text, "@#0x", 4) ? "no key ID" :
		       set_hex(id, text + 4, len - 4, '\0');
	if (!strcmp(type, "ID_IPV4_ADDR") || !strcmp(type, "ID_IPV6_ADDR"))
		return ident_address(id, text);
	return "no authenticated identity";
}

/* --- charon -------------------------------------------------------------------------- */

/* May this be a key ID?  10:11:12:13:14:15:16:17 may be one, or an IPv6 address. */
static bool is_hex_dump(struct ident *id, const char *s, size_t len)
{
	return len > 2 && !set_hex(id, s, len, ':');
}

/**
 * ident_from_vici() - read an identity as charon prints it
 * @id:   set to it, or to LATCH_ID_NONE
 * @text: value of remote-id or local-id
 * @len:  its bytes
 *
 * A key ID of printable characters looks like a name, and this takes it for one; so does
 * charon when it reads one.
 *
 * Return: NULL, or what the text is instead.
 */
const char *ident_from_vici(struct ident *id, const char *text, size_t len)
{
	char s[CHARON_MAX + 1];
	const char *why;
	bool dump;

	id->type = LATCH_ID_NONE;
	id->len = 0;
	if (len > CHARON_MAX)
		return "text that may be cut";
	/* charon puts a question mark for what it cannot print */
	if (!is_text(text, len) || memchr(text, '?', len))
		return "characters that cannot be printed";
	memcpy(s, text, len);
	s[len] = '\0';
	if (!len || *s == '%' || *s == '(')
		return "no authenticated identity";
	if (strchr(s, '='))
		return dn_from_text(id, s, len, IDENT_CHARON);
	if (strchr(s, '@'))
		return set_email(id, s, len);
	dump = is_hex_dump(id, s, len);
	if (dump && strchr(s, ':')) {
		struct ident addr;

		if (ident_address(&addr, s))
			return NULL;
		id->type = LATCH_ID_NONE;
		return "what may be an address or a key ID";
	}
	why = ident_address(id, s);
	if (!why)
		return NULL;
	if (strchr(s, ':') || strspn(s, "0123456789.") == len)
		return "a key ID or an address that is written in no usual way";
	return set_name(id, s, len);
}

/**
 * ident_equal() - compare two identities
 * @a: one identity
 * @b: the other
 *
 * Return: true where type and value are the same.
 */
bool ident_equal(const struct ident *a, const struct ident *b)
{
	return a->type == b->type && a->len == b->len && !memcmp(a->value, b->value, a->len);
}
