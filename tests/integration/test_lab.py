# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of its own comes up, survives a reboot and a killing, and leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
import playbooks

INVENTORY = playbooks.inventories("inventory/article,inventory/lab,tests/integration/inventory")
CACHE = Path(os.environ.get("PODPATH_CACHE")
             or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "podpath")
# as inventory/lab has it
RUNTIME = f"/run/podpath-{hashlib.sha256(str(CACHE).encode()).hexdigest()[:6]}"
PODMAN = str(CACHE / "podman" / "podman")


# what a lab, its nodes, their pods and a build run
LEFT_RUNNING = (r"conmon|slirp4netns|podpath-|nginx|registry|ssh|systemd|kube|etcd|containerd|flanneld|coredns|pause|"
                r"mmdebstrap|gpg-agent")


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def in_node(name: str, *command: str) -> str:
    return output(PODMAN, "exec", f"podpath-test-lab-{name}", *command)


def files_under(directory: str) -> set[str]:
    return {str(path) for path in Path(directory).rglob("*")}


def other_labs() -> list[str]:
    labs = CACHE / "labs"
    return sorted(path.name for path in labs.iterdir() if path.name != "test-lab") if labs.exists() else []


def machine() -> dict[str, object]:
    """All that a lab could leave behind on this machine."""
    listed = output("ps", "-e", "-o", "args=").splitlines()
    return {
        "processes": {line for line in listed if re.search(LEFT_RUNNING, line) and "<defunct>" not in line},
        "mounts": Path("/proc/self/mounts").read_text().splitlines(),
        "links": sorted(link["ifname"] for link in json.loads(output("ip", "-json", "link"))),
        "addresses": re.sub(r"\d+sec", "", output("ip", "-brief", "address")),
        # the kernel is this machine's: what a node sets is set here, and put back after the last lab
        "kernel settings": {} if other_labs() else {name: output("sysctl", "-n", name) for name in (
            "kernel.panic", "kernel.panic_on_oops", "vm.overcommit_memory", "kernel.keys.root_maxkeys",
            "vm.panic_on_oom", "fs.inotify.max_user_instances")},
        "swap": Path("/proc/swaps").read_text(),
        "control groups": sorted(str(path) for pattern in ("podpath", "*/podpath")
                                 for path in Path("/sys/fs/cgroup").glob(pattern)),
        "home": {str(path) for pattern in ("*", ".*", "go/*", ".config/*", ".cache/*")
                 for path in Path.home().glob(pattern)},
        "tables": output("nft", "list", "tables"),
        "containers": output(PODMAN, "ps", "--all", "--quiet", "--no-trunc") if Path(PODMAN).exists() else "",
        "volumes": output(PODMAN, "volume", "ls", "--quiet") if Path(PODMAN).exists() else "",
        "files": {path for directory in ("/etc", "/tmp", "/var/lib/containers", "/dev/shm", "/run")
                  for path in files_under(directory) if not path.startswith("/tmp/pytest-of-")},
        "labs": sorted(os.listdir(CACHE / "labs")) if (CACHE / "labs").exists() else [],
    }


def play(name: str) -> playbooks.Run:
    ran = playbooks.run(f"playbooks/{name}.yml", INVENTORY)
    assert ran.rc == 0, ran.output
    return ran


@pytest.fixture(scope="module")
def before():
    # The first lab of a machine installs packages, which stay: what a lab leaves is what is there after the second one
    # and was not there after the first.
    play("lab")
    play("lab_down")
    found = machine()
    play("lab")
    yield found
    play("lab_down")


def test_lab_name_that_is_no_name_is_refused_before_anything_is_removed():
    for name in ("..", "", "a/b"):
        ran = playbooks.run("playbooks/lab_down.yml", INVENTORY, lab_name=name)
        assert ran.rc != 0
        assert "lab_name is" in ran.output
        assert ran.changed == {}


def test_taking_down_what_is_not_there_says_so_and_touches_nothing():
    before = machine()
    ran = playbooks.run("playbooks/lab_down.yml", INVENTORY, lab_name="nosuch")
    assert (ran.rc, ran.changed) == (0, {}), ran.output
    assert "There is no lab nosuch on this machine" in ran.output
    assert machine()["files"] - before["files"] == set()


def test_hosts_outside_of_the_network_are_refused_before_the_build():
    ran = playbooks.run("playbooks/lab.yml", INVENTORY, lab_cidr="192.168.60.0/24")
    assert ran.rc != 0
    assert "node-1 has ansible_host 192.168.59.11, which is outside" in ran.output
    assert ran.changed == {}


def test_nodes_are_as_bare_as_a_new_machine(before):
    for name in ("controlplane", "node-1", "node-2"):
        assert "10.0.2.15/24" in in_node(name, "ip", "-brief", "address", "show", "eth0")
        assert "default via 10.0.2.2 dev eth0" in in_node(name, "ip", "route")
        assert in_node(name, "cat", "/etc/resolv.conf").strip() == "nameserver 10.0.2.3"
        assert in_node(name, "sysctl", "-n", "net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables") == "0\n0\n"
        assert " swap " in in_node(name, "cat", "/etc/fstab")
        assert in_node(name, "cat", "/etc/hostname") == ""
        assert "kube" not in in_node(name, "ls", "/etc/modules-load.d", "/etc/sysctl.d")
        # podman's bind mounts would make an atomic replacement of these files fail
        assert "/etc/host" not in in_node(name, "cat", "/proc/mounts")
        assert in_node(name, "systemctl", "is-system-running").strip() == "running"


def test_second_run_changes_nothing(before):
    assert play("lab").changed == {}


def test_reboot_brings_a_node_back_as_a_machine_would_come_back(before):
    in_node("node-1", "sh", "-c", "sysctl -qw net.ipv4.ip_forward=1 && echo net.ipv4.ip_forward=1 > /root/kept")
    first_boot = in_node("node-1", "stat", "-c", "%z", "/proc/1")
    subprocess.run([PODMAN, "exec", "podpath-test-lab-node-1", "systemctl", "reboot"], check=False)
    play("lab")
    assert in_node("node-1", "stat", "-c", "%z", "/proc/1") != first_boot
    assert in_node("node-1", "sysctl", "-n", "net.ipv4.ip_forward").strip() == "0"
    assert in_node("node-1", "cat", "/root/kept") == "net.ipv4.ip_forward=1\n", "its disk is the same"
    assert "10.0.2.15/24" in in_node("node-1", "ip", "-brief", "address", "show", "eth0")


@pytest.mark.parametrize("victim", ["conmon", "slirp4netns"])
def test_half_dead_lab_is_made_anew(before, victim):
    before_that = in_node("node-2", "stat", "-c", "%z", "/proc/1")
    container = json.loads(output(PODMAN, "container", "inspect", "podpath-test-lab-node-2"))[0]
    pid = (container["State"]["ConmonPid"] if victim == "conmon"
           else int(Path(RUNTIME + "/labs/test-lab/node-2.slirp").read_text()))
    os.kill(pid, 9)
    ran = play("lab")
    assert "is made anew" in ran.output, ran.output
    assert in_node("node-2", "stat", "-c", "%z", "/proc/1") != before_that
    assert play("lab").changed == {}


def restart_machine() -> None:
    """As if this machine was restarted and its /run not emptied: podman's notes are there, all they tell of is gone."""
    ids = output(PODMAN, "ps", "--quiet").split()
    for container in json.loads(output(PODMAN, "container", "inspect", *ids)):
        for pid in (container["State"]["ConmonPid"], container["State"]["Pid"]):
            os.kill(pid, 9)
    for pidfile in Path(RUNTIME + "/labs/test-lab").glob("*.slirp"):
        os.kill(int(pidfile.read_text()), 9)
    for connection in Path(RUNTIME + "/labs/test-lab/ssh").glob("*"):
        command = ["ssh", "-O", "exit", "-o", f"ControlPath={connection}", "lab"]
        subprocess.run(command, check=False, capture_output=True)
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in mounted:
        if mount.startswith(f"{CACHE}/podman/storage/") and mount.endswith(("/shm", "/merged")):
            output("umount", "--lazy", mount)
    output("ip", "link", "delete", "pp-test-lab")
    output("nft", "delete", "table", "inet", "pp-test-lab")
    Path(RUNTIME + "/boot_id").write_text("another boot")


@pytest.fixture
def alone():
    if other_labs():
        pytest.skip("another lab stands on this machine: it would be taken for dead with this one, and its processes "
                    "for what this one left")


def test_lab_of_an_earlier_boot_is_made_anew(before, alone):
    restart_machine()
    ran = play("lab")
    assert "is made anew" in ran.output, ran.output


def test_lab_of_an_earlier_boot_is_taken_down(before, alone):
    restart_machine()
    play("lab_down")
    assert_nothing_left(before)
    play("lab")


def assert_nothing_left(before: dict[str, object]) -> None:
    after = machine()
    for what, was in before.items():
        if isinstance(was, set):
            assert after[what] - was == set(), what
        else:
            assert after[what] == was, what


def test_lab_down_leaves_nothing_of_a_cluster(before, alone):
    for playbook in ("site.yml", "playbooks/verify_paths.yml"):
        ran = playbooks.run(playbook, INVENTORY)
        assert ran.rc == 0, ran.output
    assert machine()["kernel settings"] != before["kernel settings"], "no kubelet has run"
    play("lab_down")
    assert_nothing_left(before)
