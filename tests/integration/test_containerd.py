# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""containerd on bare hosts: where it comes from, what is refused, what is adopted, mirrors, proxy and authorities.

Each node has a part: node-1 has a configuration that somebody wrote, node-2 has Docker, and the third stays bare until
it gets Docker's package.
"""

from __future__ import annotations

import base64
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import servers

RUNTIME = "tests/integration/playbooks/runtime.yml"
HOST, MIRROR = "192.168.60.1", "192.168.60.2"
IMAGE = "registry.k8s.io/pause:3.10.2"
PASSWORD = "wErY-sEcReT"
PASSWORD_BY_HAND = "oF-sOmEbOdY-eLsE"
BY_HAND = f"""# written by hand
version = 3
[plugins."io.containerd.cri.v1.images".registry.configs."registry.example".auth]
  password = "{PASSWORD_BY_HAND}"
"""
# an older Kubernetes, which takes the distribution's containerd; nothing of Kubernetes is installed here
OLD = "1.36.3"


def words(output: str) -> str:
    """What a person reads, without the breaks of lines."""
    return " ".join(output.split())


def system(bare, name: str) -> list[str]:
    """What a look must not change: package lists, packages, and the files of /etc; as lines, so that a change shows."""
    return bare.node(name, "find /var/lib/apt/lists /etc -printf '%p %y %m %s %T+ %l\\n' | sort; dpkg-query --show"
                     ).splitlines()


@pytest.fixture(scope="module")
def occupied(bare):
    """node-1 with a configuration, node-2 with Debian's Docker, which brings Debian's containerd."""
    bare.node("node-1", f"mkdir -p /etc/containerd && cat > /etc/containerd/config.toml <<'END'\n{BY_HAND}END\n")
    bare.node("node-2", "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install "
                        "--no-install-recommends docker.io >/dev/null 2>&1")
    # apt does not tell when the daemon did not come up at once; it writes a key below /etc when it does
    bare.node("node-2", "systemctl start docker && test -s /etc/docker/key.json")
    return bare


def test_a_distribution_s_containerd_that_is_too_old_is_refused_on_a_host_without_package_lists(bare):
    bare.node("controlplane", "rm -rf /var/lib/apt/lists/*")
    before = system(bare, "controlplane")
    ran = bare.play("site.yml", "--limit controlplane", containerd_source="distribution")
    assert ran.rc != 0
    assert "controlplane: containerd 1.6.20" in words(ran.output)
    assert "too old for Kubernetes 1.37.2, which needs 2.0.0 or later" in words(ran.output)
    assert ran.changed == {}
    assert system(bare, "controlplane") == before
    assert bare.node("controlplane", "ls -d /tmp/*.containerd 2>/dev/null || true") == ""


def test_another_s_configuration_and_docker_are_refused_before_anything_changes(occupied):
    before = {name: system(occupied, name) for name in ("node-1", "node-2")}
    ran = occupied.play("site.yml")
    assert ran.rc != 0
    said = words(ran.output)
    assert "node-1 has /etc/containerd/config.toml, which podpath.kubeadm did not write" in said
    assert "node-2 has the package containerd 1.6.20" in said
    assert "on which docker.io 20.10" in said
    assert "set containerd_source to distribution to use what is there" in said
    assert ran.changed == {}
    assert {name: system(occupied, name) for name in before} == before


def test_the_distribution_s_package_is_adopted_with_docker_on_it(occupied):
    variables = {"test_roles": ["containerd"], "containerd_source": "distribution",
                 "containerd_kubernetes_version": OLD}
    was = occupied.node("node-2", "dpkg-query --show containerd docker.io")
    ran = occupied.play(RUNTIME, "--limit node-2", **variables)
    assert ran.rc == 0, ran.output
    # containerd 1 speaks version 2 of its configuration, and the role has seen that it has an effect
    assert "version = 2" in occupied.node("node-2", "cat /etc/containerd/config.toml")
    dump = occupied.node("node-2", "containerd config dump")
    assert "SystemdCgroup = true" in dump
    assert f'sandbox_image = "{IMAGE}"' in dump
    assert occupied.node("node-2", "dpkg-query --show containerd docker.io") == was
    assert occupied.node("node-2", "ls /etc/containerd") == "certs.d\nconfig.toml\n", "nobody's work was kept a copy of"
    occupied.node("node-2", f"ctr images pull --hosts-dir /etc/containerd/certs.d {IMAGE}")
    assert occupied.play(RUNTIME, "--limit node-2", **variables).changed == {}


def test_by_proxy_with_an_authority_and_a_password_and_over_somebody_s_configuration(occupied, tmp_path):
    authority, certificate = servers.authority(tmp_path, HOST)

    def mirror(path: str) -> tuple[str, str]:
        return (f"{MIRROR}:5000" if path.startswith("/v2") else MIRROR), path

    def password(path: str) -> str:
        return f"me:{PASSWORD}" if path.startswith("/v2") else ""

    with (servers.serve(HOST, servers.through) as (proxy, proxied),
          servers.serve(HOST, mirror, password=password, certificate=certificate) as (secured, served)):
        variables = {
            "test_roles": ["kubernetes", "containerd"],
            "containerd_replace_files": True,
            "containerd_archive_base_url": f"https://{secured}/github.com/containerd/containerd/releases/download",
            "kubernetes_proxy": {"http": f"http://{proxy}", "no_proxy": [HOST]},
            "kubernetes_ca_files": [str(authority)],
            "containerd_registry_mirrors": {"registry.k8s.io": [
                {"url": f"https://{secured}", "username": "me", "password": PASSWORD, "ca_file": str(authority)}]},
        }
        checked = occupied.play(RUNTIME, "--limit node-1 --check --diff -vvv", **variables)
        ran = occupied.play(RUNTIME, "--limit node-1 --diff -vvv", **variables)
        assert ran.rc == 0, ran.output[-5000:]
        occupied.node("node-1", f"ctr images pull --hosts-dir /etc/containerd/certs.d {IMAGE}")
        again = occupied.play(RUNTIME, "--limit node-1", **variables)
    assert checked.rc == 0, checked.output[-5000:]
    assert again.changed == {}

    # packages and the repository's key came by the proxy, and what no_proxy names did not
    assert any(f"http://{MIRROR}/pkgs.k8s.io" in line and "Release.key" in line for line in proxied)
    assert any("/kubelet_" in line and ".deb" in line for line in proxied)
    assert not any(HOST in line for line in proxied)
    # the archive over TLS of that authority, the image with the password
    assert any(".tar.gz" in line for line in served)
    assert any(line.startswith("GET /v2/pause/blobs") and line.endswith("with") for line in served)

    # containerd has the proxy, and its own node, pods and Services not by it
    environment = occupied.node("node-1", "tr '\\0' '\\n' < /proc/$(pidof containerd)/environ")
    assert f"HTTP_PROXY=http://{proxy}" in environment
    assert "10.244.0.0/16,10.96.0.0/12" in environment

    # secrets: for root alone, in no output
    modes = occupied.node("node-1", "cd /etc/containerd; "
                                    "stat -c %a podpath.environment certs.d/registry.k8s.io/hosts.toml")
    assert modes.split() == ["600", "600"]
    secrets = {PASSWORD, base64.b64encode(f"me:{PASSWORD}".encode()).decode(), PASSWORD_BY_HAND}
    for output in (checked.output, ran.output):
        assert [secret for secret in secrets if secret in output] == []

    # the hand-written file is replaced as asked, and kept
    assert "Kept by podpath.kubeadm.containerd" in occupied.node("node-1", "head -1 /etc/containerd/config.toml")
    assert occupied.node("node-1", "cat /etc/containerd/config.toml.*~") == BY_HAND

    # a mirror that takes the place of one with a password
    variables = {"test_roles": ["containerd"],
                 "containerd_registry_mirrors": {"registry.k8s.io": [f"http://{MIRROR}:5000"]}}
    ran = occupied.play(RUNTIME, "--limit node-1 --diff -v", **variables)
    assert ran.rc == 0, ran.output
    assert "Configure the registry mirrors" in ran.changed["node-1"]
    assert [secret for secret in secrets if secret in ran.output] == []
    modes = occupied.node("node-1", "stat -c %a /etc/containerd/certs.d/registry.k8s.io/hosts.toml")
    assert modes.split() == ["644"]

    # what is no longer asked for goes, and containerd is told
    ran = occupied.play(RUNTIME, "--limit node-1 --diff -v", test_roles=["containerd"])
    assert ran.rc == 0, ran.output
    assert [secret for secret in secrets if secret in ran.output] == []
    assert occupied.node("node-1", "ls /etc/containerd/certs.d/*/hosts.toml").split() == [
        "/etc/containerd/certs.d/_default/hosts.toml"]
    assert "HTTP_PROXY" not in occupied.node("node-1", "tr '\\0' '\\n' < /proc/$(pidof containerd)/environ")


def test_a_pinned_checksum_overrides_that_beside_the_archive(bare):
    ran = bare.play(RUNTIME, "--limit controlplane", test_roles=["containerd"], containerd_manage_runc=False,
                    containerd_archive_checksum="sha256:" + "0" * 64)
    assert ran.rc != 0
    assert "checksum" in words(ran.output)
    assert bare.node("controlplane", "ls /usr/local/bin") == ""


def test_a_download_that_fails_names_its_url(bare, tmp_path):
    # a mirror that has nothing
    with servers.files(HOST, tmp_path) as served:
        ran = bare.play(RUNTIME, "--limit controlplane", test_roles=["containerd"], containerd_manage_runc=False,
                        containerd_archive_base_url=f"http://{served}/releases")
    assert ran.rc != 0
    assert ran.changed == {}
    assert "404" in ran.output
    assert f"http://{served}/releases/v2.4.2/containerd-2.4.2-linux-amd64.tar.gz.sha256sum" in words(ran.output)
    assert bare.node("controlplane", "ls /usr/local/bin") == ""


DOCKER_CONTROL = """Package: containerd.io
Version: 2.4.2-1~debian.12~bookworm
Architecture: amd64
Maintainer: nobody <nobody@example.org>
Provides: containerd, runc
Conflicts: containerd, runc
Description: containerd in the shape of Docker's package
"""
PACK = """set -eu
mkdir -p package/DEBIAN package/usr/bin package/usr/lib/systemd/system package/etc/containerd
cp control package/DEBIAN/control
echo /etc/containerd/config.toml > package/DEBIAN/conffiles
echo 'disabled_plugins = ["cri"]' > package/etc/containerd/config.toml
tar -xzf archive.tar.gz -C package/usr
sed 's,/usr/local/bin,/usr/bin,; 1d' {unit} > package/usr/lib/systemd/system/containerd.service
pool=debian/dists/bookworm/stable/binary-amd64; mkdir -p $pool
dpkg-deb --root-owner-group -Zgzip -z1 --build package $pool/containerd.io.deb >/dev/null
export GNUPGHOME=$PWD/gnupg; mkdir -m 0700 gnupg
gpg --batch --quiet --passphrase '' --quick-generate-key test rsa3072 sign never 2>/dev/null
(cd debian && apt-ftparchive packages dists/bookworm/stable/binary-amd64 > dists/bookworm/stable/binary-amd64/Packages)
(cd debian/dists/bookworm && apt-ftparchive -o APT::FTPArchive::Release::Codename=bookworm release . > ../Release &&
 mv ../Release Release && gpg --batch --quiet --clearsign --output InRelease Release)
gpg --batch --quiet --armor --export test > debian/gpg
gpgconf --kill all
"""


def test_docker_s_package_comes_from_its_repository_and_is_held(bare, tmp_path):
    # the repository is made here, in the layout of Docker's own, which the lab does not reach
    unit = Path(__file__).parents[2] / "roles/containerd/templates/containerd.service.j2"
    urllib.request.urlretrieve(f"http://{MIRROR}/github.com/containerd/containerd/releases/download/v2.4.2/"
                               "containerd-2.4.2-linux-amd64.tar.gz", tmp_path / "archive.tar.gz")
    (tmp_path / "control").write_text(DOCKER_CONTROL)
    subprocess.run(["sh", "-c", PACK.format(unit=unit)], cwd=tmp_path, check=True)
    with servers.files(HOST, tmp_path) as served:
        variables = {"test_roles": ["containerd"], "containerd_source": "docker",
                     "containerd_docker_base_url": f"http://{served}"}
        checked = bare.play(RUNTIME, "--limit controlplane --check", **variables)

        # by Docker's instructions: apt reads nothing at all when a second entry names another key
        by_hand = f"deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.asc] http://{served}/debian bookworm"
        key = (tmp_path / "debian/gpg").read_text()
        bare.node("controlplane", f"mkdir -p /etc/apt/keyrings; cat > /etc/apt/keyrings/docker.asc <<'END'\n{key}END\n")
        bare.node("controlplane", f"echo '{by_hand} test' > /etc/apt/sources.list.d/docker.list")
        refused = bare.play(RUNTIME, "--limit controlplane", **variables)
        bare.node("controlplane", f"echo '{by_hand} stable' > /etc/apt/sources.list.d/docker.list")
        adopting = bare.play(RUNTIME, "--limit controlplane --check", **variables)
        ran = bare.play(RUNTIME, "--limit controlplane", **variables)
        again = bare.play(RUNTIME, "--limit controlplane", **variables)
        sources = bare.node("controlplane", "ls /etc/apt/sources.list.d; apt-get -qq update")
        bare.node("controlplane", "rm /etc/apt/sources.list.d/docker.list")
        alone = bare.play(RUNTIME, "--limit controlplane", **variables)
    assert checked.rc == 0, checked.output
    assert "Would install Docker's package containerd.io 2.4.2 and hold it" in words(checked.output)
    assert refused.rc != 0
    assert "/etc/apt/sources.list.d/docker.list gives" in words(refused.output)
    assert refused.changed == {}
    assert adopting.rc == 0, adopting.output
    assert ran.rc == 0, ran.output
    assert again.changed == {}
    assert "docker.list" in sources.split()
    assert "podpath-docker.sources" not in sources.split()
    assert alone.changed == {"controlplane": {"Write the repository's file"}}, alone.output
    assert bare.node("controlplane", "apt-mark showhold").split() == ["containerd.io"]
    assert "version = 3" in bare.node("controlplane", "cat /etc/containerd/config.toml")
    assert "SystemdCgroup = true" in bare.node("controlplane", "containerd config dump")
    assert bare.node("controlplane", "ls /usr/local/bin") == ""


def test_containerd_without_its_cri_plugin_is_told_and_restarted_when_that_is_mended(occupied):
    drop_in = "/etc/containerd/conf.d/no-cri.toml"
    occupied.node("node-1", f"mkdir -p {drop_in.rsplit('/', 1)[0]}; "
                            f"echo 'disabled_plugins = [\"io.containerd.grpc.v1.cri\"]' > {drop_in}; "
                            "systemctl restart containerd")
    broken = occupied.play(RUNTIME, "--limit node-1", test_roles=["containerd"])
    occupied.node("node-1", f"rm {drop_in}")
    assert broken.rc != 0
    assert "node-1: containerd is not up as configured" in words(broken.output)
    assert "its CRI plugin is ok" in words(broken.output)
    checked, mended = (occupied.play(RUNTIME, f"--limit node-1 {how}", test_roles=["containerd"])
                       for how in ("--check", ""))
    assert mended.rc == 0, mended.output
    # what check mode foretells is not waited for
    assert checked.rc == 0, checked.output
    assert checked.changed == mended.changed == {"node-1": {"Enable and run the service with what was written"}}


def test_a_restart_that_an_earlier_run_did_not_come_to_is_made_up_for_once(occupied):
    # as a run leaves it that fails between the unpacking and the restart
    occupied.node("node-1", "touch /usr/local/bin/containerd")
    checked, ran, again = (occupied.play(RUNTIME, f"--limit node-1 {how}", test_roles=["containerd"])
                           for how in ("--check", "", ""))
    assert checked.changed == ran.changed == {"node-1": {"Enable and run the service with what was written"}}
    assert again.changed == {}


def test_an_unpacking_that_was_cut_off_is_done_again(occupied):
    # as one leaves it that came to containerd, whose version is right, and no further
    occupied.node("node-1", "rm /usr/local/bin/ctr")
    checked, ran, again = (occupied.play(RUNTIME, f"--limit node-1 {how}", test_roles=["containerd"])
                           for how in ("--check", "", ""))
    assert checked.rc == 0, checked.output
    assert checked.changed == {"node-1": {"Download the archive"}}
    assert ran.rc == 0, ran.output
    assert ran.changed == {"node-1": {"Download the archive", "Unpack the archive", "Remove the archive",
                                      "Enable and run the service with what was written"}}
    assert again.changed == {}


def test_a_containerd_that_runs_for_somebody_else_is_not_downgraded(occupied):
    # as nerdctl's bundle has it: its own unit, and no configuration
    occupied.node("node-1", "mkdir -p /root/away /usr/local/lib/systemd/system; cd /etc/systemd/system; "
                            "grep -v podpath containerd.service > /usr/local/lib/systemd/system/containerd.service; "
                            "mv containerd.service /etc/containerd/config.toml /root/away; systemctl daemon-reload")
    ran = occupied.play(RUNTIME, "--limit node-1", test_roles=["containerd"], containerd_version="2.3.0")
    occupied.node("node-1", "rm /usr/local/lib/systemd/system/containerd.service; cd /root/away; "
                            "mv containerd.service /etc/systemd/system; mv config.toml /etc/containerd; "
                            "systemctl daemon-reload")
    assert ran.rc != 0
    assert "node-1 runs containerd 2.4.2, which podpath.kubeadm did not set up" in words(ran.output)
    assert ran.changed == {}


def test_a_configuration_that_was_removed_by_hand_is_written_anew(occupied):
    occupied.node("node-1", "rm /etc/containerd/config.toml")
    ran, again = (occupied.play(RUNTIME, "--limit node-1", test_roles=["containerd"]) for _ in range(2))
    assert ran.rc == 0, ran.output
    assert ran.changed == {"node-1": {"Write the configuration", "Enable and run the service with what was written"}}
    assert again.changed == {}
