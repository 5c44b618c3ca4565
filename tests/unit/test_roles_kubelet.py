# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess

import pytest
from role_templates import Role, every_task, load

from ansible_collections.podpath.kubeadm.plugins.module_utils import kubelet

TASKS = list(every_task(load("roles/kubeadm_patches/tasks/kubelet.yml")))


@pytest.mark.parametrize(("said", "url"), [
    ("", "http://127.0.0.1:10248/healthz"),
    ("healthzBindAddress: 0.0.0.0\nhealthzPort: 10300\n", "http://127.0.0.1:10300/healthz"),
    ("healthzBindAddress: '::'\n", "http://[::1]:10248/healthz"),
    ("healthzBindAddress: fd00::11\n", "http://[fd00::11]:10248/healthz"),
    ("healthzPort: 0\n", ""),
    ("healthzPort: 10248\n--healthz-port=10300\n--healthz-bind-address 192.168.56.11\n",
     "http://192.168.56.11:10300/healthz"),
    # such a kubelet does not come up, and is asked all the same
    ("healthzPort: many\nhealthzBindAddress: here\n", "http://127.0.0.1:10248/healthz"),
])
def test_a_kubelet_is_asked_where_it_was_told_to_answer(said, url):
    assert kubelet.healthz_url(said) == url


def test_what_is_looked_for_is_found_in_its_file_and_in_its_arguments(tmp_path):
    (read,) = [item for item in TASKS if item.get("register") == "__kubeadm_patches_healthz_said"]
    argv = Role("kubeadm_patches").render(read["ansible.builtin.command"]["argv"])
    config, flags = tmp_path / "config.yaml", tmp_path / "flags.env"
    config.write_text("kind: KubeletConfiguration\nhealthzPort: 10300\nhealthzBindAddress: 127.0.0.1\n")
    flags.write_text('KUBELET_KUBEADM_ARGS="--node-ip=192.168.56.11 --healthz-port=10301 --v=4"\n')
    files = [argument for argument in argv if argument.startswith("/")]
    assert files[0] == "/var/lib/kubelet/config.yaml", "arguments count more, and come later"
    asked = [argument for argument in argv if argument not in files]
    said = subprocess.run([*asked, config, flags], check=True, capture_output=True, text=True).stdout
    assert kubelet.healthz_url(said) == "http://127.0.0.1:10301/healthz"
    assert "node-ip" not in said


def test_no_restart_of_the_kubelet_goes_unasked():
    names = [item["name"] for item in TASKS]
    (wait,) = [item for item in TASKS if "ansible.builtin.uri" in item]
    assert names.index(wait["name"]) > names.index("Restart the kubelet")
    assert wait["until"] == f"{wait['register']} is succeeded"
    (block,) = [item for item in TASKS if "rescue" in item]
    assert wait in block["block"]


def test_a_kubelet_that_is_not_back_is_told_with_its_patches_and_where_it_was_asked():
    (say,) = [item for item in TASKS if "ansible.builtin.fail" in item]
    role = Role("kubeadm_patches", kubeadm_patches_files={"kubeletconfiguration.yaml": {"maxPods": "many"}},
                ansible_failed_task={"name": "Wait"}, ansible_failed_result={"msg": "Connection refused"},
                __kubeadm_patches_healthz_said={"stdout": "healthzPort: 10300"},
                __kubeadm_patches_answer={"failed": True}, __kubeadm_patches_journal={"stdout": "failed to decode"})
    said = role.render(say["ansible.builtin.fail"]["msg"])
    assert said.startswith("node-1: the kubelet does not run with its patches (kubeletconfiguration.yaml).")
    assert "http://127.0.0.1:10300/healthz" in said
    assert "failed to decode" in said
