#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What a gateway with strongSwan does without the module: the case expects the leak.

The same scene is played with the module in test_ike_gateway.py.
"""

import runner
from flow import FLOWS
from ikegateway import IkeGatewayNet, Newcomer, RoadWarrior, serve_pool
from ktap import case, ksft_eq

IKE = True
WITHOUT_MODULE = True


def setup():
    return IkeGatewayNet()


@case("2.5-1_leak_without_module_ike_pool_{flow}", FLOWS)
def pool(env, proto, fam):
    """Alice goes, mallory gets her address from the pool, and reads what bob sends to alice."""
    serve_pool(env, fam)
    alice = RoadWarrior(env, env.alice, fam).up()
    flow = alice.flow(proto)
    flow.exchange()
    alice.down()
    RoadWarrior(env, env.mallory, fam).up()
    newcomer = Newcomer(env, flow, fam)
    read = 0

    def took():
        nonlocal read
        read += newcomer.read()
        return read >= 105

    flow.pump(took, ways=((flow.b, flow.a),))
    ksft_eq({i["remote-id"] for i in env.ike(env.gate).ikes()}, {"mallory.example"})
    newcomer.end()


if __name__ == "__main__":
    runner.main()
