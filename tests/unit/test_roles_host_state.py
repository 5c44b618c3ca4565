# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.podpath.kubeadm.plugins.module_utils import host_state

ROLES = Path(__file__).resolve().parents[2] / "roles"
DUMP = """
version = 4
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "registry.k8s.io/pause:3.10.2"
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "/etc/containerd/certs.d"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = false
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  SystemdCgroup = true
"""


def problems(dump):
    return host_state.containerd_problems(
        dump,
        sandbox_image="registry.k8s.io/pause:3.10.2",
        hosts_dir="/etc/containerd/certs.d",
        restrict_oom_score_adj=False,
    )


def test_a_configuration_in_effect_has_no_problem():
    assert problems(DUMP) == []


def test_systemd_cgroups_that_were_lost_are_named():
    (problem,) = problems(DUMP.replace("SystemdCgroup = true", "SystemdCgroup = false"))
    assert "runc.options.SystemdCgroup is False where True was asked for" in problem


def test_a_setting_that_is_not_there_at_all_is_named():
    assert len(problems("version = 2\n[plugins.cri]\n")) == 4


def test_something_else_than_toml_is_refused():
    with pytest.raises(host_state.HostStateError, match="no TOML"):
        problems("containerd: error")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Filename\tType\tSize\tUsed\tPriority\n", []),
        ("Filename Type Size Used Priority\n/swap\\040file file 1 0 -2\n\n", ["/swap\\040file"]),
        ("Filename Type\n/dev/sda2 partition 1 0 -2\n/dev/zram0 partition 1 0 100\n", ["/dev/sda2", "/dev/zram0"]),
    ],
)
def test_active_swap_is_read(text, expected):
    assert host_state.active_swap(text) == expected


FSTAB = """\
# /etc/fstab: swap was on /dev/sda5 during installation
UUID=1 / ext4 errors=remount-ro 0 1
UUID=2 none swap sw 0 0
\t/swapfile\tswap\tswap
#/dev/sdb1 none swap sw 0 0
  # UUID=3 none swap sw 0 0
/dev/swap /mnt/swap ext4 swap 0 0
/dev/sdc1 none swapfs sw 0 0
"""


def test_only_live_swap_lines_of_fstab_become_comments_and_only_once():
    pattern = yaml.safe_load((ROLES / "swap/vars/main.yml").read_text(encoding="utf-8"))["__swap_fstab_line"]
    once = re.sub(pattern, r"# \1", FSTAB, flags=re.MULTILINE)
    changed = [after for before, after in zip(FSTAB.splitlines(), once.splitlines(), strict=True) if before != after]
    assert changed == ["# UUID=2 none swap sw 0 0", "# \t/swapfile\tswap\tswap"]
    assert re.sub(pattern, r"# \1", once, flags=re.MULTILINE) == once


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("containerd github.com/containerd/containerd/v2 v2.4.2 3f4a1c0", "2.4.2"),
        ("containerd github.com/containerd/containerd/v2 v2.5.0-rc.1 abc", "2.5.0-rc.1"),
        ("skipped, since /etc/kubernetes/kubelet.conf does not exist", ""),
        ("", ""),
    ],
)
def test_version_of_containerd(said, version):
    assert host_state.containerd_version(said) == version
