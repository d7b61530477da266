"""The API servers that a dry run asks: one that is made for the review, or those of contexts that somebody named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from hubstack import project, toolchain
from hubstack.cluster import control_plane
from hubstack.components import api_server
from hubstack.configuration import kubeconfig_path
from hubstack.errors import HubstackError
from hubstack.lifecycle import admission

EMBEDDED = "embedded"
"""What stands for a server of the review's own, in place of a context's name."""
STRICT = {**admission.DRY_RUN, "fieldValidation": "Strict"}
"""The query of each question: nothing is stored, and a field that the server does not know is an error."""
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
PLAIN = "application/json"
_ANSWER_SECONDS = 15


@dataclass
class Server:
    """One API server."""

    client: Any
    name: str
    is_embedded: bool
    version: str
    """Its Kubernetes, such as ``1.36.1``."""
    groups: frozenset[str] = frozenset()
    """The API groups that it has."""
    _kinds: dict[str, Mapping[str, tuple[str, bool]]] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, content: str = PLAIN
    ) -> tuple[int, bytes]:
        """Status and body of an answer; status 0 where there is none. What would change something is a dry run."""
        import urllib3

        try:
            answer = api_server.request(
                self.client,
                method,
                path,
                query=STRICT if body is not None else None,
                headers={"Content-Type": content} if body is not None else None,
                body=body,
                seconds=_ANSWER_SECONDS,
            )
        except urllib3.exceptions.HTTPError as error:
            return 0, str(error).encode()
        return answer.status, answer.body

    def kinds(self, version: str) -> Mapping[str, tuple[str, bool]]:
        """The kinds of an ``apiVersion``, each with its resource name and whether it is in a namespace.

        Raises:
            HubstackError: no answer.
        """
        if version not in self._kinds:
            status, body = api_server.get(self.client, f"/{'apis' if '/' in version else 'api'}/{version}")
            if status not in (200, 404):
                raise HubstackError(f"--dry-run {self.name}: the API server says {status} when asked for its kinds")
            found = api_server.Answer(status, "", body).document()["resources"] if status == 200 else []
            self._kinds[version] = {
                each["kind"]: (each["name"], each["namespaced"]) for each in found if "/" not in each["name"]
            }
        return self._kinds[version]

    def make_namespace(self, name: str) -> None:
        """A namespace on a server of the review's own: where there is none, nothing in it is judged."""
        for path, made in (("/api/v1/namespaces", name), (f"/api/v1/namespaces/{name}/serviceaccounts", "default")):
            body = {"metadata": {"name": made}}
            api_server.request(self.client, "POST", path, headers={"Content-Type": PLAIN}, body=body)


@contextmanager
def opened(names: Sequence[str], console: Console) -> Iterator[Mapping[str, Server]]:
    """The servers by name.

    Arguments:
        names: `EMBEDDED`, or contexts of the kubeconfig of whoever runs the review, never of one that a stack names.
        console: told about downloads.

    Raises:
        HubstackError, ClusterError, ToolchainError: one cannot be had, or does not answer.
    """
    contexts = [name for name in dict.fromkeys(names) if name != EMBEDDED]
    found = {name: _server(str(kubeconfig_path(None, project.ROOT)), name) for name in contexts}
    if EMBEDDED not in names:
        yield found
        return
    tools = toolchain.ensure(control_plane.TOOLS, progress=console)
    folder = project.private_folder(project.state_dir() / "cluster" / "dry-run")
    with control_plane.running(folder, tools, console) as kubeconfig:
        yield {**found, EMBEDDED: _server(str(kubeconfig), control_plane.CONTEXT, is_embedded=True)}


def _server(kubeconfig: str, context: str, *, is_embedded: bool = False) -> Server:
    import kubernetes
    import urllib3

    name = EMBEDDED if is_embedded else context
    try:
        client = api_server.client(kubeconfig, context, changes_nothing=True)
        version, groups = (api_server.request(client, "GET", path).document() for path in ("/version", "/apis"))
        return Server(
            client,
            name,
            is_embedded,
            str(version["gitVersion"]).removeprefix("v"),
            frozenset(each["name"] for each in groups["groups"]),
        )
    except (kubernetes.config.ConfigException, urllib3.exceptions.HTTPError, ValueError, KeyError) as error:
        raise HubstackError(f"--dry-run {name}: {error}") from None
