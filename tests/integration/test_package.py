# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection works when it is built and installed, and not only in this checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = sorted((ROOT / "plugins" / "plugin_utils" / "report_page").iterdir())
# a report, written by what is installed and not by this checkout
WRITE = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        content: "{{ {'msg': 'nobody looked'} | podpath.kubeadm.path_report | podpath.kubeadm.path_html }}"
        dest: "{{ playbook_dir }}/paths.html"
        mode: "0644"
"""


def test_installed_collection_has_its_playbooks_and_documentation(tmp_path):
    # what a user of this checkout has in it, too: an administrator's kubeconfig where site.yml puts it
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, symlinks=True, ignore=shutil.ignore_patterns(".git", ".venv", ".ansible"))
    kubeconfig = source / "inventory" / "article" / ".artifacts" / "kubeconfig"
    kubeconfig.parent.mkdir(exist_ok=True)
    kubeconfig.write_text("secret")
    # what tests and tools leave behind
    for litter in (".hypothesis", ".pytest_cache", ".ruff_cache", "plugins/__pycache__", "artifacts"):
        (source / litter).mkdir(exist_ok=True)
        (source / litter / "litter").write_text("")
    (tmp_path / "ansible.cfg").write_text(f"[defaults]\ncollections_path = {tmp_path}/collections\n")
    (tmp_path / "hosts.yml").write_text("all: {children: {kube_control_plane: {hosts: {one: {}}}}}\n")
    environment = {**os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg")}

    def run(*command: str) -> str:
        ran = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    run("ansible-galaxy", "collection", "build", "--output-path", str(tmp_path), str(source))
    archive = next(tmp_path.glob("podpath-kubeadm-*.tar.gz"))
    with tarfile.open(archive) as packed:
        names = packed.getnames()
    assert "playbooks/site.yml" in names
    assert [name for name in names if "litter" in name] == []
    # read when a report is written, and never imported: nothing else would miss them
    assert PARTS
    assert {f"plugins/plugin_utils/report_page/{part.name}" for part in PARTS} <= set(names)
    assert [name for name in names if name.endswith("/kubeconfig")] == []
    run("ansible-galaxy", "collection", "install", "--no-deps", "-p", str(tmp_path / "collections"), str(archive))
    for playbook in ("site", "verify_paths"):
        run("ansible-playbook", "-i", "hosts.yml", "--syntax-check", f"podpath.kubeadm.{playbook}")
    (tmp_path / "write.yml").write_text(WRITE)
    run("ansible-playbook", "-i", "localhost,", "-c", "local", "write.yml")
    assert "pathMap" in (tmp_path / "paths.html").read_text()
    for module in ("pod_traceroute", "node_traceroute", "cluster_ready"):
        assert "EXAMPLES" in run("ansible-doc", f"podpath.kubeadm.{module}")
    installed = tmp_path / "collections/ansible_collections/podpath/kubeadm"
    roles = {f"podpath.kubeadm.{path.name}" for path in (installed / "roles").iterdir()}
    assert json.loads(run("ansible-doc", "--type", "role", "--json", *sorted(roles))).keys() == roles
    assert "flannel_backend" in run("ansible-doc", "-t", "role", "podpath.kubeadm.flannel")
    # as the pages of docs.ansible.com are made; the filters are the collection's own business, but for documented ones
    found = subprocess.run(["antsibull-docs", "lint-collection-docs", "--plugin-docs", "--message-format=json",
                            str(installed)], check=False, env=environment, capture_output=True, text=True)
    messages = json.loads(found.stdout)["messages"]
    assert [m for m in messages if "/plugins/filter/" not in m["path"]] == [], found.stderr
