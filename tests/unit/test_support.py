# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import stat
import tarfile

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils.redaction import redact
from ansible_collections.podpath.kubeadm.plugins.modules import support_bundle, support_collect

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\nSECRET\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        KEY.replace("-----END RSA PRIVATE KEY-----", ""),
        "kubeadm join 10.0.0.1:6443 --token secret.0123456789secret --discovery".replace("secret.", "secr3t."),
        "token id of S3CRET.0123456789secret is known".replace("S3CRET.", "secr3t."),
        "  token: SECRET",
        '    password = "SECRET with blanks"',
        '  identitytoken = "SECRET"',
        "client-key-data: SECRET==",
        "Environment=HTTPS_PROXY=http://user:SECRET@proxy:3128",
        "proxy http://SECRET@proxy:3128 used",
        "Authorization: Bearer SECRET.abc-def",
        'Header = {Authorization = "Basic U0VDUkVUSECRET"}',
        "//server/share /mnt cifs user=me,password=SECRET 0 0",
        '{"auths": {"registry": {"auth": "SECRET"}}}',
        "eyJhbGciSECRET.eyJpc3MiSECRET.c2lnSECRET",
        "kubelet --token SECRET --v=2",
        "certificateKey: SECRET",
        "AWS_SECRET_ACCESS_KEY=SECRETVALUE".replace("SECRET_", "S3CRET_"),
        "http_proxy=http://me:p@SECRET@proxy:3128",
        # as a container's environment stands in /etc/kubernetes/manifests and in patches
        "    - name: DB_PASSWORD\n      value: SECRET, with a comma and blanks\n",
        "    - name: DB_PASSWORD\n      value: |\n        a line\n        SECRET\n    - name: B",
        '    - value: "SECRET"\n      name: DB_PASSWORD\n',
        "env: [{name: DB_PASSWORD, value: SECRET}]",
        '{"env":[{"name":"DB_PASSWORD","value":"a \\"SECRET"}]}',
        '{"last-applied": "{\\"name\\":\\"API_TOKEN\\",\\"value\\":\\"SECRET\\"}"}',
        '  {\n    "name": "DB_PASSWORD",\n    "value": "SECRET"\n  }',
        '{"Backend": {"Type": "ipsec", "PSK": "SECRET"}}',
        '      "PSK": "SECRET"',
        '{"a": 1, "password": "with blanks, a \\" and SECRET", "b": 2}',
        "password: >-\n  a line\n  SECRET\nuser: me",
        "  - --etcd-password\n  - SECRET\n",
        'command: ["etcd", "--etcd-password", "blanks, a \\" and SECRET"]',
        "command: [etcd, --etcd-password, SECRET]",
    ],
)
def test_secrets_go(text):
    said = redact(text)
    assert "SECRET" not in said
    assert "0123456789secret" not in said
    assert "[removed]" in said


@pytest.mark.parametrize(
    "text",
    [
        "--service-account-key-file=/etc/kubernetes/pki/sa.pub",
        "- --tls-private-key-file=/etc/kubernetes/pki/apiserver.key",
        "- --enable-bootstrap-token-auth=true",
        "rotateCertificates: true",
        "2026-11-24T13:00:00 kubelet[7]: Failed to pull image registry.k8s.io/pause:3.10",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "address 192.168.56.10, image docker.io/library/httpd:2.4",
        "- name: NODE_NAME\n  value: node-1\n- name: POD_NAME\n  valueFrom: {fieldRef: {fieldPath: metadata.name}}",
        "docker.io/library/busybox@sha256:0123, https://registry:5000/v2/",
        "- --token-auth\n- --v=2",
    ],
)
def test_what_helps_stays(text):
    assert redact(text) == text


def test_what_stands_beside_a_secret_stays():
    said = redact("- name: DB_PASSWORD\n  value: |\n    SECRET\n- name: NODE_NAME\n  value: node-1\n")
    assert said == "- name: DB_PASSWORD\n  value: [removed]\n- name: NODE_NAME\n  value: node-1\n"
    assert redact('{"auth": "SECRET", "b": "2"}') == '{"auth": "[removed]", "b": "2"}'


def test_a_long_output_keeps_its_end(tmp_path):
    file = tmp_path / "log"
    file.write_text("a" * 50 + "end")
    assert support_collect.read(str(file), 10) == support_collect.CUT + "a" * 7 + "end"
    assert support_collect.run(["printf", "%s", "a" * 50 + "end"], 10, 5).endswith("aend")


def test_what_cannot_be_run_or_read_is_told_in_its_place(tmp_path):
    assert "not run" in support_collect.run(["/no/such"], 10, 5)
    # sudo's path on some distributions lacks where containerd's archive is unpacked
    assert "/usr/local/bin" in support_collect.run(["sh", "-c", "echo $PATH"], 1000, 5)
    assert "exit code 1" in support_collect.run(["false"], 10, 5)
    assert "not read" in support_collect.read(str(tmp_path), 10)


def test_the_archive_is_its_owners_and_nothing_leads_out_of_it(tmp_path):
    path = tmp_path / "support-1.tar.gz"
    support_bundle.write(str(path), [{"name": "node-1/etc/hosts", "text": "x"}, {"name": "/../../up", "text": "y"}])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as archive:
        assert archive.getnames() == ["support-1/node-1/etc/hosts", "support-1/up"]
    with pytest.raises(FileExistsError):
        support_bundle.write(str(path), [])
