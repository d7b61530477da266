"""What may never be lost or made anew: volumes, tokens, the namespace, and a release that Helm can still manage."""

from __future__ import annotations

from collections.abc import Mapping

from hubstack.cluster.api import ApiClient

_NOT_TOKENS = "values.yaml"


def data(client: ApiClient, namespace: str) -> dict[str, str]:
    """Identity of everything in a namespace that holds data.

    Arguments:
        client: the cluster's administrator.
        namespace: where the hub is.

    Returns:
        The uid of the namespace and of each volume claim, the volume that a claim is bound to, and each token.
    """
    found: dict[str, str] = {}
    space = client.find(f"/api/v1/namespaces/{namespace}")
    if space is None:
        return found
    found["namespace"] = space["metadata"]["uid"]
    for claim in client.get(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")["items"]:
        name = claim["metadata"]["name"]
        found[f"claim {name}"] = claim["metadata"]["uid"]
        if volume := claim["spec"].get("volumeName"):
            found[f"volume of {name}"] = volume
    secret = client.find(f"/api/v1/namespaces/{namespace}/secrets/hub")
    for key, text in ((secret or {}).get("data") or {}).items():
        if key != _NOT_TOKENS:
            found[f"token {key}"] = text
    return found


def losses(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What was there before and is gone, or is another one now."""
    return sorted(
        f"{name}: {'gone' if name not in after else 'another one'}"
        for name, identity in before.items()
        if after.get(name) != identity
    )


def managed_by(client: ApiClient, namespace: str) -> str:
    """``helm`` where Helm finds a deployed release, else ``stack``."""
    path = f"/api/v1/namespaces/{namespace}/secrets?labelSelector=owner%3Dhelm%2Cstatus%3Ddeployed"
    return "helm" if client.get(path)["items"] else "stack"
