# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node leaves the cluster in order, comes back by the next run, alone, and its join token is seen nowhere."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

import playbooks

TOKEN = re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b")
# samples every process's arguments; a join with a token among them would show it for seconds
WATCH = ("import glob,re,time\n"
         "end=time.time()+300\n"
         "while time.time()<end:\n"
         "  for f in glob.glob('/proc/[0-9]*/cmdline'):\n"
         "    try: found=re.findall(rb'(?<![a-z0-9.])[a-z0-9]{6}[.][a-z0-9]{16}(?![a-z0-9])',open(f,'rb').read())\n"
         "    except OSError: continue\n"
         "    if found: open('/run/token-seen','ab').write(b' '.join(found)+b'\\n')\n"
         "  open('/run/token-watch','w').write('alive')\n"
         "  time.sleep(0.2)\n")


def fail_to_join(lab):
    """A run whose join kubeadm's own preflight stops, and all that it must leave undone or clean up.

    Another worker cannot be prepared; that node-2 comes to its join at all shows that it is not held up by that.
    """
    node = lab.nodes["node-2"]
    node.check_output("systemd-run --quiet --collect --unit=obstacle python3 -m http.server 10250")
    try:
        ran = playbooks.run(
            "site.yml", lab.inventory, cmdline="-vvv --diff",
            containerd_runc_package="{{ 'no-such-runc' if inventory_hostname == 'node-1' else 'runc' }}")
    finally:
        node.check_output("systemctl stop obstacle")
    assert ran.rc != 0, ran.output[-3000:]
    # the output is YAML, which may break a line at any blank
    for words in ("node-1: Install the packages: No package matching 'no-such-runc'",
                  "node-2 could not join the cluster",
                  r"\[ERROR Port-10250\]"):
        assert re.search(words.replace(" ", r"[\s\\]+"), ran.output), ran.output[-3000:]
    assert TOKEN.findall(ran.output) == []
    assert not node.file("/run/kubeadm-join.yaml").exists
    assert not node.file("/etc/kubernetes/kubelet.conf").exists
    assert lab.nodes["controlplane"].check_output("kubeadm token list -o jsonpath='{.token}'") == ""
    assert "node-2" not in lab.kubectl("get nodes --no-headers")
    bundle = playbooks.support_bundle(ran)
    assert bundle.stat().st_mode & 0o777 == 0o600
    left = playbooks.bundled(bundle)
    assert "kubelet" in left["node-2/commands/journal-kubelet.txt"]
    assert TOKEN.findall("".join(left.values())) == []


# of other networks of CNI, and a patch that nobody here wrote; a reset leaves them
THEIRS = ["/etc/kubernetes/patches/mine.txt", "/var/lib/cni/networks/mine/10.4.0.5"]
RULE = "INPUT -p tcp -m comment --comment KUBE-mine -m tcp --dport 9 -j ACCEPT"


def reset(lab, cmdline: str = "--limit node-2", **variables: object) -> playbooks.Run:
    return playbooks.run("playbooks/reset.yml", lab.inventory, cmdline=cmdline, **variables)


def refuse_to_lose_pods(lab):
    """A pod that nothing starts again, and a disruption budget that allows nothing: both are named, none is lost."""
    lab.kubectl("run mine --image=registry.k8s.io/pause:3.10.2 --overrides="
                + playbooks.quote('{"spec": {"nodeName": "node-2"}}'))
    lab.kubectl("wait --for=condition=Ready --timeout=60s pod/mine")
    try:
        ran = reset(lab, reset_confirm="node-2")
        assert ran.rc != 0
        assert "default/mine" in ran.output
        assert "reset_lose_pods" in ran.output
        assert lab.kubectl("get pod mine -o jsonpath='{.status.phase}'") == "Running"
        assert lab.kubectl("get node node-2 -o jsonpath='{.spec.unschedulable}'") == ""
        assert lab.nodes["node-2"].file("/etc/kubernetes/kubelet.conf").exists
        lab.kubectl("create poddisruptionbudget mine --selector=run=mine --min-available=1")
        lab.kubectl("cordon node-2")
        ran = reset(lab, reset_confirm="node-2", reset_lose_pods=True, reset_drain_timeout=8)
        assert ran.rc != 0
        assert "disruption budget" in " ".join(ran.output.split())
        # somebody had closed it before
        assert lab.kubectl("get node node-2 -o jsonpath='{.spec.unschedulable}'") == "true"
        assert lab.kubectl("get pod mine -o jsonpath='{.status.phase}'") == "Running"
    finally:
        lab.kubectl("uncordon node-2")
        lab.kubectl("delete --ignore-not-found --wait=false poddisruptionbudget/mine pod/mine")


def leave(lab):
    """node-2 leaves the cluster; what is not Kubernetes' own stays, and a second reset finds nothing to do."""
    node = lab.nodes["node-2"]
    node.check_output(f"iptables --append {RULE}")
    node.check_output("ip route add 10.244.250.0/24 dev eth1 proto static")
    node.check_output(f"mkdir -p /etc/kubernetes/patches /var/lib/cni/networks/mine && touch {' '.join(THEIRS)}")
    node.check_output("iptables --table nat --new-chain CNI-mine")
    mine = node.check_output("cat /etc/hosts; apt-mark showhold; sysctl net.ipv4.ip_forward; ls /etc/cni/net.d")
    assert "flannel" in mine
    ran = reset(lab, reset_confirm="")
    assert (ran.rc != 0, ran.changed) == (True, {})
    assert "-e reset_confirm=node-2" in " ".join(ran.output.split())
    # a control plane that cannot be asked: the way out is told, and nothing is done
    admin = "/etc/kubernetes/admin.conf"
    lab.nodes["controlplane"].check_output(f"mv {admin} {admin}.away")
    try:
        ran = reset(lab, reset_confirm="node-2")
    finally:
        lab.nodes["controlplane"].check_output(f"mv {admin}.away {admin}")
    assert (ran.rc != 0, ran.changed) == (True, {}), ran.output
    said = " ".join(ran.output.split())
    assert "node-2: controlplane could not be asked for its Node" in said
    assert "-e reset_control_plane=" in said
    foretold = reset(lab, "--limit node-2 --check", reset_confirm="node-2")
    assert foretold.rc == 0, foretold.output
    assert "Say what would be reset" in foretold.changed["node-2"]
    assert "node-2" in lab.kubectl("get nodes --no-headers")

    ran = reset(lab, reset_confirm="node-2")
    assert ran.rc == 0, ran.output
    assert ran.changed.keys() == {"node-2"}, ran.changed
    assert "node-2" not in lab.kubectl("get nodes --no-headers")
    rules = node.check_output("iptables-save; ip6tables-save")
    assert re.findall(r"^:((?:KUBE|FLANNEL|CNI)-\S+)", rules, re.MULTILINE) == ["CNI-mine"], rules
    assert f"-A {RULE}" in rules.replace('"', "")
    links = node.check_output("ip -brief link")
    assert not re.search(r"^(cni0|flannel)", links, re.MULTILINE), links
    assert node.check_output("ip -4 route show root 10.244.0.0/16").strip() == (
        "10.244.250.0/24 dev eth1 proto static scope link")
    assert node.check_output("find /etc/kubernetes /etc/cni/net.d /var/lib/cni /run/flannel -type f 2>/dev/null || true"
                             ).split() == THEIRS
    assert node.check_output("pgrep -c -x 'kubelet|pause|containerd-shim' || true") == "0"
    stays = node.check_output("cat /etc/hosts; apt-mark showhold; sysctl net.ipv4.ip_forward; ls /etc/cni/net.d")
    assert stays.split() == [word for word in mine.split() if "flannel" not in word]
    ran = reset(lab, reset_confirm="node-2")
    assert (ran.rc, ran.changed) == (0, {}), ran.output
    node.check_output(f"iptables --delete {RULE}; ip route delete 10.244.250.0/24")
    node.check_output("iptables --table nat --delete-chain CNI-mine")
    node.check_output("rm -r /etc/kubernetes/patches /var/lib/cni/networks/mine")


def refuse_another_cluster_s_kubeconfig(lab):
    """By its path alone it would be this cluster's: a node of the same name would be managed in the other cluster."""
    kubeconfig = Path(lab.variables["node-2"]["control_plane_kubeconfig"])
    was = kubeconfig.read_text()
    authority = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nb3RoZXJz\n-----END CERTIFICATE-----\n").decode()
    kubeconfig.write_text(re.sub(r"(certificate-authority-data: )\S+", rf"\g<1>{authority}", was))
    try:
        ran = playbooks.run("site.yml", lab.inventory, cmdline="--limit node-2")
    finally:
        kubeconfig.write_text(was)
    assert (ran.rc != 0, ran.changed) == (True, {}), ran.output[-3000:]
    said = " ".join(ran.output.split())
    assert f"{kubeconfig} on the controller (control_plane_kubeconfig) leads to another cluster" in said
    assert "another CA than that of controlplane" in said


def test_node_leaves_and_joins_again_alone_and_without_showing_its_token(lab):
    if lab.backend != "host-gw":
        pytest.skip("one backend is enough")
    refuse_another_cluster_s_kubeconfig(lab)
    refuse_to_lose_pods(lab)
    leave(lab)
    # first a join that fails; what is mended then needs no more than the next run
    fail_to_join(lab)
    for name in ("controlplane", "node-2"):
        lab.nodes[name].check_output(
            f"systemd-run --quiet --collect --unit=token-watch python3 -c {playbooks.quote(WATCH)}")
    # alone, and from a controller that never saw the cluster: all that it needs of other hosts is fetched there
    kubeconfig = Path(lab.variables["node-2"]["control_plane_kubeconfig"])
    kept = kubeconfig.rename(kubeconfig.with_suffix(".kept"))
    try:
        ran = playbooks.run("site.yml", lab.inventory, cmdline="-vvv --diff --limit node-2")
    finally:
        for name in ("controlplane", "node-2"):
            lab.nodes[name].run("systemctl stop token-watch")
        brought = kubeconfig.exists() and kubeconfig.read_text() == kept.read_text()
        kept.replace(kubeconfig)
    assert ran.rc == 0, ran.output[-3000:]
    assert brought, "the run brought the kubeconfig to the controller"
    assert TOKEN.findall(ran.output) == []
    for name in ("controlplane", "node-2"):
        assert lab.nodes[name].file("/run/token-watch").content_string == "alive", "nobody watched"
        assert not lab.nodes[name].file("/run/token-seen").exists
    assert ran.changed["node-2"] >= {"Run kubeadm join"}
    assert ran.changed.keys() == {"node-2"}, ran.changed
    assert "node-2" in lab.kubectl("get nodes --no-headers")
