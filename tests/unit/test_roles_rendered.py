# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles make of facts and variables where no pure function does: refusals, names of packages, files."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tomllib

import pytest
from role_templates import Role, every_task, load, task
from test_roles_containerd import DUMP_2

from ansible_collections.podpath.kubeadm.plugins.module_utils import sysctl


def facts(distribution: str, version: str, architecture: str = "x86_64") -> dict[str, str]:
    return {"distribution": distribution, "distribution_version": version, "architecture": architecture}


SUPPORTED = task("roles/kubernetes/tasks/check.yml", "Refuse what is not supported")


@pytest.mark.parametrize("found", [
    facts("Debian", "12.11"), facts("Debian", "13"), facts("Ubuntu", "22.04"), facts("Ubuntu", "24.04", "aarch64"),
    facts("RedHat", "9.6"), facts("CentOS", "9"), facts("Rocky", "10.0"), facts("AlmaLinux", "9.6")], ids=str)
def test_a_supported_distribution_passes(found):
    assert Role("kubernetes", ansible_facts=found).holds(SUPPORTED)


@pytest.mark.parametrize("found", [
    facts("Debian", "11.11"), facts("Debian", "n/a"), facts("Ubuntu", "20.04"), facts("RedHat", "8.10"),
    facts("Linux Mint", "22"), facts("Fedora", "42"), facts("Alpine", "3.21"), facts("Debian", "12", "riscv64"),
], ids=str)
def test_another_one_is_refused_with_what_is_supported(found):
    role = Role("kubernetes", ansible_facts=found)
    assert not role.holds(SUPPORTED)
    said = role.says(SUPPORTED)
    assert said.startswith(f"node-1 runs {found['distribution']} {found['distribution_version']} on a machine of")
    assert "Debian from 12 on, Ubuntu from 22.04 on, RedHat from 9 on, " in said
    assert said.strip().endswith("on x86_64 and aarch64.")


@pytest.mark.parametrize(("enforce", "allowed", "goes"), [
    (None, False, True), ("0", False, True), ("1", False, False), ("1", True, True)])
def test_selinux_that_enforces_is_refused_unless_somebody_else_sees_to_it(enforce, allowed, goes):
    refusal = task("roles/kubernetes/tasks/check.yml", "Refuse SELinux that enforces")
    read = {"content": base64.b64encode(enforce.encode()).decode()} if enforce else {"msg": "file not found"}
    role = Role("kubernetes", __kubernetes_selinux=read, kubernetes_allow_selinux_enforcing=allowed)
    assert role.holds(refusal) is goes
    assert "kubernetes_allow_selinux_enforcing to true" in role.says(refusal)


@pytest.mark.parametrize(("family", "packages"), [
    ("Debian", ["kubeadm=1.36.1-*", "kubectl=1.36.1-*", "kubelet=1.36.1-*"]),
    ("RedHat", ["kubeadm-1.36.1", "kubectl-1.36.1", "kubelet-1.36.1"]),
])
def test_packages_are_asked_for_at_their_version_as_each_family_writes_it(family, packages):
    role = Role("kubernetes", family, kubernetes_version="1.36.1")
    assert role.render("{{ __kubernetes_pinned }}") == packages
    install = task("roles/containerd/tasks/docker.yml", "Install Docker's package of containerd")
    of_docker = Role("containerd", family, containerd_version="2.4.1", ansible_facts={"os_family": family})
    assert of_docker.render(install["vars"]["__containerd_package"]) == {
        "Debian": "containerd.io=2.4.1-*", "RedHat": "containerd.io-2.4.1"}[family]


@pytest.mark.parametrize(("machine", "archive"), [
    ("x86_64", "containerd-2.4.2-linux-amd64.tar.gz"), ("aarch64", "containerd-2.4.2-linux-arm64.tar.gz")])
def test_the_archive_is_that_of_the_machine(machine, archive):
    role = Role("containerd", ansible_facts={"architecture": machine}, containerd_version="2.4.2")
    assert role.render("{{ __containerd_url }}").endswith(f"/v2.4.2/{archive}")


@pytest.mark.parametrize(("version", "there", "whole"), [
    ("2.4.2", ["bin/containerd-shim-runc-v2", "bin/ctr"], True),
    ("2.4.1", ["bin/containerd-shim-runc-v2", "bin/ctr"], False),
    ("2.4.2", ["bin/ctr"], False),
    ("2.4.2", [], False),
    ("2.4.2", ["bin/containerd-shim-runc-v2", "bin/ctr", "containerd-2.4.2-linux-amd64.tar.gz"], False)])
def test_an_unpacking_that_was_cut_off_is_done_again(version, there, whole):
    (install,) = [item for item in load("roles/containerd/tasks/archive.yml") if "block" in item]
    paths = [f"/usr/local/{name}" if name.startswith("bin/") else f"/var/cache/{name}" for name in there]
    role = Role("containerd", containerd_version="2.4.2", ansible_facts={"architecture": "x86_64"},
                __containerd_before={"stdout": f"containerd github.com/containerd/containerd/v2 v{version} 3f4a1c0"},
                __containerd_parts={"files": [{"path": path} for path in paths]})
    assert role.goes(install) is not whole


@pytest.mark.parametrize(("state", "own", "node", "occupied"), [
    ("active", "", False, "2.4.2"), ("active", "/etc/containerd/config.toml", False, ""), ("inactive", "", False, ""),
    (None, None, True, "")])
def test_a_containerd_that_runs_without_this_role_s_configuration_is_somebody_else_s(state, own, node, occupied):
    judge = task("roles/containerd/tasks/check.yml", "Judge what was found")
    skipped = {"skipped": True}
    role = Role("containerd", __containerd_kubelet_conf={"stat": {"exists": node}},
                __containerd_packages={"stdout": ""},
                __containerd_before={"stdout": "containerd github.com/containerd/containerd/v2 v2.4.2 3f4a1c0"},
                __containerd_service=skipped if node else {"status": {"ActiveState": state}},
                __containerd_own_config=skipped if node else {"stdout": own})
    settings = judge["vars"]["__containerd_settings"]
    assert role.render(settings["occupied"]) == occupied
    assert role.render(settings["running"]) == ("2.4.2" if node else "")


@pytest.mark.parametrize(("node", "own", "looked"), [(True, "", True), (True, "/etc/containerd/config.toml", False),
                                                     (False, "", False)])
def test_cgroups_are_looked_at_where_a_node_runs_with_somebody_else_s_configuration(node, own, looked):
    look = task("roles/containerd/tasks/check.yml",
                "Look by which control groups a node runs that somebody else configured")
    role = Role("containerd", __containerd_kubelet_conf={"stat": {"exists": node}},
                __containerd_packages={"stdout": ""}, __containerd_own_config={"stdout": own},
                __containerd_before={"stdout": "containerd github.com/containerd/containerd/v2 v2.4.2 3f4a1c0"})
    assert role.goes(look) is looked
    find = task("roles/containerd/tasks/check.yml", "Look for this role's configuration")["ansible.builtin.command"]
    # a configuration of its own that was removed by hand is drift, which the unit beside it tells
    assert role.render(find["argv"])[4:6] == ["/etc/containerd/config.toml", "/etc/systemd/system/containerd.service"]
    dump = '[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]\nSystemdCgroup = false\n'
    refusal = task("roles/containerd/tasks/check.yml", "Refuse a node whose pods would not start with systemd's")
    for told, holds in ((dump, False), (dump.replace("false", "true"), True)):
        assert Role("containerd", __containerd_dump_there={"stdout": told}, __containerd_kubelet={}
                    ).holds(refusal) is holds


def test_the_package_of_a_distribution_that_has_none_is_refused():
    refusal = task("roles/containerd/tasks/check.yml", "Refuse a package that the distribution does not have")
    verdicts = {(family, source): Role("containerd", family, containerd_source=source).holds(refusal)
                for family in ("Debian", "RedHat") for source in ("archive", "distribution", "docker")}
    assert [asked for asked, holds in verdicts.items() if not holds] == [("RedHat", "distribution")]


def test_packages_of_docker_s_rpm_repository_are_checked_by_its_key():
    repository = task("roles/containerd/tasks/docker_RedHat.yml", "Write the repository's file")
    options = repository["ansible.builtin.yum_repository"]
    assert options["gpgcheck"] is True
    role = Role("containerd", "RedHat", ansible_facts={"distribution": "Rocky"})
    assert role.render(options["gpgkey"]) == "https://download.docker.com/linux/centos/gpg"


@pytest.mark.parametrize("given", [{}, {"skip_verify": True}, {"override_path": True}])
def test_a_mirror_has_what_was_given_and_nothing_else(given):
    mirrors = {"registry.k8s.io": [{"url": "https://mirror.example", **given}]}
    role = Role("containerd", containerd_registry_mirrors=mirrors)
    written = tomllib.loads(role.template("hosts.toml.j2", __containerd_registry="registry.k8s.io"))
    assert written == {"host": {"https://mirror.example": {"capabilities": ["pull", "resolve"], **given}}}


@pytest.mark.parametrize(("file", "name"), [
    ("main.yml", "Write the configuration"), ("archive.yml", "Write the unit file")])
def test_a_difference_shows_nothing_of_what_somebody_else_wrote(file, name):
    written = task(f"roles/containerd/tasks/{file}", name)
    role = Role("containerd", ansible_diff_mode=True, __containerd_shipped=[])
    path = role.render(written["ansible.builtin.template"]["dest"])
    assert role.render(written["diff"], __containerd_foreign=[]) is True
    assert role.render(written["diff"], __containerd_foreign=[path]) is False


def test_a_difference_shows_no_password_of_a_mirror_not_even_one_that_goes():
    assert task("roles/containerd/tasks/main.yml", "Configure the registry mirrors")["diff"] is False


def test_a_configuration_without_effect_stops_the_run():
    verify = task("roles/containerd/tasks/main.yml", "Verify the effective configuration")

    def holds(dump: str) -> bool:
        return Role("containerd", __containerd_dump={"stdout": dump}).holds(verify)

    assert holds(DUMP_2)
    for asked, other in (("SystemdCgroup = true", "SystemdCgroup = false"), ("pause:3.10.2", "pause:3.9"),
                         ("certs.d", "other"), ("adj = false", "adj = true")):
        assert not holds(DUMP_2.replace(asked, other)), asked


@pytest.mark.parametrize(("started", "written", "state"), [
    ("02:42:49", "1795833769", "started"), ("02:42:48", "1795833769", "restarted"), ("02:42:49", "", "started")])
def test_what_containerd_has_not_read_since_its_start_restarts_it(started, written, state):
    run = task("roles/containerd/tasks/main.yml", "Enable and run the service with what was written")
    nothing = {name: {"changed": False} for name in (
        "__containerd_drop_in_written", "__containerd_leftovers", "__containerd_config",
        "__containerd_environment_written")}
    shown = f"ActiveState=active\nExecMainStartTimestamp=Sat 2026-11-28 {started} UTC"
    role = Role("containerd", **nothing, **run["vars"], __containerd_cri={"rc": 0, "stdout": "cri ok"},
                __containerd_started={"stdout": shown},
                __containerd_written={"stdout": f"{written} /etc/containerd/config.toml" if written else ""})
    assert role.render(run["ansible.builtin.systemd_service"]["state"]) == state


def test_the_head_start_of_images_has_the_proxy_and_shows_it_to_nobody():
    pull = task("roles/containerd/tasks/main.yml", "Pull images in the background")["ansible.builtin.command"]
    role = Role("containerd", containerd_prefetch_images=["registry.example/a:1"],
                containerd_environment={"https_proxy": "http://me:hunter2@proxy.example:3128"})
    argv = role.render(pull["argv"])
    assert "--property=EnvironmentFile=-/etc/containerd/podpath.environment" in argv
    assert "hunter2" not in " ".join(argv)
    assert "hunter2" in role.template("environment.j2")


@pytest.mark.parametrize("role", ["kubernetes", "containerd"])
def test_an_apt_source_of_somebody_else_is_not_written_beside(role):
    file = {"kubernetes": "Debian", "containerd": "docker_Debian"}[role]
    tasks = load(f"roles/{role}/tasks/{file}.yml")
    (template,) = [item for item in tasks if "ansible.builtin.template" in item]
    (leave,) = [item for item in tasks if "ansible.builtin.file" in item]
    own = Role(role).variables[f"__{role}_source_file"]

    def done(adopted: str) -> list[str]:
        some = Role(role, kubernetes_trust_pending=False, **{f"__{role}_apt": {"adopted": adopted, "problems": []}})
        return [item["name"] for item in (template, leave) if some.goes(item)]

    assert done("") == [template["name"]]
    assert done("/etc/apt/sources.list.d/other.list") == [leave["name"]]
    assert done(own) == []


@pytest.mark.parametrize(("role", "source"), [
    ("kubernetes", "deb-src https://pkgs.k8s.io/core:/stable:/v1.37/deb/ /"),
    ("containerd", "deb https://download.docker.com/linux/debian bookworm test")])
def test_an_apt_source_that_cannot_stand_beside_the_role_s_is_refused(role, source):
    refusal = task(f"roles/{role}/tasks/check.yml", "Refuse sources that apt cannot read beside that of the repository")
    found = facts("Debian", "12.11") | {"distribution_release": "bookworm"}

    def holds(said: str) -> bool:
        return Role(role, ansible_facts=found, kubernetes_version="1.37.2",
                    **{f"__{role}_sources": {"stdout": said}}).holds(refusal)

    assert holds("/etc/apt/sources.list:deb http://archive.example/debian bookworm main")
    assert not holds(f"/etc/apt/sources.list.d/other.list:{source}")


def test_dpkg_ends_what_it_was_interrupted_in_before_apt_is_asked():
    """tests/integration/test_dpkg.py has how."""
    names = [found["name"] for found in every_task(load("roles/kubernetes/tasks/Debian.yml"))]
    assert names.index("End what dpkg was interrupted in") < names.index("Install the packages")


INSTALLED = "".join(f"installed {name} 1.37.2-1.1\n" for name in ("kubeadm", "kubectl", "kubelet")) + (
    "installed iptables 1.8.9-2\ninstalled mount 2.38.1-5\n")


@pytest.mark.parametrize(("found", "fresh"), [
    (INSTALLED, False), ("", True), (INSTALLED.replace("kubelet 1.37.2", "kubelet 1.37.1"), True),
    (INSTALLED.replace("installed kubelet", "config-files kubelet"), True)])
def test_what_is_not_installed_is_looked_for_in_lists_of_this_run(found, fresh):
    """As a run that stopped before apt's update leaves an entry of which no list tells."""
    install = task("roles/kubernetes/tasks/Debian.yml", "Install the packages")
    role = Role("kubernetes", kubernetes_version="1.37.2", __kubernetes_found={"stdout": found},
                __kubernetes_source={"changed": False}, **install["vars"])
    assert (role.render(install["ansible.builtin.apt"]["cache_valid_time"]) == 0) is fresh
    docker = task("roles/containerd/tasks/install_Debian.yml", "Install {{ __containerd_package }}")
    role = Role("containerd", __containerd_package="kubelet=1.37.2-*", __containerd_found={"stdout": found},
                **docker["vars"])
    assert (role.render(docker["ansible.builtin.apt"]["cache_valid_time"]) == 0) is fresh


@pytest.mark.parametrize(("family", "module"), [("Debian", "apt"), ("RedHat", "dnf")])
@pytest.mark.parametrize("node", [True, False])
def test_packages_of_another_time_are_taken_back_where_no_node_runs_by_them(family, module, node):
    install = task(f"roles/kubernetes/tasks/{family}.yml", "Install the packages")
    said = "Kubernetes v1.37.2" if node else "skipped, since /etc/kubernetes/kubelet.conf does not exist"
    role = Role("kubernetes", family, __kubernetes_running={"stdout": said})
    assert role.render(install[f"ansible.builtin.{module}"]["allow_downgrade"]) is not node
    install = task(f"roles/containerd/tasks/install_{family}.yml", "Install {{ __containerd_package }}")
    role = Role("containerd", family, __containerd_kubelet_conf={"stat": {"exists": node}})
    assert role.render(install[f"ansible.builtin.{module}"]["allow_downgrade"]) is not node


def test_another_version_than_was_installed_stops_the_run_with_what_was_found():
    refusal = task("roles/kubernetes/tasks/main.yml", "Refuse to go on with another version")

    def role(**said: str) -> Role:
        return Role("kubernetes", kubernetes_version="1.36.3", __kubernetes_installed=said)

    assert role(stdout="Kubernetes v1.36.3").holds(refusal)
    newer, missing = role(stdout="Kubernetes v1.37.2"), role(msg="Error executing command.")
    assert not newer.holds(refusal)
    assert "`kubelet --version` says Kubernetes v1.37.2." in newer.says(refusal)
    assert not missing.holds(refusal)
    assert "says Error executing command." in missing.says(refusal)


@pytest.mark.parametrize("said", [
    "No package matching 'kubelet' is available", "no available installation candidate for kubelet=1.37.2-*",
    "python3-apt must be installed to use check mode. If run normally this module can auto-install it, see"])
def test_a_look_ahead_at_a_host_whose_lists_say_nothing_foretells_what_is_missing(said):
    install = task("roles/kubernetes/tasks/Debian.yml", "Install the packages")

    def holds(what: str, found: str, check: bool = True) -> bool:
        role = Role("kubernetes", kubernetes_version="1.37.2", ansible_check_mode=check,
                    __kubernetes_install={"failed": True, "changed": False, "msg": said},
                    __kubernetes_found={"stdout": found}, **install["vars"])
        return role.goes({"when": install[what]})

    assert not holds("failed_when", "")
    assert holds("changed_when", "")
    assert not holds("changed_when", INSTALLED)
    assert holds("failed_when", "", check=False)


def test_a_policy_of_swap_is_held_against_the_kubelet_that_runs():
    refusal = task("roles/swap/tasks/check.yml", "Refuse a policy that the kubelet does not have")

    def holds(config: str | None) -> bool:
        read = {"msg": "file not found"} if config is None else {"content": base64.b64encode(config.encode()).decode()}
        return Role("swap", swap_policy="tolerate", __swap_kubelet=read).holds(refusal)

    assert holds(None)
    assert holds("failSwapOn: false\n")
    assert not holds("kind: KubeletConfiguration\n")


@pytest.mark.parametrize(("policy", "kubelet"), [
    ("off", {}),
    ("tolerate", {"failSwapOn": False}),
    ("limited", {"failSwapOn": False, "memorySwap": {"swapBehavior": "LimitedSwap"}}),
])
def test_the_swap_policy_is_the_kubelets(policy, kubelet):
    role = Role("control_plane", swap_policy=policy)
    settings = role.variables["__control_plane_settings"]
    assert role.render(settings["kubelet_config"]) == kubelet
    own = role.render(settings["kubelet_config"], control_plane_kubelet_config={"maxPods": 50})
    assert own == kubelet | {"maxPods": 50}


def test_a_sysctl_of_an_earlier_run_that_nobody_asks_for_leaves_the_file():
    take = task("roles/kernel/tasks/main.yml", "Take sysctls out of the file that are not asked for any more")
    note = task("roles/kernel/tasks/main.yml", "Note which sysctls are set")["ansible.builtin.lineinfile"]["line"]
    more = Role("kernel", kernel_extra_sysctls={"vm.max_map_count": 262144})
    text = f"{more.render(note)}\nnet.ipv4.ip_forward=1\nvm.max_map_count=262144\nvm.swappiness=10\n"
    earlier = {"content": base64.b64encode(text.encode()).decode()}
    assert more.render(take["loop"], __kernel_earlier=earlier) == []
    assert Role("kernel").render(take["loop"], __kernel_earlier=earlier) == ["vm.max_map_count"]
    assert Role("kernel").render(take["loop"], __kernel_earlier={"msg": "file not found"}) == []


def test_extra_ports_are_needs_of_the_firewall():
    role = Role("firewall", node_address_ips=["192.168.56.11"], node_address_interface="eth1", node_address_nodes={},
                firewall_extra_ports=[{"port": "30000-32767", "why": "ipvs"}])
    assert [need["port"] for need in role.render("{{ __firewall_needs }}") if need["why"] == "ipvs"] == ["30000-32767"]


def test_a_manifest_of_flannel_with_another_checksum_is_not_used():
    compare = task("roles/flannel/tasks/check.yml", "Compare its checksum")
    checksum = "sha256:" + hashlib.sha256(b"kind: DaemonSet\n").hexdigest()
    role = Role("flannel", flannel_manifest_checksum=checksum)
    assert role.holds(compare, __flannel_text="kind: DaemonSet\n")
    assert not role.holds(compare, __flannel_text="kind: DaemonSet # and more\n")
    assert f"but flannel_manifest_checksum is {checksum}" in role.says(compare, __flannel_text="other")
    (fetch,) = [block for block in load("roles/flannel/tasks/check.yml") if "block" in block]
    assert fetch["block"][1]["name"] == compare["name"], "before anything is made of it"


def test_no_worker_goes_on_without_a_control_plane():
    plays = load("playbooks/site.yml")
    names = [play["name"] for play in plays]
    stop = plays[names.index("Stop without a control plane")]
    assert stop["any_errors_fatal"] is True
    assert "serial" not in stop
    assert names.index("Prepare the hosts") + 1 == names.index(stop["name"]) < names.index("Join the workers")
    refusal = task("playbooks/site.yml", "Refuse to go on after a control plane failed")

    def holds(checked: list[str], left: list[str]) -> bool:
        hostvars = {name: {"inventory_hostname": name} | ({"kubeadm_state_found": {}} if name in checked else {})
                    for name in ("controlplane", "node-1")}
        groups = {"kube_control_plane": ["controlplane"], "kube_node": ["node-1"]}
        return Role("control_plane", groups=groups, hostvars=hostvars, ansible_play_hosts=left).holds(refusal)

    assert holds(["controlplane", "node-1"], ["controlplane", "node-1"])
    assert holds(["controlplane", "node-1"], ["controlplane"]), "a worker that failed stops nobody"
    assert not holds(["controlplane", "node-1"], ["node-1"])
    assert holds(["node-1"], ["node-1"]), "left out by --limit"


@pytest.mark.parametrize("playbook", ["site", "reset", "verify_paths"])
def test_no_configuration_of_a_user_changes_what_one_refusal_stops(playbook):
    assert {play["strategy"] for play in load(f"playbooks/{playbook}.yml")} == {"linear"}


def test_a_token_of_a_join_that_nobody_removed_is_short_lived():
    role = Role("worker", worker_control_plane="controlplane")
    argv = role.render(task("roles/worker/tasks/join.yml", "Make a token")["ansible.builtin.command"]["argv"])
    assert "--ttl=15m" in argv


def test_check_mode_waits_for_no_containerd_that_it_did_not_start():
    wait = task("roles/containerd/tasks/main.yml", "Wait until containerd answers and its CRI plugin is ok")
    for checks, changed, waited in ((True, True, False), (True, False, True), (False, True, True)):
        role = Role("containerd", ansible_check_mode=checks, __containerd_run={"changed": changed})
        assert role.goes(wait) is waited


def test_an_interface_takes_advertisements_before_the_host_forwards():
    # at that moment the kernel drops a default route of an interface that would not take them any more
    taken = {"net.ipv6.conf.eth0.accept_ra": 2, "net.ipv4.ip_forward": 1}
    role = Role("kernel", kernel_ipv6_forwarding=True, kernel_extra_sysctls=taken)
    keys = list(role.render("{{ __kernel_sysctls }}"))
    assert keys.index("net.ipv6.conf.eth0.accept_ra") < keys.index("net.ipv6.conf.all.forwarding")
    assert "net.bridge.bridge-nf-call-iptables" in keys


@pytest.mark.parametrize(("interface", "advised"), [
    ("eth0", "net.ipv6.conf.eth0.accept_ra"), ("eth0.100", "net/ipv6/conf/eth0.100/accept_ra")])
def test_the_advised_sysctl_for_advertisements_is_one_and_is_taken(interface, advised):
    refuse = task("roles/kernel/tasks/ipv6.yml", "Refuse to lose the default route")
    said = refuse["ansible.builtin.assert"]
    # 1, as slurp gives it
    answers = {"results": [{"content": "MQo=", "__kernel_interface": interface}]}
    before = Role("kernel", __kernel_accept_ra=answers, **refuse["vars"])
    assert f": {advised}: 2" in before.render(said["fail_msg"])
    assert before.render("{{ " + said["that"] + " }}") is False
    obeyed = Role("kernel", __kernel_accept_ra=answers, **refuse["vars"], kernel_extra_sysctls={advised: 2})
    assert obeyed.render("{{ " + said["that"] + " }}") is True
    # the module and the role know it by the one path
    assert sysctl.path(advised) == f"net/ipv6/conf/{interface}/accept_ra"


@pytest.mark.parametrize(("arguments", "name"), [
    ('KUBELET_KUBEADM_ARGS="--node-ip=192.168.56.11"\n', ""),
    ('KUBELET_KUBEADM_ARGS="--hostname-override=node-1 --node-ip=192.168.56.11"\n', "--hostname-override=node-1"),
    ('KUBELET_EXTRA_ARGS="--hostname-override node-1"\n', "--hostname-override node-1"),
])
def test_a_running_node_keeps_the_name_that_its_node_lives_by(tmp_path, arguments, name):
    file = tmp_path / "kubeadm-flags.env"
    file.write_text(arguments)
    *grep, first, _second, _third = task(
        "roles/hosts/tasks/check.yml", "Look whether its kubelet has the Node's name by an argument"
    )["ansible.builtin.command"]["argv"]
    assert first == "/var/lib/kubelet/kubeadm-flags.env"
    found = subprocess.run([*grep, file, tmp_path / "none"], capture_output=True, text=True, check=False)
    assert found.stdout.strip() == name
    refuse = task("roles/hosts/tasks/check.yml",
                  "Refuse a name by which a running node would register as another one")
    role = Role("hosts", hosts_name="rack3-n1", __hosts_override={"stdout": found.stdout},
                __hosts_node={"stat": {"exists": True}})
    assert role.render("{{ " + refuse["when"] + " }}") is True
    assert role.render("{{ " + refuse["ansible.builtin.assert"]["that"] + " }}") is bool(name)
    assert "--hostname-override=node-1 first" in role.render(refuse["ansible.builtin.assert"]["fail_msg"])
    # without a name of its own nothing is looked at
    look = task("roles/hosts/tasks/check.yml", "Look whether the host is a node")
    assert Role("hosts").render("{{ " + look["when"] + " }}") is False
    assert Role("hosts", __hosts_node={"skipped": True}).render("{{ " + refuse["when"] + " }}") is False
