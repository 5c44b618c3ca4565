# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kubeadm did on a host so far, and what may be done about it. Pure: names of files in, a judgement out.

Before kubeadm runs, the role leaves a note on the host and takes it away when kubeadm has succeeded. A host with a note
has an unfinished run of ours; without one, whatever is there was made by somebody else and is never undone.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

ROOT = "/etc/kubernetes/"
KUBELET = "/var/lib/kubelet/"

# what kubeadm writes, below /etc/kubernetes
_MADE = ("admin.conf", "manifests/kube-apiserver.yaml")
_STATIC_PODS = tuple(f"manifests/{name}.yaml" for name in ("etcd", "kube-apiserver", "kube-controller-manager",
                                                           "kube-scheduler"))
_CONTROL_PLANE = ("admin.conf", "super-admin.conf", "controller-manager.conf", "scheduler.conf", *_STATIC_PODS)
_MEMBER = ("kubelet.conf", "bootstrap-kubelet.conf")
_PKI = re.compile(
    r"pki/((ca|apiserver|apiserver-kubelet-client|apiserver-etcd-client|front-proxy-ca|front-proxy-client"
    r"|etcd/(ca|server|peer|healthcheck-client))\.(crt|key)|sa\.(key|pub))"
)


class StateError(ValueError):
    """What a host has cannot be read. The text is a sentence."""


def note(what: str, files: Sequence[str]) -> str:
    """The note of a run of `what` (init or join), with the files that it may meet and must not take for its own."""
    return json.dumps({"what": what, "kept": sorted(files)}, indent=2) + "\n"


def _read_note(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
        return {"what": str(data["what"]), "kept": [str(path) for path in data["kept"]]}
    except (ValueError, TypeError, KeyError):
        raise StateError("the note of an unfinished kubeadm run cannot be read") from None


def _products(files: Sequence[str]) -> set[str]:
    """What kubeadm makes among files, below /etc/kubernetes."""
    names = {path.removeprefix(ROOT) for path in files if path.startswith(ROOT)}
    return {name for name in names if name in _CONTROL_PLANE or name in _MEMBER or _PKI.fullmatch(name)}


def files_to_keep(note_text: str, files: Sequence[str]) -> list[str]:
    """What must outlive `kubeadm reset`: files from before kubeadm's run, and files that kubeadm never makes.

    The kubelet's directory is the kubelet's own, so there only what was there before counts.
    """
    before = set(_read_note(note_text)["kept"])
    keep = set()
    for path in files:
        name = path.removeprefix(ROOT)
        foreign = name.startswith(("manifests/", "pki/")) and name not in _products([path])
        if foreign or (path in before and (path.startswith(KUBELET) or name in _products([path]))):
            keep.add(path)
    return sorted(keep)


def judge(
    *,
    host: str,
    role: str,
    files: Sequence[str],
    note_text: str,
    etcd_data: str,
    api_server_ran: bool,
    undoing: bool,
    running: Sequence[str],
) -> dict[str, str]:
    """What is there, and the sentence that refuses it.

    kind: `new`; `made`; `finish`, an unfinished run whose API server or kubelet.conf is there already, so that data or
    pods may be; `undo`, an unfinished run that cannot have stored anything; `refused`.
    """
    names = {path.removeprefix(ROOT) for path in files}
    control_plane = sorted(names & set(_CONTROL_PLANE))

    def refused(sentence: str) -> dict[str, str]:
        return {"kind": "refused", "problem": f"{host}: {sentence}"}

    if running:
        return refused(f"kubeadm is running here (process {', '.join(running)}). Wait until it has ended, or end it.")
    if note_text:
        unfinished = _read_note(note_text)
        left = _products(files) - _products(unfinished["kept"])
        if not left and not undoing and not etcd_data:
            return {"kind": "new", "problem": ""}
        holds = api_server_ran if unfinished["what"] == "init" else "kubelet.conf" in names
        if not holds:
            return {"kind": "undo", "problem": ""}
        if unfinished["what"] == ("init" if role == "control_plane" else "join"):
            return {"kind": "finish", "problem": ""}
        return refused(
            f"a kubeadm {unfinished['what']} did not finish here, but the inventory now has the host as a "
            f"{role.replace('_', ' ')}. Put it back into its group, or, if it holds nothing of worth, run "
            "`kubeadm reset --force` on it."
        )
    if role == "control_plane":
        if set(_MADE) <= names:
            return {"kind": "made", "problem": ""}
        if control_plane:
            return refused(
                f"it has {', '.join(control_plane)} of a control plane in /etc/kubernetes, but not both "
                f"{' and '.join(_MADE)}, and it was not this playbook that left them so: another hand's kubeadm init "
                f"did not finish, or a file was removed. {_worth(etcd_data)}"
            )
        if "kubelet.conf" in names:
            return refused(
                "it is a node of a cluster (/etc/kubernetes/kubelet.conf), but no control plane, and the inventory has "
                "it in kube_control_plane. Put it into kube_node only, or remove it from its cluster first."
            )
        if etcd_data:
            return refused(
                f"it has etcd's data in {etcd_data}, but no control plane: it may be all that is left of a cluster. "
                "Move it away, then run this playbook again."
            )
    else:
        if control_plane:
            return refused(
                f"it has {', '.join(control_plane)} of a control plane in /etc/kubernetes, but the inventory has it in "
                f"kube_node only. Put it into kube_control_plane, too, or: {_worth(etcd_data)}"
            )
        if "kubelet.conf" in names:
            return {"kind": "made", "problem": ""}
        if "bootstrap-kubelet.conf" in names:
            return refused(
                "it has an /etc/kubernetes/bootstrap-kubelet.conf, but no kubelet.conf, and it was not this playbook "
                f"that left it so: another hand's kubeadm join did not finish. {_worth('')}"
            )
    return {"kind": "new", "problem": ""}


def _worth(etcd_data: str) -> str:
    data = f"There is etcd's data in {etcd_data}, which may be a whole cluster's: save it first. " if etcd_data else ""
    return f"{data}If the host holds nothing of worth, run `kubeadm reset --force` on it, then this playbook again."


def node_name(certificates: str) -> str:
    """The Node as which a kubelet is known, from its client certificate (PEM); empty where there is none."""
    for block in re.findall(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", certificates, re.DOTALL):
        try:
            der = base64.b64decode(block)
        except binascii.Error:
            continue
        # a string in DER: its tag, its length in one byte, itself
        start = der.find(b"system:node:")
        if start > 1:
            return der[start : start + der[start - 1]].decode(errors="replace").removeprefix("system:node:")
    return ""


def _flags(manifest: str) -> dict[str, str]:
    try:
        (container,) = yaml.safe_load(manifest)["spec"]["containers"]
        words = [*(container.get("command") or ()), *(container.get("args") or ())]
        image = str(container["image"])
    except (yaml.YAMLError, TypeError, KeyError, ValueError, AttributeError):
        raise StateError("a manifest of the control plane in /etc/kubernetes/manifests cannot be read") from None
    found = dict(word.removeprefix("--").split("=", 1) for word in words if word.startswith("--") and "=" in word)
    return found | {"version": image.partition("@")[0].rpartition(":")[2].removeprefix("v")}


def disagreements(
    host: str,
    api_server: str,
    controller_manager: str,
    wanted: Mapping[str, str],
    node: str,
    node_addresses: Sequence[str] = (),
) -> list[str]:
    """Where a control plane that is there differs from the variables: nothing of this can be changed by a second run.

    `wanted`: address, pod_cidr, service_cidr, version; an empty one is not known. `node` is the Node's name, and
    `node_addresses` its addresses: Flannel follows them, so they must agree with the API server's.
    """
    server, manager = _flags(api_server), _flags(controller_manager)
    compared = (
        # the API server advertises one address, that of the first family
        ("the address", server.get("advertise-address", ""), wanted["address"].split(",")[0],
         "node_address_cidr leads to", "Give the network of that address as node_address_cidr"),
        ("the pod network", manager.get("cluster-cidr", ""), wanted["pod_cidr"],
         "control_plane_pod_cidr is", "Set control_plane_pod_cidr to what the cluster has"),
        ("the Service network", server.get("service-cluster-ip-range", ""), wanted["service_cidr"],
         "control_plane_service_cidr is", "Set control_plane_service_cidr to what the cluster has"),
        ("Kubernetes", server["version"], wanted["version"],
         "kubernetes_version is", "This playbook does not upgrade: set kubernetes_version to what the cluster runs"),
        ("the Node name", node, host,
         "the inventory calls the host", "Rename the host in the inventory to the name of its Node"),
    )
    problems = [
        f"{host} is the control plane of a cluster with {what} {found}, but {variable} {asked}. {cure}."
        for what, found, asked, variable, cure in compared
        if found and asked and found != asked
    ]
    address = wanted["address"]
    if not problems and node_addresses and address and not set(address.split(",")) <= set(node_addresses):
        problems.append(
            f"{host}: its Node has the address {', '.join(node_addresses)}, but node_address_cidr leads to {address}. "
            f"Let the Node have that one, too: set --node-ip={address} in /var/lib/kubelet/kubeadm-flags.env, and "
            "restart the kubelet."
        )
    return problems
