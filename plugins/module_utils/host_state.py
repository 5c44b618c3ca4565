# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says about itself, read and judged: active swap, containerd's effective configuration. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

_RUNC = ("containerd", "runtimes", "runc", "options", "SystemdCgroup")


class HostStateError(ValueError):
    """What a host printed cannot be read. The text says what was expected."""


def active_swap(proc_swaps: str) -> list[str]:
    """The files and devices that /proc/swaps lists. The kernel writes blanks in names as octal escapes."""
    return [line.split()[0] for line in proc_swaps.splitlines()[1:] if line.strip()]


def _lookup(data: Any, *path: str) -> Any:
    for key in path:
        if not isinstance(data, Mapping):
            return None
        data = data.get(key)
    return data


def containerd_problems(dump: str, *, sandbox_image: str, hosts_dir: str, restrict_oom_score_adj: bool) -> list[str]:
    """Where the configuration that containerd really uses differs from what was asked for."""
    try:
        plugins = tomllib.loads(dump).get("plugins", {})
    except tomllib.TOMLDecodeError as error:
        raise HostStateError(f"`containerd config dump` printed no TOML: {error}") from error
    images, runtime = "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"
    wanted = {
        (runtime, *_RUNC): True,
        (runtime, "restrict_oom_score_adj"): restrict_oom_score_adj,
        (images, "pinned_images", "sandbox"): sandbox_image,
        (images, "registry", "config_path"): hosts_dir,
    }
    return [
        f"{'.'.join(path)} is {found!r} where {value!r} was asked for"
        for path, value in wanted.items()
        if (found := _lookup(plugins, *path)) != value
    ]


def containerd_version(said: str) -> str:
    """The version in what `containerd --version` printed, without its v; empty where there is none."""
    found = re.search(r"(?<!\S)v(\d+\.\d+\.\d+\S*)", said)
    return found[1] if found else ""
