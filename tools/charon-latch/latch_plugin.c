// SPDX-License-Identifier: GPL-2.0
/*
 * strongSwan plugin "latch": tells the kernel module ipsec_latch which peer an SA
 * belongs to before the SA is installed, so that no packet ever passes under an SA
 * whose peer is not known (RFC 5660 2-5, 2-13, 2-21, 2-23).
 */
#include <errno.h>
#include <string.h>

#include <daemon.h>
#include <plugins/plugin.h>

#include "eap.h"
#include "module.h"
#include "narrow.h"
#include "nat.h"
#include "peers.h"
#include "sas.h"

/* The one symbol that charon looks for: the others stay hidden from other plugins. */
__attribute__((visibility("default"))) plugin_t *latch_plugin_create(void);

METHOD(plugin_t, get_name, char *, plugin_t *plugin)
{
	(void)plugin;
	return "latch";
}

/* The kernel says that a module came or went. */
static bool on_family(void *data, int fd, watcher_event_t event)
{
	(void)data;
	(void)fd;
	(void)event;
	if (module_changed())
		sas_claim_all();
	return true;
}

static bool setting(char *key, bool normally)
{
	return lib->settings->get_bool(lib->settings, key, normally, lib->ns);
}

/* As it was when the plugin was loaded. */
static bool narrows;

static bool on_load(plugin_t *plugin, plugin_feature_t *feature, bool load, void *data)
{
	(void)plugin;
	(void)feature;
	(void)data;
	if (load) {
		eap_trust_any(setting("%s.plugins.latch.eap_outer", FALSE));
		nat_begin();
		sas_begin(setting("%s.plugins.latch.require", FALSE));
		peers_begin();
		narrows = setting("%s.plugins.latch.narrow", TRUE);
		if (narrows)
			narrow_begin();
		lib->watcher->add(lib->watcher, module_fd(), WATCHER_READ, on_family, NULL);
		module_announce();
	} else {
		lib->watcher->remove(lib->watcher, module_fd());
		if (narrows)
			narrow_end();
		peers_end();
		sas_end();
		nat_end();
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
	peers_close();
	module_close();
}

static plugin_t plugin;

/**
 * latch_plugin_create() - the constructor that charon looks for
 *
 * Return: the plugin, which charon destroys; NULL where there is no netlink socket.
 */
plugin_t *latch_plugin_create(void)
{
	if (!module_open()) {
		DBG1(DBG_LIB, "latch: no netlink socket: %s", strerror(errno));
		return NULL;
	}
	peers_open(setting("%s.plugins.latch.dpd", TRUE));
	plugin.get_name = _get_name;
	plugin.get_features = _get_features;
	plugin.destroy = _destroy;
	return &plugin;
}
