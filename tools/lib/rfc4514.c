// SPDX-License-Identifier: GPL-2.0
/*
 * See rfc4514.h. OpenSSL knows the types of attributes and of strings, reads and writes DER,
 * and writes the text; it has no reader of the text, which is here.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include "hex.h"
#include "rfc4514.h"

/* RFC 4514 3 and 4519, and e-mail; of several names for one attribute we write the first. */
static const struct {
	const char *word;
	int nid;
} attributes[] = {
	{ "CN", NID_commonName },
	{ "L", NID_localityName },
	{ "ST", NID_stateOrProvinceName },
	{ "O", NID_organizationName },
	{ "OU", NID_organizationalUnitName },
	{ "C", NID_countryName },
	{ "STREET", NID_streetAddress },
	{ "DC", NID_domainComponent },
	{ "UID", NID_userId },
	{ "SN", NID_surname },
	{ "GN", NID_givenName },
	{ "givenName", NID_givenName },
	{ "serialNumber", NID_serialNumber },
	{ "title", NID_title },
	{ "T", NID_title },
	{ "initials", NID_initials },
	{ "generationQualifier", NID_generationQualifier },
	{ "name", NID_name },
	{ "dnQualifier", NID_dnQualifier },
	{ "description", NID_description },
	{ "businessCategory", NID_businessCategory },
	{ "postalCode", NID_postalCode },
	{ "organizationIdentifier", NID_organizationIdentifier },
	{ "emailAddress", NID_pkcs9_emailAddress },
	{ "E", NID_pkcs9_emailAddress },
};

#define N_ATTRIBUTES	(sizeof(attributes) / sizeof(*attributes))

/* --- to text ------------------------------------------------------------------------ */

/*
 * Is this the DER of the name? OpenSSL also reads other encodings of it, which are not the
 * same peer. It writes the bytes that it has read until the name changes.
 */
static bool is_der_of(X509_NAME *name, const void *der, size_t len)
{
	unsigned char *again = NULL;
	X509_NAME_ENTRY *first;
	bool same, shared;
	int n = -1;

	if (!X509_NAME_entry_count(name))
		return false;
	/* is the first attribute alone in its part? */
	shared = X509_NAME_entry_count(name) > 1 &&
		 !X509_NAME_ENTRY_set(X509_NAME_get_entry(name, 1));
	first = X509_NAME_delete_entry(name, 0);
	if (first && X509_NAME_add_entry(name, first, 0, shared))
		n = i2d_X509_NAME(name, &again);
	X509_NAME_ENTRY_free(first);
	same = n >= 0 && (size_t)n == len && !memcmp(again, der, len);
	OPENSSL_free(again);
	return same;
}

/* Write "TYPE=VALUE"; where the type has no name, number and DER as in RFC 4514 2.4. */
static bool put_one(BIO *out, const X509_NAME_ENTRY *e)
{
	const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(e);
	unsigned long how = ASN1_STRFLGS_RFC2253;
	int nid = OBJ_obj2nid(type);
	size_t i = 0;

	while (i < N_ATTRIBUTES && attributes[i].nid != nid)
		i++;
	if (i < N_ATTRIBUTES) {
		BIO_puts(out, attributes[i].word);
	} else {
		char oid[256];
		int len = OBJ_obj2txt(oid, sizeof(oid), type, 1);

		if (len <= 0 || (size_t)len >= sizeof(oid))
			return false;
		BIO_puts(out, oid);
		how |= ASN1_STRFLGS_DUMP_ALL;
	}
	BIO_puts(out, "=");
	return ASN1_STRING_print_ex(out, X509_NAME_ENTRY_get_data(e), how) >= 0;
}

static bool put_name(BIO *out, const X509_NAME *name)
{
	const X509_NAME_ENTRY *e;
	int i, set = -1;

	for (i = X509_NAME_entry_count(name) - 1; i >= 0; i--) {
		e = X509_NAME_get_entry(name, i);
		if (set >= 0)
			BIO_puts(out, X509_NAME_ENTRY_set(e) == set ? "+" : ",");
		set = X509_NAME_ENTRY_set(e);
		if (!put_one(out, e))
			return false;
	}
	return true;
}

/**
 * rfc4514_from_der() - make the text of a distinguished name
 * @der: the name, which may be any bytes
 * @len: their number
 *
 * What is not printable ASCII is escaped. Names of the same text differ in the types of their
 * strings at most.
 *
 * Return: the text, which the caller frees; NULL where this is not the DER of a name, or the
 * name is empty, or there is no memory.
 */
char *rfc4514_from_der(const void *der, size_t len)
{
	const unsigned char *p = der;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, len);
	BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL, *data;
	long n;

	if (!name || !out || p != (const unsigned char *)der + len || !is_der_of(name, der, len))
		goto end;
	if (!put_name(out, name))
		goto end;
	n = BIO_get_mem_data(out, &data);
	if (n > 0 && !memchr(data, '\0', n))
		text = strndup(data, n);
end:
	ERR_clear_error();
	BIO_free(out);
	X509_NAME_free(name);
	return text;
}

/* --- from text ----------------------------------------------------------------------- */

/**
 * struct reader - the text, and how far we have read
 * @p:     the next character
 * @value: room for a value
 * @len:   bytes of @value
 * @name:  the name so far; the text has the last part first
 */
struct reader {
	const char *p;
	unsigned char *value;
	size_t len;
	X509_NAME *name;
};

/* Find an attribute as the text has it: its name in any case, or its number. */
static ASN1_OBJECT *find_attribute(const char *word, size_t len)
{
	char buf[128];
	size_t i;

	for (i = 0; i < N_ATTRIBUTES; i++)
		if (strlen(attributes[i].word) == len &&
		    !strncasecmp(attributes[i].word, word, len))
			return OBJ_nid2obj(attributes[i].nid);
	if (!len || len >= sizeof(buf))
		return NULL;
	memcpy(buf, word, len);
	buf[len] = '\0';
	return OBJ_txt2obj(buf, 1);
}

/* Read "TYPE=". Returns NULL, or what is wrong. */
static const char *read_type(struct reader *r, ASN1_OBJECT **type)
{
	size_t len;

	r->p += strspn(r->p, " ");
	len = strcspn(r->p, "=,+\" \\");
	*type = NULL;
	if (r->p[len + strspn(r->p + len, " ")] != '=')
		return "a part is not TYPE=VALUE";
	*type = find_attribute(r->p, len);
	r->p = strchr(r->p, '=') + 1;
	r->p += strspn(r->p, " ");
	return *type ? NULL : "an attribute is of unknown type";
}

/* Read "#0c0141", the DER of the value. Returns NULL, or what is wrong. */
static const char *read_der(struct reader *r, ASN1_STRING **value)
{
	const unsigned char *in = r->value;
	int byte;

	for (r->p++; *r->p && !strchr(",+ ", *r->p); r->p += 2) {
		byte = hex_byte(r->p);
		if (byte < 0)
			return "the digits after # are not pairs of hexadecimal ones";
		r->value[r->len++] = byte;
	}
	*value = r->len ? d2i_ASN1_PRINTABLE(NULL, &in, r->len) : NULL;
	if (!*value || in != r->value + r->len)
		return "what is after # is not DER of a value";
	return NULL;
}

/* Read the characters of a value, with escapes as in RFC 4514 2.4. Returns as read_der(). */
static const char *read_string(struct reader *r)
{
	size_t keep = 0;
	int byte;

	for (; *r->p && !strchr(",+", *r->p); r->p++) {
		if (strchr("\";<>", *r->p))
			return "a character needs a backslash before it";
		if (*r->p != '\\') {
			r->value[r->len++] = *r->p;
			/* spaces at the end do not belong to the value */
			if (*r->p != ' ')
				keep = r->len;
			continue;
		}
		byte = hex_byte(++r->p);
		if (byte >= 0)
			r->p++;
		else if (*r->p && strchr(" \"#+,;<=>\\", *r->p))
			byte = *r->p;
		else
			return "a backslash is before a character that needs none";
		r->value[r->len++] = byte;
		keep = r->len;
	}
	r->len = keep;
	return NULL;
}

/* Read one "TYPE=VALUE". @more: it belongs to the part before it. Returns as read_der(). */
static const char *read_one(struct reader *r, bool more)
{
	ASN1_STRING *value = NULL;
	X509_NAME_ENTRY *e = NULL;
	ASN1_OBJECT *type;
	const char *why;

	why = read_type(r, &type);
	r->len = 0;
	if (!why && *r->p == '#') {
		why = read_der(r, &value);
		if (!why)
			e = X509_NAME_ENTRY_create_by_OBJ(NULL, type, ASN1_STRING_type(value),
							  ASN1_STRING_get0_data(value),
							  ASN1_STRING_length(value));
	} else if (!why) {
		why = read_string(r);
		if (!why && r->len)
			e = X509_NAME_ENTRY_create_by_OBJ(NULL, type, MBSTRING_UTF8, r->value,
							  r->len);
	}
	if (!why && !e)
		why = r->len ? "the attribute has no such value, or none so long" :
			       "a value is empty";
	if (!why && !X509_NAME_add_entry(r->name, e, 0, more))
		why = "there is no memory";
	X509_NAME_ENTRY_free(e);
	ASN1_STRING_free(value);
	ASN1_OBJECT_free(type);
	return why;
}

static const char *read_name(struct reader *r)
{
	bool more = false;
	const char *why;

	for (;;) {
		why = read_one(r, more);
		if (why)
			return why;
		r->p += strspn(r->p, " ");
		if (!*r->p)
			return NULL;
		more = *r->p == '+';
		if (!more && *r->p != ',')
			return "something follows a value";
		r->p++;
	}
}

/**
 * rfc4514_to_der() - make the DER of a distinguished name
 * @text: the name; spaces may be around its separators
 * @len:  set to the number of bytes
 * @why:  set to what is wrong with the text, where it is none
 *
 * Each attribute has the type of string that its definition asks for, else UTF8String; after #
 * the text itself says.
 *
 * Return: the DER, which the caller frees, or NULL.
 */
unsigned char *rfc4514_to_der(const char *text, size_t *len, const char **why)
{
	struct reader r = { .p = text, .name = X509_NAME_new() };
	unsigned char *der = NULL, *copy = NULL;
	int n = -1;

	r.value = malloc(strlen(text) + 1);
	*why = r.name && r.value ? read_name(&r) : "there is no memory";
	if (!*why)
		n = i2d_X509_NAME(r.name, &der);
	if (n > 0)
		copy = malloc(n);
	if (copy) {
		memcpy(copy, der, n);
		*len = n;
	} else if (!*why) {
		*why = "there is no memory";
	}
	ERR_clear_error();
	OPENSSL_free(der);
	X509_NAME_free(r.name);
	free(r.value);
	return copy;
}
