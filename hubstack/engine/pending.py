"""What an interrupted operation has left in a state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def unfinished(deployment: Mapping[str, Any]) -> int:
    """Number of operations that were under way, those included that an interrupted recovery has noted already."""
    return len(deployment.get("pending_operations") or []) + unrefreshed(deployment)


def unrefreshed(deployment: Mapping[str, Any]) -> int:
    """Number of objects that a recovery has put into the state and that no refresh has looked at yet.

    The provider cannot work with them: a recovery that was killed before its refresh must be done again.
    """
    return sum(
        str(resource.get("type")).startswith("kubernetes:") and bool(resource.get("id")) and not resource.get("outputs")
        for resource in deployment.get("resources") or []
    )
