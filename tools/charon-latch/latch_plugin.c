// SPDX-License-Identifier: GPL-2.0
/*
 * strongSwan plugin "latch": tells the kernel module ipsec_latch whose an SA is
 * before the SA is there, so that no packet ever passes under an SA whose peer is
 * not known (RFC 5660 2-5, 2-13, 2-21, 2-23).
 *
 * charon calls add_sa() of its kernel interface in the thread that has the IKE_SA
 * checked out, authenticated by then, for a first CHILD_SA as for one of a rekey.
 * The method is wrapped: identities go to the module first, the SA after them. A
 * hook of the bus would come too late: they are called when the SA is installed.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <daemon.h>
#include <bus/listeners/listener.h>
#include <collections/linked_list.h>
#include <credentials/certificates/certificate.h>
#include <credentials/keys/public_key.h>
#include <kernel/kernel_interface.h>
#include <plugins/plugin.h>
#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

#include <linux/latch.h>
#include "latchnl.h"

/* The one symbol that charon looks for: the others stay hidden from other plugins. */
__attribute__((visibility("default"))) plugin_t *latch_plugin_create(void);

typedef status_t (*add_sa_t)(kernel_interface_t *k, kernel_ipsec_sa_id_t *id,
			     kernel_ipsec_add_sa_t *data);
typedef status_t (*update_sa_t)(kernel_interface_t *k, kernel_ipsec_sa_id_t *id,
				kernel_ipsec_update_sa_t *data);

/**
 * struct latch - the plugin
 * @public:    what charon sees
 * @listener:  IKE_SAs that come and go, peers that do not answer
 * @nl:        the way to the module; under @lock, as @peers and @refused
 * @peers:     struct ike_peer of the IKE_SAs that are established
 * @add_sa:    the kernel interface's own, while ours is in its place
 * @update_sa: the same
 * @require:   no SA without the module
 * @dpd:       a peer that does not answer is told to the module
 */
struct latch {
	plugin_t public;
	listener_t listener;
	struct latchnl *nl;
	mutex_t *lock;
	linked_list_t *peers;
	add_sa_t add_sa;
	update_sa_t update_sa;
	bool require;
	bool dpd;
};

/* The wrapped methods have nothing of ours in their arguments. */
static struct latch *this;

/* Who is at the other end of one established IKE_SA. */
struct ike_peer {
	uint32_t unique_id;
	identification_t *id;
};

/**
 * struct proof - an identity with what proved it, in bytes of our own
 * @peer: the same, for the module
 */
struct proof {
	struct latchnl_peer peer;
	chunk_t id;
	chunk_t cert;
	chunk_t anchor;
	chunk_t key;
};

/* Both ends of an IKE_SA. */
struct ends {
	struct proof peer;
	struct proof local;
};

static struct latchnl_blob blob(chunk_t c)
{
	return (struct latchnl_blob){ .data = c.ptr, .len = c.len };
}

static void proof_clear(struct proof *p)
{
	chunk_free(&p->id);
	chunk_free(&p->cert);
	chunk_free(&p->anchor);
	chunk_free(&p->key);
}

static void ends_clear(struct ends *e)
{
	proof_clear(&e->peer);
	proof_clear(&e->local);
}

/* LATCH_ID_*, LATCH_ID_NONE for a type that is none of one host. */
static uint8_t id_type(identification_t *id)
{
	switch (id->get_type(id)) {
	case ID_IPV4_ADDR:
		return LATCH_ID_IPV4;
	case ID_FQDN:
		return LATCH_ID_FQDN;
	case ID_RFC822_ADDR:
		return LATCH_ID_EMAIL;
	case ID_IPV6_ADDR:
		return LATCH_ID_IPV6;
	case ID_DER_ASN1_DN:
		return LATCH_ID_DN;
	case ID_DER_ASN1_GN:
		return LATCH_ID_GN;
	case ID_KEY_ID:
		return LATCH_ID_KEYID;
	default:
		return LATCH_ID_NONE;
	}
}

/*
 * The method of the AUTH payload. That of a signature says more than the key where
 * RFC 7427 was used, but which was it is not kept; the key's own number is.
 */
static uint8_t auth_of_key(public_key_t *key)
{
	switch (key->get_type(key)) {
	case KEY_RSA:
		return LATCH_AUTH_RSA;
	case KEY_ECDSA:
		switch (key->get_keysize(key)) {
		case 256:
			return LATCH_AUTH_ECDSA_256;
		case 384:
			return LATCH_AUTH_ECDSA_384;
		case 521:
			return LATCH_AUTH_ECDSA_521;
		}
		return LATCH_AUTH_SIGNATURE;
	default:
		return LATCH_AUTH_SIGNATURE;
	}
}

/* Certificate, key and trust anchor of a round with a signature. */
static void take_cert(struct proof *p, auth_cfg_t *cfg)
{
	certificate_t *cert = cfg->get(cfg, AUTH_RULE_SUBJECT_CERT);
	certificate_t *anchor = cfg->get(cfg, AUTH_RULE_CA_CERT);
	public_key_t *key = cert ? cert->get_public_key(cert) : NULL;

	if (cert && cert->get_type(cert) == CERT_X509 &&
	    !cert->get_encoding(cert, CERT_ASN1_DER, &p->cert))
		p->cert = chunk_empty;
	if (anchor && !anchor->get_encoding(anchor, CERT_ASN1_DER, &p->anchor))
		p->anchor = chunk_empty;
	if (!key)
		return;
	p->peer.auth = auth_of_key(key);
	if (!key->get_encoding(key, PUBKEY_SPKI_ASN1_DER, &p->key))
		p->key = chunk_empty;
	key->destroy(key);
}

/* What one round of authentication proved. */
static bool take_round(struct proof *p, auth_cfg_t *cfg)
{
	uintptr_t class = (uintptr_t)cfg->get(cfg, AUTH_RULE_AUTH_CLASS);
	identification_t *id = cfg->get(cfg, AUTH_RULE_IDENTITY);
	identification_t *eap = cfg->get(cfg, AUTH_RULE_EAP_IDENTITY);

	/* the method authenticates its own identity; IDi is only what was said */
	if (class == AUTH_CLASS_EAP && eap && eap->get_type(eap) != ID_ANY)
		id = eap;
	if (!id || !id_type(id))
		return false;
	p->peer.id_type = id_type(id);
	p->id = chunk_clone(id->get_encoding(id));
	switch (class) {
	case AUTH_CLASS_PSK:
		p->peer.auth = LATCH_AUTH_PSK;
		break;
	case AUTH_CLASS_EAP:
		p->peer.auth = LATCH_AUTH_EAP;
		take_cert(p, cfg);
		p->peer.auth = LATCH_AUTH_EAP;
		break;
	case AUTH_CLASS_PUBKEY:
		take_cert(p, cfg);
		break;
	default:
		/* XAuth rides on the round before it */
		proof_clear(p);
		return false;
	}
	p->peer.id = blob(p->id);
	p->peer.cert = blob(p->cert);
	p->peer.anchor = blob(p->anchor);
	p->peer.key = blob(p->key);
	return true;
}

/* Of several rounds (RFC 4739) the first: that of the host, before its user's. */
static bool take_end(struct proof *p, ike_sa_t *ike, bool local)
{
	enumerator_t *rounds = ike->create_auth_cfg_enumerator(ike, local);
	bool found = false;
	auth_cfg_t *cfg;

	memset(p, 0, sizeof(*p));
	while (!found && rounds->enumerate(rounds, &cfg))
		found = take_round(p, cfg);
	rounds->destroy(rounds);
	return found;
}

/* Both ends of an IKE_SA, to be cleared by the caller; false: not authenticated. */
static bool take_ends(struct ends *e, ike_sa_t *ike)
{
	memset(e, 0, sizeof(*e));
	if (!ike || !ike->has_condition(ike, COND_AUTHENTICATED))
		return false;
	if (!take_end(&e->peer, ike, false))
		return false;
	take_end(&e->local, ike, true);
	return true;
}

static struct latchnl_sa sa_of(kernel_ipsec_sa_id_t *id, host_t *dst)
{
	return (struct latchnl_sa){
		.dst = blob(dst->get_address(dst)),
		.spi = id->spi,
		.proto = id->proto,
		.mark = id->mark.value,
		.mark_mask = id->mark.mask,
	};
}

/* How a claim is made, see latchnl.h. */
enum how { CLAIM, KEEP, UNKEEP };

static int tell(const struct latchnl_sa *sa, struct ends *e, enum how how)
{
	int rc;

	this->lock->lock(this->lock);
	if (how == CLAIM)
		rc = latchnl_claim(this->nl, sa, &e->peer.peer, &e->local.peer);
	else
		rc = latchnl_keep(this->nl, sa, &e->peer.peer, &e->local.peer, how == KEEP);
	if (rc && rc != -ENOPROTOOPT)
		DBG1(DBG_KNL, "latch: SA %.8x cannot be bound: %s (%s)", ntohl(sa->spi),
		     strerror(-rc), latchnl_why(this->nl));
	this->lock->unlock(this->lock);
	return rc;
}

static void unclaim(const struct latchnl_sa *sa)
{
	this->lock->lock(this->lock);
	latchnl_unclaim(this->nl, sa);
	this->lock->unlock(this->lock);
}

/*
 * May the SA be installed after the module said @rc?  Not under a claim for
 * somebody else: it would count as theirs. Otherwise an SA that is not bound is
 * nobody's, and the module passes nothing latched under it.
 */
static bool may_install(int rc)
{
	if (!rc)
		return true;
	return rc != -EEXIST && !this->require;
}

static int claim_for(ike_sa_t *ike, kernel_ipsec_sa_id_t *id, host_t *dst, enum how how)
{
	struct latchnl_sa sa = sa_of(id, dst);
	struct ends e;
	int rc = -ENOKEY;

	if (take_ends(&e, ike))
		rc = tell(&sa, &e, how);
	else
		DBG1(DBG_KNL, "latch: SA %.8x has no authenticated peer", ntohl(id->spi));
	ends_clear(&e);
	return rc;
}

/* Identities first, then the SA. */
static status_t add_sa(kernel_interface_t *k, kernel_ipsec_sa_id_t *id,
		       kernel_ipsec_add_sa_t *data)
{
	struct latchnl_sa sa = sa_of(id, id->dst);
	int rc = claim_for(charon->bus->get_sa(charon->bus), id, id->dst, CLAIM);
	status_t status;

	if (!may_install(rc)) {
		DBG1(DBG_KNL, "latch: SA %.8x is not installed", ntohl(id->spi));
		return FAILED;
	}
	status = this->add_sa(k, id, data);
	if (status != SUCCESS && !rc)
		unclaim(&sa);
	return status;
}

/*
 * MOBIKE and NAT mappings: charon deletes the SA and makes it anew under the same
 * SPI, perhaps with another destination. Its claim must outlast that.
 */
static status_t update_sa(kernel_interface_t *k, kernel_ipsec_sa_id_t *id,
			  kernel_ipsec_update_sa_t *data)
{
	ike_sa_t *ike = charon->bus->get_sa(charon->bus);
	struct latchnl_sa sa = sa_of(id, data->new_dst);
	int rc = claim_for(ike, id, data->new_dst, KEEP);
	status_t status;

	if (!may_install(rc))
		return FAILED;
	status = this->update_sa(k, id, data);
	if (rc)
		return status;
	if (status == SUCCESS)
		claim_for(ike, id, data->new_dst, UNKEEP);
	else
		unclaim(&sa);
	return status;
}

/* One SA that was there before the module was. */
static void claim_old(ike_sa_t *ike, child_sa_t *child, bool inbound, struct ends *e)
{
	host_t *dst = inbound ? ike->get_my_host(ike) : ike->get_other_host(ike);
	mark_t mark = child->get_mark(child, inbound);
	struct latchnl_sa sa = {
		.dst = blob(dst->get_address(dst)),
		.spi = child->get_spi(child, inbound),
		.proto = child->get_protocol(child) == PROTO_AH ? IPPROTO_AH : IPPROTO_ESP,
		.mark = mark.value,
		.mark_mask = mark.mask,
	};

	if (sa.spi)
		tell(&sa, e, CLAIM);
}

static void claim_children(ike_sa_t *ike, struct ends *e)
{
	enumerator_t *children = ike->create_child_sa_enumerator(ike);
	child_sa_t *child;

	while (children->enumerate(children, &child)) {
		switch (child->get_state(child)) {
		case CHILD_INSTALLED:
		case CHILD_REKEYING:
			claim_old(ike, child, false, e);
			claim_old(ike, child, true, e);
			break;
		case CHILD_REKEYED:
			claim_old(ike, child, true, e);
			break;
		default:
			break;
		}
	}
	children->destroy(children);
}

/* From now on an SA without a claim waits for one. */
static bool announce(void)
{
	int rc;

	this->lock->lock(this->lock);
	rc = latchnl_manager(this->nl, true);
	this->lock->unlock(this->lock);
	if (rc)
		DBG1(DBG_KNL, "latch: %s: SAs are not bound to peers", rc == -ENOPROTOOPT ?
		     "the module ipsec_latch is not loaded" : strerror(-rc));
	else
		DBG1(DBG_KNL, "latch: SAs are bound to their peers");
	return !rc;
}

/* The module came: it knows nothing of the SAs that are there. */
static job_requeue_t claim_all(void *data)
{
	enumerator_t *ikes;
	ike_sa_t *ike;
	struct ends e;

	(void)data;
	if (!announce())
		return JOB_REQUEUE_NONE;
	ikes = charon->ike_sa_manager->create_enumerator(charon->ike_sa_manager, true);
	while (ikes->enumerate(ikes, &ike)) {
		if (take_ends(&e, ike))
			claim_children(ike, &e);
		ends_clear(&e);
	}
	ikes->destroy(ikes);
	return JOB_REQUEUE_NONE;
}

static void queue_claim_all(void)
{
	lib->processor->queue_job(lib->processor,
		(job_t *)callback_job_create(claim_all, NULL, NULL, NULL));
}

/* The module came or went. */
static bool on_family(void *data, int fd, watcher_event_t event)
{
	bool changed;

	(void)data;
	(void)fd;
	(void)event;
	this->lock->lock(this->lock);
	changed = latchnl_changed(this->nl);
	this->lock->unlock(this->lock);
	if (changed)
		queue_claim_all();
	return true;
}

static void peer_destroy(struct ike_peer *p)
{
	p->id->destroy(p->id);
	free(p);
}

static void peer_gone(uint32_t unique_id)
{
	enumerator_t *peers = this->peers->create_enumerator(this->peers);
	struct ike_peer *p;

	while (peers->enumerate(peers, &p)) {
		if (p->unique_id != unique_id)
			continue;
		this->peers->remove_at(this->peers, peers);
		peer_destroy(p);
	}
	peers->destroy(peers);
}

static void peer_came(ike_sa_t *ike)
{
	identification_t *id = ike->get_other_id(ike);
	struct ike_peer *p;

	peer_gone(ike->get_unique_id(ike));
	p = malloc_thing(struct ike_peer);
	p->unique_id = ike->get_unique_id(ike);
	p->id = id->clone(id);
	this->peers->insert_last(this->peers, p);
}

/* Does another IKE_SA with the same peer stand, or @ike not? */
static bool peer_elsewhere(ike_sa_t *ike)
{
	enumerator_t *peers = this->peers->create_enumerator(this->peers);
	identification_t *id = ike->get_other_id(ike);
	bool here = false, elsewhere = false;
	struct ike_peer *p;

	while (peers->enumerate(peers, &p)) {
		if (p->unique_id == ike->get_unique_id(ike))
			here = true;
		else
			elsewhere |= p->id->equals(p->id, id);
	}
	peers->destroy(peers);
	return elsewhere || !here;
}

METHOD(listener_t, ike_updown, bool, listener_t *listener, ike_sa_t *ike, bool up)
{
	(void)listener;
	this->lock->lock(this->lock);
	if (up)
		peer_came(ike);
	else
		peer_gone(ike->get_unique_id(ike));
	this->lock->unlock(this->lock);
	return true;
}

METHOD(listener_t, ike_rekey, bool, listener_t *listener, ike_sa_t *old, ike_sa_t *new)
{
	(void)listener;
	this->lock->lock(this->lock);
	peer_gone(old->get_unique_id(old));
	peer_came(new);
	this->lock->unlock(this->lock);
	return true;
}

/* Dead peer detection (2-23): no answer on an IKE_SA that stood, and no other one. */
METHOD(listener_t, alert, bool, listener_t *listener, ike_sa_t *ike, alert_t what, va_list args)
{
	struct ends e;
	int rc;

	(void)listener;
	(void)args;
	if (what != ALERT_RETRANSMIT_SEND_TIMEOUT || !this->dpd || !ike)
		return true;
	this->lock->lock(this->lock);
	if (!peer_elsewhere(ike)) {
		rc = take_ends(&e, ike) ? latchnl_dead(this->nl, &e.peer.peer) : -ENOKEY;
		ends_clear(&e);
		DBG1(DBG_KNL, "latch: peer %Y is dead%s%s", ike->get_other_id(ike),
		     rc ? ", but: " : "", rc ? strerror(-rc) : "");
	}
	this->lock->unlock(this->lock);
	return true;
}

METHOD(plugin_t, get_name, char *, plugin_t *plugin)
{
	(void)plugin;
	return "latch";
}

static bool on_load(plugin_t *plugin, plugin_feature_t *feature, bool load, void *data)
{
	(void)plugin;
	(void)feature;
	(void)data;
	if (load) {
		this->add_sa = charon->kernel->add_sa;
		this->update_sa = charon->kernel->update_sa;
		charon->kernel->add_sa = add_sa;
		charon->kernel->update_sa = update_sa;
		charon->bus->add_listener(charon->bus, &this->listener);
		lib->watcher->add(lib->watcher, latchnl_fd(this->nl), WATCHER_READ, on_family,
				  NULL);
		announce();
	} else {
		lib->watcher->remove(lib->watcher, latchnl_fd(this->nl));
		charon->bus->remove_listener(charon->bus, &this->listener);
		charon->kernel->add_sa = this->add_sa;
		charon->kernel->update_sa = this->update_sa;
	}
	return true;
}

METHOD(plugin_t, get_features, int, plugin_t *plugin, plugin_feature_t *features[])
{
	static plugin_feature_t list[] = {
		PLUGIN_CALLBACK(on_load, NULL),
			PLUGIN_PROVIDE(CUSTOM, "latch"),
	};

	(void)plugin;
	*features = list;
	return countof(list);
}

METHOD(plugin_t, destroy, void, plugin_t *plugin)
{
	(void)plugin;
	latchnl_close(this->nl);
	this->peers->destroy_function(this->peers, (void *)peer_destroy);
	this->lock->destroy(this->lock);
	free(this);
	this = NULL;
}

/**
 * latch_plugin_create() - the constructor that charon looks for
 *
 * Return: the plugin, which charon destroys; NULL where netlink cannot be had.
 */
plugin_t *latch_plugin_create(void)
{
	struct latchnl *nl = latchnl_open();

	if (!nl) {
		DBG1(DBG_LIB, "latch: no netlink socket: %s", strerror(errno));
		return NULL;
	}
	this = calloc(1, sizeof(*this));
	if (!this) {
		latchnl_close(nl);
		return NULL;
	}
	this->public.get_name = _get_name;
	this->public.get_features = _get_features;
	this->public.destroy = _destroy;
	this->listener.ike_updown = _ike_updown;
	this->listener.ike_rekey = _ike_rekey;
	this->listener.alert = _alert;
	this->nl = nl;
	this->lock = mutex_create(MUTEX_TYPE_DEFAULT);
	this->peers = linked_list_create();
	this->require = lib->settings->get_bool(lib->settings, "%s.plugins.latch.require", FALSE,
						lib->ns);
	this->dpd = lib->settings->get_bool(lib->settings, "%s.plugins.latch.dpd", TRUE, lib->ns);
	return &this->public;
}
