"""Names that KubeSpawner makes of user names, under both of its schemes.

KubeSpawner 7 names by the scheme ``safe``, older ones by ``escape``. A home volume is found by its name alone, so both
are computed here, without KubeSpawner; a test compares them with its own.
"""

from __future__ import annotations

import hashlib
import re
import string
from typing import Literal

Scheme = Literal["safe", "escape"]

DEFAULT_TEMPLATE = "claim-{user_server}"
"""KubeSpawner's own template of a home volume's name."""

MAX_LENGTH = 48
"""Longest slug that goes into a name."""

_HASH_DIGITS = 8
_VALID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


def escape(name: str) -> str:
    """The older scheme: every byte but small letters and digits as ``-`` and its hex digits."""
    kept = set(string.ascii_lowercase + string.digits)
    return "".join(each if each in kept else "".join(f"-{byte:x}" for byte in each.encode()) for each in name)


def safe(name: str, max_length: int = MAX_LENGTH) -> str:
    """The newer scheme: the name itself where Kubernetes allows it, else what can be read of it and a hash.

    Arguments:
        name: name of a user or a server.
        max_length: longest result.
    """
    if "--" not in name and len(name) <= max_length and _VALID.fullmatch(name):
        return name
    return f"{_readable(name, max_length - _HASH_DIGITS - 3)}---{_digest(name.encode())}"


def safe_pair(user: str, server: str, max_length: int = MAX_LENGTH) -> str:
    """User and server in one slug, the shorter way where it fits."""
    user_slug, server_slug = safe(user, max_length), safe(server, max_length) if server else ""
    if len(user_slug) + len(server_slug) + 2 > max_length:
        each = (max_length - _HASH_DIGITS - 1) // 2 - 2
        joined = f"{_readable(user, each)}--{_readable(server, each)}"
        return f"{joined}---{_digest(user.encode() + bytes([255]) + server.encode())}"
    return f"{user_slug}--{server_slug}" if server else user_slug


def claim_name(template: str, scheme: Scheme, user: str, server: str = "", namespace: str = "") -> str | None:
    """Name of a home volume claim.

    Arguments:
        template: as in ``pvcNameTemplate``.
        scheme: the configured scheme.
        user: name of the user as the hub knows it.
        server: name of the server; blank for the default one.
        namespace: the hub's.

    Returns:
        The name, or None where the template asks for what only the hub knows, such as ``{userid}``.
    """
    escaped_pair = f"{escape(user)}--{escape(server)}"
    both: dict[Scheme, dict[str, str]] = {
        "safe": {
            "username": safe(user),
            "servername": safe(server) if server else "",
            "user_server": safe_pair(user, server),
        },
        "escape": {
            "username": escape(user),
            "servername": escape(server),
            "user_server": escaped_pair if server else escape(user),
        },
    }
    fields = {
        "unescaped_username": user,
        "unescaped_servername": server,
        "hubnamespace": "user" if namespace == "default" else namespace,
        "namespace": namespace,
        **both[scheme],
        **{f"safe_{key}": value for key, value in both["safe"].items()},
        **{f"escaped_{key}": value for key, value in both["escape"].items()},
        "escaped_user_server": escaped_pair,
    }
    try:
        name = template.format(**fields)
    except (KeyError, IndexError, ValueError, AttributeError):
        return None
    return name if template.endswith("-") else name.rstrip("-")


def guess(slug: str) -> Scheme | None:
    """The scheme that a slug looks like, or None where it could be of either."""
    if re.search(rf"---[0-9a-f]{{{_HASH_DIGITS}}}$", slug):
        return "safe"
    return (
        "escape" if re.search(r"-(2[1-9a-f]|3[a-f]|4[0-9a-f]|5[0-9a-f]|60|7[b-e]|c[2-9a-f]|d[0-9a-f])", slug) else None
    )


def _readable(name: str, max_length: int) -> str:
    """What can be read of a name: small letters, digits and single dashes, a letter first."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).lstrip("-")[:max_length].rstrip("-")
    if text and text[0] not in string.ascii_lowercase:
        text = "x-" + text[: max_length - 2]
    return text or "x"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]
