// SPDX-License-Identifier: GPL-2.0
/*
 * Claims for the SAs that charon installs.
 *
 * charon calls add_sa() of its kernel interface in the thread that has checked out the
 * IKE_SA, which is authenticated by then, both for the first CHILD_SA and for a rekey.
 * We stand in for that method: the identities go to the module first, the SA follows.
 * A listener of charon's bus would be too late, since charon calls it once the SA is
 * installed.
 */
#include <errno.h>
#include <netinet/in.h>

#include <daemon.h>
#include <kernel/kernel_interface.h>
#include <processing/jobs/callback_job.h>

#include "module.h"
#include "nat.h"
#include "proof.h"
#include "sas.h"

typedef status_t (*add_sa_t)(kernel_interface_t *k, kernel_ipsec_sa_id_t *id,
			     kernel_ipsec_add_sa_t *data);
typedef status_t (*update_sa_t)(kernel_interface_t *k, kernel_ipsec_sa_id_t *id,
				kernel_ipsec_update_sa_t *data);

/* The kernel interface's own methods, while ours stand in for them. */
static add_sa_t charon_add_sa;
static update_sa_t charon_update_sa;
/* Install no SA without the module. */
static bool require;

static struct latchnl_sa sa_of(kernel_ipsec_sa_id_t *id, host_t *dst)
{
	return (struct latchnl_sa){
		.dst = blob_of(dst->get_address(dst)),
		.spi = id->spi,
		.proto = id->proto,
		.mark = id->mark.value,
		.mark_mask = id->mark.mask,
	};
}

/*
 * May charon install the SA after the module answered @rc?  Not where another peer
 * has claimed it: the SA would count as that peer's. An SA without a claim does no
 * harm: the module passes no latched connection under it.
 */
static bool may_install(int rc)
{
	if (!rc)
		return true;
	return rc != -EEXIST && !require;
}

static int claim_for(ike_sa_t *ike, kernel_ipsec_sa_id_t *id, host_t *dst, enum how how)
{
	struct latchnl_sa sa = sa_of(id, dst);
	struct ends e;
	int rc = -ENOKEY;

	sa.natt = nat_address(ike);
	if (ends_take(&e, ike))
		rc = module_claim(&sa, &e, how);
	else
		DBG1(DBG_KNL, "latch: SA %.8x has no authenticated peer", ntohl(id->spi));
	ends_clear(&e);
	return rc;
}

/*
 * Stands in for add_sa() of the kernel interface: first the claim, then the SA.  Where the
 * SA does not come, the module forgets the claim by itself.  We cannot delete it: it may be
 * that of an equal SA that is there, and why charon cannot install another one.
 */
static status_t add_sa(kernel_interface_t *k, kernel_ipsec_sa_id_t *id,
		       kernel_ipsec_add_sa_t *data)
{
	int rc = claim_for(charon->bus->get_sa(charon->bus), id, id->dst, CLAIM);

	if (!may_install(rc)) {
		DBG1(DBG_KNL, "latch: SA %.8x is not installed", ntohl(id->spi));
		return FAILED;
	}
	return charon_add_sa(k, id, data);
}

/*
 * Stands in for update_sa(). For MOBIKE and new NAT mappings charon deletes the SA and
 * makes it again under the same SPI, perhaps with another destination: keep the claim
 * meanwhile.  After that it goes with the SA again, or because there is none.
 */
static status_t update_sa(kernel_interface_t *k, kernel_ipsec_sa_id_t *id,
			  kernel_ipsec_update_sa_t *data)
{
	ike_sa_t *ike = charon->bus->get_sa(charon->bus);
	int rc = claim_for(ike, id, data->new_dst, KEEP);
	status_t status;

	if (!may_install(rc))
		return FAILED;
	status = charon_update_sa(k, id, data);
	if (!rc)
		claim_for(ike, id, data->new_dst, UNKEEP);
	return status;
}

/* The mark of an SA: an inbound one has that of its policies only where an option says so. */
static mark_t mark_of(child_sa_t *child, bool inbound)
{
	child_cfg_t *conf = child->get_config(child);

	if (inbound && !conf->has_option(conf, OPT_MARK_IN_SA))
		return (mark_t){ 0 };
	return child->get_mark(child, inbound);
}

/* Claim an SA that charon installed before the module was loaded. */
static void claim_old(ike_sa_t *ike, child_sa_t *child, bool inbound, struct ends *e)
{
	host_t *dst = inbound ? ike->get_my_host(ike) : ike->get_other_host(ike);
	mark_t mark = mark_of(child, inbound);
	struct latchnl_sa sa = {
		.dst = blob_of(dst->get_address(dst)),
		.spi = child->get_spi(child, inbound),
		.proto = child->get_protocol(child) == PROTO_AH ? IPPROTO_AH : IPPROTO_ESP,
		.mark = mark.value,
		.mark_mask = mark.mask,
	};

	if (sa.spi)
		module_claim(&sa, e, CLAIM);
}

/* Claim those SAs of an IKE_SA that are in use; of one that is rekeyed, the inbound one. */
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

/* The module came: tell it of the SAs that are there. Runs as a job of charon. */
static job_requeue_t claim_all(void *data)
{
	enumerator_t *ikes;
	ike_sa_t *ike;
	struct ends e;

	(void)data;
	if (!module_announce())
		return JOB_REQUEUE_NONE;
	ikes = charon->ike_sa_manager->create_enumerator(charon->ike_sa_manager, true);
	while (ikes->enumerate(ikes, &ike)) {
		if (ends_take(&e, ike))
			claim_children(ike, &e);
		ends_clear(&e);
	}
	ikes->destroy(ikes);
	return JOB_REQUEUE_NONE;
}

/**
 * sas_claim_all() - have charon claim all its SAs soon, in a thread of its own
 *
 * For a module that was loaded after them.
 */
void sas_claim_all(void)
{
	lib->processor->queue_job(lib->processor,
		(job_t *)callback_job_create(claim_all, NULL, NULL, NULL));
}

/**
 * sas_begin() - stand in for the kernel interface's methods
 * @must: true: let charon install no SA while the module is not loaded, or refuses
 */
void sas_begin(bool must)
{
	require = must;
	charon_add_sa = charon->kernel->add_sa;
	charon_update_sa = charon->kernel->update_sa;
	charon->kernel->add_sa = add_sa;
	charon->kernel->update_sa = update_sa;
}

/**
 * sas_end() - give the kernel interface its own methods back
 */
void sas_end(void)
{
	charon->kernel->add_sa = charon_add_sa;
	charon->kernel->update_sa = charon_update_sa;
}
