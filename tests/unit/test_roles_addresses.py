# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.podpath.kubeadm.plugins.filter import provisioning
from ansible_collections.podpath.kubeadm.plugins.module_utils import addresses

LAB = "192.168.56.0/24"


def facts(**interfaces):
    """Network facts as Ansible gathers them: interfaces beside other facts."""
    result = {
        "interfaces": list(interfaces),
        "all_ipv4_addresses": [address for entry in interfaces.values() for address in entry],
        "default_ipv4": {"interface": "eth0", "address": "10.0.2.15", "type": "ether"},
        "dns": {"nameservers": ["10.0.2.3"]},
    }
    for name, (first, *more) in interfaces.items():
        result[name.replace("-", "_")] = {
            "device": name,
            "ipv4": {"address": first, "netmask": "255.255.255.0"},
            "ipv4_secondaries": [{"address": address} for address in more],
        }
    return result


def vagrant(last):
    return facts(lo=["127.0.0.1"], eth0=["10.0.2.15"], eth1=[f"192.168.56.{last}"])


def test_the_address_in_the_network_is_found_whatever_the_default_route_says():
    assert addresses.node_address(vagrant(10), LAB) == addresses.Address("eth1", "192.168.56.10")


def test_interfaces_of_a_running_cluster_do_not_confuse():
    running = vagrant(11) | facts(**{"cni0": ["10.244.1.1"], "flannel.1": ["10.244.1.0"]})
    assert addresses.node_address(running, LAB).interface == "eth1"


def test_a_secondary_address_counts_and_a_name_with_a_dash_is_kept():
    found = addresses.node_address(facts(**{"br-lan": ["10.1.1.1", "192.168.56.7"]}), LAB)
    assert found == addresses.Address("br-lan", "192.168.56.7")


def test_an_interface_without_ipv4_is_no_match():
    with pytest.raises(addresses.AddressError, match="none at all"):
        addresses.node_address({"interfaces": ["eth0"], "eth0": {"device": "eth0", "ipv6": []}}, LAB)


def test_no_match_names_the_network_the_variable_and_what_is_there():
    with pytest.raises(addresses.AddressError) as error:
        addresses.node_address(vagrant(10), "192.168.57.0/24")
    for part in ("node_address_cidr", "192.168.57.0/24", "10.0.2.15 on eth0", "192.168.56.10 on eth1"):
        assert part in str(error.value)


def test_two_matches_on_one_host_are_named():
    with pytest.raises(addresses.AddressError, match=r"192\.168\.56\.10 on eth1 and 192\.168\.56\.20 on eth2"):
        addresses.node_address(facts(eth1=["192.168.56.10"], eth2=["192.168.56.20"]), LAB)


@pytest.mark.parametrize(
    ("cidr", "said"),
    [
        ("192.168.56.10/24", "did you mean 192.168.56.0/24"),
        ("eth1", "such as 192.168.56.0/24"),
        ("fd00::/64", "only IPv4"),
        (None, "no network"),
    ],
)
def test_a_bad_network_is_explained(cidr, said):
    with pytest.raises(addresses.AddressError, match="node_address_cidr") as error:
        addresses.network_of(cidr)
    assert said in str(error.value)


def test_survey_of_a_healthy_cluster():
    found, problems = addresses.survey((name, vagrant(last), LAB) for name, last in (("a", 10), ("b", 11)))
    assert problems == []
    assert {name: entry.address for name, entry in found.items()} == {"a": "192.168.56.10", "b": "192.168.56.11"}


def test_the_nat_address_of_every_vagrant_machine_is_refused():
    _found, problems = addresses.survey((name, vagrant(last), "10.0.2.0/24") for name, last in (("a", 10), ("b", 11)))
    assert len(problems) == 1
    assert "10.0.2.15 is the address of more than one host: a (eth0), b (eth0)" in problems[0]


def test_survey_collects_the_problems_of_all_hosts():
    _found, problems = addresses.survey([("a", vagrant(10), "10.9.0.0/16"), ("b", {}, LAB), ("c", vagrant(12), LAB)])
    assert [problem.split(":")[0] for problem in problems] == ["a", "b"]


def test_the_filter_lets_a_host_have_a_network_of_its_own():
    hostvars = {
        "a": {"ansible_facts": vagrant(10)},
        "b": {"ansible_facts": facts(eth1=["172.16.0.9"]), "node_address_cidr": "172.16.0.0/24"},
    }
    result = provisioning.node_addresses(["a", "b"], hostvars, LAB)
    assert result["problems"] == []
    assert result["nodes"]["b"] == {"address": "172.16.0.9", "interface": "eth1"}


def test_a_domain_error_becomes_a_filter_error_with_the_same_sentence():
    filters = provisioning.FilterModule().filters()
    with pytest.raises(AnsibleFilterError, match="printed no token"):
        filters["kubeadm_join_credentials"]("")


def test_networks_that_do_not_touch_make_a_cluster():
    assert addresses.cluster_network_problems("10.244.0.0/16", "10.96.0.0/12", ["192.168.56.0/24"]) == []
    # nodes may stand in several networks, and one may be written for each of them
    nodes = ["192.168.0.0/16", "192.168.56.0/24"]
    assert addresses.cluster_network_problems("10.244.0.0/16", "10.96.0.0/12", nodes) == []


@pytest.mark.parametrize(
    ("pods", "services", "nodes", "said"),
    [
        ("banana", "10.96.0.0/12", [], ["control_plane_pod_cidr is 'banana', which is no network; write one"]),
        ("10.244.0.0/16", "10.96.0.1/12", [], ["control_plane_service_cidr is '10.96.0.1/12'", "10.96.0.0/12?"]),
        ("10.244.0.0/16", "fd00::/108", [], ["control_plane_service_cidr is 'fd00::/108', an IPv6 network"]),
        ("10.244.0.0/25", "10.96.0.0/12", [], ["control_plane_pod_cidr is 10.244.0.0/25, but every node"]),
        ("10.96.0.0/16", "10.96.0.0/12", [], ["pod_cidr 10.96.0.0/16", "service_cidr 10.96"]),
        ("10.244.0.0/16", "10.96.0.0/12", ["10.244.3.0/24"], ["pod_cidr 10.244", "address_cidr 10.244.3"]),
        ("10.244.0.0/16", "10.96.0.0/12", ["10.100.0.0/24"], ["service_cidr 10.96", "node_address_cidr 10.100"]),
    ],
)
def test_a_network_that_makes_no_cluster_is_told_with_its_variable(pods, services, nodes, said):
    (problem,) = addresses.cluster_network_problems(pods, services, nodes)
    for part in said:
        assert part in problem
