// SPDX-License-Identifier: GPL-2.0
/*
 * Identities from text.
 */
#include <stdio.h>
#include <string.h>
#include <linux/latch.h>
#include "../ident.h"
#include "../log.h"
#include "unit.h"

/* NULL: is refused. Otherwise its type, and the value as hexadecimal. */
struct id_case {
	const char *text;
	int type;
	const char *value;
};

static const struct id_case environment_ids[] = {
	{ "@bob.example", LATCH_ID_FQDN, "626f622e6578616d706c65" },
	{ "@bob_1-x", LATCH_ID_FQDN, "626f625f312d78" },
	{ "@10.9.0.2", LATCH_ID_FQDN, "31302e392e302e32" },
	{ "bob@example.org", LATCH_ID_EMAIL, "626f62406578616d706c652e6f7267" },
	{ "10.9.0.2", LATCH_ID_IPV4, "0a090002" },
	{ "2001:db8::1", LATCH_ID_IPV6, "20010db8000000000000000000000001" },
	{ "@#0x00ff20", LATCH_ID_KEYID, "00ff20" },
	{ "O=spike, CN=b", LATCH_ID_DN,
	  "301c310e300c060355040a13057370696b65310a30080603550403130162" },
	{ "CN=b", LATCH_ID_DN, "300c310a30080603550403130162" },
	{ "CN=b\\1342Cc", LATCH_ID_DN, "300e310c300a06035504031303622c63" },
	{ "CN=b\\134,c", LATCH_ID_DN, "300e310c300a06035504031303622c63" },
	{ "CN=\\134C3\\134A9", LATCH_ID_DN, "300d310b300906035504030c02c3a9" },
	{ "CN=\\134 b\\134 ", LATCH_ID_DN, "300e310c300a06035504031303206220" },
	{ "C=CH, CN=b_c", LATCH_ID_DN,
	  "301b310b3009060355040613024348310c300a06035504030c03625f63" },
	{ "E=b@x.org, CN=b", LATCH_ID_DN,
	  "30243116301406092a864886f70d01090116076240782e6f7267310a30080603550403130162" },
	{ "UID=b, DC=x", LATCH_ID_DN,
	  "30263111300f060a0992268993f22c6401011301623111300f060a0992268993f22c640119130178" },
	{ "2.5.4.99=#0C0141", LATCH_ID_DN, "300c310a300806035504630c0141" },
	{ "1.3.6.1.4.1.99999=#130141", LATCH_ID_DN, "3011310f300d06082b06010401868d1f130141" },
	{ "2.999.1=#130141", LATCH_ID_DN, "300c310a30080603883701130141" },
	{ "SN=7", LATCH_ID_DN, "300c310a30080603550405130137" },
	{ "S=7", LATCH_ID_DN, "300c310a30080603550404130137" },
	{ "CN=", LATCH_ID_DN, "300b3109300706035504031300" },
};

static const char *const environment_refused[] = {
	/* nobody */
	"",
	"(none)",
	"%any",
	"%fromcert",
	"ID_NULL",
	"(empty)",
	"%null",
	"unknown id kind 77",
	/* not what pluto writes, or in two ways */
	"bob",
	"@",
	"@bob@x",
	"@bob\n",
	"@bob\\012",
	"@b\\0",
	"@b\\400",
	"@b\\",
	"@b c",
	"@caf\xc3\xa9",
	"@a=b",
	"a=b@x",
	"CN=bob@x.org",
	"@#0x",
	"@#0x1",
	"@#0xgg",
	"@#0xAB",
	"bob@",
	"@@",
	"b@c@d",
	"0.0.0.0",
	"::",
	"010.9.0.2",
	"10.9.0.2/32",
	"10.9.0",
	"2001:DB8::1",
	"2001:db8:0::1",
	"1.2.3.4 ",
	/* names that are none */
	"CN",
	"=b",
	"CN=b,",
	"CN=b, ",
	"CN=b,O=c",
	"CN=b,  O=c",
	"XX=b",
	"cn=b",
	"CN=b+O=c",
	"CN=\"b\"",
	"CN=b\\134",
	"CN=b\\134x",
	"CN=a=b",
	"CN=\\134C3",
	"CN=\\134C3(",
	"CN=\\13400",
	"CN=\\134ED\\134A0\\13480",
	"CN=\\134F8\\13488\\13480\\13480\\13480",
	"CN=\\134C0\\134AF",
	"E=\\134C3\\134A9, CN=b",
	"2.5.4=b",
	"2.5.4.99=b",
	"2.5.4.99=#",
	"2.5.4.99=#0C",
	"2.5.4.99=#0C0241",
	"2.5.4.99=#0C014100",
	"2.5.4.99=#0C80",
	"2.5.4.99=#0C8101"
	"41",
	"2.5=#0C0141",
	"2.5.4.099=#0C0141",
	"9.5.4=#0C0141",
	"2.5.4.4294967296=#0C0141",
	"2..4=#0C0141",
	"2.5.4.=#0C0141",
	"0x3000",
	"S=7, STREET=x",
};

static const struct id_case vici_ids[] = {
	{ "bob.example", LATCH_ID_FQDN, "626f622e6578616d706c65" },
	{ "bob", LATCH_ID_FQDN, "626f62" },
	{ "bob@example.org", LATCH_ID_EMAIL, "626f62406578616d706c652e6f7267" },
	{ "10.9.0.2", LATCH_ID_IPV4, "0a090002" },
	{ "fec0::2", LATCH_ID_IPV6, "fec00000000000000000000000000002" },
	{ "01:02:ff", LATCH_ID_KEYID, "0102ff" },
	{ "01:02:03:04:05:06:07:08", LATCH_ID_KEYID, "0102030405060708" },
	{ "C=CH, O=x, CN=y", LATCH_ID_DN,
	  "3025310b3009060355040613024348310a3008060355040a130178310a30080603550403130179" },
	{ "CN=b\\c", LATCH_ID_DN, "300e310c300a06035504030c03625c63" },
	{ "CN=b,c", LATCH_ID_DN, "300e310c300a06035504031303622c63" },
	{ "SN=7", LATCH_ID_DN, "300c310a30080603550404130137" },
	{ "serialNumber=7", LATCH_ID_DN, "300c310a30080603550405130137" },
	{ "CN=a=b", LATCH_ID_DN, "300e310c300a06035504031303613d62" },
};

static const char *const vici_refused[] = {
	"",
	"%any",
	"(ASN.1 general name)",
	"(unknown ID type: 99)",
	"(invalid ID_DER_ASN1_DN)",
	/* an address, or eight bytes of a key ID? */
	"10:11:12:13:14:15:16:17",
	"a::b:",
	"1:2:3",
	"FE:DC",
	"b?b",
	"CN=b?",
	"55:04:63=x",
	"b b",
	"CN=y, foo",
	"caf\xc3\xa9",
	"bob\n",
	"%",
	"0.0.0.0",
	"CN=y, ",
};

static void one_id(const char *name, const struct id_case *c, const char *why,
		   const struct ident *id)
{
	bool ok;

	if (!c->value)
		ok = why && !id->type;
	else
		ok = !why && id->type == c->type && !strcmp(hex_of(id), c->value);
	if (ok)
		return;
	printf("# %s \"%s\": %s, type %u, %s\n", name, shown(c->text, strlen(c->text)),
	       why ? why : "understood", id->type, hex_of(id));
	failures++;
}

void identities_of_environment(void)
{
	struct ident id;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(environment_ids); i++) {
		const struct id_case *c = &environment_ids[i];

		one_id("environment", c, ident_from_environment(&id, c->text), &id);
		seed('i', c->text, strlen(c->text));
	}
	for (i = 0; i < ARRAY_SIZE(environment_refused); i++) {
		struct id_case c = { environment_refused[i], 0, NULL };

		one_id("environment", &c, ident_from_environment(&id, c.text), &id);
		seed('i', c.text, strlen(c.text));
	}
}

void identities_of_vici(void)
{
	struct ident id;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vici_ids); i++) {
		const struct id_case *c = &vici_ids[i];
		const char *why = ident_from_vici(&id, c->text, strlen(c->text));

		one_id("vici", c, why, &id);
		seed('I', c->text, strlen(c->text));
	}
	for (i = 0; i < ARRAY_SIZE(vici_refused); i++) {
		struct id_case c = { vici_refused[i], 0, NULL };

		one_id("vici", &c, ident_from_vici(&id, c.text, strlen(c.text)), &id);
		seed('I', c.text, strlen(c.text));
	}
}

void identities_of_whack(void)
{
	static const struct {
		const char *type, *text, *value;
		int id;
	} cases[] = {
		{ "ID_FQDN", "@bob", "626f62", LATCH_ID_FQDN },
		{ "ID_USER_FQDN", "bob@x", "626f624078", LATCH_ID_EMAIL },
		{ "ID_IPV4_ADDR", "10.9.0.2", "0a090002", LATCH_ID_IPV4 },
		{ "ID_IPV6_ADDR", "2001:db8::1", "20010db8000000000000000000000001",
		  LATCH_ID_IPV6 },
		{ "ID_KEY_ID", "@#0x6162", "6162", LATCH_ID_KEYID },
		{ "ID_DER_ASN1_DN", "CN=b\\,c",
		  "300e310c300a06035504031303"
		  "622c63",
		  LATCH_ID_DN },
		/* the type tells these apart, whatever the text looks like */
		{ "ID_USER_FQDN", "@bob", NULL, 0 },
		{ "ID_FQDN", "bob", NULL, 0 },
		{ "ID_NULL", "ID_NULL", NULL, 0 },
		{ "ID_FROMCERT", "%fromcert", NULL, 0 },
		{ "ID_NONE", "(none)", NULL, 0 },
		{ "ID_FQDN", "@b\\n", NULL, 0 },
		{ "ID_IPV4_ADDR", "%any", NULL, 0 },
		{ "ID_KEY_ID", "@#0x", NULL, 0 },
		{ "", "", NULL, 0 },
		{ "ID_DER_ASN1_DN", "", NULL, 0 },
		{ "ID_DER_ASN1_DN", "(empty)", NULL, 0 },
	};
	struct ident id;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct id_case c = { cases[i].text, cases[i].id, cases[i].value };

		one_id("whack", &c, ident_from_whack(&id, cases[i].type, cases[i].text), &id);
	}
}

/* latchd refuses what is too long, and cuts nothing. */
void identities_have_a_length(void)
{
	char text[8000] = "@";
	struct ident id;
	size_t n;

	for (n = 1; n < sizeof(text) - 1; n++) {
		text[n] = 'a';
		text[n + 1] = '\0';
		if (!ident_from_environment(&id, text))
			CHECK(n <= LATCH_MAX_ID && id.len == n);
		else
			CHECK(n > LATCH_MAX_ID);
		if (!ident_from_vici(&id, text + 1, n))
			CHECK(n <= 500 && id.len == n);
		else
			CHECK(n > 500);
	}
	memcpy(text, "CN=", 3);
	for (n = 3; n < sizeof(text) - 1; n++) {
		text[n] = 'a';
		text[n + 1] = '\0';
		if (!ident_from_environment(&id, text))
			CHECK(id.len <= LATCH_MAX_ID && id.value[0] == 0x30);
		else
			CHECK(n > LATCH_MAX_ID - 40);
	}
	for (n = 0; n < 25; n++)
		strcpy(text + 6 * n, n ? ", CN=a" : "CN=a");
	for (n = 1; n < 25; n++) {
		text[0] = '\0';
		for (size_t i = 0; i < n; i++)
			strcat(text, i ? ", CN=a" : "CN=a");
		CHECK(!ident_from_environment(&id, text) == (n <= 20));
	}
}
