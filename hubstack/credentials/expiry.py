"""Why an API server may have refused credentials: what can be seen of them without it."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hubstack.credentials import login
from hubstack.credentials.errors import CredentialsError
from hubstack.safe_text import visible

_UNAUTHORIZED, _FORBIDDEN = 401, 403
_NOBODY = "system:anonymous"
"""What the API server calls whoever says nothing about themselves."""


def refusal(kubeconfig: Path, context: str, status: int, message: str) -> CredentialsError | None:
    """The error that an answer means; None where the API server knows who asks, whatever it says to the question.

    Arguments:
        kubeconfig, context: whose credentials were used.
        status: HTTP status of the answer.
        message: what the server says.
    """
    if status == _UNAUTHORIZED:
        ended = _ended(kubeconfig, context)
        login.forget(kubeconfig, context)
        why = ended or f"it says: {visible(message) or 'Unauthorized'}"
        return CredentialsError(
            f"context {visible(context)!r}: the API server does not accept the credentials (HTTP 401): {why}; log in "
            "again, or have new ones made"
        )
    if status == _FORBIDDEN and _NOBODY in message:
        return CredentialsError(
            f"context {visible(context)!r}: the API server takes us for {_NOBODY}: the kubeconfig gives no credentials "
            "that it knows; log in again, or name the right context and user"
        )
    return None


def _ended(kubeconfig: Path, context: str) -> str:
    """What of the credentials has ended, in words; blank where nothing is known to have."""
    try:
        found = login.log_in(kubeconfig, context)
    except CredentialsError as error:
        return str(error)
    if found is None:
        return ""
    user, now = found.user, datetime.now(UTC)
    times = {"what its program gave": found.ends, "the token": _end_of_token(_token(user, kubeconfig.parent))}
    times["the client certificate"] = _end_of_certificate(_certificate(user, kubeconfig.parent))
    ended = [f"{what} ended on {when:%Y-%m-%d at %H:%M} UTC" for what, when in times.items() if when and when <= now]
    if "username" in user and not ended:
        ended = ["no API server since Kubernetes 1.19 accepts a name and a password"]
    return "; ".join(ended)


def _token(user: dict[str, Any], folder: Path) -> str:
    if token := user.get("token"):
        return str(token)
    if provider := (user.get("auth-provider") or {}).get("config"):
        return str(provider.get("id-token") or "")
    return _file(user.get("tokenFile"), folder).decode(errors="replace").strip()


def _certificate(user: dict[str, Any], folder: Path) -> bytes:
    if data := user.get("client-certificate-data"):
        try:
            return base64.b64decode(str(data))
        except binascii.Error:
            return b""
    return _file(user.get("client-certificate"), folder)


def _file(name: Any, folder: Path) -> bytes:
    try:
        return (folder / str(name)).read_bytes() if name else b""
    except (OSError, ValueError):
        return b""


def _end_of_token(token: str) -> datetime | None:
    """When a token ends, where it is one that says so (RFC 7519)."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError):
        return None


def _end_of_certificate(pem: bytes) -> datetime | None:
    if not pem:
        return None
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError:
        return None
