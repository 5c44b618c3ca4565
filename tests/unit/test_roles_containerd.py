# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import containerd

DUMP_2 = """
version = 4
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "registry.k8s.io/pause:3.10.2"
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "/etc/containerd/certs.d"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = false
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  SystemdCgroup = true
"""
DUMP_1 = """
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.10.2"
  restrict_oom_score_adj = false
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = true
"""
BOTH = pytest.mark.parametrize(("version", "dump"), [("1.6.20~ds1", DUMP_1), ("2.4.2", DUMP_2)])


def config_problems(version, dump):
    return containerd.config_problems(
        dump,
        version=version,
        sandbox_image="registry.k8s.io/pause:3.10.2",
        hosts_dir="/etc/containerd/certs.d",
        restrict_oom_score_adj=False,
    )


@BOTH
def test_a_configuration_in_effect_has_no_problem(version, dump):
    assert config_problems(version, dump) == []


@BOTH
def test_systemd_cgroups_that_were_lost_are_named(version, dump):
    (problem,) = config_problems(version, dump.replace("SystemdCgroup = true", "SystemdCgroup = false"))
    assert "runc.options.SystemdCgroup is False where True was asked for" in problem


@pytest.mark.parametrize(("version", "dump"), [("2.4.2", DUMP_1), ("1.7.27", DUMP_2), ("2.4.2", "version = 3\n")])
def test_settings_of_the_other_configuration_version_are_not_in_effect(version, dump):
    assert len(config_problems(version, dump)) == 4


def test_something_else_than_toml_is_refused():
    with pytest.raises(containerd.ContainerdError, match="no TOML"):
        config_problems("2.4.2", "containerd: error")


FALSE_1, FALSE_2 = (dump.replace("Cgroup = true", "Cgroup = false") for dump in (DUMP_1, DUMP_2))
DRIVER = "kind: KubeletConfiguration\ncgroupDriver: {}\n"
DUMPED, CONFIGURED = "`containerd config dump` has SystemdCgroup = false", "config.yaml has cgroupDriver: cgroupfs"


@pytest.mark.parametrize(("dump", "kubelet", "found"), [
    (FALSE_1, DRIVER.format("systemd"), [DUMPED]),
    # kubeadm writes systemd, and a kubelet that asks containerd runs with cgroupfs all the same
    (FALSE_2, DRIVER.format("systemd"), [DUMPED]),
    (FALSE_2, DRIVER.format('"cgroupfs"'), [DUMPED, CONFIGURED]),
    ("", DRIVER.format("cgroupfs"), [CONFIGURED]),
    ("containerd: error", DRIVER.format("cgroupfs"), [CONFIGURED]),
])
def test_a_node_on_cgroupfs_is_refused_with_what_tells_so(dump, kubelet, found):
    (problem,) = containerd.cgroup_problems("node-1", dump, kubelet)
    assert problem.startswith("node-1 is a node of a cluster, and its containers run in control groups of cgroupfs: ")
    assert [words for words in (DUMPED, CONFIGURED) if words in problem] == found
    assert "Drain node-1, set SystemdCgroup = true" in problem


@pytest.mark.parametrize(("dump", "kubelet"), [
    (DUMP_1, DRIVER.format("systemd")),
    # it asked containerd, so its own file has no effect
    (DUMP_2, DRIVER.format("cgroupfs")),
    ("", DRIVER.format("systemd")),
    ("", ""),
])
def test_a_node_that_is_not_known_to_be_on_cgroupfs_is_taken(dump, kubelet):
    assert containerd.cgroup_problems("node-1", dump, kubelet) == []


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("containerd github.com/containerd/containerd/v2 v2.4.2 3f4a1c0", "2.4.2"),
        ("containerd github.com/containerd/containerd/v2 v2.5.0-rc.1 abc", "2.5.0-rc.1"),
        ("containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3", "1.6.20~ds1"),
        ("skipped, since /etc/kubernetes/kubelet.conf does not exist", ""),
        ("", ""),
    ],
)
def test_version_of_containerd(said, version):
    assert containerd.containerd_version(said) == version


SHOWN = "ActiveState=active\nExecMainStartTimestamp=Sat 2026-11-28 02:42:49 UTC\nNeedDaemonReload=no\n"
# 1795833769 is that second
BIN, CONFIG = "/usr/local/bin/containerd", "/etc/containerd/config.toml"


@pytest.mark.parametrize(("shown", "written", "outdated"), [
    (SHOWN, f"1795833769 {BIN}\n1795833700 {CONFIG}", []),
    (SHOWN, f"1795833700 {BIN}\n1795833770 {CONFIG}", [CONFIG]),
    (SHOWN, f"1795833770 {BIN}\n1795833770 {CONFIG}", [BIN, CONFIG]),
    (SHOWN.replace("Reload=no", "Reload=yes"), f"1 {BIN}", ["its unit file"]),
    # what does not run is started in any case, and where nobody knows since when, nobody's pods are touched
    (SHOWN.replace("active", "inactive"), f"1795833770 {BIN}", []),
    ("ActiveState=active\nExecMainStartTimestamp=\n", f"1795833770 {BIN}", []),
    ("", "", []),
])
def test_a_restart_that_a_run_did_not_come_to_is_made_up_for(shown, written, outdated):
    assert containerd.outdated(shown, written) == outdated


def test_packages_of_both_managers_are_read_and_missing_ones_left_out():
    debian = "installed containerd 1.6.20~ds1-1+deb12u3\nconfig-files docker.io 20.10.24\n"
    assert containerd.packages(debian) == {"containerd": "1.6.20~ds1-1+deb12u3"}
    redhat = "package docker-ce is not installed\ninstalled containerd.io 2.1.5\n"
    assert containerd.packages(redhat) == {"containerd.io": "2.1.5"}


@pytest.mark.parametrize("mark", ["??5?????? c", "S.5....T.  c"])
def test_a_file_is_as_shipped_when_a_package_has_it_and_says_nothing_of_it(mark):
    config, unit = "/etc/containerd/config.toml", "/etc/systemd/system/containerd.service"
    listed = f"/.\n/etc\n/etc/containerd\n{config}\n/usr/bin/containerd\n"
    assert containerd.shipped_files([config, unit], listed, "") == [config]
    assert containerd.shipped_files([config, unit], listed, f"{mark} {config}\n") == []


@pytest.mark.parametrize(
    ("policy", "version"),
    [
        (
            "containerd:\n  Installed: (none)\n  Candidate: 1.6.20~ds1-1+deb12u3\n  Version table:\n",
            "1.6.20~ds1-1+deb12u3",
        ),
        ("containerd:\n  Installed: (none)\n  Candidate: (none)\n", ""),
        ("", ""),
    ],
)
def test_the_candidate_of_apt_is_read(policy, version):
    assert containerd.candidate(policy) == version


def problems(**changes):
    settings = {
        "source": "archive",
        "version": "2.4.2",
        "kubernetes": "1.37.2",
        "installed": {},
        "archive": "",
        "offered": "",
        "running": "",
        "occupied": "",
        "foreign": [],
        "shipped": [],
        "replace_files": False,
    }
    return containerd.host_problems("node-1", **settings | changes)


def test_a_bare_host_has_no_problem():
    assert problems() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"version": "1.7.27"},
            "containerd 1.7.27 (containerd_source is archive) is too old for Kubernetes 1.37.2, which "
            "needs 2.0.0 or later. Set containerd_version to 2.0.0 or later",
        ),
        ({"source": "docker", "version": "1.7.27"}, "Set containerd_version to 2.0.0 or later"),
        (
            {"source": "distribution", "offered": "1.6.20~ds1-1+deb12u3"},
            "containerd 1.6.20~ds1-1+deb12u3 (containerd_source is distribution) is too old for Kubernetes 1.37.2, "
            "which needs 2.0.0 or later. Set containerd_source to archive or docker, or kubernetes_version",
        ),
        ({"source": "distribution", "installed": {"containerd": "1.7.24"}, "offered": "2.0.0"}, "containerd 1.7.24"),
    ],
)
def test_a_containerd_that_is_too_old_is_refused_with_the_way_out(changes, said):
    (problem,) = problems(**changes)
    assert problem.startswith("node-1: ")
    assert said in problem


@pytest.mark.parametrize("version", [2.4, 2, "1", "v2.4.2", "latest"])
@pytest.mark.parametrize("source", ["archive", "docker"])
def test_a_version_that_is_not_in_full_is_refused(source, version):
    (problem,) = problems(source=source, version=version)
    assert problem.startswith(f"node-1: containerd_version is {version}; it has three numbers and no v")
    assert problem.endswith('write it in quotes, such as "2.4.2".')


def test_the_version_has_no_effect_on_the_distribution_s_package():
    assert problems(source="distribution", version=2.4, offered="2.4.1") == []
    assert problems(version="2.5.0-rc.1") == []


@pytest.mark.parametrize("kubernetes", ["1.36.3", ""])
def test_an_older_kubernetes_takes_the_distribution_s(kubernetes):
    assert problems(source="distribution", offered="1.7.24~ds1-6", kubernetes=kubernetes) == []


def test_a_distribution_without_containerd_is_told():
    (problem,) = problems(source="distribution")
    assert "its package sources have no containerd" in problem


@pytest.mark.parametrize(
    ("source", "installed", "archive", "found", "fits"),
    [
        ("archive", {"containerd": "1.6.20"}, "", "the package containerd 1.6.20, but", "distribution"),
        (
            "archive",
            {"containerd": "1.6.20", "docker.io": "20.10.24"},
            "",
            "on which docker.io 20.10.24 runs",
            "distribution",
        ),
        ("archive", {"containerd.io": "2.1.5", "docker-ce": "29.0.0"}, "", "on which docker-ce 29.0.0 runs", "docker"),
        ("docker", {"containerd": "1.7.24"}, "", "the package containerd 1.7.24", "distribution"),
        ("distribution", {"containerd.io": "2.1.5"}, "", "the package containerd.io 2.1.5", "docker"),
        ("distribution", {}, "2.4.2", "containerd 2.4.2 of an archive in /usr/local/bin", "archive"),
    ],
)
def test_another_installation_is_refused_and_named_with_its_user(source, installed, archive, found, fits):
    (problem,) = problems(source=source, installed=installed, archive=archive, offered="2.0.0")
    assert problem.startswith("node-1 has ")
    assert found in problem
    assert f"containerd_source is {source}." in problem
    assert f"set containerd_source to {fits} to use what is there" in problem


@pytest.mark.parametrize(
    ("source", "installed", "archive"),
    [
        ("docker", {"containerd.io": "2.4.2-1", "docker-ce": "29.0.0"}, ""),
        ("distribution", {"containerd": "2.0.0", "docker.io": "26.0.0"}, ""),
        ("archive", {}, "2.4.2"),
    ],
)
def test_what_is_there_of_the_same_source_is_adopted(source, installed, archive):
    assert problems(source=source, installed=installed, archive=archive) == []


FILES = ["/etc/containerd/config.toml", "/etc/systemd/system/containerd.service"]


def test_files_of_somebody_else_are_named_and_not_replaced_unasked():
    (problem,) = problems(foreign=FILES)
    assert "node-1 has /etc/containerd/config.toml and /etc/systemd/system/containerd.service" in problem
    assert "containerd_replace_files" in problem
    assert problems(foreign=FILES, replace_files=True) == []


def test_a_file_as_its_package_brought_it_is_nobody_s_work():
    assert problems(foreign=FILES[:1], shipped=FILES[:1]) == []
    (problem,) = problems(foreign=FILES, shipped=FILES[:1])
    assert "config.toml" not in problem


@pytest.mark.parametrize("version", ["2.4.2", "2.4.3", "2.5.0"])
def test_a_node_may_get_a_newer_containerd_of_its_major_version(version):
    assert problems(running="2.4.2", archive="2.4.2", version=version) == []


@pytest.mark.parametrize(
    ("running", "version", "said"),
    [("2.4.2", "2.4.1", "which is older"), ("1.7.27", "2.4.2", "drain node-1"), ("2.4.2", "3.0.0", "drain node-1")],
)
def test_a_node_is_not_downgraded_nor_given_another_major_version(running, version, said):
    (problem,) = problems(running=running, archive=running, version=version)
    assert f"node-1 is a node of a cluster with containerd {running}, but containerd_version is {version}" in problem
    assert said in problem


@pytest.mark.parametrize(
    ("running", "version", "said"),
    [("2.4.2", "2.0.0", "an older one"), ("1.7.27", "2.4.2", "another major version"), ("2.4.2", "1.7.27", "an older")],
)
def test_containers_of_somebody_else_are_not_given_another_containerd_either(running, version, said):
    (problem,) = problems(occupied=running, archive=running, version=version, kubernetes="")
    assert f"node-1 runs containerd {running}, which podpath.kubeadm did not set up" in problem
    assert said in problem
    # what nobody runs may be replaced, and a newer one of the same major version leaves containers alone
    assert problems(archive=running, version=version, kubernetes="") == []
    assert problems(occupied="2.4.1", archive="2.4.1", version="2.4.2") == []


def test_mirrors_are_urls_or_dictionaries():
    entries = [
        "http://mirror:5000",
        {"url": "https://private", "username": "me", "password": "hunter2", "ca_file": "ca.pem"},
    ]
    plain, private = containerd.registry_mirrors({"docker.io": entries})["docker.io"]
    assert (plain["url"], plain["capabilities"], plain["authorization"]) == (
        "http://mirror:5000",
        ["pull", "resolve"],
        "",
    )
    scheme, value = private["authorization"].split()
    assert (scheme, base64.b64decode(value)) == ("Basic", b"me:hunter2")
    assert containerd.mirror_authorities({"docker.io": entries}) == [{"source": "ca.pem", "name": "docker.io/ca-1.pem"}]


@pytest.mark.parametrize(
    ("mirrors", "said"),
    [
        ({"docker.io": "http://mirror"}, "docker.io: its mirrors are a list"),
        ({"docker.io": [5]}, "a mirror is a URL, or a dictionary with a url"),
        ({"docker.io": ["mirror:5000"]}, "begins with http:// or https://"),
        ({"docker.io": ["https://me:hunter2@mirror"]}, "a mirror's URL holds no password"),
        ({"docker.io": ["me:hunter2@mirror"]}, "a mirror's URL holds no password"),
        ({"docker.io": [{"url": "https://m", "passwort": "hunter2"}]}, "https://m has passwort; known are"),
        ({"docker.io": [{"url": "https://m", "password": "hunter2"}]}, "needs both username and password"),
        ({"../etc": ["https://m"]}, "a registry is a name"),
    ],
)
def test_what_is_no_mirror_is_told_without_its_password(mirrors, said):
    with pytest.raises(containerd.ContainerdError, match="containerd_registry_mirrors, ") as error:
        containerd.registry_mirrors(mirrors)
    assert said in str(error.value)
    assert "hunter2" not in str(error.value)
