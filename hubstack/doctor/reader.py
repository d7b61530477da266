"""Reading a cluster, and nothing else: there is no request here that could change an object."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from hubstack.components import api_server, reachability
from hubstack.credentials import CredentialsError, refusal
from hubstack.deadline import within
from hubstack.lifecycle.admission import DRY_RUN

Object = dict[str, Any]
"""A Kubernetes object as it is on the wire."""

TIMEOUT_SECONDS = 10
"""How long one answer may take."""

CONNECT_SECONDS = 10.0
"""How long the cluster may take to say its version."""

METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Asks for names and labels alone, so that the content of Secrets never leaves the cluster."""

_PAGE = 500
_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class ReadError(Exception):
    """The cluster gave no usable answer.

    Arguments:
        status: HTTP status; 0 where the server could not be reached.
        message: what the server or the network said.
    """

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


@dataclass(frozen=True, order=True)
class Access:
    """One thing that somebody may or may not do."""

    verb: str
    group: str
    """API group; blank for the core group."""
    resource: str
    """Resource, with its subresource after a slash."""
    namespace: str = ""
    """Blank: cluster-wide."""
    name: str = ""


class Reader(Protocol):
    """A cluster as the checks see it."""

    server: str
    """URL of the API server."""

    def get(self, path: str) -> Object:
        """GET an object. Raises ReadError."""

    def find(self, path: str) -> Object | None:
        """GET an object, or None if it does not exist. Raises ReadError."""

    def items(self, path: str, selector: str = "", *, metadata_only: bool = False) -> list[Object]:
        """All objects of a list; none where the cluster does not know the kind. Raises ReadError."""

    def allowed(self, access: Access) -> bool:
        """Whether the kubeconfig's user may do this (SelfSubjectAccessReview). Raises ReadError."""

    def dry_run(self, path: str, body: Object) -> tuple[int, str]:
        """Status and message of what the API server says to a new object, which it does not store."""


class KubeReader:
    """The cluster of one context, through the official client: it knows every way to log in."""

    def __init__(self, kubeconfig: str, context: str, seconds: float | None = None) -> None:
        """Read the kubeconfig and fetch its credentials; nothing is sent to the cluster yet.

        Arguments:
            kubeconfig: path of the file.
            context: the context to use, never the current one by accident.
            seconds: how long fetching the credentials may take.

        Raises:
            CredentialsError: the kubeconfig gives none.
            ReadError: no such file or context, or a file that cannot be understood.
        """
        import kubernetes

        try:
            self._client = api_server.client(kubeconfig, context, changes_nothing=True, seconds=seconds)
        except (kubernetes.config.ConfigException, OSError, ValueError, TypeError, KeyError) as error:
            raise ReadError(0, f"{kubeconfig}: {error}") from None
        self.server = str(self._client.configuration.host)

    def get(self, path: str) -> Object:
        return self._request("GET", path)

    def find(self, path: str) -> Object | None:
        try:
            return self.get(path)
        except ReadError as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str, selector: str = "", *, metadata_only: bool = False) -> list[Object]:
        found: list[Object] = []
        query = {"limit": str(_PAGE), **({"labelSelector": selector} if selector else {})}
        accept = METADATA_ONLY if metadata_only else "application/json"
        while True:
            try:
                page = self._request("GET", f"{path}?{urllib.parse.urlencode(query)}", accept=accept)
            except ReadError as error:
                if error.status == 404:
                    return found
                raise
            found += page.get("items") or []
            query["continue"] = (page.get("metadata") or {}).get("continue") or ""
            if not query["continue"]:
                return found

    def allowed(self, access: Access) -> bool:
        resource, _, subresource = access.resource.partition("/")
        attributes = {**asdict(access), "resource": resource, "subresource": subresource}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
        }
        return bool((self._request("POST", _REVIEW, body).get("status") or {}).get("allowed"))

    def dry_run(self, path: str, body: Object) -> tuple[int, str]:
        try:
            self._request("POST", f"{path}?{urllib.parse.urlencode(DRY_RUN)}", body)
        except ReadError as error:
            return error.status, str(error)
        return 200, ""

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, accept: str = "application/json"
    ) -> Object:
        import kubernetes
        import urllib3

        headers = {"Accept": accept, **({"Content-Type": "application/json"} if body else {})}
        try:
            answer = api_server.request(self._client, method, path, headers=headers, body=body, seconds=TIMEOUT_SECONDS)
        except kubernetes.client.ApiException as error:
            raise ReadError(error.status or 0, _message(error.body) or str(error.reason)) from None
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ReadError(0, str(getattr(error, "reason", None) or error)) from None
        if answer.status >= 400:
            raise ReadError(answer.status, _message(answer.body) or answer.reason)
        try:
            document = answer.document()
        except ValueError:
            raise ReadError(answer.status, "the answer is not of a Kubernetes API server") from None
        return document if isinstance(document, dict) else {}


@dataclass(frozen=True)
class Connection:
    """The cluster, or why there is none to look at."""

    reader: KubeReader | None = None
    version: str = ""
    """Kubernetes version."""
    unreachable: str = ""
    """Why it cannot be reached."""
    no_credentials: str = ""
    """Why it does not know who asks."""

    @property
    def problem(self) -> str:
        """Why there is no reader."""
        return self.unreachable or self.no_credentials


def connect(kubeconfig: str, context: str, seconds: float = CONNECT_SECONDS) -> Connection:
    """The cluster and its version, or why it cannot be looked at.

    Arguments:
        kubeconfig: path of the file.
        context: the context to use.
        seconds: how long fetching the credentials may take, and how long the cluster's answers.
    """
    try:
        reader = KubeReader(kubeconfig, context, seconds)
        return within(seconds, lambda: _connected(reader, kubeconfig, context))
    except CredentialsError as failure:
        return Connection(no_credentials=str(failure), unreachable=_closed(kubeconfig, context))
    except (ReadError, TimeoutError) as failure:
        return Connection(unreachable=str(failure))


def _closed(kubeconfig: str, context: str) -> str:
    """Why the API server accepts no connection, which takes no credentials; blank where it does."""
    import pulumi

    try:
        reachability.check(kubeconfig, context)
    except pulumi.RunError as failure:
        return str(failure)
    return ""


def _connected(reader: KubeReader, kubeconfig: str, context: str) -> Connection:
    """Ask for the version, which everybody may see, and for something that only those may whom the cluster knows."""
    answers = {}
    for path in ("/version", "/api"):
        try:
            answers[path] = reader.get(path)
        except ReadError as failure:
            if refused := refusal(Path(kubeconfig), context, failure.status, str(failure)):
                return Connection(no_credentials=str(refused))
            if not failure.status:
                return Connection(unreachable=f"its API server {reader.server} cannot be reached: {failure}")
            if path == "/version":
                return Connection(
                    unreachable=f"its API server {reader.server} refuses: {failure} (HTTP {failure.status})"
                )
    return Connection(reader, str(answers["/version"].get("gitVersion") or ""))


def _message(body: str | bytes | None) -> str:
    """The server's own words in the body of an error."""
    try:
        return str(json.loads(body or "")["message"])
    except (ValueError, KeyError, TypeError):
        return ""
