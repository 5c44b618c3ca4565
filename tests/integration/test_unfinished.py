# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubeadm is killed halfway on real nodes; the next run finishes or undoes what is there, and nothing is lost.

The tests build on each other: each leaves the nodes as the next one takes them up.
"""

from __future__ import annotations

import re
import shlex

import pytest

import playbooks

pytestmark = pytest.mark.long

K = "/etc/kubernetes"
KUBECTL = f"kubectl --kubeconfig {K}/admin.conf"
# Kills kubeadm at the moment when a condition holds; it looks often, as kubeadm is quick, and until it is stopped, as
# nobody knows how long a run takes until then.
KILLER = """
import os, signal, subprocess, time
def kubeadms():
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            words = open(f'/proc/{{pid}}/cmdline').read().split('\\0')
        except OSError:
            continue
        if os.path.basename(words[0]) == 'kubeadm' and '{verb}' in words:
            yield int(pid)
while True:
    for pid in kubeadms():
        if {condition}:
            os.kill(pid, signal.SIGKILL)
            open('/run/killed', 'w').write(str(pid))
            raise SystemExit
    time.sleep(0.01)
"""
API_ANSWERS = ("subprocess.run(['kubectl', '--kubeconfig=/etc/kubernetes/admin.conf', 'get', 'nodes'],"
               " capture_output=True).returncode == 0")


def exists(path: str) -> str:
    return f"os.path.exists('{path}')"


def kill_kubeadm(bare, node: str, verb: str, condition: str) -> None:
    bare.node(node, "rm -f /run/killed; systemd-run --quiet --collect --unit=killer python3 -c "
              + shlex.quote(KILLER.format(verb=verb, condition=condition)))


def killed(bare, node: str) -> bool:
    said = bare.node(node, "systemctl stop killer 2>/dev/null; test -e /run/killed && echo yes || echo no")
    return said.strip() == "yes"


def test_an_init_that_is_killed_before_its_api_server_ran_is_undone_and_foreign_files_stay(bare):
    bare.node("controlplane", f"mkdir -p {K}/pki {K}/manifests && echo mine > {K}/pki/mine.pem && echo '# mine' > "
              f"{K}/manifests/.mine && openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=kubernetes "
              f"-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,digitalSignature "
              f"-keyout {K}/pki/ca.key -out {K}/pki/ca.crt 2>/dev/null")
    authority = bare.node("controlplane", f"cat {K}/pki/ca.crt {K}/pki/ca.key")
    kill_kubeadm(bare, "controlplane", "init", exists(f"{K}/manifests/kube-apiserver.yaml"))
    ran = bare.play("site.yml")
    assert killed(bare, "controlplane")
    assert ran.rc != 0
    assert "kubeadm init failed" in ran.output
    assert bare.node("controlplane", f"ls {K}/podpath-unfinished.json {K}/admin.conf")

    # and then it gets further: its API server answers
    kill_kubeadm(bare, "controlplane", "init", API_ANSWERS)
    ran = bare.play("site.yml")
    assert killed(bare, "controlplane")
    assert ran.rc != 0
    assert "Run kubeadm reset" in ran.changed["controlplane"]
    assert bare.node("controlplane", f"cat {K}/pki/ca.crt {K}/pki/ca.key") == authority
    assert bare.node("controlplane", f"cat {K}/pki/mine.pem {K}/manifests/.mine") == "mine\n# mine\n"
    assert "podpath-kept" not in bare.node("controlplane", f"ls {K}")


def test_an_init_that_is_killed_after_its_api_answered_is_finished_and_keeps_what_was_stored(bare):
    bare.node("controlplane", f"{KUBECTL} create configmap mine --from-literal=a=b")
    before = bare.node("controlplane", "cat /etc/kubernetes/pki/sa.pub")
    # a control plane that holds data is not made anew for another network
    ran = bare.play("site.yml", control_plane_pod_cidr="10.250.0.0/16")
    assert ran.rc != 0
    assert ran.changed == {}
    assert "control_plane_pod_cidr is 10.250.0.0/16" in " ".join(ran.output.split())

    # one of two joins is killed, before its host is a node
    kill_kubeadm(bare, "node-1", "join", exists(f"{K}/bootstrap-kubelet.conf"))
    ran = bare.play("site.yml")
    assert killed(bare, "node-1")
    assert ran.rc != 0
    assert "Run kubeadm init" in ran.changed["controlplane"]
    assert "Run kubeadm reset" not in ran.changed["controlplane"]
    assert bare.node("controlplane", "cat /etc/kubernetes/pki/sa.pub") == before
    assert bare.node("controlplane", f"{KUBECTL} get configmap mine -o jsonpath='{{.data.a}}'") == "b"
    # the other host is a node all the same, and the run waited for it
    assert "Run kubeadm join" in ran.changed["node-2"]
    assert bare.node("controlplane", f"{KUBECTL} get nodes --no-headers | awk '{{print $1, $2}}'") == (
        "controlplane Ready\nnode-2 Ready\n")
    # a token for one run is gone though a join failed
    assert "for one run" not in bare.node("controlplane", "kubeadm token list")

    said = playbooks.bundled(playbooks.support_bundle(ran))
    assert playbooks.support_bundle(ran).stat().st_mode & 0o777 == 0o600
    whole = "\n".join(said.values())
    assert "node-1/commands/journal-kubelet.txt" in said
    assert "controlplane" in said["cluster/nodes.txt"]
    assert any("kube-apiserver" in name for name in said if name.startswith("controlplane/var/log/pods/"))
    assert re.findall(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b", whole) == []
    for secret in ("PRIVATE KEY", "client-key-data: L", "eyJ"):
        assert secret not in whole
    token = bare.node("node-1", f"sed -n 's/ *token: //p' {K}/bootstrap-kubelet.conf").strip()
    assert token
    assert token not in whole


def test_a_join_is_undone_or_finished_by_what_became_of_its_host(bare):
    # the token of the run that was killed lies there still
    assert "bootstrap-kubelet.conf" in bare.node("node-1", f"ls {K}")
    kill_kubeadm(bare, "node-1", "join", exists(f"{K}/kubelet.conf"))
    ran = bare.play("site.yml")
    assert killed(bare, "node-1")
    assert ran.rc != 0
    assert "Run kubeadm reset" in ran.changed["node-1"]
    # nobody else has anything to do
    assert ran.changed.keys() <= {"node-1", "controlplane"}, ran.changed
    assert ran.changed.get("controlplane", set()) <= {"Make a token", "Delete the token"}

    ran = bare.play("site.yml")
    assert ran.rc == 0, ran.output[-3000:]
    # kubeadm had only to tidy up: the host is the node that it was
    assert ran.changed["node-1"] <= {"Remove what the join was made with", "Take the note away"}, ran.changed
    assert ran.changed.keys() == {"node-1"}
    assert bare.node("controlplane", f"{KUBECTL} get nodes --no-headers | grep -cw Ready").strip() == "3"
    assert "bootstrap-kubelet.conf" not in bare.node("node-1", f"ls {K}")

    ran = bare.play("site.yml")
    assert (ran.rc, ran.changed) == (0, {})
