# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backends of Flannel that can be asked for, as its configuration names them."""

from __future__ import annotations

VXLAN, HOST_GW, WIREGUARD = "vxlan", "host-gw", "wireguard"
# what a packet between nodes carries besides that of the pod, over IPv4
OVERHEAD = {VXLAN: 50, HOST_GW: 0, WIREGUARD: 80}
