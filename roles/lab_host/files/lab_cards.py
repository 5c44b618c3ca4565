# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OCI hook that plugs a lab machine's network cards in at every start, and pulls them out when it stops.

The runtime calls it with the container's state on standard input (OCI runtime specification, "POSIX-platform
Hooks"): as createRuntime when the namespaces exist and nothing runs yet, as poststop when the container is gone.
Being a hook and not a task, it also serves a `reboot` inside the machine, where nobody is there to run a task.

eth1 is a veth into the bridge of its network, with the addresses and routes that an administrator gives a host. eth0,
where wanted, is user-mode NAT with VirtualBox's addresses, the same on every machine. IP forwarding is off, as on a
fresh host; a new network namespace would take over the machine's value.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

NAT_NET, NAT_ADDRESS, NAT_GATEWAY = "10.0.2.0/24", "10.0.2.15/24", "10.0.2.2"


def run(*argv):
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def inside(pid, *argv):
    run("nsenter", "--target", str(pid), "--net", *argv)


def unplug_eth1(notes):
    """A connection that was cut keeps a machine's network namespace, and so its cards, for minutes after its end."""
    subprocess.run(["ip", "link", "delete", notes["podpath.lab/port"]], check=False, stderr=subprocess.DEVNULL)


def plug_eth1(pid, notes):
    host_end = notes["podpath.lab/port"]
    run("ip", "link", "add", "name", host_end, "type", "veth", "peer", "name", "eth1", "netns", str(pid))
    run("ip", "link", "set", host_end, "master", notes["podpath.lab/bridge"], "up")
    for address in notes["podpath.lab/addresses"].split():
        # nobody else has it, and without the check the machine has it at once
        inside(pid, "ip", "address", "add", address, "dev", "eth1", *(["nodad"] if ":" in address else []))
    inside(pid, "ip", "link", "set", "eth1", "up")
    for route in filter(None, notes.get("podpath.lab/routes", "").split(",")):
        inside(pid, "ip", "route", "add", *route.split(), "dev", "eth1")


def plug_eth0(pid, notes):
    ready_read, ready_write = os.pipe()
    log_name = notes["podpath.lab/pidfile"] + ".log"
    with open(log_name, "wb") as log:
        slirp = subprocess.Popen(
            ["slirp4netns", "--configure", "--disable-host-loopback", "--mtu=1500", f"--cidr={NAT_NET}",
             f"--ready-fd={ready_write}", str(pid), "eth0"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[ready_write], start_new_session=True)
    os.close(ready_write)
    Path(notes["podpath.lab/pidfile"]).write_text(f"{slirp.pid}\n")
    # slirp4netns sets its own address first; touching eth0 before it says so leaves the card with two
    if os.read(ready_read, 1) != b"1":
        sys.exit(f"slirp4netns did not bring eth0 up: see {log_name}")
    inside(pid, "ip", "address", "flush", "dev", "eth0")
    inside(pid, "ip", "address", "add", NAT_ADDRESS, "dev", "eth0")
    inside(pid, "ip", "route", "replace", "default", "via", NAT_GATEWAY, "dev", "eth0")


def unplug_eth0(notes):
    pidfile = Path(notes["podpath.lab/pidfile"])
    try:
        pid = int(pidfile.read_text())
        # the number may belong to somebody else by now
        if b"slirp4netns" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGTERM)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        pass
    pidfile.unlink(missing_ok=True)


def sweep(directory):
    """End the NAT of machines whose supervisor was killed, so that nobody ran the hook; print whose."""
    for pidfile in sorted(Path(directory).glob("*.slirp")):
        print(pidfile.stem)
        unplug_eth0({"podpath.lab/pidfile": str(pidfile)})


def main(stage):
    state = json.load(sys.stdin)
    notes, pid = state["annotations"], state.get("pid", 0)
    unplug_eth0(notes)
    unplug_eth1(notes)
    if stage != "createRuntime":
        return
    # a kernel may have no IPv6, and no bridge filter
    inside(pid, "sh", "-c", "for i in /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding"
           " /proc/sys/net/bridge/bridge-nf-call-ip*tables; do [ ! -e $i ] || echo 0 > $i; done")
    plug_eth1(pid, notes)
    if notes.get("podpath.lab/nat") == "true":
        plug_eth0(pid, notes)


if __name__ == "__main__":
    if sys.argv[1] == "sweep":
        sweep(sys.argv[2])
    else:
        main(sys.argv[1])
