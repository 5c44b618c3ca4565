# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swap, modules and sysctls of bare nodes: what is refused before any change, and what a boot would read after one."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
import playbooks

ROLE = "tests/integration/role.yml"
# Generators make no swap in a container, which they tell by the first process, /run and the control groups: they are
# shown none of these. Each line of the answer is a unit that the next boot would have.
AT_BOOT = """env --unset=container unshare --mount --pid --fork --mount-proc sh -ec '
mount -t tmpfs tmpfs /sys/fs/cgroup; mount -t tmpfs tmpfs /run; mkdir /run/units
for name in systemd-fstab-generator zram-generator; do
    generator=/lib/systemd/system-generators/$name
    if [ -e $generator ]; then
        ZRAM_GENERATOR_ROOT=/ $generator /run/units /run/units /run/units >/dev/null 2>&1
    fi
done
find /run/units -name "*.swap" -type f -printf "%f\\n" | while read -r unit; do
    if [ "$(readlink /etc/systemd/system/$unit)" != /dev/null ]; then echo $unit; fi
done | sort'"""


def refused(ran: playbooks.Run) -> str:
    assert ran.rc != 0, ran.output
    assert ran.changed == {}
    assert "Traceback" not in ran.output
    return " ".join(ran.output.split())


def test_module_that_does_not_exist_names_host_and_kernel(bare):
    said = refused(bare.play("site.yml", kernel_modules=["overlay", "nosuchmodule"]))
    for name in ("controlplane", "node-1", "node-2"):
        assert f"{name}: the kernel {os.uname().release} does not give all of kernel_modules" in said
    assert "Module nosuchmodule not found" in said


def test_limited_swap_needs_control_groups_of_version_2(bare):
    if bare.node("node-1", "ls /sys/fs/cgroup/cgroup.controllers 2>/dev/null || true"):
        pytest.skip("this machine's control groups are of version 2")
    said = refused(bare.play(ROLE, role="swap", entry="check", swap_policy="limited"))
    assert 'node-1 has swap_policy "limited", but its control groups are of version 1' in said


def test_two_swap_policies_in_one_cluster_are_refused(bare, tmp_path):
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": {
        "controlplane": {"swap_policy": False}, "node-1": {"swap_policy": "tolerate"},
        "node-2": {"swap_policy": "off"}}}}))
    said = refused(playbooks.run(ROLE, [*bare.inventory, str(tmp_path / "hosts.yml")], role="swap", entry="check"))
    assert 'controlplane has swap_policy "off", but node-1 has "tolerate".' in said


def test_a_policy_that_a_running_kubelet_does_not_have_is_refused(bare):
    # as kubeadm leaves it for the policy off
    config = "/var/lib/kubelet/config.yaml"
    bare.node("node-1", f"mkdir -p {config.rsplit('/', 1)[0]}; echo 'failSwapOn: true' > {config}")
    said = refused(bare.play(ROLE, role="swap", entry="check", swap_policy="tolerate"))
    bare.node("node-1", f"rm {config}")
    assert 'node-1 has swap_policy "tolerate", but its kubelet does not start where swap is on' in said
    assert "node-2 has" not in said


def test_files_that_would_override_at_a_boot_are_named(bare):
    bare.node("node-1", "echo net.ipv4.conf.all.forwarding=0 > /etc/sysctl.d/99-zzz-local.conf")
    bare.node("node-2", "echo net/ipv4/ip_forward=0 > /etc/sysctl.conf")
    said = refused(bare.play(ROLE, role="kernel", entry="check"))
    assert "node-1: /etc/sysctl.d/99-zzz-local.conf sets net.ipv4.ip_forward to 0, 1 is wanted" in said
    assert "node-2: /etc/sysctl.conf sets net.ipv4.ip_forward to 0, 1 is wanted" in said
    bare.node("node-1", "rm /etc/sysctl.d/99-zzz-local.conf")
    bare.node("node-2", "rm /etc/sysctl.conf")


def test_default_route_by_router_advertisement_is_not_lost(bare):
    bare.node("node-1", "sysctl -qw net.ipv6.conf.eth1.disable_ipv6=0 net.ipv6.conf.eth1.accept_ra=1 &&"
                        " ip -6 route replace default via fe80::1 dev eth1 proto ra")
    said = refused(bare.play(ROLE, role="kernel", entry="check", kernel_ipv6_forwarding=True))
    assert "node-1 has its IPv6 default route from router advertisements on eth1" in said
    assert "net.ipv6.conf.eth1.accept_ra: 2" in said
    bare.node("node-1", "ip -6 route delete default")


def test_sysctls_are_set_once_and_for_a_boot(bare):
    for changed in (True, False):
        ran = bare.play(ROLE, role="kernel", kernel_ipv6_forwarding=True)
        assert ran.rc == 0, ran.output
        assert bool(ran.changed) is changed
    assert bare.node("node-1", "sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding") == "1\n1\n"
    # what a boot does
    bare.node("node-1", "sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 &&"
                        " /lib/systemd/systemd-sysctl 2>/dev/null || true")
    assert bare.node("node-1", "sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding") == "1\n1\n"


def test_a_sysctl_that_is_not_asked_for_any_more_leaves_the_file_and_nothing_else_does(bare):
    file = "/etc/sysctl.d/99-zz-kubernetes.conf"
    ran = bare.play(ROLE, role="kernel", kernel_extra_sysctls={"vm.max_map_count": 262144})
    assert ran.rc == 0, ran.output
    bare.node("node-1", f"echo net.core.somaxconn=4096 >> {file}")
    for cmdline, changed in (("--check", True), ("", True), ("", False)):
        ran = bare.play(ROLE, cmdline, role="kernel")
        assert ran.rc == 0, ran.output
        assert set(ran.changed.get("node-1", ())) == ({
            "Take sysctls out of the file that are not asked for any more", "Note which sysctls are set"}
            if changed else set())
    assert bare.node("node-1", f"grep -c max_map_count {file} || true") == "0\n"
    assert bare.node("node-1", f"grep -c ^net.core.somaxconn=4096 {file}") == "1\n"
    assert bare.node("node-1", "sysctl -n vm.max_map_count") == "262144\n"


def test_value_that_does_not_hold_is_named(bare):
    bare.node("node-1", "systemd-run --quiet --unit=tuner sh -c 'while :; do sysctl -qw net.ipv4.ip_forward=0; done'")
    try:
        ran = bare.play(ROLE, "--limit node-1", role="kernel")
    finally:
        bare.node("node-1", "systemctl stop tuner")
    assert ran.rc != 0
    said = " ".join(ran.output.split())
    assert "node-1: net.ipv4.ip_forward is 0 after it was set to 1" in said
    assert "99-zz-kubernetes.conf, or something on the host sets it back" in said


def test_swap_stays_off_at_a_boot_whoever_makes_it(bare):
    """Of the packages' own parts none is started here: a swap of this kernel would be everybody's."""
    bare.node("node-1", """set -e
        printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
        apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install --yes -q systemd-zram-generator zram-tools
        printf '[Swap]\\nWhat=/swapfile\\n[Install]\\nWantedBy=swap.target\\n' > /etc/systemd/system/swapfile.swap
        printf '[Swap]\\nWhat=/vendorfile\\n' > /usr/lib/systemd/system/vendorfile.swap
        mkdir -p /usr/lib/systemd/system/swap.target.wants /etc/systemd/zram-generator.conf.d
        ln -s ../vendorfile.swap /usr/lib/systemd/system/swap.target.wants/
        printf '[zram1]\\nmount-point = /var/cache/zram\\n' > /etc/systemd/zram-generator.conf.d/cache.conf
        systemctl daemon-reload && systemctl enable swapfile.swap""")
    states = ("for unit in swapfile.swap vendorfile.swap zramswap.service dev-zram0.swap;"
              " do systemctl is-enabled $unit 2>/dev/null || true; done")
    assert bare.node("node-1", AT_BOOT).split() == ["dev-sda2.swap", "dev-zram0.swap"]
    assert bare.node("node-1", states).split() == ["enabled", "static", "enabled"]

    predicted = bare.play(ROLE, "--check", role="swap", swap_policy="off")
    assert predicted.rc == 0, predicted.output
    ran = bare.play(ROLE, role="swap", swap_policy="off")
    assert ran.rc == 0, ran.output
    assert predicted.changed == ran.changed
    assert ran.changed["node-2"] == {"Comment out swap in fstab"}

    assert bare.node("node-1", AT_BOOT) == ""
    assert bare.node("node-1", states).split() == ["disabled", "masked", "disabled", "masked"]
    assert "zram1" in bare.node("node-1", "systemd-analyze cat-config systemd/zram-generator.conf"), "kept as it is"
    assert bare.play(ROLE, role="swap", swap_policy="off").changed == {}


def test_swap_that_is_on_is_turned_off(bare):
    if len(Path("/proc/swaps").read_text().splitlines()) > 1:
        pytest.skip("this machine has swap of its own, which a node would turn off")
    # the kernel is this machine's, and so is this swap, for the seconds that it is on
    try:
        bare.node("node-2", "fallocate -l 16M /var/lib/kubelet/swap && chmod 600 /var/lib/kubelet/swap &&"
                            " mkswap /var/lib/kubelet/swap && swapon /var/lib/kubelet/swap")
        ran = bare.play(ROLE, "--check --limit node-2", role="swap", swap_policy="off")
        assert ran.changed == {"node-2": {"Say what would be turned off"}}, ran.output
        assert "kubelet/swap" in Path("/proc/swaps").read_text()
        ran = bare.play(ROLE, "--limit node-2", role="swap", swap_policy="off")
        assert (ran.rc, ran.changed) == (0, {"node-2": {"Turn swap off"}}), ran.output
        assert "kubelet/swap" not in Path("/proc/swaps").read_text()
        assert bare.play(ROLE, "--limit node-2", role="swap", swap_policy="off").changed == {}
    finally:
        bare.node("node-2", "swapoff /var/lib/kubelet/swap 2>/dev/null; rm -f /var/lib/kubelet/swap")
