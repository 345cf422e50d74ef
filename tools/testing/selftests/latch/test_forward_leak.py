#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What a gateway does without the module with flows that it forwards: every case here expects the leak."""

import forge
import runner
from flow import FLOWS
from gateway import GatewayNet, PoolAddress, Tunnel, ends
from ktap import case, ksft_ge, ksft_true

WITHOUT_MODULE = True


def setup():
    return GatewayNet()


@case("2.5-1_leak_without_module_pool_address_{flow}", FLOWS)
def pool_address(env, proto, fam):
    """Another peer gets the address, and reads what was not meant for it."""
    tunnel = Tunnel(env, env.alice, env.bob, fam=fam).up()
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    taker = PoolAddress(env, tunnel)
    taker.start()
    taker.take()
    stolen = 0

    def took():
        nonlocal stolen
        stolen += taker.stolen(flow)
        return stolen >= 200

    flow.pump(took, ways=((flow.b, flow.a),))
    taker.end()


@case("2.2-6_leak_without_module_new_owner_of_a_pool_address_sends_{flow}", FLOWS)
def new_owner_sends(env, proto, fam):
    """... and what it sends gets to the other end of the flow."""
    tunnel = Tunnel(env, env.alice, env.bob, fam=fam).up()
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    taker = PoolAddress(env, tunnel, suite="null")
    taker.start()
    taker.take()
    taker.send(forge.into(flow, forge.PSH | forge.ACK, b"forged", sock=flow.b)[1])
    flow.b.settimeout(10)
    ksft_true(flow.b.recv(100) == b"forged")
    taker.end()


@case("2.5-1_leak_without_module_flush_at_the_gateway_{flow}", FLOWS)
def flush(env, proto, fam):
    """Policies and SAs are flushed at the gateway: what is sent to the end of the tunnel goes there in clear."""
    tunnel = Tunnel(env, env.alice, env.bob, fam=fam, level="use").up()
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    env.wire.restart()
    tunnel.flush([env.gate])
    flow.pump(lambda: env.clear(flow, env.alice)[1] >= 1000, ways=((flow.b, flow.a),))
    ksft_ge(env.clear(flow, env.alice)[0], 1)


if __name__ == "__main__":
    runner.main()
