# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""containerd on a host: what is there, what may be done, its mirrors, its effective configuration. Pure."""

from __future__ import annotations

import base64
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from . import versions

# in config.toml of version 2, which containerd 1 reads, one plugin does what two do in version 3
_CRI_1 = "io.containerd.grpc.v1.cri"
_IMAGES_2, _RUNTIME_2 = "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"
_RUNC = ("containerd", "runtimes", "runc", "options", "SystemdCgroup")
_KUBELET_ON_CGROUPFS = re.compile(r"""^cgroupDriver:\s*["']?cgroupfs\b""", re.MULTILINE)

# the package of each source; Docker's own brings containerd, too, and its daemon may run on either
PACKAGES = {"distribution": "containerd", "docker": "containerd.io"}
_DOCKER = ("docker.io", "docker-ce", "moby-engine")

_MIRROR_KEYS = {"url", "ca_file", "username", "password", "capabilities", "skip_verify", "override_path"}
_CAPABILITIES = ("pull", "resolve")


class ContainerdError(ValueError):
    """What containerd printed, or what was asked for, cannot be used. The text quotes no password."""


def containerd_version(said: str) -> str:
    """The version in what `containerd --version` printed, without its v; empty where there is none."""
    found = re.search(r"(?<!\S)v?(\d+\.\d+\.\d+\S*)", said)
    return found[1] if found else ""


def version_problem(version: Any) -> str:
    """What is wrong with containerd_version as somebody wrote it, if anything: YAML makes a number of a bare 2.4."""
    if re.fullmatch(r"\d+\.\d+\.\d+\S*", str(version)):
        return ""
    found = "empty" if version in (None, "") else version
    return f'containerd_version is {found}; it has three numbers and no v: write it in quotes, such as "2.4.2".'


def _lookup(data: Any, *path: str) -> Any:
    for key in path:
        if not isinstance(data, Mapping):
            return None
        data = data.get(key)
    return data


def config_problems(
    dump: str, *, version: str, sandbox_image: str, hosts_dir: str, restrict_oom_score_adj: bool
) -> list[str]:
    """Where the configuration that containerd really uses differs from what was asked for."""
    try:
        plugins = tomllib.loads(dump).get("plugins", {})
    except tomllib.TOMLDecodeError as error:
        raise ContainerdError(f"`containerd config dump` printed no TOML: {error}") from error
    if versions.parse(version).major < 2:
        images = runtime = _CRI_1
        sandbox: tuple[str, ...] = (images, "sandbox_image")
    else:
        images, runtime = _IMAGES_2, _RUNTIME_2
        sandbox = (images, "pinned_images", "sandbox")
    wanted = {
        (runtime, *_RUNC): True,
        (runtime, "restrict_oom_score_adj"): restrict_oom_score_adj,
        sandbox: sandbox_image,
        (images, "registry", "config_path"): hosts_dir,
    }
    return [
        f"{'.'.join(path)} is {found!r} where {value!r} was asked for"
        for path, value in wanted.items()
        if (found := _lookup(plugins, *path)) != value
    ]


def cgroup_problems(host: str, dump: str, kubelet: str) -> list[str]:
    """Why a node whose containerd somebody else configured cannot get systemd's cgroups, by what `containerd config
    dump` and the kubelet's configuration say.

    A kubelet keeps the driver that it was started with, its own or, from 1.31 on, the one that containerd told it. One
    for which containerd uses systemd's already loses nothing, whatever its file says.
    """
    try:
        plugins = tomllib.loads(dump).get("plugins", {})
    except tomllib.TOMLDecodeError:
        plugins = {}
    told = {_lookup(plugins, name, *_RUNC) for name in (_CRI_1, _RUNTIME_2)} - {None}
    if True in told:
        return []
    found = ["`containerd config dump` has SystemdCgroup = false"] if told else []
    if _KUBELET_ON_CGROUPFS.search(kubelet):
        found.append("/var/lib/kubelet/config.yaml has cgroupDriver: cgroupfs")
    if not found:
        return []
    return [
        f"{host} is a node of a cluster, and its containers run in control groups of cgroupfs: {' and '.join(found)}. "
        "podpath.kubeadm sets containerd to those of systemd, and under a kubelet that runs with cgroupfs no pod would "
        f"start any more. Drain {host}, set SystemdCgroup = true for runc in containerd's configuration and "
        "cgroupDriver: systemd in the kubelet's, restart both, then run this playbook again; or leave the host out."
    ]


def outdated(shown: str, written: str) -> list[str]:
    """What a containerd that runs has not read yet: its unit file, or files that were put there after its start.

    `shown` is what `systemctl show` says of it with TZ=UTC, in whole seconds as `written`: a time and a file a line.
    """
    unit = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    if unit.get("ActiveState") != "active":
        return []
    found = ["its unit file"] if unit.get("NeedDaemonReload") == "yes" else []
    start = re.search(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC", unit.get("ExecMainStartTimestamp", ""))
    if not start:
        return found
    started = datetime.fromisoformat("T".join(start.groups())).replace(tzinfo=UTC).timestamp()
    files = [line.split(" ", 1) for line in written.splitlines()]
    return found + [path for time, path in files if int(time) > started]


def packages(said: str) -> dict[str, str]:
    """Installed packages and their versions, of lines `installed NAME VERSION`; other lines tell of missing ones."""
    return dict(re.findall(r"^installed (\S+) (\d\S*)$", said, re.MULTILINE))


def shipped_files(foreign: Sequence[str], listed: str, verified: str) -> list[str]:
    """Those of the files that a package brought and that are as it brought them.

    `listed` are the packages' files, a path in each line, and `verified` is what dpkg or rpm say of those that differ
    (`??5?????? c /etc/some.conf`).
    """
    differing = {line.split()[-1] for line in verified.splitlines() if line.strip()}
    return [path for path in foreign if path in listed.splitlines() and path not in differing]


def candidate(policy: str) -> str:
    """The version that `apt-cache policy PACKAGE` would install; empty where no source has one."""
    found = re.search(r"^\s+Candidate: (\d\S*)$", policy, re.MULTILINE)
    return found[1] if found else ""


def wanted_version(source: str, version: str, installed: Mapping[str, str], offered: str) -> str:
    """The version that will run: the distribution's package is taken as it is, and kept where it is installed."""
    return installed.get(PACKAGES["distribution"], offered) if source == "distribution" else version


def _other_installation(host: str, source: str, installed: Mapping[str, str], archive: str) -> list[str]:
    own = PACKAGES.get(source, "")
    others = [
        f"the package {name} {installed[name]}" for name in PACKAGES.values() if name in installed and name != own
    ]
    if archive and source != "archive":
        others.append(f"containerd {archive} of an archive in /usr/local/bin")
    if not others:
        return []
    users = [f"{name} {installed[name]}" for name in _DOCKER if name in installed]
    using = f", on which {' and '.join(users)} runs" if users else ""
    fits = next((key for key, name in PACKAGES.items() if name in installed), "archive")
    return [
        f"{host} has {' and '.join(others)}{using}, but containerd_source is {source}. Two containerds on one host get "
        f"in each other's way: set containerd_source to {fits} to use what is there, or remove it."
    ]


def _foreign_files(host: str, foreign: Sequence[str], shipped: Collection[str]) -> list[str]:
    files = [path for path in foreign if path not in shipped]
    if not files:
        return []
    return [
        f"{host} has {' and '.join(files)}, which podpath.kubeadm did not write, and which is never overwritten "
        "unasked. Set containerd_replace_files to true to have each replaced by this collection's (the old one is kept "
        "beside it under a name with the date), or move it away."
    ]


def _version_change(host: str, wanted: str, running: str) -> list[str]:
    """A node may get a newer containerd in place: its containers belong to shims, which a restart leaves alone."""
    old, new = versions.parse(running), versions.parse(wanted)
    there = f"{host} is a node of a cluster with containerd {running}, but containerd_version is {wanted}"
    if new.major != old.major:
        return [
            f"{there}. Another major version is not put under running pods: drain {host}, or set containerd_version "
            f"to {running}."
        ]
    if new < old:
        return [
            f"{there}, which is older. containerd is not downgraded under running pods: set containerd_version to "
            f"{running} or later."
        ]
    return []


def _version_change_for_others(host: str, wanted: str, running: str) -> list[str]:
    """Nor do the containers of somebody who runs some without Kubernetes bear more than those of a node."""
    old, new = versions.parse(running), versions.parse(wanted)
    if new.major == old.major and new >= old:
        return []
    change = "an older one" if new < old else "another major version"
    return [
        f"{host} runs containerd {running}, which podpath.kubeadm did not set up, but containerd_version is {wanted}, "
        f"and {change} is not put under containers of somebody else. Set containerd_version to {running}, or stop "
        "containerd there if nobody needs it."
    ]


def host_problems(
    host: str,
    *,
    source: str,
    version: Any,
    kubernetes: str,
    installed: Mapping[str, str],
    archive: str,
    offered: str,
    running: str,
    occupied: str,
    foreign: Sequence[str],
    shipped: Sequence[str],
    replace_files: bool,
) -> list[str]:
    """Why containerd cannot be had on `host` as asked, a sentence each.

    `installed` are packages and their versions, `archive` is the version in /usr/local/bin, `offered` the one that the
    distribution would install, `running` that of a host which is a node, `occupied` that of one which is none and where
    it runs for somebody else, `foreign` are files of this role's names that it did not write, and `shipped` those among
    them that a package brought and nobody changed since.
    """
    if source != "distribution" and (problem := version_problem(version)):
        return [f"{host}: {problem}"]
    if problems := _other_installation(host, source, installed, archive):
        return problems
    problems = [] if replace_files else _foreign_files(host, foreign, shipped)
    wanted = wanted_version(source, version, installed, offered)
    if not wanted:
        return [
            *problems,
            f"{host}: its package sources have no containerd. Set containerd_source to archive or docker.",
        ]
    if running:
        problems += _version_change(host, wanted, running)
    if occupied:
        problems += _version_change_for_others(host, wanted, occupied)
    if kubernetes and versions.parse(wanted) < (needs := versions.needed_containerd(kubernetes)):
        cure = (
            "Set containerd_source to archive or docker"
            if source == "distribution"
            else f"Set containerd_version to {needs} or later"
        )
        problems.append(
            f"{host}: containerd {wanted} (containerd_source is {source}) is too old for Kubernetes "
            f"{kubernetes}, which needs {needs} or later. {cure}, or kubernetes_version to an older one."
        )
    return problems


def _mirror(registry: str, given: Any) -> dict[str, Any]:
    where = f"containerd_registry_mirrors, {registry}"
    entry = {"url": given} if isinstance(given, str) else given
    if not isinstance(entry, Mapping) or not isinstance(entry.get("url"), str):
        raise ContainerdError(f"{where}: a mirror is a URL, or a dictionary with a url")
    url = entry["url"]
    # without its scheme, too: it would be printed below
    if "@" in url:
        raise ContainerdError(f"{where}: a mirror's URL holds no password; use username and password")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise ContainerdError(f"{where}: {url!r} is no URL that begins with http:// or https://")
    if unknown := sorted(entry.keys() - _MIRROR_KEYS):
        raise ContainerdError(f"{where}: {url} has {', '.join(unknown)}; known are {', '.join(sorted(_MIRROR_KEYS))}")
    if bool(entry.get("username")) != bool(entry.get("password")):
        raise ContainerdError(f"{where}: {url} needs both username and password, or neither")
    authorization = ""
    if entry.get("username"):
        pair = f"{entry['username']}:{entry['password']}".encode()
        authorization = f"Basic {base64.b64encode(pair).decode()}"
    return {
        "url": url,
        "capabilities": list(entry.get("capabilities") or _CAPABILITIES),
        "ca_file": str(entry.get("ca_file") or ""),
        "skip_verify": bool(entry.get("skip_verify", False)),
        "override_path": bool(entry.get("override_path", False)),
        "authorization": authorization,
    }


def registry_mirrors(mirrors: Mapping[str, Sequence[Any]]) -> dict[str, list[dict[str, Any]]]:
    """Each registry's mirrors with every setting, from what a user writes: a URL, or a dictionary with a url."""
    full = {}
    for registry, entries in mirrors.items():
        if isinstance(entries, (str, Mapping)) or not isinstance(entries, Sequence):
            raise ContainerdError(f"containerd_registry_mirrors, {registry}: its mirrors are a list")
        if not re.fullmatch(r"[A-Za-z0-9._:-]+", str(registry)):
            raise ContainerdError(
                f"containerd_registry_mirrors, {registry}: a registry is a name, with a port or without"
            )
        full[str(registry)] = [_mirror(registry, entry) for entry in entries]
    return full


def mirror_authorities(mirrors: Mapping[str, Sequence[Any]]) -> list[dict[str, str]]:
    """The files with certificate authorities of the mirrors: `source` here and `name` below containerd's directory."""
    return [
        {"source": entry["ca_file"], "name": f"{registry}/ca-{number}.pem"}
        for registry, entries in registry_mirrors(mirrors).items()
        for number, entry in enumerate(entries)
        if entry["ca_file"]
    ]
