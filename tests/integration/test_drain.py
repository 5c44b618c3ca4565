# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drain that does not end leaves. It needs no lab: kubectl is a stand-in; tests/infra/test_join.py has the real.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
import playbooks


@pytest.mark.parametrize(("unschedulable", "asked", "told"), [
    ("", ["drain", "uncordon"], "and it takes pods again."),
    # whoever closed it before has a reason
    ("true", ["drain"], "and it is cordoned, as it was."),
])
def test_a_node_whose_pods_did_not_go_is_as_open_as_before(tmp_path, unschedulable, asked, told):
    log = tmp_path / "asked"
    kubectl = tmp_path / "kubectl"
    # its verb comes after the two options
    kubectl.write_text(f"""#!/bin/sh
echo "$3" >> {log}
case "$3" in
  drain) echo "pods do not go" >&2; exit 1 ;;
esac
""")
    kubectl.chmod(0o755)
    hosts = tmp_path / "hosts.yml"
    hosts.write_text(json.dumps({"all": {
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        "children": {"kube_control_plane": {"hosts": {"one": {}}}, "kube_node": {"hosts": {"two": {}}}}}}))
    ran = playbooks.run("tests/integration/playbooks/entry.yml", [str(hosts)], role="reset", entry="drain",
                        surroundings={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, reset_control_plane="one",
                        __reset_node={"stdout": f"two {unschedulable}"})
    said = " ".join(ran.output.split())
    assert ran.rc != 0
    assert log.read_text().split() == asked
    assert told in said
    assert "kubectl drain said: pods do not go" in said
