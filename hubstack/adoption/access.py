"""The cluster by the official client: one that answers, and what it says when it refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hubstack.errors import HubstackError


def client(context: str, kubeconfig: str | None) -> Any:
    """An ApiClient of the official package.

    Arguments:
        context: the kubeconfig's context.
        kubeconfig: path of the kubeconfig; None for the usual places.

    Raises:
        HubstackError: no kubeconfig, no such context, or no answer within seconds.
    """
    import kubernetes
    import pulumi

    from components import reachability

    path = str(Path(kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config").expanduser())
    try:
        reachability.check(path, context)
        return kubernetes.config.new_client_from_config(path, context)
    except pulumi.RunError as error:
        raise HubstackError(str(error)) from None
    except kubernetes.config.ConfigException as error:
        raise HubstackError(f"hubstack:kubeContext: {context!r}: {error}") from None


def said(error: Exception) -> str | None:
    """What the cluster said where an error is a refusal or a silence of its; None where it is something else.

    Told by the package, which is imported only where it is used: that costs half a second.
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
    hint = "; your account lacks a permission" if error.status in (401, 403) else "; run the same command again"
    return f"the cluster refused: {message}{hint}"
