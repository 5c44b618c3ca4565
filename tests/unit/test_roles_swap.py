# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import swap

LISTED = """\
dev-sda2.swap       generated -
dev-zram0.swap      masked    enabled
swapfile.swap       enabled   enabled
old.swap            disabled  enabled
vendor.swap         static    -
ssh.service         enabled   enabled
zramswap.service    enabled   enabled
dphys-swapfile.service disabled enabled
"""


def test_what_a_boot_starts_is_found():
    assert swap.started_units(LISTED) == ["dev-sda2.swap", "swapfile.swap", "vendor.swap"]
    assert swap.started_services(LISTED) == ["zramswap.service"]


def unit(name, path, state, source=""):
    return f"Id={name}\nFragmentPath={path}\nUnitFileState={state}\nSourcePath={source}\n"


def test_each_unit_gets_the_cure_that_holds():
    shown = "\n".join([
        unit("dev-sda2.swap", "/run/systemd/generator/dev-sda2.swap", "generated", "/etc/fstab"),
        unit("dev-sda3.swap", "/run/systemd/generator.late/dev-sda3.swap", "generated"),
        unit("swapfile.swap", "/etc/systemd/system/swapfile.swap", "enabled"),
        unit("quiet.swap", "/etc/systemd/system/quiet.swap", "static"),
        unit("vendor.swap", "/usr/lib/systemd/system/vendor.swap", "static")])
    assert swap.unit_cures(shown) == {"mask": ["dev-sda3.swap", "vendor.swap"], "disable": ["swapfile.swap"]}
    assert swap.unit_cures("") == {"mask": [], "disable": []}


@pytest.mark.parametrize(("config", "units"), [
    ("", []),
    ("# /etc/systemd/zram-generator.conf\n[zram0]\n", ["dev-zram0.swap"]),
    ("[zram0]\nzram-size = min(ram / 2, 4096)\n\n# /etc/systemd/zram-generator.conf.d/a.conf\n[zram0]\n"
     "swap-priority=5\n[zram1]\nmount-point = /var/cache\n[zram2]\nfs-type = ext4\n[zram3]\nfs-type=swap\n",
     ["dev-zram0.swap", "dev-zram3.swap"]),
    ("[other]\nzram = 1\n", []),
])
def test_zram_devices_that_are_swap(config, units):
    assert swap.zram_swap_units(config) == units


def test_a_configuration_that_is_none_is_a_sentence():
    with pytest.raises(swap.SwapError, match="zram-generator's configuration cannot be read"):
        swap.zram_swap_units("zram-size = 5\n")


LIMITED = {"failSwapOn": False, "memorySwap": {"swapBehavior": "LimitedSwap"}}


@pytest.mark.parametrize(("config", "fitting"), [
    ({}, {"off", "tolerate", "limited"}),
    ({"kind": "KubeletConfiguration", "memorySwap": {}}, {"off"}),
    ({"failSwapOn": True, "memorySwap": {"swapBehavior": "LimitedSwap"}}, {"off"}),
    ({"failSwapOn": False, "memorySwap": {}}, {"off", "tolerate"}),
    ({"failSwapOn": False, "memorySwap": {"swapBehavior": "NoSwap"}}, {"off", "tolerate"}),
    (LIMITED, {"off", "limited"}),
])
def test_a_policy_that_the_kubelet_does_not_have_is_refused(config, fitting):
    assert {policy for policy in ("off", "tolerate", "limited")
            if not swap.running_problem(config, "node-1", policy)} == fitting


@pytest.mark.parametrize(("config", "meant"), [
    ({}, ""), ({"kind": "KubeletConfiguration"}, ""), ({"failSwapOn": False}, "tolerate"), (LIMITED, "limited")])
def test_swap_is_not_turned_off_under_a_node_that_may_use_it(config, meant):
    head = "Filename Type Size Used Priority\n"
    assert not swap.running_problem(config, "node-1", "off", head)
    said = swap.running_problem(config, "node-1", "off", head + "/swapfile file 524284 1024 -2\n")
    assert bool(said) is bool(meant)
    assert f'Set swap_policy to "{meant}"' in said or not meant


def test_the_refusal_names_what_runs_and_the_way_out():
    said = swap.running_problem({"failSwapOn": True}, "node-1", "limited")
    assert said.startswith('node-1 has swap_policy "limited", but its kubelet does not start where swap is on')
    assert 'Set swap_policy to "off"' in said
    assert 'Set swap_policy to "limited"' in swap.running_problem(LIMITED, "node-1", "tolerate")
    assert "has the swapBehavior NoSwap" in swap.running_problem({"failSwapOn": False}, "node-1", "limited")
