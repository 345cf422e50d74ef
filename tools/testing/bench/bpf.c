// SPDX-License-Identifier: GPL-2.0
/*
 * What a tc program can do against packets of another SA: remember the reqid that a
 * flow's SYN came under, and drop what comes under another or none.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#define SEC(name) __attribute__((section(name), used))
#define SYN 0x02

struct flow {
	__be32 saddr;
	__be32 daddr;
	__be16 sport;
	__be16 dport;
	__u32 proto;
};

struct {
	int (*type)[BPF_MAP_TYPE_LRU_HASH];
	int (*max_entries)[1000000];
	struct flow *key;
	__u32 *value;
} flows SEC(".maps");

static void *(*map_lookup)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*map_update)(void *map, const void *key, const void *value, __u64 flags) =
	(void *)BPF_FUNC_map_update_elem;
static long (*get_xfrm_state)(struct __sk_buff *skb, __u32 index, struct bpf_xfrm_state *x,
			      __u32 size, __u64 flags) = (void *)BPF_FUNC_skb_get_xfrm_state;

SEC("classifier")
int latch_ingress(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct bpf_xfrm_state x = {};
	struct flow key = {};
	__u32 *reqid;
	__u8 *th;

	if ((void *)(ip + 1) > end || ip->ihl != 5)
		return TC_ACT_OK;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return TC_ACT_OK;
	th = (void *)(ip + 1);
	if ((void *)(th + 8) > end)
		return TC_ACT_OK;
	key.saddr = ip->saddr;
	key.daddr = ip->daddr;
	key.sport = *(__be16 *)th;
	key.dport = *(__be16 *)(th + 2);
	key.proto = ip->protocol;
	get_xfrm_state(skb, 0, &x, sizeof(x), 0);

	if (ip->protocol == IPPROTO_TCP && (void *)(th + 14) <= end && th[13] & SYN) {
		map_update(&flows, &key, &x.reqid, BPF_ANY);
		return TC_ACT_OK;
	}
	reqid = map_lookup(&flows, &key);
	if (reqid)
		return *reqid == x.reqid ? TC_ACT_OK : TC_ACT_SHOT;
	if (ip->protocol == IPPROTO_TCP)
		return TC_ACT_SHOT;
	map_update(&flows, &key, &x.reqid, BPF_ANY);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
