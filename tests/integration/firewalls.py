# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an administrator puts a firewall onto a Debian host, one of each kind: SSH gets in, and nothing else."""

from __future__ import annotations

INSTALL = {
    "ufw": "apt-get install --yes -q ufw; ufw allow proto tcp from any to any port 22; ufw --force enable",
    "nftables": """apt-get install --yes -q nftables; cat > /etc/nftables.conf <<'FILE'
#!/usr/sbin/nft -f
flush ruleset
table inet host {
    chain input {
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        ct state { established, related } accept
        ip protocol icmp accept
        tcp dport 22 accept
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state { established, related } accept
    }
}
FILE
systemctl enable --now nftables""",
    "firewalld": "apt-get install --yes -q firewalld; systemctl enable --now firewalld; firewall-cmd --state",
}


def install(lab, name: str, tool: str) -> None:
    lab.node(name, f"set -e\nexport DEBIAN_FRONTEND=noninteractive\napt-get update -q\n{INSTALL[tool]}")
