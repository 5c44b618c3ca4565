# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that run: a manifest's command in a namespace of its own for network, mounts and processes.

What a container runtime does for a pod, as far as a prober can tell: its own root with the image's files, emptyDir
volumes, the manifest's user, environment and capabilities (containerd's usual ones), a command that is process 1 and
gets SIGTERM. Images are two: busybox, and, for a name with "python" in it, this machine's own Python.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from namespaces import NETNS
from programs import Tools

# What containerd gives to a container that asks for nothing.
_CAPABILITIES = (
    "chown", "dac_override", "fsetid", "fowner", "mknod", "net_raw", "setgid", "setuid", "setfcap", "setpcap",
    "net_bind_service", "sys_chroot", "kill", "audit_write",
)
_GRACE = 2.0

_ROOT = """
# the machine's number of this process: /proc is still the machine's
read -r pid rest </proc/self/stat
mount -t tmpfs -o mode=755 pod "$ROOT"
cd "$ROOT"
mkdir -p dev etc proc sys tmp
chmod 1777 tmp
echo 'nobody:x:65534:65534::/:/bin/false' >etc/passwd
mount -t proc proc proc
mount -t sysfs -o ro sys sys
for device in null zero random urandom; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
"""


def _image(tools: Tools, name: str) -> tuple[str, str, str]:
    """The script that fills a root, and PATH and LD_LIBRARY_PATH in it."""
    if "python" not in name:
        return f"mkdir bin\nmount --bind -o ro {tools.image}/bin bin\n", "/bin", ""
    binds = "".join(
        f"if [ -L /{name} ]; then cp -P /{name} {name}; elif [ -d /{name} ]; then mkdir {name}; "
        f"mount --rbind -o ro /{name} {name}; fi\n"
        for name in ("usr", "bin", "lib", "lib64")
    )
    python = sys.base_prefix
    binds += f"mkdir python\nmount --bind -o ro {python} python\n"
    return binds, "/python/bin:/usr/bin:/bin", "/python/lib"


class Container:
    """The one container of a pod. ``running`` once its command was started."""

    def __init__(
        self, tools: Tools, directory: Path, name: str, network: str, spec: Mapping[str, Any], before: str = ""
    ) -> None:
        self.name = name
        self.network = network
        self.pid = 0
        self._told = b""
        self._deadline = 0.0
        container = spec["containers"][0]
        self._root = directory / "root"
        self._root.mkdir(exist_ok=True)
        self._log = directory / f"{name}.log"
        fill, path, libraries = _image(tools, container["image"])
        environment = {entry["name"]: entry.get("value", "") for entry in container.get("env") or []}
        environment |= {"PATH": path, "HOSTNAME": name}
        if libraries:
            environment["LD_LIBRARY_PATH"] = libraries
        self._enter = _enter(spec.get("securityContext") or {}, container.get("securityContext") or {}, environment)
        volumes = "".join(
            f"mkdir -p .{mount['mountPath']}\nmount -t tmpfs -o mode=777 volume .{mount['mountPath']}\n"
            for mount in container.get("volumeMounts") or []
        )
        read_only = (container.get("securityContext") or {}).get("readOnlyRootFilesystem")
        seal = "mount -o remount,ro,bind .\n" if read_only else ""
        init = (
            f"ROOT={self._root}\n{_ROOT}{fill}{volumes}{seal}"
            f'echo "pid $pid"\nexec {self._enter} {shlex.join(container["command"])} >{self._log} 2>&1 </dev/null\n'
        )
        isolate = ["nsenter", f"--net={NETNS / network}", "unshare", "--mount", "--pid", "--fork", "--kill-child"]
        script = f"{before}exec {shlex.join(isolate)} sh -eu -c {shlex.quote(init)}\n"
        self._process = subprocess.Popen(
            ["sh", "-eu", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        os.set_blocking(self._process.stdout.fileno(), False)

    @property
    def running(self) -> bool:
        if not self.pid and self.exit_code is None:
            self._told += self._process.stdout.read() or b""
            for line in self._told.decode().splitlines():
                if line.startswith("pid "):
                    self.pid = int(line.removeprefix("pid "))
        return self.pid > 0 and self.exit_code is None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    @property
    def said(self) -> str:
        """The end of what it printed, for the one who asks why it ended."""
        with suppress(OSError):
            return self._log.read_text()[-500:].strip()
        return (self._told + (self._process.stdout.read() or b"")).decode()[-500:].strip()

    def stop(self, now: bool = False) -> None:
        """Asks it to end. Kills it at the first look after its grace."""
        if self.exit_code is not None:
            return
        if not self._deadline:
            self._deadline = time.monotonic() + _GRACE
            with suppress(ProcessLookupError):
                if self.running:
                    os.kill(self.pid, signal.SIGTERM)
        if now or time.monotonic() >= self._deadline:
            with suppress(ProcessLookupError):
                # process 1 of the pod's own numbers: all others go with it
                os.kill(self.pid or self._process.pid, signal.SIGKILL)

    @property
    def gone(self) -> bool:
        """Whether it has ended; reaps it."""
        if self._deadline:
            self.stop()
        return self.exit_code is not None

    def execute(
        self,
        command: Sequence[str],
        timeout: float,
        cancel: threading.Event,
        heard: Callable[[str], None] | None = None,
    ) -> tuple[str, str]:
        """What the command printed, and a sentence where that is not all."""
        if not self.running:
            return "", f"Could not run a command in pod {self.name}: its container has ended."
        script = f"cd {self._root}\nexec {self._enter} {shlex.join(command)}\n"
        process = subprocess.Popen(
            ["nsenter", "--target", str(self.pid), "--net", "--mount", "--pid", "--", "sh", "-eu", "-c", script],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        pieces: list[str] = []

        def read() -> None:
            while piece := os.read(process.stdout.fileno(), 65536):
                pieces.append(piece.decode(errors="replace"))
                if heard:
                    heard(pieces[-1])

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        end = time.monotonic() + timeout
        while reader.is_alive() and time.monotonic() < end and not cancel.is_set():
            reader.join(0.05)
        if reader.is_alive():
            process.kill()
            process.wait()
            return "".join(pieces), f"Running a command in pod {self.name} did not end within {timeout:.0f} s."
        code = process.wait()
        errors = process.stderr.read().decode(errors="replace").strip()
        problem = f"Could not run a command in pod {self.name}: exit code {code}; {errors}" if code else ""
        return "".join(pieces), problem


def _enter(pod: Mapping[str, Any], container: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The words before a command that give it the manifest's user, rights and environment; from the root's directory.

    chroot needs its own capability for the moment before it becomes another user, which then has none at all.
    """
    words = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
    dropped = "ALL" in ((container.get("capabilities") or {}).get("drop") or [])
    kept = ("sys_chroot", "setuid", "setgid") if dropped else _CAPABILITIES
    words += ["/usr/bin/setpriv", "--bounding-set=-all," + ",".join(f"+{name}" for name in kept)]
    if container.get("allowPrivilegeEscalation") is False:
        words.append("--no-new-privs")
    user = pod.get("runAsUser", container.get("runAsUser"))
    words.append("/usr/sbin/chroot")
    if user is not None:
        group = pod.get("runAsGroup", container.get("runAsGroup", user))
        words += [f"--userspec={user}:{group}", "--groups="]
    return shlex.join([*words, "."])
