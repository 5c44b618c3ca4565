# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt is asked for the distribution's containerd before anything is changed. It needs this machine's apt and no lab."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import servers

sys.path.insert(0, str(Path(__file__).parent.parent))
import playbooks

PACKAGES = """Package: containerd
Version: 2.7.1~test
Architecture: all
Maintainer: nobody <nobody@example.com>
Filename: ./containerd.deb
Size: 1
SHA256: 0000000000000000000000000000000000000000000000000000000000000000
Description: not there

"""


@contextlib.contextmanager
def mirror(tmp_path: Path) -> Iterator[tuple[Path, Path, list[str]]]:
    """A mirror that nobody knows: apt's sources for it, the authority of its certificate, and what it was asked for."""
    authority, certificate = servers.authority(tmp_path, "127.0.0.1")
    directory = tmp_path / "mirror"
    directory.mkdir()
    (directory / "Packages").write_text(PACKAGES)
    with (servers.files("127.0.0.1", directory) as plain,
          servers.serve("127.0.0.1", lambda path: (plain, path), certificate=certificate) as (secured, log)):
        sources = tmp_path / "sources.list"
        sources.write_text(f"deb [trusted=yes] https://{secured} ./\n")
        yield sources, authority, log


def asked(tmp_path: Path, sources: Path, cmdline: str, more: str = "", **variables: object) -> playbooks.Run:
    """The version that apt offers with these sources and no others, and with more in its configuration."""
    (tmp_path / "apt.conf").write_text(f'Dir::Etc::sourcelist "{sources}";\nDir::Etc::sourceparts "-";\n{more}')
    hosts = tmp_path / "hosts.yml"
    hosts.write_text(json.dumps({"all": {
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        "children": {"kube_control_plane": {"hosts": {"one": {}}}, "kube_node": {"hosts": {"two": {}}}}}}))
    (tmp_path / "temporary").mkdir(exist_ok=True)
    around = {"APT_CONFIG": str(tmp_path / "apt.conf"), "TMPDIR": str(tmp_path / "temporary")}
    return playbooks.run("tests/integration/playbooks/entry.yml", [str(hosts)], cmdline=cmdline, role="containerd",
                         entry="candidate", surroundings=around, show="__containerd_policy", **variables)


@pytest.mark.skipif(not shutil.which("apt-get"), reason="needs apt")
@pytest.mark.parametrize("cmdline", ["", "--check"])
def test_apt_trusts_an_authority_that_the_host_is_yet_to_trust(tmp_path, cmdline):
    with mirror(tmp_path) as (sources, authority, log):
        refused = asked(tmp_path, sources, cmdline)
        assert refused.rc != 0
        assert "certificate" in refused.output
        assert log == []
        ran = asked(tmp_path, sources, cmdline, containerd_ca_files=[str(authority)])
    assert ran.rc == 0, ran.output
    assert "Candidate: 2.7.1~test" in ran.output
    # it only looks, and leaves nothing
    assert ran.changed == {}
    assert list((tmp_path / "temporary").glob("*.containerd")) == []


@pytest.mark.skipif(not shutil.which("apt-get"), reason="needs apt")
def test_an_authority_that_apt_trusts_by_its_own_configuration_is_not_forgotten_for_another(tmp_path):
    (tmp_path / "other").mkdir()
    other, _ = servers.authority(tmp_path / "other", "127.0.0.1")
    with mirror(tmp_path) as (sources, authority, _log):
        ran = asked(tmp_path, sources, "", f'Acquire::https::CaInfo "{authority}";\n', containerd_ca_files=[str(other)])
    assert ran.rc == 0, ran.output
    assert "Candidate: 2.7.1~test" in ran.output
