// SPDX-License-Identifier: GPL-2.0
/*
 * Prints identities, which peers may have chosen.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/latch.h>
#include "print.h"
#include "rfc4514.h"

static bool is_address(unsigned int type, size_t len)
{
	return (type == LATCH_ID_IPV4 && len == 4) || (type == LATCH_ID_IPV6 && len == 16);
}

static bool is_printable(const unsigned char *c, size_t len)
{
	for (; len; len--, c++)
		if (*c < 0x20 || *c >= 0x7f || *c == '\\')
			return false;
	return true;
}

/*
 * Put a name between double quotes, as a shell and a batch take it: what a shell might take
 * for something else there is escaped with its number, as RFC 4514 allows.
 */
static char *quote(const char *dn)
{
	char *out = need(malloc(3 * strlen(dn) + 3)), *p = out;

	*p++ = '"';
	for (; *dn; dn++) {
		bool escaped = *dn == '\\' && strchr("\\\"", dn[1]);

		dn += escaped;
		if (escaped || strchr("$`!", *dn))
			p += sprintf(p, "\\%02X", *dn);
		else
			*p++ = *dn;
	}
	*p++ = '"';
	*p = '\0';
	return out;
}

/* The text of a distinguished name, which the caller frees; NULL where it has none. */
static char *dn_text(const void *der, size_t len)
{
	char *text = rfc4514_from_der(der, len), *quoted;

	if (!text || opt.json)
		return text;
	quoted = quote(text);
	free(text);
	return quoted;
}

/**
 * identity_text() - write the value of an identity as one word that "peer add" accepts
 * @type: LATCH_ID_*
 * @data: the value
 * @len:  its bytes
 *
 * A distinguished name is its text, other DER, and a key ID that is not text or looks like
 * 0x..., are in hexadecimal, the others are escaped text.
 *
 * Return: the word, which the caller frees.
 */
char *identity_text(unsigned int type, const void *data, size_t len)
{
	bool hex = type == LATCH_ID_DN || type == LATCH_ID_GN;
	char buf[INET6_ADDRSTRLEN];
	int family = len == 4 ? AF_INET : AF_INET6;
	char *text;

	if (is_address(type, len))
		return need(strdup(inet_ntop(family, data, buf, sizeof(buf))));
	if (type == LATCH_ID_DN) {
		text = dn_text(data, len);
		if (text)
			return text;
	}
	if (type == LATCH_ID_KEYID)
		hex = !is_printable(data, len) || (len >= 2 && !memcmp(data, "0x", 2));
	if (hex)
		return hex_encode("0x", data, len);
	/* in text a space would end the word, and a shell would read a quote */
	return escape(data, len, opt.json ? NULL : " \"'");
}

/**
 * print_identity() - print the type and the value of an identity
 * @prefix: "" or "peer-", what comes before "id-type" and "id-value" in JSON
 * @type:   LATCH_ID_*
 * @data:   the value
 * @len:    its bytes
 *
 * JSON has a value that is not printable in hexadecimal, too.
 */
void print_identity(const char *prefix, unsigned int type, const void *data, size_t len)
{
	char *value = identity_text(type, data, len);
	char key[32], *hex;

	snprintf(key, sizeof(key), "%sid-type", prefix);
	print_name(key, "", id_type_names, type);
	snprintf(key, sizeof(key), "%sid-value", prefix);
	if (opt.json || len)
		print_str(key, "", value);
	free(value);
	if (!opt.json || is_address(type, len) || is_printable(data, len))
		return;
	hex = hex_encode("", data, len);
	snprintf(key, sizeof(key), "%sid-value-hex", prefix);
	print_str(key, NULL, hex);
	free(hex);
}
