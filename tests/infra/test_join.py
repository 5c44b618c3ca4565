# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that is taken out comes back by the next run, alone, and its join token is seen nowhere."""

from __future__ import annotations

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
    """A run whose join kubeadm's own preflight stops, and all that it must leave undone or clean up."""
    node = lab.nodes["node-2"]
    node.check_output("systemd-run --quiet --collect --unit=obstacle python3 -m http.server 10250")
    try:
        ran = playbooks.run("site.yml", lab.inventory, cmdline="-vvv --diff")
    finally:
        node.check_output("systemctl stop obstacle")
    assert ran.rc != 0, ran.output[-3000:]
    # the output is YAML, which may break a line at any blank
    for words in ("node-2 could not join the cluster",
                  r"\[ERROR Port-10250\]"):
        assert re.search(words.replace(" ", r"[\s\\]+"), ran.output), ran.output[-3000:]
    assert TOKEN.findall(ran.output) == []
    assert not node.file("/run/kubeadm-join.yaml").exists
    assert not node.file("/etc/kubernetes/kubelet.conf").exists
    assert lab.nodes["controlplane"].check_output("kubeadm token list -o jsonpath='{.token}'") == ""
    assert "node-2" not in lab.kubectl("get nodes --no-headers")


def test_node_joins_again_alone_and_without_showing_its_token(lab):
    if lab.backend != "host-gw":
        pytest.skip("one backend is enough")
    node = lab.nodes["node-2"]
    lab.kubectl("delete node node-2")
    node.check_output("kubeadm reset --force")
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
