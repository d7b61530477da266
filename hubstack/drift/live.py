"""What the cluster has, and what it would make of a declared object; nothing of it is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from hubstack.components import api_server
from hubstack.drift.declared import Object
from hubstack.errors import HubstackError
from hubstack.migration.access import Target

_SECONDS = 20
"""How long one answer may take."""
_ASKED = {"dryRun": "All", "fieldManager": "hubstack-drift"}


class Unreadable(HubstackError):
    """The cluster does not let itself be read."""


class Live(Protocol):
    """A cluster that is looked at."""

    def find(self, target: Target) -> Object | None:
        """An object as it is; None where there is none. Raises Unreadable."""

    def as_new(self, target: Target, manifest: Mapping[str, Any]) -> Object | None:
        """What the cluster would keep of an object that it does not have yet; None where it does not say."""

    def autoscaled(self, namespace: str) -> set[tuple[str, str]]:
        """Kind and name of the workloads whose replicas an autoscaler sets."""


class Cluster:
    """A cluster by the official client."""

    def __init__(self, client: Any) -> None:
        """Look at a cluster.

        Arguments:
            client: an ApiClient of the official package.
        """
        self._client = client

    def find(self, target: Target) -> Object | None:
        answer = self._ask("GET", target.path())
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise Unreadable(
                f"{target.kind} {target.name} cannot be read: HTTP {answer.status} {_message(answer) or answer.reason}"
            )
        return answer.document()

    def as_new(self, target: Target, manifest: Mapping[str, Any]) -> Object | None:
        kept = {key: value for key, value in manifest["metadata"].items() if key in ("labels", "annotations")}
        # A name that nobody has: an object of the same name is there already.
        body = {**manifest, "metadata": {**kept, "generateName": "hubstack-drift-"}}
        answer = self._ask("POST", target.path().removesuffix(f"/{target.name}"), body)
        return answer.document() if answer.status in (200, 201) else None

    def autoscaled(self, namespace: str) -> set[tuple[str, str]]:
        answer = self._ask("GET", f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers")
        items = answer.document().get("items") if answer.status == 200 else None
        scaled = [each["spec"]["scaleTargetRef"] for each in items or []]
        return {(each["kind"], each["name"]) for each in scaled}

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> api_server.Answer:
        import urllib3

        try:
            return api_server.request(
                self._client,
                method,
                path,
                query=_ASKED if body else None,
                headers={"Content-Type": "application/json"} if body else None,
                body=body,
                seconds=_SECONDS,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreadable(f"the cluster does not answer: {getattr(error, 'reason', None) or error}") from None


def _message(answer: api_server.Answer) -> str:
    """The server's own words."""
    try:
        return str(answer.document().get("message") or "")
    except (ValueError, AttributeError):
        return ""
