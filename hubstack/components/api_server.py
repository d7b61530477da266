"""The cluster's API server by the official client, for the few questions that no provider answers.

The client's package is imported where it is used: that costs half a second.
"""

from __future__ import annotations

from typing import Any

_IRREGULAR = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses", "Endpoints": "endpoints"}


def client(kubeconfig: str, context: str) -> Any:
    """An ApiClient of the official package.

    Arguments:
        kubeconfig: path of the kubeconfig.
        context: the kubeconfig's context.

    Raises:
        kubernetes.config.ConfigException: the kubeconfig cannot be used.
    """
    import kubernetes

    return kubernetes.config.new_client_from_config(kubeconfig, context)


def plural(kind: str) -> str:
    """Resource name of a kind."""
    lower = kind.lower()
    return _IRREGULAR.get(kind) or (f"{lower}es" if lower.endswith("ss") else f"{lower}s")


def path(version: str, kind: str, namespace: str, name: str) -> str:
    """Where the API server has an object.

    Arguments:
        version: ``apiVersion``, such as ``apps/v1``.
        kind: the object's kind.
        namespace: empty for an object of the whole cluster.
        name: the object's name.
    """
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"/{'apis' if '/' in version else 'api'}/{version}{scope}/{plural(kind)}/{name}"


def get(client: Any, path: str, query: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body of what the API server answers to a question.

    Arguments:
        client: an ApiClient of the official package.
        path: of an object or a list.
        query: parameters such as ``labelSelector``.
    """
    answer = client.call_api(
        *client.param_serialize(
            "GET",
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
    )
    answer.read()
    return answer.status, answer.data
