# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import sysctl

OWN = "/etc/sysctl.d/99-zz-kubernetes.conf"
WANTED = {"net.ipv4.ip_forward": 1, "net.bridge.bridge-nf-call-iptables": 1}
CONFIG = """\
# /etc/sysctl.d/60-hardening.conf
# a remark
# /etc/sysctl.d is where this lies
net.ipv4.ip_forward = 0

# /etc/sysctl.d/99-sysctl.conf
net.ipv4.ip_forward = 0

# /etc/sysctl.d/99-zz-kubernetes.conf
net.ipv4.ip_forward=1

# /usr/lib/sysctl.d/99-zzz-vendor.conf
"""


def overrides(lines="", **later):
    return sysctl.overrides(WANTED, CONFIG + lines, OWN, {"/etc/" + k.replace("_", "."): v for k, v in later.items()})


def test_what_is_read_before_overrides_nothing():
    assert overrides() == []


@pytest.mark.parametrize("line", [
    "net.ipv4.ip_forward = 0", "net/ipv4/ip_forward=0", "-net.ipv4.ip_forward=0", "net.ipv4.conf.all.forwarding = 0"])
def test_what_is_read_later_overrides_by_whatever_name(line):
    assert overrides(line) == [{"sysctl": "net.ipv4.ip_forward", "wanted": "1", "found": "0",
                                "file": "/usr/lib/sysctl.d/99-zzz-vendor.conf"}]
    (said,) = sysctl.override_sentences(overrides(line), "node-1")
    assert said.startswith("node-1: /usr/lib/sysctl.d/99-zzz-vendor.conf sets net.ipv4.ip_forward to 0, 1 is wanted")


@pytest.mark.parametrize("line", [
    "# net.ipv4.ip_forward = 0", "; net.ipv4.ip_forward = 0", "net.ipv4.ip_forward = 1", "net.ipv4.*  = 0",
    "net.ipv4.conf.default.forwarding = 0", "net.ipv4.ip_forward"])
def test_what_changes_nothing_overrides_nothing(line):
    assert overrides(line) == []


def test_files_that_are_read_last_of_all_override():
    (found,) = overrides("net.ipv4.ip_forward = 1", sysctl_conf="net.ipv4.ip_forward=0\n")
    assert found["file"] == "/etc/sysctl.conf"
    assert overrides("net.ipv4.ip_forward = 0", sysctl_conf="net.ipv4.ip_forward=1\n") == [], "the last one holds"


def test_live_values_are_compared():
    shown = "net.ipv4.ip_forward = 1\nnet.bridge.bridge-nf-call-iptables = 0\n"
    assert sysctl.problems(WANTED, shown, "node-1") == [
        "node-1: net.bridge.bridge-nf-call-iptables is 0 after it was set to 1"]
    assert "ip_forward is not there" in sysctl.problems(WANTED, "", "node-1")[0]
    # blanks do not matter, and a VLAN's point is no separator
    wanted = {"net.ipv4.ip_local_port_range": "1024 65535", "net/ipv4/conf/eth0.100/forwarding": True}
    shown = "net.ipv4.ip_local_port_range = 1024\t65535\nnet.ipv4.conf.eth0/100.forwarding = 1\n"
    assert sysctl.problems(wanted, shown, "node-1") == []


NOTE = "# Kept by podpath.kubeadm.kernel:"


@pytest.mark.parametrize(("text", "left"), [
    ("", []),
    (f"{NOTE} net.ipv4.ip_forward vm.max_map_count\nnet.ipv4.ip_forward=1\nvm.max_map_count=262144\n",
     ["vm.max_map_count"]),
    # somebody else's lines, and those of a time without a note
    (f"{NOTE} net.ipv4.ip_forward\nnet.ipv4.ip_forward=1\nvm.swappiness = 10\n", []),
    ("vm.max_map_count=262144\n", []),
    # a run was cut off between the note and the value
    (f"{NOTE} vm.max_map_count\n", []),
])
def test_only_what_the_role_put_there_is_left_over(text, left):
    assert sysctl.leftovers(text, NOTE, WANTED) == left
