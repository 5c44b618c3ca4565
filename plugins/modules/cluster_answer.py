#!/usr/bin/python
# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells a cluster that is not there (yet) from one that is there and cannot be asked."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_answer
short_description: Look whether the cluster of a kubeconfig answers
version_added: 0.1.0
author: The podpath.kubeadm authors (@podpath)
description:
  - Asks the API server once for its Nodes, and tells whether it answered.
  - No answer is no failure, as before a cluster is made, or made anew under the same address, there is none. Neither is
    an API server that is just starting, nor one that does not know the kubeconfig's user any more, as a renewed
    certificate leaves behind.
  - It fails where waiting or making a cluster does not help, with a kubeconfig that cannot be used or a user who may
    not list Nodes.
  - It only looks, so it never reports a change.
options:
  kubeconfig:
    description: Path of the kubeconfig file on the host where the module runs.
    type: path
    required: true
requirements:
  - kubernetes >= 24.2.0
attributes:
  check_mode:
    description: It looks as ever.
    support: full
  diff_mode:
    description: There is nothing to compare, as nothing is changed.
    support: none
"""

EXAMPLES = r"""
- name: Look whether there is a cluster
  podpath.kubeadm.cluster_answer:
    kubeconfig: ~/.kube/config
  register: __answer

- name: Read the nodes of the cluster that is there
  kubernetes.core.k8s_info:
    kubeconfig: ~/.kube/config
    kind: Node
  when: __answer.answers
"""

RETURN = r"""
answers:
  description: Whether the API server answered.
  returned: always
  type: bool
reason:
  description: Why it did not. Empty where it did.
  returned: always
  type: str
"""

import contextlib

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.podpath.kubeadm.plugins.module_utils.api import (
    KUBERNETES_IMPORT_ERROR,
    Api,
    ApiRefused,
    ApiUnreachable,
    ClusterError,
)

# without it, KUBERNETES_IMPORT_ERROR tells
with contextlib.suppress(ImportError):
    from kubernetes import client as k8s_client

VARIABLES = "variable kubeconfig; control_plane_kubeconfig of the roles, unless a role was given its own"
RIGHTS = "It needs to list Nodes."


def silence(kubeconfig: str) -> str:
    """Why the API server of a kubeconfig gives no answer, empty where it does; raises ClusterError."""
    api = Api(kubeconfig, VARIABLES, rights=RIGHTS)
    try:
        api.call("list nodes", k8s_client.CoreV1Api(api.client).list_node, limit=1)
    except ApiUnreachable as error:
        return str(error)
    except ApiRefused as error:
        if error.status == 401 or error.status >= 500:
            return str(error)
        raise
    return ""


def main() -> None:
    module = AnsibleModule(
        argument_spec={"kubeconfig": {"type": "path", "required": True}}, supports_check_mode=True)
    if KUBERNETES_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=KUBERNETES_IMPORT_ERROR)
    try:
        reason = silence(module.params["kubeconfig"])
    except ClusterError as error:
        module.fail_json(msg=str(error), answers=False, reason="")
    module.exit_json(changed=False, answers=not reason, reason=reason)


if __name__ == "__main__":
    main()
