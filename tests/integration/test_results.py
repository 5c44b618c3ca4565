# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person gets of a result, good or bad: the role's own tasks on recorded results. It needs no lab."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "unit"), str(ROOT / "collections")]

import report_samples as samples  # noqa: E402

import playbooks  # noqa: E402

RECORDED = "tests/integration/playbooks/recorded.yml"
SERVER = samples.result()["cluster"]["server"]


@pytest.fixture
def inventory(tmp_path) -> str:
    """Two hosts that are this machine, whose kubeconfig names an API server that nobody is."""
    (tmp_path / "kubeconfig").write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "c", "user": {"token": "none"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]}))
    hosts = tmp_path / "hosts.yml"
    hosts.write_text(json.dumps({"all": {
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable,
                 "pod_paths_kubeconfig": str(tmp_path / "kubeconfig"), "node_address_cidr": "192.168.56.0/24"},
        "children": {"kube_control_plane": {"hosts": {"one": {}}}, "kube_node": {"hosts": {"two": {}}}}}}))
    return str(hosts)


def recorded(tmp_path: Path, result: dict) -> str:
    file = tmp_path / "recorded.json"
    file.write_text(json.dumps(result))
    return str(file)


def said(ran: playbooks.Run) -> str:
    """What a person reads, without the breaks of lines."""
    assert "Traceback" not in ran.output
    return " ".join(ran.output.split())


def test_what_cannot_be_written_costs_nothing_else(tmp_path, inventory):
    # no directory can be made there, not even by root, and no look ahead can know
    lost = "/proc/nosuch/paths.xml"
    ran = playbooks.run(RECORDED, [inventory], pod_paths_output_junit=lost,
                        recorded=recorded(tmp_path, samples.result()))
    told = said(ran)
    assert ran.rc != 0
    assert "The paths are proved, but not all is written. pods: 9 pass" in told
    assert f"{lost} could not be written: " in told
    assert "cni0 10.244.0.1 -> flannel.1 10.244.1.0 -> pod 10.244.1.9" in told
    written = tmp_path / ".artifacts"
    assert json.loads((written / "paths.json").read_text())["summary"]["pass"] == 9
    assert "All 9 pod pairs" in (written / "paths.html").read_text()
    assert f"written: {written / 'paths.html'} {written / 'paths.json'}" in told
    assert ran.changed == {}


def test_a_file_keeps_the_mode_that_its_owner_gave_it_and_a_new_one_has_that_of_the_umask(tmp_path, inventory):
    kept, new = tmp_path / "paths.html", tmp_path / "paths.xml"
    kept.write_text("of an earlier run")
    kept.chmod(0o600)
    before = os.umask(0o027)
    try:
        ran = playbooks.run(RECORDED, [inventory], pod_paths_output_html=str(kept), pod_paths_output_junit=str(new),
                            recorded=recorded(tmp_path, samples.result()))
    finally:
        os.umask(before)
    assert ran.rc == 0, ran.output
    assert "All 9 pod pairs" in kept.read_text()
    assert [file.stat().st_mode & 0o777 for file in (kept, new)] == [0o600, 0o640]


def test_a_report_that_cannot_be_made_costs_nothing_else(tmp_path, inventory):
    broken = samples.result()
    broken["nodes"][0]["pod_cidrs"] = 5
    ran = playbooks.run(RECORDED, [inventory], pod_paths_output_junit=str(tmp_path / "paths.xml"),
                        recorded=recorded(tmp_path, broken))
    told = said(ran)
    written = tmp_path / ".artifacts"
    assert ran.rc != 0
    assert "The paths are proved, but not all is written. pods: 9 pass" in told
    assert f"{written / 'paths.html'} could not be written: " in told
    assert "cni0 10.244.0.1 -> flannel.1 10.244.1.0 -> pod 10.244.1.9" in told
    assert json.loads((written / "paths.json").read_text())["summary"]["pass"] == 9
    assert (tmp_path / "paths.xml").exists()


def test_look_ahead_sends_nobody_to_a_file_that_it_did_not_write(tmp_path, inventory):
    ran = playbooks.run(RECORDED, [inventory], cmdline="--check",
                        recorded=recorded(tmp_path, samples.result(40, fault=samples.POLICY)))
    told = said(ran)
    assert "more pairs did not pass." in told
    assert "they stand in" not in told
    assert not (tmp_path / ".artifacts").exists()


@pytest.mark.parametrize("result", [
    {**samples.result(), "pairs": [], "nodes": [], "verdict": "inconclusive", "msg": "No node matches the selectors.",
     "summary": {"pass": 0, "fail": 0, "inconclusive": 0}},
    {"failed": True, "msg": "No node matches the selectors."},
])
def test_a_result_without_a_pair_is_no_success_and_says_why(tmp_path, inventory, result):
    ran = playbooks.run(RECORDED, [inventory], pod_paths_fail_on="never",
                        pod_paths_output_junit=str(tmp_path / "paths.xml"),
                        pod_paths_output_markdown=str(tmp_path / "paths.md"), recorded=recorded(tmp_path, result))
    assert ran.rc != 0
    sentence = "No pair of pods was looked at, so nothing is proved. No node matches the selectors."
    assert said(ran).count(sentence) >= 2  # with the table, and as the reason of the failure
    for file in (".artifacts/paths.json", ".artifacts/paths.html", "paths.xml", "paths.md"):
        assert "so nothing is proved" in (tmp_path / file).read_text(), file


def verified(inventory: str, **variables: object) -> playbooks.Run:
    """The role as a whole, as playbooks of users call it."""
    return playbooks.run("tests/integration/playbooks/pod_paths.yml", [inventory], **variables)


@pytest.mark.parametrize(("change", "words"), [
    ({"schema_version": 1}, "has schema_version 1, and only 2 can be compared; make a new one"),
    ({"cluster": {**samples.result()["cluster"]}},
     f"is of the cluster at {SERVER}, and this one is at https://127.0.0.1:1: their paths cannot be compared"),
    ({"pairs": [3]}, "is no whole result of pod_traceroute"),
])
def test_a_baseline_that_is_none_is_a_sentence_and_stays_as_it_was(tmp_path, inventory, change, words):
    # the file that a run writes by default, and that the next is compared with
    baseline = tmp_path / ".artifacts" / "paths.json"
    baseline.parent.mkdir()
    baseline.write_text(json.dumps({**samples.result(), **change}))
    before = baseline.read_text()
    ran = verified(inventory, pod_paths_baseline=str(baseline))
    told = said(ran)
    assert ran.rc != 0
    assert f"baseline {baseline} {words}" in told
    assert "is the baseline and stays as it was" in told
    assert baseline.read_text() == before
    # nobody shall take the page of an earlier run for this one's
    assert "Nothing is proved" in (tmp_path / ".artifacts" / "paths.html").read_text()


def test_hosts_that_cannot_be_reached_keep_no_pods_from_being_proved(tmp_path, inventory):
    """The API is asked all the same, and whoever reads the report learns of both."""
    hosts = json.loads(Path(inventory).read_text())
    hosts["all"]["vars"] |= {"ansible_connection": "ssh", "ansible_port": 1, "ansible_host": "127.0.0.1"}
    Path(inventory).write_text(json.dumps(hosts))
    ran = playbooks.run("playbooks/verify_paths.yml", [inventory], pod_paths_output_junit=str(tmp_path / "paths.xml"))
    told = said(ran)
    assert ran.rc != 0
    assert "https://127.0.0.1:1" in told, "the API server that nobody is"
    report = json.loads((tmp_path / ".artifacts" / "paths.json").read_text())
    assert [path["reason"] for path in report["nodes"]["paths"]] == [
        "Nothing came from host one.", "Nothing came from host two."]
    assert "does not answer (asked to list nodes" in (tmp_path / "paths.xml").read_text()


def test_a_file_for_all_pairs_that_cannot_be_written_is_a_sentence(tmp_path, inventory):
    ran = verified(inventory, pod_paths_result_path="/proc/nosuch/all.json")
    assert ran.rc != 0
    assert "output_path is /proc/nosuch/all.json, which cannot be written" in said(ran)
    assert (tmp_path / ".artifacts" / "paths.json").exists()


def test_a_file_for_the_report_that_is_none_is_refused_before_anything_starts(tmp_path, inventory):
    # as /dev/null is, but nothing is lost should it be replaced after all
    place = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        ran = verified(inventory, pod_paths_output_markdown=str(place))
    assert ran.rc != 0
    assert f"pod_paths_output_markdown is {place}, which is no regular file" in said(ran)
    assert not (tmp_path / ".artifacts").exists()


def plain_environment() -> dict[str, str]:
    """The environment, with nothing said about colours or width."""
    said = ("NO_COLOR", "ANSIBLE_NOCOLOR", "ANSIBLE_FORCE_COLOR", "COLUMNS")
    bare = {name: value for name, value in os.environ.items() if name not in said}
    return {**bare, "TERM": "xterm", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}


def on_a_terminal(inventory: str, file: str, **environment: str) -> str:
    """What ansible-playbook prints on a terminal of 80 columns."""
    child = pexpect.spawn("ansible-playbook", ["-i", inventory, RECORDED,
                                               "-e", f"recorded={file}"],
                          cwd=ROOT, dimensions=(40, 80), encoding="utf-8", timeout=120,
                          env={**plain_environment(), **environment})
    printed = child.read()
    child.close()
    return printed


def test_a_terminal_has_colours_unless_they_are_not_wanted(tmp_path, inventory):
    file = recorded(tmp_path, samples.result(fault=samples.UDP_BLOCKED))
    coloured = on_a_terminal(inventory, file)
    assert re.search(r"node-1 +controlplane .* \033\[32mpass\033\[0m\r\n", coloured)
    assert re.search(r"node-1 +node-2 .* \033\[1;31mfail\033\[0m\r\n", coloured)
    for name in ("NO_COLOR", "ANSIBLE_NOCOLOR"):
        bare = on_a_terminal(inventory, file, **{name: "1"})
        assert "\033" not in bare
        assert re.search(r"node-1 +node-2 .* fail\r\n", bare)


def test_a_matrix_is_as_wide_as_the_terminal(tmp_path, inventory):
    printed = on_a_terminal(inventory, recorded(tmp_path, samples.result(40, fault=samples.POLICY)))
    # in 120 columns there would be room for gaps
    assert re.search(r"(?m)^ 2 node-1 +[.]{39}\033\[1;31mF", printed)


def piped(inventory: str, file: str, **environment: str) -> str:
    """What ansible-playbook prints into a pipe."""
    return subprocess.run(["ansible-playbook", "-i", inventory, RECORDED, "-e", f"recorded={file}"], check=False,
                          cwd=ROOT, capture_output=True, text=True, env={**plain_environment(), **environment}).stdout


def test_a_pipe_has_no_colours(tmp_path, inventory):
    printed = piped(inventory, recorded(tmp_path, samples.result(fault=samples.UDP_BLOCKED)), COLUMNS="wide")
    assert "\033" not in printed
    # whole lines from their beginning, for whoever searches them
    assert re.search(r"(?m)^node-1 +node-2 .* fail$", printed)


def test_a_callback_for_programs_gets_the_lines_as_a_result(tmp_path, inventory):
    printed = piped(inventory, recorded(tmp_path, samples.result()), ANSIBLE_STDOUT_CALLBACK="ansible.posix.json",
                    ANSIBLE_FORCE_COLOR="1")
    tasks = {one["task"]["name"]: one["hosts"] for one in json.loads(printed)["plays"][0]["tasks"]}
    told = next(hosts for name, hosts in tasks.items() if name.endswith("Show the paths"))["one"]["msg"]
    assert "9 pod pairs: 9 pass" in "".join(told)
    assert "\033" not in "".join(told)
