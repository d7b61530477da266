"""Rules of one's own about a stack: read from ``policies.yaml``, judged, and told (ADR 35)."""

from __future__ import annotations

import os
from pathlib import Path

FILE = "policies.yaml"


def exists(root: Path) -> bool:
    """Whether a project has policies: asked before anything else of this room is loaded, which costs time."""
    return os.path.lexists(root / FILE)
