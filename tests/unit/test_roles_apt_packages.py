# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import apt_packages

SAID = "installed kubelet 1.37.2-1.1\nconfig-files docker.io 20.10.24\ninstalled runc 1.1.5+ds1-1\n"


@pytest.mark.parametrize(("wanted", "missing"), [
    (["kubelet=1.37.2-*", "runc"], []),
    (["kubelet=1.37.3-*", "kubelet=1.37.2", "runc=1.1*"], ["kubelet=1.37.3-*", "kubelet=1.37.2"]),
    (["docker.io", "kubectl"], ["docker.io", "kubectl"]),
    ([], []),
])
def test_what_is_not_there_at_its_version_is_missing(wanted, missing):
    assert apt_packages.missing(SAID, wanted) == missing
