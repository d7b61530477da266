"""From mode native to a release of Helm: the objects get Helm's marks, and Helm gets a record of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hubstack.chart import helm_yaml
from hubstack.chart.release import APP_VERSION, CHART_NAME, CHART_VERSION
from hubstack.components.kubernetes import CLUSTER_WIDE
from hubstack.engine.state import COMPONENT, HELM_RELEASE, NAMESPACE, STORAGE_CLASS, Resource, State, revealed
from hubstack.errors import HubstackError
from hubstack.migration import access, helm_storage
from hubstack.project.stacks import Stack

Object = Mapping[str, Any]

_BOTH_MODES = (
    *(f"{COMPONENT}{noun}" for noun in ("JupyterHub", "Tokens", "StorageClass")),
    NAMESPACE,
    STORAGE_CLASS,
    HELM_RELEASE,
)
"""Resources that mode helm has, too."""
_FOR_ENGINE = "pulumi.com/"
"""Begin of annotations that speak to the provider alone."""


def objects(state: State) -> list[Object]:
    """The objects of mode native in a state that was exported with its secrets, as Helm would have them."""
    return [
        _as_helm_has_it({key: value for key, value in revealed(each.inputs).items() if not key.startswith("__")})
        for each in state.resources
        if each.is_kubernetes and _is_native_only(each) and each.inputs
    ]


def forget_objects(state: State) -> State:
    """A state without the objects of mode native and their components; the cluster keeps all of it."""
    return state.where(lambda each: not _is_native_only(each))


def refuse_unfinished(stack: Stack, state: State) -> None:
    """Refuse to hand over what an interrupted update has left half done.

    Raises:
        HubstackError: operations are pending, so nobody knows what the cluster has.
    """
    if count := state.unfinished:
        raise HubstackError(
            f"stack {stack.name}: an update was interrupted, {count} operations are pending; end it first, with the "
            f"settings as they were: hubstack up --stack {stack.name}. Nothing was changed."
        )


def create_release(
    client: Any, namespace: str, release: str, manifests: Sequence[Object], values: Mapping[str, Any]
) -> helm_storage.Record:
    """Make Helm the manager of objects; can be repeated after an interruption, and restarts nothing.

    Arguments:
        client: an ApiClient of the official package.
        namespace: where the release is to be.
        release: its name.
        manifests: the objects.
        values: the users' settings, for the record.

    Raises:
        HubstackError: Helm has a release of that name, and an operation on it is unfinished.
    """
    known = helm_storage.records(client, namespace, release)
    if known:
        helm_storage.deployed(client, namespace, release)
    if not known or known[-1].values != values:
        for manifest in manifests:
            _mark(client, namespace, release, manifest)
        helm_storage.write(
            client,
            namespace,
            release,
            {
                "chart": {
                    "metadata": {
                        "name": CHART_NAME,
                        "version": CHART_VERSION,
                        "appVersion": APP_VERSION,
                        "apiVersion": "v2",
                        "type": "application",
                    },
                    "templates": [],
                    "values": {},
                    "files": [],
                },
                "config": dict(values),
                "manifest": "".join(f"---\n{helm_yaml.dump(each)}" for each in manifests),
            },
        )
    return helm_storage.deployed(client, namespace, release)


def _is_native_only(each: Resource) -> bool:
    return (each.is_kubernetes or each.type.startswith(COMPONENT)) and each.type not in _BOTH_MODES


def _as_helm_has_it(manifest: Object) -> Object:
    metadata = manifest["metadata"]
    annotations = {
        key: text for key, text in (metadata.get("annotations") or {}).items() if not key.startswith(_FOR_ENGINE)
    }
    labels = {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
    return {**manifest, "metadata": {**metadata, "labels": labels, "annotations": annotations}}


def _mark(client: Any, namespace: str, release: str, manifest: Object) -> None:
    """Put on a live object by what Helm recognises its own (Helm: ``pkg/action/validate.go``)."""
    version, kind, name = manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"]
    annotations = {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace}
    scope = "" if kind in CLUSTER_WIDE else manifest["metadata"].get("namespace", namespace)
    metadata = {
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {**annotations, f"{_FOR_ENGINE}skipAwait": None},
    }
    access.patch(client, access.Target(version, kind, scope, name), {"metadata": metadata}, "helm")
