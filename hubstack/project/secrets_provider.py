"""Who encrypts a stack's secrets: a passphrase, or the key service that its file names (`secretsprovider`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubstack.errors import HubstackError

KEYS = ("secretsprovider", "encryptedkey", "encryptionsalt")
"""What a stack's file says about its secrets provider."""
PASSPHRASE = "passphrase"
DEFAULTS = ("default", PASSPHRASE)
"""Of the backend: Pulumi Cloud has a key of its own for each stack, any other backend takes a passphrase."""
SERVICES = ("awskms", "azurekeyvault", "gcpkms", "hashivault")
"""Kinds of key services that the engine knows; a URL begins with one of them."""


def named(document: Mapping[str, Any], where: str) -> str | None:
    """The provider that a stack's file names; None where it names none.

    Arguments:
        document: content of the stack's file.
        where: what names the provider, for the error.

    Raises:
        HubstackError: it is none that the engine knows.
    """
    found = document.get(KEYS[0])
    if found in (None, "") or found in DEFAULTS:
        return found or None
    kind, mark, key = str(found).partition("://")
    if not isinstance(found, str) or kind not in SERVICES or not mark or not key:
        services = ", ".join(f"{each}://KEY" for each in SERVICES)
        raise HubstackError(f"{where}: {found!r}: must be one of {', '.join(DEFAULTS)}, {services}")
    return found


def needs_passphrase(document: Mapping[str, Any]) -> bool:
    """Whether a stack with this file is encrypted by a passphrase, unless its backend is Pulumi Cloud."""
    return _used(document) in (None, *DEFAULTS)


def carried(document: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """What the engine has written about the provider into an earlier copy of a stack's file, where it still holds.

    Arguments:
        document: the stack's file as somebody has written it.
        earlier: the copy.
    """
    if _used(document) not in (None, _used(earlier)) or not any(key in earlier for key in KEYS[1:]):
        return {}  # the key of another provider, or none: somebody has tried one that could not be used
    return {key: earlier[key] for key in KEYS if key in earlier and key not in document}


def lent(document: Mapping[str, Any], state: Mapping[str, Any] | None, stack: str) -> dict[str, Any]:
    """What the state of a known stack says about its provider and its file does not.

    Arguments:
        document: the stack's file.
        state: what the state has under ``secrets_providers``.
        stack: the stack's name, for the error.

    Raises:
        HubstackError: the file names another provider than the one that has encrypted the state.
    """
    found = state or {}
    now = found.get("state") or {}
    services = {"cloud": str(now.get("url")), "service": "default", PASSPHRASE: PASSPHRASE}
    present = services.get(str(found.get("type")))
    if present is None:
        return {}
    wanted = _used(document)
    if wanted not in (None, present) and not (wanted in DEFAULTS and present in DEFAULTS):
        raise HubstackError(
            f"stack {stack}: its file names {wanted} as secretsprovider, and its state is encrypted by {present}. Put "
            f"{present} back into the file, then: pulumi stack change-secrets-provider {wanted!r} --stack {stack}, "
            "which encrypts state and file anew (docs/state.md). Nothing was changed."
        )
    if found.get("type") != "cloud" or "encryptedkey" in document:
        return {}
    return {KEYS[0]: present, "encryptedkey": str(now.get("encryptedkey"))}


def _used(document: Mapping[str, Any]) -> str | None:
    """The provider by which a file's secrets are encrypted; None where it does not say."""
    provider = document.get(KEYS[0])
    return str(provider) if provider else PASSPHRASE if "encryptionsalt" in document else None
