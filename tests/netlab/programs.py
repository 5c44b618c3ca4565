# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab needs on this machine, and where the programs that run in its pods come from.

They are Debian's busybox-static, which the real lab's image holds as well, and Debian's traceroute (Butskoy's). Both
are unpacked into the cache and not installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = {
    "ip": "iproute2", "bridge": "iproute2", "nft": "nftables", "nsenter": "util-linux", "unshare": "util-linux",
    "setpriv": "util-linux", "mount": "mount", "chroot": "coreutils",
}
PACKAGES = {"busybox-static": "bin/busybox", "traceroute": "usr/bin/traceroute.db"}


class Missing(Exception):
    """Something the lab needs is not there. The text says what, and what to do."""


@dataclass(frozen=True)
class Tools:
    """``image``: a root directory with busybox under all its names. ``butskoy``: Debian's traceroute."""

    image: Path
    butskoy: Path


def _cache() -> Path:
    base = os.environ.get("PODPATH_CACHE")
    return Path(base) if base else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "podpath"


def _run(*command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def _unpack(package: str, into: Path) -> None:
    """Downloads a Debian package with apt's own checks of its signature and unpacks it."""
    if not shutil.which("apt-get"):
        raise Missing(
            f"The namespace lab takes {package} from Debian's archive, and this machine has no apt-get: unpack that "
            f"package into {into}, or run the tests on Debian or Ubuntu."
        )
    into.mkdir(parents=True, exist_ok=True)
    ran = _run("apt-get", "-q", "download", package, cwd=into)
    if ran.returncode:  # lists that are old or were never fetched
        _run("apt-get", "-q", "update")
        ran = _run("apt-get", "-q", "download", package, cwd=into)
    if ran.returncode:
        raise Missing(f"Could not download Debian's package {package} for the namespace lab: {ran.stderr.strip()}")
    for archive in into.glob(f"{package}_*.deb"):
        subprocess.run(["dpkg-deb", "--extract", archive, into], check=True)
        archive.unlink()


def find() -> Tools:
    """The tools, fetched at the first time. Raises Missing."""
    if os.geteuid() != 0:
        raise Missing("The namespace lab makes network namespaces, so it needs root: sudo -E make netlab.")
    lacking = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if lacking:
        raise Missing(f"The namespace lab needs the packages {', '.join(lacking)} (named as Debian's): install them.")
    root = _cache() / "netlab"
    for package, file in PACKAGES.items():
        if not (root / package / file).exists():
            _unpack(package, root / package)
    busybox = root / "busybox-static"
    if not (busybox / "bin" / "sh").is_symlink():
        # from inside, so that the links point to where it will lie
        subprocess.run(["chroot", busybox, "/bin/busybox", "--install", "-s", "/bin"], check=True)
    return Tools(busybox, root / "traceroute" / PACKAGES["traceroute"])
