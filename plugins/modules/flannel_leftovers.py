#!/usr/bin/python

# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: flannel_leftovers
short_description: Remove from a host what another backend of Flannel left there
version_added: 0.1.0
description:
  - flanneld removes neither the device of a backend that it does not use any more, nor all routes of another one. A
    leftover route inside of the pod network may well win over the new one, and packets then go the old way.
  - Removes devices of other backends that flanneld made (flannel.1 and the like), and routes into the pod network, with
    a gateway, that go another way than the backend's. It gives flannel.1 the MTU that flanneld wrote into
    C(subnet.env), as flanneld itself leaves a device that is there as it is.
  - Run it when Flannel is rolled out on all nodes. Routes that flanneld is about to replace are waited for.
  - On a host without leftovers it changes nothing.
options:
  backend:
    description:
      - Flannel's backend that is in use now.
      - V(none) is for a host that has left its cluster. All of Flannel's devices and routes go, and the bridge cni0.
    type: str
    choices: [vxlan, host-gw, wireguard, none]
    required: true
  direct_routing:
    description: Whether vxlan is used with DirectRouting, so that routes without it are right, too.
    type: bool
    default: false
  networks:
    description: The pod network, one for each address family.
    type: list
    elements: str
    required: true
  subnet_file:
    description: Where flanneld writes what it decided.
    type: path
    default: /run/flannel/subnet.env
  timeout:
    description: Seconds to wait at most for flanneld to replace routes, before what is left of them is removed.
    type: int
    default: 15
requirements:
  - C(ip) of iproute2, with JSON output
author:
  - the podpath.kubeadm authors (@podpath)
attributes:
  check_mode:
    support: full
    description: Says what would be removed, without waiting.
  diff_mode:
    support: full
    description: Shows what is removed.
"""

EXAMPLES = r"""
- name: Remove what another backend left
  podpath.kubeadm.flannel_leftovers:
    backend: host-gw
    networks:
      - 10.244.0.0/16
  become: true
"""

RETURN = r"""
links:
  description: Devices that were removed.
  returned: always
  type: list
  elements: str
  sample: [flannel.1]
routes:
  description: Routes that were removed, as C(ip route) takes them.
  returned: always
  type: list
  elements: str
  sample: [10.244.1.0/24 via 192.168.56.11 dev eth1]
mtus:
  description: Devices whose MTU was set, and to what.
  returned: always
  type: dict
  sample: {flannel.1: 1450}
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.podpath.kubeadm.plugins.module_utils import flannel_host
from ansible_collections.podpath.kubeadm.plugins.module_utils.flannel_host import Leftovers

INTERVAL = 0.5


class HostError(Exception):
    """A command of the host failed. The text is a sentence."""


class Host:
    """The few commands that this module needs."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._ip = module.get_bin_path("ip", required=True)

    def ip(self, *arguments: str) -> str:
        code, out, err = self._module.run_command([self._ip, *arguments])
        if code:
            raise HostError(f"ip {' '.join(arguments)} failed: {err.strip() or out.strip()}")
        return out

    def read(self, *arguments: str) -> list[dict[str, Any]]:
        # without objects it prints nothing at all, or an empty list
        return json.loads(self.ip("-json", *arguments) or "[]")


def look(host: Host, params: dict[str, Any]) -> Leftovers:
    file = Path(params["subnet_file"])
    routes = [
        route
        for network in params["networks"]
        for route in host.read("-6" if ":" in network else "-4", "route", "show", "root", network)
    ]
    return flannel_host.leftovers(
        params["backend"],
        params["direct_routing"],
        params["networks"],
        host.read("-details", "link", "show"),
        routes,
        file.read_text(encoding="utf-8") if file.is_file() else "",
    )


def settle(
    look_once: Callable[[], Leftovers],
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Leftovers:
    """Look until flanneld has replaced the old routes by its own, or the time is over; the last look counts."""
    deadline = clock() + timeout
    while True:
        found = look_once()
        if not found.routes or clock() >= deadline:
            return found
        sleep(INTERVAL)


def remove(host: Host, found: Leftovers) -> None:
    """Routes first: those of a device go with it."""
    for route in found.routes:
        host.ip("route", "delete", *route.split())
    for link in found.links:
        host.ip("link", "delete", "dev", link)
    for link, mtu in found.mtus:
        host.ip("link", "set", "dev", link, "mtu", str(mtu))


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "backend": {"type": "str", "choices": ["vxlan", "host-gw", "wireguard", "none"], "required": True},
            "direct_routing": {"type": "bool", "default": False},
            "networks": {"type": "list", "elements": "str", "required": True},
            "subnet_file": {"type": "path", "default": "/run/flannel/subnet.env"},
            "timeout": {"type": "int", "default": 15},
        },
        supports_check_mode=True,
    )
    params = module.params
    # wireguard has one route for all nodes, and flanneld leaves those of other backends where they are; without
    # flanneld there is nothing to wait for
    waits = not module.check_mode and params["backend"] not in ("wireguard", "none")
    try:
        host = Host(module)
        found = settle(lambda: look(host, params), params["timeout"] if waits else 0)
        if found and not module.check_mode:
            remove(host, found)
    except (HostError, ValueError) as error:
        module.fail_json(msg=f"What another backend of Flannel left here cannot be removed: {error}")
    lines = [*(f"device {link}" for link in found.links), *(f"route {route}" for route in found.routes)]
    module.exit_json(
        changed=bool(found),
        links=list(found.links),
        routes=list(found.routes),
        mtus=dict(found.mtus),
        diff={"before": "".join(f"{line}\n" for line in lines), "after": ""} if lines else {},
    )


if __name__ == "__main__":
    main()
