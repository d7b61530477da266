"""The cluster by the official client: one that answers, and what it says when it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubstack.components import api_server
from hubstack.credentials import CredentialsError
from hubstack.errors import HubstackError
from hubstack.project.stacks import Stack

_NOT_ACCEPTED = "the cluster does not accept the credentials any more (HTTP 401); log in again and run the same command"


def client(context: str, kubeconfig: Path, *, changes_nothing: bool = False) -> Any:
    """An ApiClient of the official package.

    Arguments:
        context: the kubeconfig's context.
        kubeconfig: path of the kubeconfig.
        changes_nothing: see `api_server.client`.

    Raises:
        CredentialsError: the kubeconfig gives no credentials that can be used.
        HubstackError: no kubeconfig, no such context, or no answer within seconds.
    """
    import kubernetes
    import pulumi

    from hubstack.components import reachability

    try:
        reachability.check(str(kubeconfig), context)
        return api_server.client(str(kubeconfig), context, changes_nothing=changes_nothing)
    except pulumi.RunError as error:
        raise HubstackError(str(error)) from None
    except kubernetes.config.ConfigException as error:
        raise CredentialsError(f"hubstack:kubeContext: {context!r}: {error}") from None


def of(stack: Stack, *, changes_nothing: bool = False) -> Any:
    """An ApiClient of the official package for a stack's context.

    Raises:
        HubstackError: as for `client`.
    """
    return client(stack.context, stack.kubeconfig_path, changes_nothing=changes_nothing)


def require_login(stack: Stack) -> None:
    """Make sure that the stack's API server answers, and knows who asks, within seconds.

    Raises:
        CredentialsError: there are no credentials, or it does not accept them.
        HubstackError: it does not answer.
    """
    import urllib3

    made = of(stack)
    try:
        api_server.require_login(made, str(stack.kubeconfig_path), stack.context)
    except urllib3.exceptions.HTTPError as error:
        raise HubstackError(
            f"hubstack:kubeContext: {stack.context!r}: its API server cannot be reached: {error}. Nothing was changed."
        ) from None


@dataclass(frozen=True)
class Target:
    """One object of the cluster."""

    version: str
    """``apiVersion``, such as ``apps/v1``."""
    kind: str
    namespace: str
    """Empty for an object of the whole cluster."""
    name: str

    def path(self) -> str:
        """Where the API server has it."""
        return api_server.path(self.version, self.kind, self.namespace, self.name)


def read(client: Any, target: Target, seconds: float | None = None) -> dict[str, Any] | None:
    """An object as it is; None where there is none.

    Arguments:
        client: an ApiClient of the official package.
        target: the object.
        seconds: how long the answer may take, where that is shorter than usual.

    Raises:
        HubstackError: the cluster refuses.
    """
    status, body = _request(client, "GET", target, seconds=seconds)
    return None if status == 404 else body


def patch(client: Any, target: Target, change: Mapping[str, Any], manager: str = "hubstack") -> bool:
    """Merge a change into an object; False where somebody has changed the object since it was read.

    Arguments:
        client: an ApiClient of the official package.
        target: the object.
        change: what becomes different (RFC 7386); with a ``resourceVersion`` only if the object still has it.
        manager: who owns the changed fields afterwards.

    Raises:
        HubstackError: the cluster refuses.
    """
    status, _ = _request(client, "PATCH", target, change, manager)
    return status != 409


def _request(
    client: Any,
    method: str,
    target: Target,
    body: Mapping[str, Any] | None = None,
    manager: str = "",
    seconds: float | None = None,
) -> tuple[int, dict[str, Any]]:
    answer = api_server.request(
        client,
        method,
        target.path(),
        query={"fieldManager": manager} if manager else None,
        headers={"Content-Type": "application/merge-patch+json"} if body else None,
        body=body,
        seconds=seconds,
    )
    if answer.status == 401:
        raise CredentialsError(f"{target.kind} {target.name}: {_NOT_ACCEPTED}")
    if answer.status == 403:
        message = f"{target.kind} {target.name}: {api_server.message(answer)}"
        raise HubstackError(f"{message} (HTTP 403); have that permission given, or use another account")
    if answer.status >= 400 and answer.status not in (404, 409):
        raise HubstackError(f"{target.kind} {target.name}: HTTP {answer.status} {answer.reason}; run it again")
    return answer.status, answer.document()


def explained(error: Exception) -> str | None:
    """What the cluster answered, where an error is a refusal or a missing answer of its; None where it is another one.

    Recognised by the package, which is imported only where it is used: that costs half a second.
    """
    package = type(error).__module__.partition(".")[0]
    if package == "urllib3":
        return f"the cluster does not answer any more: {error}; run the same command again"
    if package != "kubernetes" or not hasattr(error, "status"):
        return None
    try:
        message = str(json.loads(getattr(error, "body", None) or "{}")["message"])
    except (ValueError, KeyError, TypeError):
        message = str(getattr(error, "reason", None) or error)
    if error.status == 401:
        return f"{_NOT_ACCEPTED}: {message}"
    hint = "; your account lacks a permission" if error.status == 403 else "; run the same command again"
    return f"the cluster refused: {message}{hint}"
