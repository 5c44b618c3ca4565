# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that somebody made by hand with kubeadm is left whole: taken over where it agrees with the variables, and
refused with a sentence, before anything is changed, where it does not."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

import playbooks

pytestmark = pytest.mark.long

KUBECTL = "kubectl --kubeconfig /etc/kubernetes/admin.conf"
POD_CIDR, SERVICE_CIDR = "10.245.0.0/16", "10.97.0.0/16"
IDENTITY = (f"{KUBECTL} get nodes,pods -n kube-system -o jsonpath='{{.items[*].metadata.uid}}'; "
            "cat /etc/kubernetes/pki/ca.crt")
# upstream's manifest, as one applies it: with the cluster's own network, and the card, as hosts with two need it
FLANNEL = """set -e
python3 -c "import urllib.request; print(urllib.request.urlopen('URL').read().decode())" |
sed 's|10.244.0.0/16|NETWORK|; s|^\\( *\\)- --kube-subnet-mgr$|&\\n\\1- --iface=eth1|' | KUBECTL apply -f -
KUBECTL -n kube-flannel rollout status daemonset/kube-flannel-ds --timeout 120s
KUBECTL wait --for=condition=Ready node --all --timeout 120s
"""
# as Kubernetes' own instructions have it: a list, and its key in a file; apt reads nothing when a second entry of the
# repository names another key
SOURCES = "/etc/apt/sources.list.d/kubernetes"
LIST = f"""set -e
mkdir -p /etc/apt/keyrings
sed -n '/BEGIN PGP/,/END PGP/s/^ //p' {SOURCES}.sources | sed 's/^[.]$//' > /etc/apt/keyrings/kubernetes.asc
uri=$(sed -n 's/^URIs: //p' {SOURCES}.sources)
echo "deb [signed-by=/etc/apt/keyrings/kubernetes.asc] $uri /" > {SOURCES}.list
"""
# what the lab's kernel needs, as inventory/lab has it for the roles
INIT = f"""
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: 192.168.60.10}}
nodeRegistration:
  name: controlplane
  ignorePreflightErrors: [SystemVerification]
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: VERSION
clusterName: by-hand
networking: {{podSubnet: {POD_CIDR}, serviceSubnet: {SERVICE_CIDR}}}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
failSwapOn: false
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
conntrack: {{maxPerCore: 0, min: 0}}
"""


@pytest.fixture(scope="module")
def by_hand(bare, tmp_path_factory):
    """A control plane by `kubeadm init` and a worker by `kubeadm join`, as the article has it, without --node-ip."""
    # the roles prepare the hosts; an obstacle keeps kubeadm from running
    bare.node("controlplane", "mkdir -p /var/lib/etcd/lost+found")
    ran = bare.play("site.yml")
    assert ran.rc != 0
    assert "DirAvailable--var-lib-etcd" in ran.output, ran.output[-3000:]
    version = bare.node("controlplane", "rmdir /var/lib/etcd/lost+found; rm /etc/kubernetes/podpath-unfinished.json; "
                        "kubeadm version -o short").strip()
    # a kubelet without --node-ip goes by what its host's own name leads to, and nobody wrote these names by hand
    for name in ("controlplane", "node-1", "node-2"):
        bare.node(name, "sed -i '/^# BEGIN nodes/,/^# END nodes/d' /etc/hosts")
    bare.node("controlplane", f"cat > /root/init.yaml <<'END'\n{INIT.replace('VERSION', version)}\nEND\n"
              "kubeadm init --config /root/init.yaml")
    command = bare.node("controlplane", "kubeadm token create --print-join-command").strip()
    bare.node("node-1", f"{command} --node-name node-1 --ignore-preflight-errors SystemVerification")
    bare.node("controlplane", f"{LIST} rm {SOURCES}.sources; apt-get -qq update")
    # beside what the roles wrote: no apt-get works here
    bare.node("node-1", LIST)
    return bare


def refused(by_hand, **variables: object) -> str:
    before = by_hand.node("controlplane", IDENTITY)
    ran = by_hand.play("site.yml", **variables)
    assert ran.rc != 0
    assert ran.changed == {}, ran.changed
    assert by_hand.node("controlplane", IDENTITY) == before
    return " ".join(ran.output.split())


def test_each_difference_is_refused_before_anything_is_changed(by_hand):
    # its Nodes have the address of the NAT card, as on every machine with one that nobody told better
    said = refused(by_hand)
    assert "node-1: it is a node of a running cluster by 10.0.2.15 (InternalIP of its Node)" in said
    for name, number in (("controlplane", 10), ("node-1", 11)):
        by_hand.node(name, f"sed -i 's|=\"|=\"--node-ip=192.168.60.{number} |' /var/lib/kubelet/kubeadm-flags.env; "
                     "systemctl restart kubelet; for i in $(seq 60); do "
                     f"kubectl --kubeconfig /etc/kubernetes/kubelet.conf get node {name} -o "
                     f"jsonpath='{{.status.addresses}}' | grep -q 192.168.60.{number} && exit 0; sleep 1; done; exit 1")
    said = refused(by_hand)
    assert f"the pod network {POD_CIDR}, but control_plane_pod_cidr is 10.244.0.0/16" in said
    assert f"the Service network {SERVICE_CIDR}, but control_plane_service_cidr is 10.96.0.0/12" in said


def test_a_cluster_that_this_collection_did_not_make_is_proved(by_hand, tmp_path: Path):
    defaults = yaml.safe_load((playbooks.REPOSITORY / "roles/flannel/defaults/main.yml").read_text())
    url = (f"http://192.168.60.2/raw.githubusercontent.com/flannel-io/flannel/{defaults['flannel_version']}"
           "/Documentation/kube-flannel.yml")
    by_hand.node("controlplane", FLANNEL.replace("URL", url).replace("NETWORK", POD_CIDR).replace("KUBECTL", KUBECTL))
    kubeconfig, output = tmp_path / "admin.conf", tmp_path / "result.json"
    kubeconfig.write_text(by_hand.node("controlplane", "cat /etc/kubernetes/admin.conf"))
    arguments = {"kubeconfig": str(kubeconfig), "cluster_networks": ["192.168.60.0/24"], "output_path": str(output)}
    ran = subprocess.run(
        ["ansible", "localhost", "-m", "podpath.kubeadm.pod_traceroute", "-a", json.dumps(arguments)],
        cwd=playbooks.REPOSITORY, env={**os.environ, "ANSIBLE_CONFIG": str(playbooks.REPOSITORY / "ansible.cfg")},
        check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    pairs = json.loads(output.read_text())["pairs"]
    nodes = ("controlplane", "node-1")
    assert {(pair["source"]["node"], pair["destination"]["node"]): pair["verdict"] for pair in pairs} == (
        dict.fromkeys(itertools.product(nodes, nodes), "pass"))


def test_a_cluster_that_agrees_is_taken_over_and_gets_one_more_node(by_hand):
    before = by_hand.node("controlplane", IDENTITY)
    ran = by_hand.play("site.yml", control_plane_pod_cidr=POD_CIDR, control_plane_service_cidr=SERVICE_CIDR)
    assert ran.rc == 0, ran.output[-3000:]
    assert "Run kubeadm init" not in ran.changed.get("controlplane", set())
    assert "Run kubeadm join" not in ran.changed.get("node-1", set())
    assert "Run kubeadm join" in ran.changed["node-2"]
    assert "Leave the package repository to the entry that somebody else made" in ran.changed["node-1"]
    for name in ("controlplane", "node-1"):
        assert by_hand.node(name, f"ls {SOURCES}*; apt-get -qq update") == f"{SOURCES}.list\n"
    after = by_hand.node("controlplane", IDENTITY)
    authority = before[before.index("-----BEGIN"):]
    assert after.endswith(authority)
    assert set(before[:before.index("-----BEGIN")].split()) <= set(after[:after.index("-----BEGIN")].split())
    ran = by_hand.play("site.yml", control_plane_pod_cidr=POD_CIDR, control_plane_service_cidr=SERVICE_CIDR)
    assert (ran.rc, ran.changed) == (0, {}), ran.output[-3000:]
    flanneld = "-n kube-flannel get daemonset kube-flannel-ds -o jsonpath='{.spec.template.spec.containers[0].env}'"
    told = json.loads(by_hand.node("controlplane", f"{KUBECTL} {flanneld}"))
    assert {"name": "KUBERNETES_SERVICE_HOST", "value": "192.168.60.10"} in told
    ran, paths = by_hand.paths()
    assert ran.rc == 0, ran.output[-3000:]
    assert {pair["verdict"] for pair in paths["pods"]["pairs"]} == {"pass"}


def test_another_name_in_the_inventory_is_refused(by_hand, tmp_path: Path):
    # the same machines under other names: a host name that is changed would make another Node of a running one
    lab = by_hand.inventory[-1]
    hosts = yaml.safe_load((Path(lab) / "hosts.yml").read_text())["all"]["hosts"]
    renamed = {f"other-{name}": value | {"ansible_user": "vagrant"} for name, value in hosts.items()}
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/all.yml").write_text((Path(lab) / "group_vars/all.yml").read_text())
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": {
        "kube_control_plane": {"hosts": {"other-controlplane": renamed["other-controlplane"]}},
        "kube_node": {"hosts": {"other-node-1": renamed["other-node-1"]}}}}}))
    ran = playbooks.run("site.yml", [*playbooks.inventories("inventory/lab"), str(tmp_path)],
                        control_plane_pod_cidr=POD_CIDR, control_plane_service_cidr=SERVICE_CIDR)
    assert ran.rc != 0
    assert ran.changed == {}
    said = " ".join(ran.output.split())
    assert "the Node name controlplane, but the inventory calls the host other-controlplane" in said
