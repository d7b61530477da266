"""What the stacks' files say that another engine has to know."""

from __future__ import annotations

from typing import Any

from hubstack import project, reading
from hubstack.project import secrets_provider


def stack_file(stack: str) -> dict[str, Any]:
    """Content of a stack's file; nothing where there is none, or none that can be read."""
    try:
        found = reading.yaml_file(project.ROOT / f"Pulumi.{stack}.yaml")
    except reading.Unreadable:
        found = None
    return found if isinstance(found, dict) else {}


def provider(stack: str) -> str | None:
    """The secrets provider that a stack's file names.

    Raises:
        HubstackError: it is none that the engine knows.
    """
    return secrets_provider.named(stack_file(stack), f"Pulumi.{stack}.yaml: secretsprovider")


def needs_passphrase(stack: str) -> bool:
    """Whether a passphrase encrypts a stack's secrets."""
    return secrets_provider.needs_passphrase(stack_file(stack))
