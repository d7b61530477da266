"""The long tests of the fleet run only where somebody asks for them: ``make fleet-test``."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("HUBSTACK_FLEET_TEST") else ["test_*.py"]
