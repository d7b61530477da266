"""The program of a kubeconfig that gives credentials: asked as Kubernetes' clients ask it, but within a limit.

The protocol: kubernetes.io/docs/reference/access-authn-authz/authentication, "client-go credential plugins". The
official Python client asks it, too, but waits for ever, and goes on as nobody in particular where the program fails.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hubstack import reading
from hubstack.credentials import program
from hubstack.credentials.errors import CredentialsError
from hubstack.safe_text import visible
from hubstack.secret_forms import assigned, scrub

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
"""Versions of the protocol that Kubernetes' clients speak, the engine's provider among them."""
_CONFIG = "client.authentication.k8s.io/exec"
"""Name of the extension of a cluster's entry that is meant for the program."""
_LONGEST_COMPLAINT = 400
_HEADER = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Credential:
    """What the program has given."""

    user: Mapping[str, str] = field(repr=False)
    """A kubeconfig's entry of a user with nothing but a token, or a certificate and its key."""
    ends: datetime | None = None
    """When it ends, if the program says so."""


def ask(entry: Mapping[str, Any], cluster: Mapping[str, Any], folder: Path, where: str, seconds: float) -> Credential:
    """Ask the program for credentials.

    Arguments:
        entry: what the kubeconfig has at ``users[].user.exec``.
        cluster: the cluster's entry, which some programs are told.
        folder: of the kubeconfig; a relative path to the program starts there.
        where: how errors name the context.
        seconds: how long the program may take.

    Raises:
        CredentialsError: it gave none; says why, and what to do.
    """
    version, command = entry.get("apiVersion"), entry.get("command")
    if not isinstance(command, str) or not command:
        raise CredentialsError(f"{where}: its exec entry names no command; write it anew with your cloud's own tool")
    what = f"{where}: the program {visible(command)}, which the kubeconfig names for fetching credentials,"
    if version not in VERSIONS:
        raise CredentialsError(
            f"{what} speaks version {visible(version)} of the protocol; Kubernetes' clients speak "
            f"{' and '.join(VERSIONS)}. Bring the program up to date, and write the kubeconfig anew with it"
        )
    if entry.get("interactiveMode") == "Always":
        raise CredentialsError(
            f"{what} wants a terminal (interactiveMode: Always), and the engine has none either; log in first, and set "
            "interactiveMode to IfAvailable"
        )
    ended = _run(entry, command, cluster, folder, what, seconds)
    told = _told(ended.complaint, _secrets(entry))
    if ended.too_long:
        raise CredentialsError(f"{what} prints without end, and was stopped; run it by hand to see what it does")
    if ended.code is None:
        raise CredentialsError(
            f"{what} gave none within {seconds:g} s and was stopped{told}; it may wait for somebody to log in, or for "
            "the network: run it by hand"
        )
    if ended.code:
        how = f"ended with exit code {ended.code}" if ended.code > 0 else f"was ended by {_signal(-ended.code)}"
        raise CredentialsError(f"{what} {how}{told}; log in again, or run it by hand to see what it lacks")
    return _credential(ended.printed, str(version), what)


def _run(
    entry: Mapping[str, Any], command: str, cluster: Mapping[str, Any], folder: Path, what: str, seconds: float
) -> program.Ended:
    path = str(folder / command) if os.sep in command and not os.path.isabs(command) else command
    arguments = [str(each) for each in entry.get("args") or []]
    added = {str(each["name"]): str(each["value"]) for each in entry.get("env") or [] if "name" in each}
    spec: dict[str, Any] = {"interactive": False}
    if entry.get("provideClusterInfo"):
        spec["cluster"] = _cluster_info(cluster)
    request = {"apiVersion": entry["apiVersion"], "kind": "ExecCredential", "spec": spec}
    environment = {**os.environ, **added, "KUBERNETES_EXEC_INFO": json.dumps(request)}
    try:
        return program.run([path, *arguments], environment, seconds)
    except FileNotFoundError:
        place = "is not there" if os.sep in command else "is not on PATH"
        hint = f" ({visible(entry['installHint'])})" if entry.get("installHint") else ""
        raise CredentialsError(f"{what} {place}; install it{hint}, or name another kubeconfig") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its arguments are no text that a program can be given"
        raise CredentialsError(f"{what} cannot be run: {reason}; mend it or the kubeconfig") from None


def _cluster_info(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """The cluster as programs are told of it."""
    keys = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
    known = {key: cluster[key] for key in keys if key in cluster}
    extensions = {each.get("name"): each.get("extension") for each in cluster.get("extensions") or []}
    return {**known, **({"config": extensions[_CONFIG]} if _CONFIG in extensions else {})}


def _credential(printed: bytes, version: str, what: str) -> Credential:
    """What was printed, which nothing is quoted from: half a token is still a secret."""
    try:
        found = reading.from_json(printed.decode(), "")
    except (UnicodeDecodeError, reading.Unreadable):
        found = None
    kind = found.get("kind") if isinstance(found, dict) else None
    if not isinstance(found, dict) or kind != "ExecCredential":
        raise CredentialsError(
            f"{what} printed no ExecCredential in JSON; run it by hand: it may ask or warn on its standard output"
        )
    if found.get("apiVersion") != version:
        raise CredentialsError(
            f"{what} answers in version {visible(found.get('apiVersion'))} of the protocol and was asked in {version}; "
            "write the kubeconfig anew with it"
        )
    status = found.get("status")
    given = {key: value for key, value in status.items() if value} if isinstance(status, dict) else {}
    token, certificate, key = (given.get(each) for each in ("token", "clientCertificateData", "clientKeyData"))
    if token is not None and not (isinstance(token, str) and _HEADER.fullmatch(token)):
        raise CredentialsError(f"{what} gave a token with characters that no token has; run it by hand")
    if bool(certificate) != bool(key) or not (token or certificate):
        lacks = "neither a token nor a certificate" if not (certificate or key) else "only half of certificate and key"
        raise CredentialsError(f"{what} gave {lacks}; log in again, or run it by hand")
    user = {"token": token} if token else {}
    if certificate:
        pair = {"client-certificate-data": certificate, "client-key-data": key}
        user |= {name: base64.b64encode(str(pem).encode()).decode() for name, pem in pair.items()}
    return Credential(user, _time(given.get("expirationTimestamp"), what))


def _time(text: Any, what: str) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        raise CredentialsError(f"{what} gave an expirationTimestamp that is no time; bring it up to date") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _secrets(entry: Mapping[str, Any]) -> list[str]:
    """What the kubeconfig gives the program under a name of secrets; the program may repeat it."""
    variables = [f"{each.get('name')}={each.get('value')}" for each in entry.get("env") or []]
    words = " ".join(str(each) for each in entry.get("args") or [])
    return [value for text in (*variables, words) for value in assigned(text)]


def _told(complaint: str, secrets: list[str]) -> str:
    """The last lines of a complaint, without secrets."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    text = visible(scrub("; ".join(lines[-3:]), secrets))
    shown = text if len(text) <= _LONGEST_COMPLAINT else f"...{text[-_LONGEST_COMPLAINT:]}"
    return f": {shown}" if shown else ", and said nothing"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
