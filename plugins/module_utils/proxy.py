# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment by which programs find an HTTP proxy, and what never goes through it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

# a node's own services, and names that only mean something in the cluster
_ALWAYS = ("localhost", "127.0.0.1", "::1", ".svc", ".cluster.local")


class ProxyError(ValueError):
    """What is called a proxy is none. The text quotes no URL, as it may hold a password."""


def environment(proxy: Mapping[str, Any], direct: Sequence[str]) -> dict[str, str]:
    """The variables for `proxy`, {http, https, no_proxy}, in both spellings; none where there is no proxy.

    `direct` are the cluster's own names, addresses and networks. Programs differ in what they read of it: Go knows
    networks, Python and apt know names and addresses only, so nodes are in it by name, address and network.
    """
    http, https = str(proxy.get("http") or ""), str(proxy.get("https") or proxy.get("http") or "")
    if not http and not https:
        return {}
    for key, url in (("http", http), ("https", https)):
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise ProxyError(f"kubernetes_proxy.{key} is no URL such as http://proxy.example:3128")
    exempt = dict.fromkeys([*_ALWAYS, *(str(item) for item in direct if item), *(proxy.get("no_proxy") or [])])
    values = {"http_proxy": http, "https_proxy": https, "no_proxy": ",".join(exempt)}
    found = {name: value for name, value in values.items() if value}
    return found | {name.upper(): value for name, value in found.items()}
