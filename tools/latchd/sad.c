// SPDX-License-Identifier: GPL-2.0
/*
 * See sad.h.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "sad.h"

#define BUCKETS		8192
#define FIRST_ASK	50	/* ms in which others may claim an SA before we ask */
#define LAST_ASK	1600	/* ms between two questions at most */
#define MAX_TRIES	10	/* some 10 s: longer than an SA can be pending */

static struct sa *buckets[BUCKETS];
static struct sa *asked;
static unsigned int this_round;
static bool reading;
static size_t counts[SA_LEFT + 1];

static struct sa **bucket(const struct sa_key *k)
{
	/* the peers choose SPIs at random */
	return &buckets[(ntohl(k->spi) ^ ntohl(k->spi) >> 16) % BUCKETS];
}

static bool same_sa(const struct sa_key *a, const struct sa_key *b)
{
	return a->family == b->family && a->proto == b->proto && a->spi == b->spi &&
	       !memcmp(a->dst, b->dst, sizeof(a->dst));
}

static bool same_key(const struct sa_key *a, const struct sa_key *b)
{
	return same_sa(a, b) && a->mark == b->mark && a->mask == b->mask;
}

static void ask_unlink(struct sa *sa)
{
	if (!sa->ask_prev)
		return;
	*sa->ask_prev = sa->ask_next;
	if (sa->ask_next)
		sa->ask_next->ask_prev = sa->ask_prev;
	sa->ask_prev = NULL;
}

static void ask_link(struct sa *sa)
{
	sa->ask_next = asked;
	sa->ask_prev = &asked;
	if (asked)
		asked->ask_prev = &sa->ask_next;
	asked = sa;
}

/**
 * sad_settle() - set what we know about an SA
 * @sa:    the SA
 * @state: SA_BOUND or SA_LEFT; SA_ASK to begin again
 */
void sad_settle(struct sa *sa, enum sa_state state)
{
	ask_unlink(sa);
	counts[sa->state]--;
	counts[state]++;
	sa->state = state;
	if (state == SA_ASK)
		ask_link(sa);
}

/**
 * sad_add() - note that the kernel has an SA
 * @key:   its key; where we know the SA, this only updates it
 * @reqid: its reqid
 * @now:   in milliseconds
 */
void sad_add(const struct sa_key *key, uint32_t reqid, int64_t now)
{
	struct sa **head = bucket(key), *sa;

	for (sa = *head; sa; sa = sa->next) {
		if (same_key(&sa->key, key)) {
			sa->round = this_round;
			sa->reqid = reqid;
			return;
		}
	}
	sa = calloc(1, sizeof(*sa));
	if (!sa) {
		say_error("out of memory: an SA stays unidentified");
		return;
	}
	sa->key = *key;
	sa->reqid = reqid;
	sa->due = now + FIRST_ASK;
	sa->round = this_round;
	sa->next = *head;
	*head = sa;
	counts[SA_ASK]++;
	ask_link(sa);
}

static void remove_at(struct sa **p)
{
	struct sa *sa = *p;

	*p = sa->next;
	ask_unlink(sa);
	counts[sa->state]--;
	free(sa);
}

/**
 * sad_del() - note that an SA has gone
 * @key: its key
 */
void sad_del(const struct sa_key *key)
{
	struct sa **p;

	for (p = bucket(key); *p; p = &(*p)->next) {
		if (same_key(&(*p)->key, key)) {
			remove_at(p);
			return;
		}
	}
}

static void remove_if(bool (*go)(const struct sa *sa, int arg), int arg)
{
	struct sa **p;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		for (p = &buckets[i]; *p;) {
			if (go(*p, arg))
				remove_at(p);
			else
				p = &(*p)->next;
		}
	}
}

static bool is_of(const struct sa *sa, int proto)
{
	return proto == 0 || proto == 255 || sa->key.proto == proto;
}

static bool is_unseen(const struct sa *sa, int arg)
{
	(void)arg;
	return sa->round != this_round;
}

/**
 * sad_flush() - note that all SAs of a protocol have gone
 * @proto: IPPROTO_*; 0 or 255 for all
 */
void sad_flush(uint8_t proto)
{
	remove_if(is_of, proto);
}

/**
 * sad_round_begin() - begin to read the whole SAD
 *
 * The caller gives each SA to sad_add(), then calls sad_round_end().
 */
void sad_round_begin(void)
{
	this_round++;
	reading = true;
}

/**
 * sad_round_end() - drop the SAs that sad_add() did not hear of in this round
 */
void sad_round_end(void)
{
	if (reading)
		remove_if(is_unseen, 0);
	reading = false;
}

/**
 * sad_find() - find an SA by destination, protocol and SPI, whatever its mark
 * @key:  these; mark and mask do not count
 * @more: set to whether there are several, with different marks
 *
 * Return: one of them, which stays ours; NULL where there is none.
 */
struct sa *sad_find(const struct sa_key *key, bool *more)
{
	struct sa *sa, *found = NULL;

	*more = false;
	for (sa = *bucket(key); sa; sa = sa->next) {
		if (!same_sa(&sa->key, key))
			continue;
		*more = found;
		found = sa;
	}
	return found;
}

/**
 * sad_forget() - ask about all SAs again: the module may have lost their claims
 * @now: in milliseconds
 */
void sad_forget(int64_t now)
{
	struct sa *sa;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		for (sa = buckets[i]; sa; sa = sa->next) {
			sad_settle(sa, SA_ASK);
			sa->tries = 0;
			sa->due = now;
		}
	}
}

/**
 * sad_due() - find out when to ask about an SA next
 *
 * Return: that time in milliseconds; -1 where there is no SA to ask about.
 */
int64_t sad_due(void)
{
	int64_t due = -1;
	struct sa *sa;

	for (sa = asked; sa; sa = sa->ask_next)
		if (due < 0 || sa->due < due)
			due = sa->due;
	return due;
}

static void ask_later(struct sa *sa, int64_t now)
{
	int64_t wait = (int64_t)FIRST_ASK << (sa->tries < 6 ? sa->tries : 6);

	sa->tries++;
	sa->due = now + (wait < LAST_ASK ? wait : LAST_ASK);
}

/**
 * sad_ask() - ask the module about the SAs whose time has come
 * @now:   in milliseconds
 * @bound: asks the module about an SA; returns 1 where somebody has claimed it, 0 where
 *         nobody has, or a negative errno
 *
 * Return: how many nobody has claimed, so that the caller asks the IKE daemons.
 */
unsigned int sad_ask(int64_t now, int (*bound)(const struct sa *sa))
{
	struct sa *sa, *next;
	unsigned int n = 0;

	for (sa = asked; sa; sa = next) {
		next = sa->ask_next;
		if (sa->due > now)
			continue;
		if (bound(sa) == 1) {
			sad_settle(sa, SA_BOUND);
			continue;
		}
		if (sa->tries == MAX_TRIES) {
			sad_settle(sa, SA_LEFT);
			continue;
		}
		ask_later(sa, now);
		n++;
	}
	return n;
}

/**
 * sad_count() - count the SAs in a state
 * @state: the state
 *
 * Return: their number.
 */
size_t sad_count(enum sa_state state)
{
	return counts[state];
}
