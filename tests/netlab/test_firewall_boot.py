# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a boot could load nftables' file with the role firewall's rules, asked of nft as the role asks it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "unit"))

from role_templates import Role, task

TRIED = task("roles/firewall/tasks/check.yml", "Try what a boot would load")["ansible.builtin.command"]
# what is loaded now: a chain of iptables-persistent beside that of the file
LIVE = """table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy drop;
		tcp dport 22 accept
	}
}
table inet host {
	chain input {
		type filter hook input priority filter; policy drop;
		iif "lo" accept
	}
}
"""
STOCK = """#!/usr/sbin/nft -f
flush ruleset
table inet host {
	chain input {
		type filter hook input priority filter; policy drop;
		iif "here" accept
	}
}
"""
UNFLUSHED = STOCK.replace("flush ruleset\n", "")
FROM_ELSEWHERE = 'insert rule ip filter INPUT udp dport 8472 accept comment "podpath.kubeadm.firewall"'
OWN = FROM_ELSEWHERE.replace("ip filter INPUT", "inet host input")
BLOCK = f"# BEGIN rules of podpath.kubeadm.firewall\n{OWN}\n# END rules of podpath.kubeadm.firewall\n"
# an interface that the file names is there before the rules are
NOW = """
ip link add here type veth peer name there
nft --file - <<'LIVE'
{live}LIVE
nft list ruleset > {directory}/before
set +e
nft --check --file - <<'TRIED'
{tried}
TRIED
echo $?
nft list ruleset | cmp - {directory}/before || echo changed
"""


@pytest.mark.parametrize(("text", "rule", "loads"), [
    (STOCK, OWN, True), (UNFLUSHED, OWN, True), (STOCK + BLOCK, OWN, True),
    ('include "{directory}/*.nft"\n', OWN, True),
    (STOCK, FROM_ELSEWHERE, False), (UNFLUSHED, FROM_ELSEWHERE, False),
    ('include "{directory}/*.nft"\n', FROM_ELSEWHERE, False),
    # as an earlier version left it
    (UNFLUSHED + BLOCK.replace(OWN, FROM_ELSEWHERE), OWN, False),
], ids=["own", "own-unflushed", "own-again", "own-included", "elsewhere", "elsewhere-unflushed", "elsewhere-included",
        "left-broken"])
def test_a_chain_that_the_file_does_not_make_is_found_and_nothing_is_changed(tmp_path, text, rule, loads):
    (tmp_path / "nftables.conf").write_text(text.replace("{directory}", str(tmp_path)))
    (tmp_path / "host.nft").write_text(STOCK)
    role = Role("firewall", firewall_nftables_file=str(tmp_path / "nftables.conf"), __firewall_kept=[rule])
    command = role.render(TRIED)
    assert command["argv"] == ["nft", "--check", "--file", "-"]
    script = NOW.format(live=LIVE, directory=tmp_path, tried=command["stdin"])
    ran = subprocess.run(["unshare", "--net", "sh", "-eu"], input=script, capture_output=True, text=True, check=True,
                         cwd=command["chdir"])
    assert ran.stdout.split() == ["0" if loads else "1"], ran.stderr
    assert ("No such file or directory" in ran.stderr) is not loads
