# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration files of kubeadm, built as data (kubeadm.k8s.io/v1beta4). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

_API = "kubeadm.k8s.io/v1beta4"
_TOKEN = re.compile(r"--token\s+([a-z0-9]{6}\.[a-z0-9]{16})(?=\s|$)")
_HASH = re.compile(r"--discovery-token-ca-cert-hash\s+(sha256:[0-9a-f]{64})(?=\s|$)")
_ENDPOINT = re.compile(r"kubeadm join (\S+:\d+)(?=\s)")
# what kubeadm's patches can be for; the first four are its static pods
_TARGETS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "etcd",
    "kubeletconfiguration",
    "corednsdeployment",
    "kubeproxydaemonset",
)
_PATCH = re.compile(rf"({'|'.join(_TARGETS)})[^.+/\s]*(\+(?P<type>json|merge|strategic))?\.(json|yaml)")
_CONTROL_PLANE_TAINT = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}

# lists of arguments, which may hold one name several times
_ARGS = ("extraArgs", "kubeletExtraArgs")
# lists that say what is wanted besides
_UNITED = ("certSANs", "ignorePreflightErrors")

# The user's own part of a document: the variable that it comes from, and the fields that have a variable of their own
# or may not be set at all, with what to do instead. A name in brackets is that of an argument.
_ADDRESS = "it follows from node_address_cidr"
_NAME = "it is the host's name in the inventory"
_TAINTS = "set node_taints, or put the host into kube_node to have none"
_PATCHES = "set kubernetes_patches"
_OWNED: dict[str, tuple[str, dict[str, str]]] = {
    "InitConfiguration": (
        "control_plane_init_config",
        {
            "bootstrapTokens": "a token is made when a host joins, and deleted afterwards",
            "certificateKey": "this version makes clusters with one control plane only",
            "dryRun": "run the playbook with --check",
            "localAPIEndpoint.advertiseAddress": _ADDRESS,
            "nodeRegistration.criSocket": "set control_plane_cri_socket",
            "nodeRegistration.kubeletExtraArgs[hostname-override]": _NAME,
            "nodeRegistration.kubeletExtraArgs[node-ip]": _ADDRESS,
            "nodeRegistration.name": _NAME,
            "nodeRegistration.taints": _TAINTS,
            "patches": _PATCHES,
        },
    ),
    "ClusterConfiguration": (
        "control_plane_cluster_config",
        {
            "certificatesDir": "it is /etc/kubernetes/pki",
            "clusterName": "set control_plane_cluster_name",
            "kubernetesVersion": "set kubernetes_version",
            "networking.podSubnet": "set control_plane_pod_cidr",
            "networking.serviceSubnet": "set control_plane_service_cidr",
        },
    ),
    "KubeletConfiguration": (
        "control_plane_kubelet_config",
        {"cgroupDriver": "it must be that of containerd, which is systemd"},
    ),
    "KubeProxyConfiguration": ("control_plane_kube_proxy_config", {}),
    "JoinConfiguration": (
        "worker_join_config",
        {
            "controlPlane": "a host becomes a control plane by the group kube_control_plane",
            "discovery": "token, CA hash and endpoint come from the control plane",
            "dryRun": "run the playbook with --check",
            "nodeRegistration.criSocket": "set worker_cri_socket",
            "nodeRegistration.kubeletExtraArgs[hostname-override]": _NAME,
            "nodeRegistration.kubeletExtraArgs[node-ip]": _ADDRESS,
            "nodeRegistration.name": _NAME,
            "nodeRegistration.taints": _TAINTS,
            "patches": _PATCHES,
        },
    ),
}
# the fields among them that may hold a token or a key: what was written there is not repeated
_SECRET = ("bootstrapTokens", "certificateKey", "controlPlane", "discovery")
_ABSENT = object()


class KubeadmError(ValueError):
    """kubeadm's answer is not what was expected. The text never quotes it, as it may hold a token."""


def _merged(key: str, old: Any, new: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return merge(old, new)
    if isinstance(old, list) and isinstance(new, list):
        if key in _ARGS:
            names = {item["name"] for item in new}
            return [*(item for item in old if item["name"] not in names), *new]
        if key in _UNITED:
            return list(dict.fromkeys([*old, *new]))
    return new


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` on top, dict by dict.

    In a list of arguments all that `over` says about a name, once or several times, takes the place of what `base` says
    about it; other names stay. Certificate names and ignored preflight errors are added. Anything else is replaced.
    """
    result = dict(base)
    for key, value in over.items():
        result[key] = _merged(key, result[key], value) if key in result else value
    return result


def _is_argument(item: Any) -> bool:
    return (
        isinstance(item, Mapping) and set(item) == {"name", "value"} and all(isinstance(v, str) for v in item.values())
    )


def _shape_problems(where: str, value: Any) -> list[str]:
    """Sentences about lists of arguments that kubeadm could not read."""
    if not isinstance(value, Mapping):
        return [f"{where} must be a mapping, as in kubeadm's configuration; it is {_kind(value)}."]
    problems = []
    for key, item in value.items():
        place = f"{where}.{key}"
        if key in _ARGS:
            if not isinstance(item, list) or not all(map(_is_argument, item)):
                problems.append(
                    f"{place} must be a list of arguments, each with a name and a value that are strings, such as "
                    f"[{{name: v, value: '2'}}]; it is {item!r}."
                )
        elif key in _UNITED:
            if not isinstance(item, list) or not all(isinstance(one, str) for one in item):
                problems.append(f"{place} must be a list of strings; it is {item!r}.")
        elif isinstance(item, Mapping):
            problems.extend(_shape_problems(place, item))
    return problems


def _field(document: Mapping[str, Any], path: str) -> Any:
    """What stands at a path with points; for a name in brackets, the values of the arguments of that name."""
    path, _, argument = path.partition("[")
    value: Any = document
    for key in path.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return _ABSENT
        value = value[key]
    if not argument:
        return value
    return [item["value"] for item in value if item["name"] == argument.rstrip("]")] or _ABSENT


def extra_problems(documents: Sequence[Mapping[str, Any]], extras: Mapping[str, Any]) -> list[str]:
    """Sentences about a user's own parts ({kind: mapping}) which cannot be merged into the role's documents.

    What has a variable of its own may be said again, but not differently: one of the two would be silently ignored.
    """
    problems = []
    for document in documents:
        kind = document["kind"]
        extra = extras.get(kind) or {}
        variable, owned = _OWNED[kind]
        shape = _shape_problems(variable, extra)
        problems.extend(shape)
        if shape:
            continue
        for path in ("apiVersion", "kind"):
            if _field(extra, path) not in (_ABSENT, document[path]):
                problems.append(f"{variable} has the {path} {extra[path]!r}, but the role writes {document[path]}.")
        for path, cure in owned.items():
            wanted, ours = _field(extra, path), _field(document, path)
            # an empty string is a value that is not known yet
            if wanted is not _ABSENT and ours != "" and wanted != ours:
                but = "may not be set there" if ours is _ABSENT else f"is {_plain(ours)}"
                to = "" if path in _SECRET else f" to {_plain(wanted)}"
                problems.append(f"{variable} sets {path}{to}, but it {but}: {cure}.")
    return problems


def _kind(value: Any) -> str:
    """What a value is, without its content, which may be secret."""
    if value is None or value == "":
        return "empty"
    kinds = ((bool, "a truth value"), (str, "a string"), (Mapping, "a mapping"), (Sequence, "a list"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "a number")


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) and len(value) == 1 else str(value)


def init_problems(settings: Mapping[str, Any], extras: Mapping[str, Any]) -> list[str]:
    """Sentences about what a user adds to the configuration of a control plane, the parts with a variable each."""
    shape = [
        problem
        for variable, value in (
            ("control_plane_kubelet_config", settings["kubelet_config"]),
            ("control_plane_kube_proxy_config", settings["kube_proxy_config"]),
        )
        for problem in _shape_problems(variable, value)
    ]
    if shape:
        return shape
    plain = init_documents(**{**settings, "kubelet_config": {}, "kube_proxy_config": {}})
    return extra_problems(plain, {
        **extras,
        "KubeletConfiguration": settings["kubelet_config"],
        "KubeProxyConfiguration": settings["kube_proxy_config"],
    })


def join_problems(settings: Mapping[str, Any], extra: Mapping[str, Any]) -> list[str]:
    """The same for a worker; token, endpoint and CA are not known yet, and nobody else may set them."""
    document = join_document(**settings, endpoint="", token="", ca_cert_hashes=())
    return extra_problems([document], {"JoinConfiguration": extra})


def with_extras(documents: Sequence[Mapping[str, Any]], extras: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The role's documents with the user's own parts merged in, by kind."""
    problems = extra_problems(documents, extras)
    if problems:
        raise KubeadmError("\n".join(problems))
    return [merge(document, extras.get(document["kind"]) or {}) for document in documents]


def _registration(
    name: str,
    address: str,
    cri_socket: str,
    ignore_preflight_errors: Sequence[str],
    taints: Sequence[Mapping[str, Any]] | None,
) -> dict[str, Any]:
    """`taints` is None where kubeadm decides."""
    registration: dict[str, Any] = {
        "name": name,
        "criSocket": cri_socket,
        # without it the kubelet takes the address of the default route, which is NAT on many machines
        "kubeletExtraArgs": [{"name": "node-ip", "value": address}],
        "imagePullSerial": False,
    }
    if ignore_preflight_errors:
        registration["ignorePreflightErrors"] = list(ignore_preflight_errors)
    if taints is not None:
        registration["taints"] = [dict(taint) for taint in taints]
    return registration


def _patched(document: dict[str, Any], patches_directory: str) -> dict[str, Any]:
    return document | {"patches": {"directory": patches_directory}} if patches_directory else document


def init_documents(
    *,
    name: str,
    address: str,
    kubernetes_version: str,
    cluster_name: str,
    pod_cidr: str,
    service_cidr: str,
    cri_socket: str,
    schedulable: bool,
    ignore_preflight_errors: Sequence[str],
    kubelet_config: Mapping[str, Any],
    kube_proxy_config: Mapping[str, Any],
    taints: Sequence[Mapping[str, Any]] = (),
    patches_directory: str = "",
) -> list[dict[str, Any]]:
    """The four documents of `kubeadm init --config`. No secret is in them.

    `address`: one, or one of each family with a comma between, as kubeadm writes two networks; the first is the API
    server's.
    """
    own = address.split(",")
    # kubeadm's own taint is left to kubeadm, unless there are others beside it
    all_taints = [*([] if schedulable else [_CONTROL_PLANE_TAINT]), *taints] if schedulable or taints else None
    registration = _registration(name, address, cri_socket, ignore_preflight_errors, all_taints)
    initial = {
        "apiVersion": _API,
        "kind": "InitConfiguration",
        "localAPIEndpoint": {"advertiseAddress": own[0], "bindPort": 6443},
        "nodeRegistration": registration,
        # kubeadm makes a token in any case, for 24 hours unless told otherwise; nobody uses this one
        "bootstrapTokens": [
            {"description": "unused, made by kubeadm init", "ttl": "1m0s", "usages": ["signing", "authentication"]}
        ],
    }
    return [
        _patched(initial, patches_directory),
        {
            "apiVersion": _API,
            "kind": "ClusterConfiguration",
            "clusterName": cluster_name,
            "kubernetesVersion": kubernetes_version and f"v{kubernetes_version}",
            "networking": {"podSubnet": pod_cidr, "serviceSubnet": service_cidr},
            "apiServer": {"certSANs": [*own, name]},
        },
        merge(
            {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "cgroupDriver": "systemd"},
            kubelet_config,
        ),
        merge({"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}, kube_proxy_config),
    ]


def join_document(
    *,
    name: str,
    address: str,
    endpoint: str,
    token: str,
    ca_cert_hashes: Sequence[str],
    cri_socket: str,
    ignore_preflight_errors: Sequence[str],
    timeout: int,
    taints: Sequence[Mapping[str, Any]] = (),
    patches_directory: str = "",
) -> dict[str, Any]:
    """The document of `kubeadm join --config` for a worker. It holds the token."""
    patience = f"{int(timeout)}s"
    document = {
        "apiVersion": _API,
        "kind": "JoinConfiguration",
        "discovery": {
            "bootstrapToken": {"token": token, "apiServerEndpoint": endpoint, "caCertHashes": list(ca_cert_hashes)}
        },
        # a taint that is there from the start: no pod comes before it
        "nodeRegistration": _registration(name, address, cri_socket, ignore_preflight_errors, taints or None),
        "timeouts": {"discovery": patience, "tlsBootstrap": patience, "kubeletHealthCheck": patience},
    }
    return _patched(document, patches_directory)


def join_credentials(output: str) -> dict[str, Any]:
    """Token, its id, CA hashes and endpoint from what `kubeadm token create --print-join-command` printed."""
    text = output.replace("\\\n", " ")
    tokens, hashes, endpoints = (_TOKEN.findall(text), _HASH.findall(text), _ENDPOINT.findall(text))
    for name, found in (("token", tokens), ("CA certificate hash", hashes), ("API server endpoint", endpoints)):
        if not found:
            raise KubeadmError(f"`kubeadm token create --print-join-command` printed no {name}")
    return {"token": tokens[0], "token_id": tokens[0].split(".")[0], "ca_cert_hashes": hashes, "endpoint": endpoints[0]}


def _data(value: Any) -> Any:
    """The same as plain types: YAML cannot be written from the kinds of dict, list, str and int that Ansible has."""
    if isinstance(value, Mapping):
        return {str(key): _data(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_data(item) for item in value]
    for kind in (str, bool, int, float):
        if isinstance(value, kind):
            return kind(value)
    return value


def patch_files(patches: Mapping[str, Any]) -> list[dict[str, str]]:
    """The files of kubeadm's patches directory: {name: content}, the content as text or as data."""
    problems = patch_problems(patches)
    if problems:
        raise KubeadmError("\n".join(problems))
    return [
        {
            "name": name,
            "content": content
            if isinstance(content, str)
            else (json.dumps(_data(content), indent=2, sort_keys=True) + "\n")
            if name.endswith(".json")
            else yaml.safe_dump(_data(content), sort_keys=True),
        }
        for name, content in sorted(patches.items())
    ]


def patch_problems(patches: Mapping[str, Any]) -> list[str]:
    """Sentences about patches that kubeadm would pass over with no more than a warning, or could not read."""
    problems = []
    for name, content in sorted(patches.items()):
        found = _PATCH.fullmatch(name)
        if not found:
            problems.append(
                f"kubernetes_patches has {name!r}, which names no patch: kubeadm reads TARGET[SUFFIX][+TYPE].EXTENSION "
                f"with the targets {', '.join(_TARGETS)}, the types json, merge and strategic, and the extensions json "
                "and yaml, such as kubeletconfiguration+strategic.yaml."
            )
            continue
        kind, what = (list, "list of operations") if found["type"] == "json" else (Mapping, "mapping")
        try:
            data = yaml.safe_load(content) if isinstance(content, str) else content
            held = _kind(data) if data else "empty"
        except yaml.YAMLError:
            data, held = None, "no YAML"
        if not data or not isinstance(data, kind):
            problems.append(f"kubernetes_patches['{name}'] must hold a {what}; it is {held}.")
    return problems


def etcd_directory(documents: Sequence[Mapping[str, Any]]) -> str:
    """Where a control plane made from these documents keeps its data; empty with an etcd elsewhere."""
    for document in documents:
        if document["kind"] == "ClusterConfiguration":
            etcd = document.get("etcd") or {}
            return "" if etcd.get("external") else str((etcd.get("local") or {}).get("dataDir") or "/var/lib/etcd")
    raise KubeadmError("there is no ClusterConfiguration among kubeadm's documents")


def own_preflight_errors(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """The preflight checks that a kubeadm init fails for no other reason than that it has run before."""
    port = 6443
    for document in documents:
        if document["kind"] == "InitConfiguration":
            port = document["localAPIEndpoint"]["bindPort"]
    directory = etcd_directory(documents)
    return [
        *(f"FileAvailable--etc-kubernetes-manifests-{target}.yaml" for target in _TARGETS[:4]),
        *([f"DirAvailable-{directory.replace('/', '-')}"] if directory else []),
        *(f"Port-{number}" for number in (port, 10250, 10257, 10259, 2379, 2380)),
    ]
