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


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        # its text may quote the password
        return False


def _urls(proxy: Mapping[str, Any]) -> dict[str, str]:
    http = str(proxy.get("http") or "")
    return {"http": http, "https": str(proxy.get("https") or "") or http}


def problems(proxy: Mapping[str, Any]) -> list[str]:
    """What is called a proxy and is none. The text quotes no URL, as it may hold a password."""
    return [
        f"kubernetes_proxy.{key} is no URL of a proxy: it needs http:// or https:// before the host, such as "
        "http://proxy.example:3128."
        for key, url in _urls(proxy).items()
        if proxy.get(key) and not _is_proxy(url)
    ]


def environment(proxy: Mapping[str, Any], direct: Sequence[str]) -> dict[str, str]:
    """The variables for `proxy`, {http, https, no_proxy}, in both spellings; none where there is no proxy.

    `direct` are the cluster's own names, addresses and networks. Programs differ in what they read of it: Go knows
    networks, Python and apt know names and addresses only, so nodes are in it by name, address and network.
    """
    urls = _urls(proxy)
    if not any(urls.values()):
        return {}
    if wrong := problems(proxy):
        raise ProxyError(" ".join(wrong))
    exempt = dict.fromkeys([*_ALWAYS, *(str(item) for item in direct if item), *(proxy.get("no_proxy") or [])])
    values = {"http_proxy": urls["http"], "https_proxy": urls["https"], "no_proxy": ",".join(exempt)}
    found = {name: value for name, value in values.items() if value}
    return found | {name.upper(): value for name, value in found.items()}
