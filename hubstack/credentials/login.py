"""Who a kubeconfig's context is, with what its program gives in the place of the program."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hubstack import reading
from hubstack.credentials import exec_plugin
from hubstack.credentials.errors import CredentialsError
from hubstack.credentials.exec_plugin import Credential
from hubstack.safe_text import visible

SECONDS = 15.0
"""How long a program may take for the credentials; the clouds' own take up to five."""
_KEPT_SECONDS = 60.0
"""How long credentials are used again that do not say when they end."""
_MARGIN = timedelta(seconds=60)
"""So long before their end they are fetched anew."""
_GONE = {
    "gcp": "install gke-gcloud-auth-plugin, then: gcloud container clusters get-credentials",
    "azure": "install kubelogin, then: kubelogin convert-kubeconfig",
}
"""Ways to log in that Kubernetes' clients had built in up to version 1.25, and what has taken their place."""
_FILES = {"tokenFile": "token", "client-certificate": "client certificate", "client-key": "key"}
"""Keys of a user's entry that name a file."""


@dataclass(frozen=True)
class Login:
    """Who a context is."""

    where: str
    """Context and user, as errors name them."""
    document: dict[str, Any] = field(repr=False)
    """The kubeconfig, in which the user's own program is replaced by what it gave."""
    user: dict[str, Any] = field(repr=False)
    """The user's entry in it; empty for nobody in particular."""
    provider: str | None = None
    """A built-in way to log in that the official client has to go: ``oidc``."""
    ends: datetime | None = None
    """When what the program gave ends."""


def log_in(kubeconfig: Path, context: str, seconds: float | None = None) -> Login | None:
    """Fetch the credentials of a context; None where the kubeconfig has no such context or is none.

    What a program gives is kept in memory, and used again as long as it holds.

    Arguments:
        kubeconfig: path of the file.
        context: the context.
        seconds: how long a program may take; `SECONDS` if left out.

    Raises:
        CredentialsError: there are none; says why, and what to do.
    """
    try:
        document = reading.yaml_file(kubeconfig)
        chosen = _entry(document, "context", context)
        name = chosen.get("user")
        user, cluster = _entry(document, "user", name), _entry(document, "cluster", chosen.get("cluster"))
    except (reading.Unreadable, TypeError, KeyError, AttributeError):
        return None
    where = f"context {visible(context)!r}, user {visible(name)!r}"
    if name and not user and not any(each.get("name") == name for each in document.get("users") or []):
        raise CredentialsError(f"{where}: the kubeconfig {kubeconfig} has no such user; write it anew")
    _require_files(user, kubeconfig.parent, where)
    provider = (user.get("auth-provider") or {}).get("name")
    if provider in _GONE or (provider and provider != "oidc"):
        how = _GONE.get(str(provider), "write the kubeconfig anew with your cloud's own tool")
        raise CredentialsError(
            f"{where}: Kubernetes' clients have no auth-provider {visible(provider)} any more; {how}"
        )
    if "exec" not in user or user.get("token") or user.get("tokenFile"):  # a token goes first, as for kubectl
        return Login(where, document, user, provider)
    given = _given(user["exec"] or {}, cluster, kubeconfig, context, where, seconds or SECONDS)
    rest = {key: value for key, value in user.items() if key != "exec"}
    logged_in = {**rest, **given.user}
    users = [{**each, "user": logged_in} if each.get("name") == name else each for each in document["users"]]
    return Login(where, {**document, "users": users}, logged_in, ends=given.ends)


def forget(kubeconfig: Path, context: str) -> None:
    """Forget what a program gave for a context: the cluster does not accept it."""
    for key in [key for key in _known if key[:2] == (str(kubeconfig), context)]:
        _known.pop(key, None)


_Key = tuple[str, str, str]
_known: dict[_Key, tuple[Credential, float]] = {}
"""What programs gave, with the time of this process' clock until which it is used."""
_turns: defaultdict[_Key, threading.Lock] = defaultdict(threading.Lock)
"""Stacks of one cluster that are deployed side by side wait for one call of its program."""
_taking_turns = threading.Lock()


def _given(
    entry: Mapping[str, Any], cluster: Mapping[str, Any], kubeconfig: Path, context: str, where: str, seconds: float
) -> Credential:
    """What the program gives, or has given."""
    key = (str(kubeconfig), context, json.dumps([entry, cluster]))
    with _taking_turns:
        turn = _turns[key]
    with turn:
        found, until = _known.get(key, (None, 0.0))
        if found is None or time.monotonic() >= until:
            found = exec_plugin.ask(entry, cluster, kubeconfig.parent, where, seconds)
            left = (found.ends - _MARGIN - datetime.now(UTC)).total_seconds() if found.ends else _KEPT_SECONDS
            _known[key] = (found, time.monotonic() + left)
        return found


def _entry(document: Any, kind: str, name: Any) -> dict[str, Any]:
    """A named entry of a kubeconfig; empty where a user is not there. Raises KeyError for a context or cluster."""
    found = {each["name"]: each.get(kind) or {} for each in document.get(f"{kind}s") or []}
    entry: dict[str, Any] = found.get(name, {}) if kind == "user" else found[name]
    return dict(entry)


def _require_files(user: Mapping[str, Any], folder: Path, where: str) -> None:
    """Make sure that the files of a user's entry can be read, where the entry has not their content as well."""
    for key, what in _FILES.items():
        if not user.get(key) or user.get(f"{key}-data") or (key == "tokenFile" and user.get("token")):
            continue
        try:
            (folder / str(user[key])).read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no path of a file"
            raise CredentialsError(
                f"{where}: the file of its {what}, {visible(user[key])}, cannot be read: {reason}; get a new one, or "
                "mend the kubeconfig"
            ) from None
