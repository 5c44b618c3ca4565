# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-doc and the report's schema say, against whole runs: each field has a word, and each example works."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import jsonschema
import pytest
import report_samples
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from fake_run import Objects, Probes
from path_samples import NAMES, cluster, node, output

from ansible_collections.podpath.kubeadm.plugins.module_utils import (
    baseline,
    observation,
    prober,
    proof,
    report,
    topology,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.stated_paths import StatedPaths
from ansible_collections.podpath.kubeadm.plugins.modules import pod_traceroute

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())
RETURN = yaml.safe_load(pod_traceroute.RETURN)
# what has its keys from the run: verdicts, families, verbs, stages and protocols
BY_DATA = {
    "summary", "nodes.outgoing", "nodes.incoming", "matrix.rows", "pairs.evidence.arrival.sources", "pairs_left_out",
    "changes.left_out", "requests", "timings",
}  # fmt: skip
TYPES = {"str": str, "int": int, "float": (int, float), "bool": bool, "list": list, "dict": dict}


@pytest.fixture
def run(monkeypatch):
    def run(nodes, probes, request):
        monkeypatch.setattr(prober, "run", probes)
        return proof.execute(proof.Proof(Objects(nodes), request, "abc", seed=1))

    return run


UNDERLAY = {
    "node-1": {
        "interface": "eth1",
        "mtus": {"eth1": 1500, "flannel.1": 1450},
        "routes": [{"dst": "192.168.56.10", "dev": "eth1", "prefsrc": "192.168.56.11"}],
    }
}


@pytest.fixture
def full(run, tmp_path):
    """A result that has something to say in every field."""
    first = str(tmp_path / "first.json")
    asked = {"cluster_networks": ("192.168.56.0/24",)}
    pair, median = ("node-1", "controlplane"), {"echoes": observation.Echoes(3, 3, (1.0, 1.0, 1.0), (62,))}
    dead = {("controlplane", "node-1"): output("POD", "10.244.0.1", None, None, None, None)}
    before = cluster("vxlan", 4)
    run(before, Probes(before, traces=dead, seen={pair: median}), proof.Request(**asked, output_path=first))
    seen = {
        "echoes": observation.Echoes(3, 3, (9.0, 9.0, 9.0), (62,)),
        "full_size": observation.FullSize(1450, 3, 3),
        "arrival": observation.Arrival("10.244.1.2", 62, 1450, {"tcp": "10.244.1.2"}),
        "tcp": observation.Tcp(True, "", 0.1),
    }
    now = [node(0, "vxlan"), node(1, "vxlan"), node(2, "vxlan", public_ip="10.0.2.15"), node(4, "vxlan", ready=False)]
    services = [observation.ServiceSeen(name, "10.96.0.7", 80, True, "node-1") for name in NAMES]
    traces = {("node-1", "node-1"): output("POD", "10.244.1.1", "POD")}
    probes = Probes(now, traces=traces, seen={pair: seen}, services=services)
    request = proof.Request(**asked, baseline_path=first, underlay=UNDERLAY, output_path=str(tmp_path / "second.json"))
    return run(now, probes, request)[1]


def dicts(value) -> list[dict]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def disagreements(documented: dict, values: list[dict], where: str = "") -> set[str]:
    """What is returned and not documented, documented and not returned, or of another type."""
    found = {f"{where}{name} is not documented" for value in values for name in value if name not in documented}
    for name, said in documented.items():
        path = f"{where}{name}"
        given = [value[name] for value in values if name in value]
        if not given:
            found.add(f"{path} is never returned")
        told = [one for one in given if one is not None]
        found |= {f"{path} is no {said['type']}" for one in told if not isinstance(one, TYPES[said["type"]])}
        inner = [one for value in told for one in dicts(value)]
        if "contains" in said:
            found |= disagreements(said["contains"], inner, f"{path}.")
        elif inner and path not in BY_DATA:
            found.add(f"{path} has no contains")
    return found


def test_every_field_of_a_result_is_documented_and_every_documented_one_is_returned(full):
    # Ansible's own
    told = {name: value for name, value in full.items() if name != "changed"}
    assert disagreements(RETURN, [told]) == set()


def test_the_samples_of_the_documentation_have_no_field_that_it_does_not_name():
    samples = {name: said["sample"] for name, said in RETURN.items() if "sample" in said}
    told = {problem for problem in disagreements(RETURN, [samples]) if not problem.endswith("is never returned")}
    assert told == set()


def unnamed(value, schema: dict, where: str = "") -> set[str]:
    """The keys that a schema allows without naming them."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        fits = [one for one in schema["anyOf"] if not isinstance(value, dict) or one.get("type") != "null"]
        return unnamed(value, fits[0], where)
    if isinstance(value, list):
        return {name for one in value for name in unnamed(one, schema.get("items", {}), f"{where}[]")}
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, inner in value.items():
        named = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
        found |= unnamed(inner, named, f"{where}.{key}") if named else {f"{where}.{key}"}
    return found


def test_the_schema_names_every_key_of_a_report(full):
    built = report.build(full, report_samples.node_results())
    jsonschema.validate(built, SCHEMA, jsonschema.Draft202012Validator)
    assert unnamed(built, SCHEMA) == set()


# The examples


def asked_by(example: dict) -> proof.Request:
    """The request that the module makes of an example's arguments."""
    # it writes defaults into what it is given
    checked = ArgumentSpecValidator(deepcopy(pod_traceroute.ARGUMENTS)).validate(
        example["podpath.kubeadm.pod_traceroute"]
    )
    assert checked.error_messages == []
    return pod_traceroute.request(checked.validated_parameters, False)


def fitting(request: proof.Request) -> list[dict]:
    """Three nodes as an example speaks of them."""
    network = request.cluster_networks[0] if request.cluster_networks else "10.1.0.0/16"
    prefix = network.partition("/")[0].rpartition(".")[0]
    labels = {"node-role.kubernetes.io/edge": "", "tier": "cache"}
    calico = any("projectcalico" in hop for stated in request.expected for hop in stated["hops"])
    nodes = []
    for number in (17, 18, 19):
        address = f"{prefix}.{number}"
        tunnel = {"projectcalico.org/IPv4IPIPTunnelAddr": f"10.244.{number}.1"} if calico else {}
        backend = None if calico else "vxlan"
        given = {"name": f"worker-{number}", "internal_ip": address, "public_ip": address, "labels": labels}
        nodes.append(node(number, backend, **given, annotations=tunnel))
    return nodes


EXAMPLES = yaml.safe_load(pod_traceroute.EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["name"])
def test_every_example_proves_a_cluster_that_is_as_it_says(run, tmp_path, example):
    example = json.loads(json.dumps(example).replace("/var/lib/podpath", str(tmp_path)))
    given = example["podpath.kubeadm.pod_traceroute"]
    if "baseline" in given:
        first = {**given, "baseline": None, "output_path": given["baseline"]}
        request = asked_by({"podpath.kubeadm.pod_traceroute": first})
        assert run(fitting(request), Probes(fitting(request)), request)[0] is False
    request = asked_by(example)
    nodes = fitting(request)
    stated = StatedPaths(request.expected, topology.parse_nodes(nodes)) if request.expected else None
    probes = Probes(nodes, stated=stated)
    failed, result = run(nodes, probes, request)
    assert (failed, result["verdict"], result["stopped"]) == (False, "pass", ""), result["msg"]
    assert result["coverage"]["covered"] == 3
    assert (probes.settings.namespace, probes.settings.agent_image) == (
        given.get("namespace", "default"), given.get("agent_image", ""))
    if "node" in given:
        assert all(given["node"] in (pair["source"]["node"], pair["destination"]["node"]) for pair in result["pairs"])
    if "underlay" in given:
        told = {pair["source"]["node"]: pair["evidence"]["underlay"] for pair in result["pairs"]
                if pair["source"]["node"] in given["underlay"] and pair["destination"]["node"] not in given["underlay"]}
        assert {name: (one["observed"], one["interface"]) for name, one in told.items()} == {
            name: (True, entry["interface"]) for name, entry in given["underlay"].items()}
    if "expected" in given:
        assert all(hop["role"] in ("stated", "pod") for pair in result["pairs"] for hop in pair["expected"]["hops"])
    if "output_path" in given:
        assert json.loads(Path(given["output_path"]).read_text())["run"]["id"] == "abc"
    if "baseline" in given:
        assert result["changes"]["compared"] == result["coverage"]["tried"]
    if example.get("diff"):
        assert baseline.diff(result["changes"])["after"] == ""


def test_the_examples_show_the_options_that_need_one():
    shown = {name for example in EXAMPLES for name in example["podpath.kubeadm.pod_traceroute"]}
    assert shown >= {"cluster_networks", "underlay", "expected", "output_path", "baseline", "agent_image", "node"}
