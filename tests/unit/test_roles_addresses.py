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
    for name, given in interfaces.items():
        first, *more = [address for address in given if ":" not in address] or [None]
        result[name.replace("-", "_")] = {
            "device": name,
            "ipv4": {"address": first, "netmask": "255.255.255.0", "prefix": "24"} if first else {},
            "ipv4_secondaries": [{"address": address} for address in more],
            "ipv6": [{"address": address, "prefix": "64"} for address in given if ":" in address],
        }
    return result


def vagrant(last):
    return facts(lo=["127.0.0.1"], eth0=["10.0.2.15"], eth1=[f"192.168.56.{last}"])


def pick(facts_of_host, **variables):
    return addresses.node_addresses(facts_of_host, addresses.wanted(**variables))


def test_the_address_in_the_network_is_found_whatever_the_default_route_says():
    assert pick(vagrant(10), cidr=LAB) == [addresses.Address("eth1", "192.168.56.10")]


def test_the_network_of_the_interface_comes_with_the_address():
    assert pick(vagrant(10), interface="eth1")[0].network == "192.168.56.0/24"
    assert pick(facts(eth1=["fd00::5"]), interface="eth1")[0].network == "fd00::/64"


def test_interfaces_of_a_running_cluster_do_not_confuse():
    running = vagrant(11) | facts(**{"cni0": ["10.244.1.1"], "flannel.1": ["10.244.1.0"]})
    assert pick(running, cidr=LAB)[0].interface == "eth1"


def test_a_secondary_address_counts_and_a_name_with_a_dash_is_kept():
    found = pick(facts(**{"br-lan": ["10.1.1.1", "192.168.56.7"]}), cidr=LAB)
    assert found == [addresses.Address("br-lan", "192.168.56.7")]


def test_an_interface_without_ipv4_is_no_match():
    with pytest.raises(addresses.AddressError, match="none at all"):
        pick({"interfaces": ["eth0"], "eth0": {"device": "eth0", "ipv6": []}}, cidr=LAB)


def test_addresses_are_told_in_the_order_of_their_numbers():
    found = addresses.addresses_of(facts(eth1=["192.168.56.112", "fd00::9", "192.168.56.12"]))
    assert [entry.address for entry in found] == ["192.168.56.12", "192.168.56.112", "fd00::9"]


def test_loopback_and_link_local_addresses_are_never_taken():
    host = facts(lo=["127.0.0.1", "::1"], eth0=["169.254.3.4", "fe80::1"], eth1=["192.168.56.10"])
    assert pick(host, cidr="0.0.0.0/0") == [addresses.Address("eth1", "192.168.56.10")]
    with pytest.raises(addresses.AddressError, match=r"no address lies inside node_address_cidr 127\.0\.0\.0/8"):
        pick(host, cidr="127.0.0.0/8")
    with pytest.raises(addresses.AddressError, match="no address lies"):
        pick(host, cidr="::/0")


def test_no_match_names_the_network_the_variable_and_what_is_there():
    with pytest.raises(addresses.AddressError) as error:
        pick(vagrant(10), cidr="192.168.57.0/24")
    for part in ("node_address_cidr", "192.168.57.0/24", "10.0.2.15 on eth0", "192.168.56.10 on eth1"):
        assert part in str(error.value)


def test_two_matches_on_one_host_are_named():
    with pytest.raises(addresses.AddressError, match=r"192\.168\.56\.10 on eth1 and 192\.168\.56\.20 on eth2"):
        pick(facts(eth1=["192.168.56.10"], eth2=["192.168.56.20"]), cidr=LAB)


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"interface": "eth1"}, ["192.168.56.10"]),
        ({"interface": "eth2", "cidr": LAB}, ["192.168.56.20"]),
        ({"explicit": "192.168.56.20"}, ["192.168.56.20"]),
        ({"explicit": "192.168.56.20", "interface": "eth2", "cidr": LAB}, ["192.168.56.20"]),
        ({"interface": "eth3"}, ["fd00::30"]),
        ({"cidr": ["192.168.56.8/29", "fd00::/64"], "interface": ""}, ["192.168.56.10", "fd00::30"]),
        ({"cidr": ["fd00::/64", "192.168.56.8/29"]}, ["fd00::30", "192.168.56.10"]),
        ({"explicit": ["FD00:0::30", "192.168.56.10"]}, ["fd00::30", "192.168.56.10"]),
        ({"interface": "eth4", "cidr": ["0.0.0.0/0", "::/0"]}, ["10.4.0.4", "fd04::4"]),
        ({"interface": "eth4"}, ["10.4.0.4"]),
    ],
)
def test_network_interface_and_address_pick_alone_and_together(variables, found):
    host = facts(lo=["127.0.0.1"], eth1=["192.168.56.10"], eth2=["192.168.56.20", "10.9.9.9"], eth3=["fd00::30"],
                 eth4=["10.4.0.4", "fd04::4", "fe80::4"])
    assert [entry.address for entry in pick(host, **variables)] == found


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, ["nothing says which address", "Set node_address_cidr to", "or node_address_interface_name"]),
        ({"cidr": "", "interface": "", "explicit": []}, ["nothing says which address"]),
        ({"interface": "eth7"}, ["interface_name is eth7, which the host does not have; its interfaces are: eth0"]),
        ({"interface": "lo"}, ["no address lies on node_address_interface_name lo; the host's addresses are: 10.0"]),
        ({"interface": "eth0", "cidr": LAB}, ["interface_name eth0 and inside node_address_cidr 192.168.56.0/24;"]),
        ({"explicit": "192.168.56.99"}, ["node_address_explicit is 192.168.56.99, which is no address of the host",
                                         "192.168.56.10 on eth1"]),
        ({"explicit": "10.0.2.15", "cidr": LAB}, ["node_address_explicit 10.0.2.15 on eth0 does not lie inside node_"]),
        ({"explicit": "10.0.2.15", "interface": "eth1"}, ["10.0.2.15 on eth0 does not lie on node_address_interface"]),
        ({"explicit": "10.0.2.15", "cidr": "fd00::/64"}, ["does not lie inside node_address_cidr fd00::/64"]),
        ({"explicit": "192.168.56.10/24"}, ["node_address_explicit is '192.168.56.10/24', which is no address",
                                            "without a prefix"]),
        ({"cidr": [LAB, "10.0.2.0/24"]}, ["node_address_cidr holds 192.168.56.0/24, 10.0.2.0/24: at most one of IPv4"]),
        ({"cidr": [LAB, "fd00::/64"]}, ["no address lies inside node_address_cidr fd00::/64"]),
        ({"cidr": "192.168.56.10/24"}, ["node_address_cidr is", "did you mean 192.168.56.0/24"]),
        ({"cidr": "eth1"}, ["node_address_cidr is", "such as 192.168.56.0/24"]),
    ],
)
def test_what_picks_no_address_is_explained(variables, said):
    host = facts(lo=["127.0.0.1"], eth0=["10.0.2.15"], eth1=["192.168.56.10"])
    with pytest.raises(addresses.AddressError) as error:
        pick(host, **variables)
    for part in said:
        assert part in str(error.value)


def survey(*hosts, **variables):
    return addresses.survey((name, host, variables) for name, host in hosts)


def test_survey_of_a_healthy_cluster():
    found, problems = survey(("a", vagrant(10)), ("b", vagrant(11)), cidr=LAB)
    assert problems == []
    assert {name: entries[0].address for name, entries in found.items()} == {
        "a": "192.168.56.10", "b": "192.168.56.11"}


def test_the_nat_address_of_every_vagrant_machine_is_refused():
    _found, problems = survey(("a", vagrant(10)), ("b", vagrant(11)), interface="eth0")
    assert len(problems) == 1
    assert "10.0.2.15 is the address of more than one host: a (eth0), b (eth0)" in problems[0]


def test_an_address_that_another_host_has_beside_its_own_is_refused():
    other = facts(eth1=["192.168.56.11"], eth2=["192.168.56.10"])
    found, problems = addresses.survey(
        [("a", vagrant(10), {"cidr": LAB}), ("b", other, {"explicit": "192.168.56.11"})])
    assert sorted(found) == ["a", "b"]
    assert len(problems) == 1
    assert "192.168.56.10 is the address of more than one host: a (eth1), b (eth2)" in problems[0]


def test_survey_collects_the_problems_of_all_hosts():
    _found, problems = addresses.survey(
        [("a", vagrant(10), {"cidr": "10.9.0.0/16"}), ("b", {}, {"cidr": LAB}), ("c", vagrant(12), {"cidr": LAB})])
    assert [problem.split(":")[0] for problem in problems] == ["a", "b"]


def test_the_filter_lets_a_host_have_variables_of_its_own():
    hostvars = {
        # in this run, as the host itself said
        "a": {"ansible_facts": vagrant(10), "__node_address_wanted": {"cidr": LAB, "interface": "", "explicit": None}},
        # outside of it
        "b": {"ansible_facts": facts(eth1=["172.16.0.9"]), "node_address_cidr": "172.16.0.0/24"},
        "c": {"ansible_facts": vagrant(12)},
        "d": {"ansible_facts": facts(eth5=["10.5.5.5"], eth6=["10.5.5.6"]), "node_address_explicit": "10.5.5.6"},
        "down": {},
    }
    result = provisioning.node_addresses(list(hostvars), hostvars, {"cidr": LAB, "explicit": "192.168.56.10"})
    assert result["problems"] == []
    assert result["unknown"] == ["down"]
    assert result["nodes"]["b"] == {
        "address": "172.16.0.9", "interface": "eth1", "addresses": ["172.16.0.9"], "networks": ["172.16.0.0/24"]}
    assert [result["nodes"][name]["address"] for name in "acd"] == ["192.168.56.10", "192.168.56.12", "10.5.5.6"]


def test_hosts_behind_one_nat_address_are_named_in_one_sentence():
    (told,) = addresses.shared_defaults({"a": vagrant(10), "b": vagrant(11), "c": {"default_ipv4": {}}})
    assert "a (eth0), b (eth0) leaves by the same address, 10.0.2.15" in told
    assert addresses.shared_defaults({"a": vagrant(10), "b": facts()}) == addresses.shared_defaults(
        {"a": vagrant(10), "b": vagrant(11)})
    assert addresses.shared_defaults({"a": vagrant(10)}) == []


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
        ("10.244.0.0/16", "fd00::/108", [], ["service_cidr is 'fd00::/108'; write one IPv4", "alone is not supported"]),
        ("fd00::/56,10.244.0.0/16", "10.96.0.0/12", [], ["pod_cidr is 'fd00::/56,10.244.0.0/16'", "in this order"]),
        ("10.244.0.0/16,fd00::/56", "10.96.0.0/12", [], ["pod_cidr has an IPv6 network, but control_plane_s"]),
        ("10.244.0.0/16,fd00::/65", "10.96.0.0/12,fd01::/112", [], ["pod_cidr is fd00::/65, but every node"]),
        ("10.244.0.0/16,fd00::/40", "10.96.0.0/12,fd01::/112", [], ["into parts of /64", "Write a /48"]),
        ("10.244.0.0/16,fd00::/56", "10.96.0.0/12,fd01::/64", [], ["service_cidr is fd01::/64, too large", "/108"]),
        ("10.244.0.0/16,fd00::/56", "10.96.0.0/12,fd01::/112", ["fd00:0:0:9::/64"], ["address_cidr fd00:0:0:9"]),
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


def test_every_node_of_a_dual_stack_cluster_has_both_families_the_first_one_first():
    both = ("10.244.0.0/16,fd00:244::/56", "10.96.0.0/12,fd00:96::/112", ["192.168.56.0/24", "fd00:56::/64"])
    nodes = {"a": ["192.168.56.10", "fd00:56::a"], "b": ["192.168.56.11"], "c": ["fd00:56::c", "192.168.56.12"]}
    one, other = addresses.cluster_network_problems(*both, nodes)
    assert one.startswith("b: control_plane_pod_cidr is of IPv4 and IPv6, but the node is 192.168.56.11 and has no ")
    assert other.startswith("c: ")
    assert "has IPv6 as its first one" in other
    # a node may have a family that its pods have not
    assert addresses.cluster_network_problems("10.244.0.0/16", "10.96.0.0/12", both[2], {"a": nodes["a"]}) == []
