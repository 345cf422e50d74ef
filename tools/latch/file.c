// SPDX-License-Identifier: GPL-2.0
/*
 * Binary values: hexadecimal digits on the command line, or DER or PEM in files.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hex.h"
#include "latch.h"

/**
 * hex_encode() - write bytes as hexadecimal digits
 * @prefix: text to put before them
 * @data:   the bytes
 * @len:    their number
 *
 * Return: the text, which the caller frees.
 */
char *hex_encode(const char *prefix, const void *data, size_t len)
{
	const unsigned char *c = data;
	char *out = need(malloc(strlen(prefix) + 2 * len + 1));
	char *p = stpcpy(out, prefix);

	while (len--)
		p += sprintf(p, "%02x", *c++);
	return out;
}

/**
 * hex_decode() - read the bytes of a text such as 0x3000
 * @text: the text
 * @len:  set to the number of bytes, at least 1
 *
 * Return: the bytes, which the caller frees; NULL where the text is not of that form.
 */
unsigned char *hex_decode(const char *text, size_t *len)
{
	size_t digits = strlen(text), i;
	unsigned char *out;
	int byte;

	if (digits < 4 || digits % 2 || strncmp(text, "0x", 2))
		return NULL;
	*len = digits / 2 - 1;
	out = need(malloc(*len));
	for (i = 0; i < *len; i++) {
		byte = hex_byte(text + 2 + 2 * i);
		if (byte < 0) {
			free(out);
			return NULL;
		}
		out[i] = byte;
	}
	return out;
}

static int base64_digit(unsigned char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? p - digits : -1;
}

/*
 * Decode the first PEM block of @text, which ends with a NUL, in place. Returns the
 * number of bytes, 0 where the block is damaged.
 */
static size_t pem_decode(unsigned char *text)
{
	unsigned char *in, *out = text;
	uint32_t bits = 0;
	int n = 0, v;

	in = (unsigned char *)strstr((char *)text + strlen("-----BEGIN "), "-----");
	if (!in)
		return 0;
	for (in += 5; *in && *in != '-' && *in != '='; in++) {
		if (strchr(" \t\r\n", *in))
			continue;
		v = base64_digit(*in);
		if (v < 0)
			return 0;
		bits = bits << 6 | v;
		n += 6;
		if (n >= 8) {
			n -= 8;
			*out++ = bits >> n;
		}
	}
	if (!*in || !strstr((char *)in, "-----END "))
		return 0;
	return out - text;
}

/**
 * file_read() - read a certificate or a key
 * @path: the file, DER or PEM
 * @max:  how many bytes of DER it may have
 * @len:  set to the number of bytes, at least 1
 *
 * Return: the DER, which the caller frees; NULL after a message.
 */
unsigned char *file_read(const char *path, size_t max, size_t *len)
{
	static const char begin[] = "-----BEGIN ";
	/* in PEM the same takes less than twice the room */
	size_t room = 2 * max + 4096;
	unsigned char *buf;
	FILE *f;

	f = fopen(path, "re");
	if (!f) {
		error("cannot open \"%s\": %s", path, strerror(errno));
		return NULL;
	}
	buf = need(malloc(room + 1));
	*len = fread(buf, 1, room, f);
	buf[*len] = '\0';
	if (ferror(f)) {
		error("cannot read \"%s\": %s", path, strerror(errno));
		*len = 0;
	} else if (*len > strlen(begin) && !memcmp(buf, begin, strlen(begin))) {
		*len = pem_decode(buf);
		if (!*len)
			error("\"%s\" is a damaged PEM file", path);
	} else if (!*len) {
		error("\"%s\" is empty", path);
	}
	fclose(f);
	if (*len > max) {
		error("\"%s\" holds more than %zu bytes", path, max);
		*len = 0;
	}
	if (*len)
		return buf;
	free(buf);
	return NULL;
}
