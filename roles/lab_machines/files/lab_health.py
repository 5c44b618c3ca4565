# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a lab that stands whole? Prints {"present": [machine], "problems": [sentence], "outdated": [sentence]} as JSON.

Problems are what makes a lab useless. An outdated lab works, but is not what the inventory and the bundle describe.

podman's word alone is not enough: after its supervisor was killed it goes on calling a machine running.
Called as: lab_health.py PODMAN LAB RUNTIME_DIR MACHINES_AS_JSON
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

# what of a machine is described, beside its name
COMPARED = ("image", "addresses", "routes")


def problems(machines: list[dict], containers: dict[str, dict], ports: set[str], processes: dict[int, str],
             nat: dict[str, int]) -> list[str]:
    """Compare what should stand with what does.

    machines: name, port, nat and what is compared of each wanted machine. containers: what podman says, by machine
    name, each {"state": str, "pid": int, "conmon": int} and what is compared. ports: cards plugged into the lab's
    bridges. processes: command lines by process number. nat: process number of each machine's user-mode NAT.
    """
    found = [f"{name} is no machine of this lab" for name in sorted(containers.keys() - {m["name"] for m in machines})]
    for machine in machines:
        name = machine["name"]
        container = containers.get(name)
        if container is None:
            found.append(f"{name} is missing")
        elif container["state"] != "running":
            found.append(f"{name} is {container['state']}")
        elif container["pid"] not in processes:
            found.append(f"{name} is called running, but its first process {container['pid']} is gone")
        elif "conmon" not in processes.get(container["conmon"], ""):
            found.append(f"{name} has lost its supervisor, nobody would start it after a reboot")
        elif machine["port"] not in ports:
            found.append(f"{name} is not plugged into the lab's bridge")
        elif machine["nat"] and "slirp4netns" not in processes.get(nat.get(name, 0), ""):
            found.append(f"{name} has no way to the outside, its eth0 is dead")
    return found


def outdated(machines: list[dict], containers: dict[str, dict]) -> list[str]:
    """In what the machines that stand differ from those that are wanted; both as in problems()."""
    found = []
    for machine in machines:
        container = containers.get(machine["name"])
        for what in COMPARED if container else ():
            if container[what] != machine[what]:
                found.append(f"{machine['name']} has the {what} {container[what] or 'none'}, wanted is "
                             f"{machine[what] or 'none'}")
    return found


def read_containers(podman: str, lab: str) -> dict[str, dict]:
    ids = subprocess.run([podman, "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label=podpath.lab={lab}"],
                         check=True, capture_output=True, text=True).stdout.split()
    if not ids:
        return {}
    inspected = json.loads(subprocess.run([podman, "container", "inspect", *ids],
                                          check=True, capture_output=True, text=True).stdout)
    return {
        container["Name"].removeprefix(f"podpath-{lab}-"): {
            "state": container["State"]["Status"],
            "pid": container["State"]["Pid"],
            "conmon": container["State"].get("ConmonPid", 0),
            "image": container["ImageName"],
            "addresses": container["Config"]["Annotations"].get("podpath.lab/addresses", ""),
            "routes": container["Config"]["Annotations"].get("podpath.lab/routes", ""),
        } for container in inspected}


def read_processes() -> dict[int, str]:
    processes = {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            command = (directory / "cmdline").read_bytes().replace(b"\0", b" ")
            processes[int(directory.name)] = command.decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
    return processes


def read_nat(runtime_dir: str) -> dict[str, int]:
    pidfiles = {file.stem: file.read_text().strip() for file in Path(runtime_dir).glob("*.slirp")}
    return {name: int(text) for name, text in pidfiles.items() if text.isdigit()}


def main(podman: str, lab: str, runtime_dir: str, machines: str) -> None:
    wanted = json.loads(machines)
    containers = read_containers(podman, lab)
    ports = {entry.name for machine in wanted for entry in Path(f"/sys/class/net/{machine['bridge']}/brif").glob("*")}
    print(json.dumps({
        "present": sorted(containers),
        "problems": problems(wanted, containers, ports, read_processes(), read_nat(runtime_dir)),
        "outdated": outdated(wanted, containers),
    }))


if __name__ == "__main__":
    main(*sys.argv[1:])
