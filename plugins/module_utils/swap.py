# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would bring swap back at the next boot, beside fstab: units, generators' devices and services; and whether a
kubelet that runs goes with the policy. Pure."""

from __future__ import annotations

import configparser
from collections.abc import Iterable, Mapping
from typing import Any

# services that make swap by themselves, by the packages that bring them
SERVICES = (
    "armbian-zram-config.service",
    "dphys-swapfile.service",
    "swapspace.service",
    "zram-config.service",
    "zram-swap.service",
    "zramen.service",
    "zramswap.service",
)
# states of a unit file in which a boot may start the unit
_STARTED = ("enabled", "enabled-runtime", "static", "generated", "linked", "linked-runtime", "indirect")


class SwapError(ValueError):
    """A configuration that cannot be read. The text says which."""


def zram_swap_units(config: str) -> list[str]:
    """The units of swap that zram-generator makes by its configuration, in whose sections a device is described."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#", ";"))
    try:
        parser.read_string(config)
    except configparser.Error as error:
        raise SwapError(f"zram-generator's configuration cannot be read: {error}") from error
    # a device that is mounted is no swap
    return [
        f"dev-{name}.swap"
        for name in parser.sections()
        if name.startswith("zram")
        and name[4:].isdigit()
        and not parser[name].get("mount-point")
        and parser[name].get("fs-type", "swap") == "swap"
    ]


def _unit_files(listed: str) -> Iterable[tuple[str, str]]:
    for line in listed.splitlines():
        if len(fields := line.split()) >= 2:
            yield fields[0], fields[1]


def started_units(listed: str) -> list[str]:
    """The swap units that a boot may start, by `systemctl list-unit-files`."""
    return [name for name, state in _unit_files(listed) if name.endswith(".swap") and state in _STARTED]


def started_services(listed: str) -> list[str]:
    """The services known to make swap that a boot starts, by `systemctl list-unit-files`."""
    return [name for name, state in _unit_files(listed) if name in SERVICES and state.startswith("enabled")]


def unit_cures(shown: str) -> dict[str, list[str]]:
    """How each unit of `systemctl show` is kept from starting: {"mask": [...], "disable": [...]}.

    A unit file of the administrator's own, in /etc, stands where the mask would: it is disabled. Units that systemd
    made from /etc/fstab need nothing, as they go with their line.
    """
    cures: dict[str, list[str]] = {"mask": [], "disable": []}
    for block in shown.split("\n\n"):
        unit: Mapping[str, str] = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if not unit.get("Id") or unit.get("SourcePath") == "/etc/fstab":
            continue
        if not unit.get("FragmentPath", "").startswith("/etc/systemd/system/"):
            cures["mask"].append(unit["Id"])
        elif unit.get("UnitFileState", "").startswith("enabled"):
            cures["disable"].append(unit["Id"])
    return cures


def running_problem(config: Mapping[str, Any], host: str, policy: str, swaps: str = "") -> str:
    """Why `host`, whose kubelet has this KubeletConfiguration, cannot have the policy; empty where it can.

    It is written when the cluster is made, so a policy that is changed later reaches no kubelet. Where swap is off any
    kubelet will do; where it is on (`swaps`, as /proc/swaps has it) it is not turned off under pods that may be in it.
    """
    behavior = (config.get("memorySwap") or {}).get("swapBehavior") or "NoSwap"
    if not config:
        return ""
    if policy == "off":
        if config.get("failSwapOn", True) or len(swaps.splitlines()) < 2:
            return ""
        meant = "limited" if behavior == "LimitedSwap" else "tolerate"
        return (
            f'{host} has swap_policy "off", but it is a running node with swap, and its kubelet bears that (failSwapOn '
            f'is false, swapBehavior {behavior}): pods that are in it may be killed. Set swap_policy to "{meant}", or '
            "drain the node and turn its swap off (swapoff --all) first."
        )
    if config.get("failSwapOn", True):
        runs, fits = "does not start where swap is on (failSwapOn is true)", "off"
    elif behavior != {"tolerate": "NoSwap", "limited": "LimitedSwap"}[policy]:
        runs, fits = f"has the swapBehavior {behavior}", "limited" if policy == "tolerate" else "tolerate"
    else:
        return ""
    return (
        f'{host} has swap_policy "{policy}", but its kubelet {runs}: a cluster gets its policy when it is made. Set '
        f'swap_policy to "{fits}", or change the kubelets first, by a file kubeletconfiguration+merge.yaml in '
        "kubernetes_patches or by hand."
    )
