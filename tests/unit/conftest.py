# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets tests import the collection by its full name, from this checkout."""

import os
import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))

# The same examples each time, so that what is green stays green; PODPATH_LONG looks further.
settings.register_profile("bounded", derandomize=True, deadline=None, database=None, max_examples=100)
settings.register_profile("long", deadline=None, database=None, max_examples=5000)
settings.load_profile("long" if os.environ.get("PODPATH_LONG") else "bounded")
