# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold of a run and its inventory before any host is looked at. Pure: what was given in, sentences out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils import values

CONTROL_PLANE = "kube_control_plane"
NODE = "kube_node"

# what Kubernetes takes as the name of a Node, and what a host name may be
_NODE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

# from which likeness on a name is taken for another one with a slip: a letter too few, too many, or in the wrong place
_NEAR = 0.9


def _is_node_name(name: str) -> bool:
    return len(name) <= 63 and bool(_NODE_NAME.fullmatch(name))


def node_name_problem(name: str) -> str:
    """Why no Node can have this name, with one that it could have; empty where it can."""
    if _is_node_name(name):
        return ""
    # the kubelet would lower it by itself, and then the Node is not found by the name that the inventory has
    near = re.sub(r"[^-.a-z0-9]+", "-", name.lower()).strip("-.")
    hint = f", for instance to {near}" if _is_node_name(near) else ""
    return (
        f"{name} cannot be the name of a Node: Kubernetes takes up to 63 lower-case letters, digits, '-' and '.', "
        f"beginning and ending with a letter or digit, and nothing is changed silently. Rename the host{hint}."
    )


def tag_problems(run_tags: Collection[str], skip_tags: Collection[str]) -> list[str]:
    """Why a run with these tags would be green without having done its work: no task of the collection has a tag.

    Tags to skip that nothing has are let be: molecule names its own in every run.
    """
    given = []
    if "all" not in run_tags:
        given.append(f"--tags {','.join(run_tags)}")
    if skipped := [tag for tag in skip_tags if tag in ("all", "always", "untagged")]:
        given.append(f"--skip-tags {','.join(skipped)}")
    if not given:
        return []
    return [
        f"This run has {' and '.join(given)}, but the tasks of this collection have no tags, so it would do nothing or "
        "a part without its beginning. Call it without; hosts are chosen with --limit."
    ]


def group_problems(
    groups: Mapping[str, Sequence[str]], sources: Sequence[str] = (), names: Sequence[str] = (CONTROL_PLANE, NODE)
) -> list[str]:
    """Which of the groups `names` are missing or empty in the inventory that was read from `sources`."""
    problems = []
    known = ", ".join(sorted(name for name in groups if name not in ("all", "ungrouped"))) or "none"
    read = " ".join(["inventory", ", ".join(map(str, sources))]).rstrip()
    for group in names:
        if group not in groups:
            problems.append(
                f"The {read} has no group {group}; its groups are: {known}. "
                "Name an inventory with -i and put the hosts into the groups kube_control_plane and kube_node."
            )
        elif not groups[group]:
            problems.append(f"In the {read} the group {group} holds no host; put at least one into it.")
    return problems


def inventory_problems(groups: Mapping[str, Sequence[str]], sources: Sequence[str] = ()) -> list[str]:
    problems = group_problems(groups, sources)
    control_planes = groups.get(CONTROL_PLANE, ())
    if len(control_planes) > 1:
        problems.append(
            f"The group kube_control_plane holds {len(control_planes)} hosts ({', '.join(control_planes)}); "
            "this version makes clusters with one control plane only. Leave one host in the group."
        )
    for host in dict.fromkeys([*control_planes, *groups.get(NODE, ())]):
        if problem := node_name_problem(host):
            problems.append(f"The inventory's name {problem}")
    return problems


def unreachable_problem(said: Mapping[str, Mapping[str, Any]], control_planes: Collection[str], limit: str = "") -> str:
    """Which hosts of a run could not be asked, and what to do; empty where all could.

    `said` is what gathering facts gave for each host of the run, `limit` the run's own --limit.
    """
    dead = {host: str(result.get("msg") or "it says nothing").removeprefix("Task failed: ").rstrip(".")
            for host, result in said.items() if not result.get("ansible_facts")}
    if not dead:
        return ""
    named = "; ".join(f"{host} ({reason})" for host, reason in dead.items())
    if needed := [host for host in dead if host in control_planes]:
        cure = f"Mend that, then run this playbook again: no host can be checked without {', '.join(needed)}."
    elif len(dead) == len(said):
        cure = "Mend that, then run this playbook again."
    else:
        # where one comma stands, Ansible takes colons for parts of names
        rest = ("," if "," in limit else ":").join([limit or "all", *(f"!{host}" for host in dead)])
        cure = f"Mend that, or go on without and come back to it in a later run: --limit '{rest}'."
    return f"Nothing is changed on any host, as not all can be asked: {named}. {cure}"


def reset_problems(
    groups: Mapping[str, Sequence[str]], play_hosts: Sequence[str], confirmed: Any, sources: Sequence[str] = ()
) -> list[str]:
    """Why these hosts of a play are not reset: a sentence for each reason, none where `confirmed` names just them.

    `confirmed` is what somebody typed, names with commas between; a --limit that was forgotten shows in it.
    """
    cluster = list(dict.fromkeys([*groups.get(CONTROL_PLANE, ()), *groups.get(NODE, ())]))
    if not cluster:
        return inventory_problems(groups, sources)
    if CONTROL_PLANE not in groups:
        # a misspelt name would leave the control plane out of what is reset
        return group_problems(groups, sources, (CONTROL_PLANE,))
    hosts = [host for host in cluster if host in play_hosts]
    problems = []
    if {name.strip() for name in str(confirmed).split(",") if name.strip()} != set(hosts):
        named = ",".join(hosts)
        problems.append(
            f"This would take {', '.join(hosts)} out of the cluster, and reset_confirm names "
            f"{confirmed or 'nobody'}. If that is what is wanted, call it with -e reset_confirm={named}; if not, "
            "choose the hosts with --limit."
        )
    left = [host for host in cluster if host not in hosts]
    control_planes = groups.get(CONTROL_PLANE, ())
    if left and control_planes and set(control_planes) <= set(hosts):
        problems.append(
            f"{', '.join(left)} would be left without a control plane. Reset the whole cluster, without --limit, or "
            "leave the control plane out."
        )
    return problems


def variable_problems(
    options: Mapping[str, Mapping[str, Any]],
    hosts: Mapping[str, Mapping[str, Any]],
    is_file: Callable[[str], bool] | None = None,
) -> list[str]:
    """A sentence for each value that the options of the roles (an argument_spec) do not allow, or that cannot be.

    `hosts` are the variables of each host by its name. Hosts with the same mistake stand in one sentence; what a host
    does not set is not missed, as the roles have defaults, and say themselves what they require. Files of the
    controller are looked for with `is_file`, and not without it.
    """
    found: dict[str, list[str]] = {}
    for host, variables in hosts.items():
        for name in options:
            if name not in variables:
                continue
            problems, value = values.taken(name, options[name], variables[name])
            for problem in problems or values.problems(name, value, variables, is_file):
                found.setdefault(problem, []).append(host)
    return [f"{', '.join(names)}: {problem}" for problem, names in found.items()]


def misspelt_variables(
    hosts: Mapping[str, Iterable[str]], known: Collection[str], options: Collection[str]
) -> list[str]:
    """A sentence for each variable of the hosts that nothing here reads and that is nearly an option's name."""
    found: dict[str, list[str]] = {}
    for host, names in hosts.items():
        for name in names:
            if name not in known and not name.startswith(("_", "ansible_")):
                found.setdefault(name, []).append(host)
    near = {name: difflib.get_close_matches(name, options, n=1, cutoff=_NEAR) for name in found}
    return [
        f"{', '.join(found[name])}: {name}: no role has it; is {meant[0]} meant?"
        for name, meant in sorted(near.items())
        if meant
    ]
