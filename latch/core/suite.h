/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Suites: what the algorithms of a transformation give, and which are weaker than others
 * (RFC 5660 2-2, 2-4).
 */
#ifndef LATCH_CORE_SUITE_H
#define LATCH_CORE_SUITE_H

#include "tag.h"
#include "types.h"

/* latch_transform.proto */
#define LATCH_PROTO_ESP	50
#define LATCH_PROTO_AH	51

/**
 * latch_tag_protection() - what a chain of transformations gives (2-2)
 * @t: the tag
 *
 * ESP with a cipher other than NULL gives confidentiality; AH, ESP with an
 * integrity algorithm and combined-mode ESP give integrity; a replay window on
 * an integrity-protected transformation gives replay protection. With several
 * transformations, what any of them gives.
 *
 * Return: set of LATCH_PROT_*.
 */
u8 latch_tag_protection(const struct latch_tag *t);

/**
 * latch_suite_matches() - is a transformation of this suite?
 * @s: the suite; zero in a field accepts any value
 * @x: the transformation
 *
 * Return: true where every field given in @s equals that of @x. A suite that is
 * all zero matches nothing.
 */
bool latch_suite_matches(const struct latch_suite *s, const struct latch_transform *x);

/**
 * latch_suite_exact() - in what does a suite differ from the latched one? (2-4)
 * @l: the latched transformation
 * @x: the other one
 *
 * Return: ENCR, KEY_LEN, INTEG, ICV, one for each field that differs, as LATCH_R() bits.
 */
u32 latch_suite_exact(const struct latch_transform *l, const struct latch_transform *x);

/**
 * latch_suite_floor() - in what is a suite weaker than the latched one? (2-4)
 * @l: the latched transformation
 * @x: the other one
 *
 * By latch_encr_strength() and latch_integ_strength(); a combined-mode cipher has integrity
 * of its own. Key lengths are compared within a class of ciphers, and for integrity
 * within one algorithm; 128 bits of a combined mode's ICV are no less than any
 * HMAC's; and an algorithm without a rank is congruent with itself only, as no
 * one can tell whether another is weaker.
 *
 * Return: ENCR, KEY_LEN, INTEG, ICV as LATCH_R() bits.
 */
u32 latch_suite_floor(const struct latch_transform *l, const struct latch_transform *x);

/**
 * latch_suite_key_bits() - length of the key that a demand for a key length is about
 * @x: the transformation
 *
 * Return: bits of the cipher's key, or without a cipher of the integrity's.
 */
u16 latch_suite_key_bits(const struct latch_transform *x);

/**
 * latch_encr_strength() - rank of a cipher for net.latch.qop=floor
 * @encr: IKEv2 transform type 1 number
 * @bits: key length in bits
 *
 * 0 for none, NULL and NULL with AES-GMAC; broken ciphers (DES) below 64-bit
 * block ciphers (3DES, Blowfish, CAST) below 128-bit block ciphers and ChaCha20;
 * among these by key length only; an unknown number, as those for private use
 * are, ranks 0. Counter modes and CBC of one cipher are equal.
 *
 * Return: rank, higher is stronger.
 */
u32 latch_encr_strength(u16 encr, u16 bits);

/**
 * latch_integ_strength() - rank of integrity for net.latch.qop=floor
 * @x: the transformation; a combined-mode cipher's ICV counts as integrity
 *
 * 0 none or unknown (as the numbers for private use are), 1 MD5 and DES-MAC,
 * 2 SHA-1, 3 AES-XCBC, AES-CMAC and SHA2-256, 4 SHA2-384, 5 SHA2-512. Combined
 * modes and GMAC rank with SHA2-512 (5), so that moving from CBC with any HMAC to
 * AES-GCM is no weakening.
 *
 * Return: rank, higher is stronger.
 */
u32 latch_integ_strength(const struct latch_transform *x);

/**
 * latch_encr_is_aead() - combined-mode cipher?
 * @encr: IKEv2 transform type 1 number
 *
 * Return: true for AES-CCM (14-16), AES-GCM (18-20), NULL with AES-GMAC (21),
 * Camellia-CCM (25-27) and ChaCha20-Poly1305 (28).
 */
bool latch_encr_is_aead(u16 encr);

#endif /* LATCH_CORE_SUITE_H */
