"""What the components of one part of the chart do alike: turn the chart's manifests into child resources."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pulumi

from hubstack.chart.outputs import is_output
from hubstack.chart.proxy import CHECKSUM_DIGITS
from hubstack.chart.release import Release, TokenValues
from hubstack.components import awaiting
from hubstack.components.chart_inputs import ChartInputs
from hubstack.components.kubernetes import CLUSTER_WIDE, KubernetesObject

CHECKSUM_PREFIX = "checksum/"
"""Annotations of this kind tell that something changed, not what; a preview shows them although tokens go into them."""
_CHECKSUM = re.compile(rf"[0-9a-f]{{{CHECKSUM_DIGITS}}}|[0-9a-f]{{64}}")
"""What the program writes there; somebody's own annotation may be something else."""

Kind = TypeVar("Kind", bound=KubernetesObject)


@dataclass(frozen=True, kw_only=True)
class ChartComponentArgs:
    """What each part of a JupyterHub is made from."""

    inputs: ChartInputs
    """The settings of a release whose chart version is modelled."""
    tokens: TokenValues | None = None
    """Generated tokens, as secret outputs; only hub and proxy look at them, and they are not made without."""
    depends_on: Sequence[pulumi.Resource] = ()
    """What must be there before any object of the part: the namespace."""
    kept_checksums: Mapping[str, str] = field(default_factory=dict)
    """Checksum annotations that an adopted pod goes on with, by what they would be: else adoption would restart it."""

    def needed_tokens(self) -> TokenValues:
        """The tokens, for a part that is nothing without them.

        Raises:
            pulumi.RunError: there are none.
        """
        if self.tokens is None:
            raise pulumi.RunError(
                "a hub or a proxy needs tokens, of which there are no defaults; JupyterHub makes them"
            )
        return self.tokens


class ChartComponent(pulumi.ComponentResource):
    """A component whose children are objects that the chart's builders describe.

    Its outputs are the names of its objects in the cluster.
    """

    def __init__(
        self, type_name: str, name: str, args: ChartComponentArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register the component.

        Arguments:
            type_name: the last part of its type.
            name: logical name.
            args: what its objects are made from.
            opts: resource options.
        """
        super().__init__(f"hubstack:index:{type_name}", name, {}, opts)
        self._name = name
        self._args = args
        self._object_names: dict[str, str] = {}

    @property
    def release(self) -> Release:
        """The release, with samples in place of outputs (see `samples`)."""
        assert self._args.inputs.release is not None
        return self._args.inputs.release

    def _add(
        self,
        kind: type[Kind],
        builder: Callable[..., dict[str, Any] | None],
        *arguments: Any,
        name: str | None = None,
        depends_on: Sequence[pulumi.Resource | None] = (),
        **options: Any,
    ) -> Kind | None:
        """Register the object that a builder of the chart describes.

        Arguments:
            kind: class of the object.
            builder: called with the release and ``arguments``; returns a manifest, or None for no object.
            arguments: further arguments of the builder.
            name: ending of the logical name; default is the builder's name.
            depends_on: further resources to wait for; None entries are left out.
            options: further resource options.
        """
        manifest = self._args.inputs.describe(builder, *arguments)
        if manifest is None:
            return None
        suffix = name or builder.__name__.strip("_").replace("_", "-")
        waits = [*self._args.depends_on, *(resource for resource in depends_on if resource is not None)]
        opts = pulumi.ResourceOptions(parent=self, depends_on=waits, **options)
        if manifest["kind"] == "Service":
            kept = pulumi.ResourceOptions(ignore_changes=awaiting.unchanged(manifest))
            opts = pulumi.ResourceOptions.merge(opts, kept)
        self._object_names[suffix] = manifest["metadata"]["name"]
        return kind(f"{self._name}-{suffix}", _ready(manifest, self._args), opts)

    def _add_always(
        self, kind: type[Kind], builder: Callable[..., dict[str, Any]], *arguments: Any, **options: Any
    ) -> Kind:
        """`_add` for an object that every release has."""
        added = self._add(kind, builder, *arguments, **options)
        assert added is not None
        return added

    def _register_object_names(self) -> None:
        """The component's outputs: the name of each of its objects, by the ending of the object's logical name."""
        self.register_outputs(dict(self._object_names))


def _ready(manifest: dict[str, Any], args: ChartComponentArgs) -> dict[str, Any]:
    """Add the namespace, hide what a Secret holds and show checksums."""
    metadata = dict(manifest["metadata"])
    if manifest["kind"] not in CLUSTER_WIDE:
        metadata["namespace"] = args.inputs.namespace
    if manifest["kind"] == "PersistentVolumeClaim":
        metadata["annotations"] = awaiting.claim(manifest)
    if manifest["kind"] == "Service" and (annotations := awaiting.service(manifest)):
        metadata["annotations"] = annotations
    result = {**manifest, "metadata": metadata}
    if manifest["kind"] == "Secret":
        for data in ("data", "stringData"):
            if data in result:
                result[data] = _hidden(result[data])
    template = manifest.get("spec", {}).get("template") if isinstance(manifest.get("spec"), Mapping) else None
    if template and (annotations := template.get("metadata", {}).get("annotations")):
        shown = {key: _shown(key, value, args.kept_checksums) for key, value in annotations.items()}
        template = {**template, "metadata": {**template["metadata"], "annotations": shown}}
        result["spec"] = {**manifest["spec"], "template": template}
    return result


def _hidden(data: Any) -> Any:
    """What a Secret holds, value by value where it is a map already."""
    if not isinstance(data, Mapping):
        return pulumi.Output.secret(data)
    return {key: pulumi.Output.secret(value) for key, value in data.items()}


def _shown(key: str, value: Any, kept: Mapping[str, str]) -> Any:
    if not key.startswith(CHECKSUM_PREFIX):
        return value
    if is_output(value):
        return pulumi.Output.unsecret(value).apply(
            lambda text: kept.get(text, text) if _CHECKSUM.fullmatch(str(text)) else pulumi.Output.secret(text)
        )
    return kept.get(value, value)
