"""What every part of a JupyterHub does alike: turn the chart's manifests into child resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from hubstack.chart.leaf import is_deferred
from hubstack.chart.release import Release, TokenValues
from hubstack.components.kubernetes import CLUSTER_WIDE, KINDS, KubernetesObject

SKIP_AWAIT = "pulumi.com/skipAwait"
"""Annotation that tells the provider not to wait for an object.

When it makes a claim whose class binds at first use, it waits for the claim to be pending; one that was there before is
bound already, and never pending again (pulumi-kubernetes: ``provider/pkg/await/awaiters.go``). Before 4.27 it does so
when it updates a claim, too. So every claim has it, with every version: a stack that goes from one version to the other
has nothing to change. A claim that nobody fulfils shows in the wait for the pod that needs it.
"""

CHECKSUM_PREFIX = "checksum/"
"""Annotations of this kind tell that something changed, not what; a preview shows them although tokens go into them."""


@dataclass(frozen=True, kw_only=True)
class PartArgs:
    """What each part of a JupyterHub is made from."""

    release: Release
    """Names, namespace and values."""
    shadow: Release | None = None
    """The same release with every secret setting replaced by something else; None where no setting is secret.

    Whatever differs between the objects of the two depends on a secret and is handed to the engine as one.
    """
    tokens: TokenValues
    """Generated tokens, as secret outputs."""
    depends_on: Sequence[pulumi.Resource] = ()
    """What must be there before any object of the part: the namespace."""
    kept_checksums: Mapping[str, str] = field(default_factory=dict)
    """Checksum annotations that an adopted pod goes on with, by what they would be: else adoption would restart it."""


class Part(pulumi.ComponentResource):
    """A component whose children are objects that the chart's builders describe."""

    def __init__(self, noun: str, name: str, args: PartArgs, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(f"hubstack:index:{noun}", name, {}, opts)
        self._name = name
        self._args = args

    def _add(
        self,
        builder: Callable[..., dict[str, Any] | None],
        *arguments: Any,
        name: str | None = None,
        depends_on: Sequence[pulumi.Resource | None] = (),
        **options: Any,
    ) -> Any:
        """Register the object that a builder of `chart` describes.

        Arguments:
            builder: called with the release and ``arguments``; returns a manifest, or None for no object.
            arguments: further arguments of the builder.
            name: ending of the logical name; default is the builder's name.
            depends_on: further resources to wait for; None entries are left out.
            options: further resource options.

        Returns:
            The resource, of the class for its kind, or None.
        """
        manifest = builder(self._args.release, *arguments)
        if manifest is None:
            return None
        if self._args.shadow is not None:
            manifest = mark_secrets(manifest, builder(self._args.shadow, *arguments))
        kind = KINDS[manifest["apiVersion"], manifest["kind"]]
        suffix = name or builder.__name__.replace("_", "-")
        waits = [*self._args.depends_on, *(resource for resource in depends_on if resource is not None)]
        opts = pulumi.ResourceOptions(parent=self, depends_on=waits, **options)
        return kind(f"{self._name}-{suffix}", _ready(manifest, self._args), opts)


def mark_secrets(manifest: Any, shadow: Any) -> Any:
    """Mark each leaf of ``manifest`` that differs from ``shadow`` as secret.

    Where the two differ in shape, the whole differing subtree becomes secret. Leaves that are outputs keep the
    secretness they have.
    """
    if is_deferred(manifest):
        return manifest
    if isinstance(manifest, Mapping) and isinstance(shadow, Mapping):
        return {key: mark_secrets(value, shadow.get(key, _ABSENT)) for key, value in manifest.items()}
    if isinstance(manifest, list) and isinstance(shadow, list) and len(manifest) == len(shadow):
        return [mark_secrets(value, other) for value, other in zip(manifest, shadow, strict=True)]
    return manifest if manifest == shadow else pulumi.Output.secret(manifest)


_ABSENT = object()


def _ready(manifest: dict[str, Any], args: PartArgs) -> dict[str, Any]:
    """Add the namespace, hide what a Secret holds and show checksums."""
    metadata = dict(manifest["metadata"])
    if manifest["kind"] not in CLUSTER_WIDE:
        metadata["namespace"] = args.release.namespace
    if manifest["kind"] == "PersistentVolumeClaim":
        metadata["annotations"] = {**(metadata.get("annotations") or {}), SKIP_AWAIT: "true"}
    result = {**manifest, "metadata": metadata}
    if manifest["kind"] == "Secret":
        for field in ("data", "stringData"):
            if field in result:
                result[field] = {key: pulumi.Output.secret(value) for key, value in result[field].items()}
    template = manifest.get("spec", {}).get("template") if isinstance(manifest.get("spec"), Mapping) else None
    if template and (annotations := template.get("metadata", {}).get("annotations")):
        shown = {key: _shown(key, value, args.kept_checksums) for key, value in annotations.items()}
        template = {**template, "metadata": {**template["metadata"], "annotations": shown}}
        result["spec"] = {**manifest["spec"], "template": template}
    return result


def _shown(key: str, value: Any, kept: Mapping[str, str]) -> Any:
    if not key.startswith(CHECKSUM_PREFIX):
        return value
    if is_deferred(value):
        return pulumi.Output.unsecret(value).apply(lambda checksum: kept.get(checksum, checksum))
    return kept.get(value, value)


def resources(*candidates: KubernetesObject | None) -> list[KubernetesObject]:
    """The given resources without the Nones."""
    return [candidate for candidate in candidates if candidate is not None]
