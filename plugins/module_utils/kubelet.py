# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a kubelet says on its own host whether it is well. Pure."""

from __future__ import annotations

import ipaddress
import re

_SETTING = re.compile(r"(?:--healthz-|healthz)(port|bind-?address)(?::\s*|[= ])[\"']?([^\"'\s]*)", re.IGNORECASE)
_PORT, _ADDRESS = "10248", "127.0.0.1"
# who listens on every address is asked by the loopback
_EVERY = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def _address(text: str) -> str:
    try:
        address = ipaddress.ip_address(_EVERY.get(text, text))
    except ValueError:
        return _ADDRESS
    return f"[{address}]" if address.version == 6 else str(address)


def healthz_url(said: str) -> str:
    """The URL by which a kubelet tells it; empty where its configuration turns that off.

    `said` are lines `healthzPort: 10248` of its file and arguments `--healthz-port=10248`; the last one counts.
    """
    found = {"port": _PORT, "bindaddress": _ADDRESS}
    for name, value in _SETTING.findall(said):
        found[name.lower().replace("-", "")] = value
    # with one that is none it does not come up, wherever it is asked
    port = found["port"] if found["port"].isdigit() else _PORT
    return "" if port == "0" else f"http://{_address(found['bindaddress'])}:{port}/healthz"
