"""Mode ``helm``: the upstream chart as one Helm release, fed with the same values and tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from hubstack.chart.release import TokenValues
from hubstack.chart.tokens import with_tokens
from hubstack.components.kubernetes import plugin_version, provider_before

TIMEOUT_SECONDS = 600
"""How long Helm waits for the release's objects; a first pull of large user images takes minutes."""


@dataclass(frozen=True, kw_only=True)
class HelmReleaseArgs:
    """What the release is made from."""

    release_name: str
    namespace: pulumi.Input[str]
    version: str | None
    """Chart version."""
    repository: str | None
    """Chart repository; None where ``chart`` is a path."""
    chart: str
    """Chart name in the repository, or path of an archive or a folder."""
    values: Mapping[str, Any]
    """The users' values, without defaults; leaves may be secret outputs."""
    tokens: TokenValues
    """Generated tokens; a token that the values set wins."""
    depends_on: Sequence[pulumi.Resource] = ()
    protect: bool = True
    """Refuse to uninstall the release, whose objects include the hub's database volume, and leave it behind when the
    stack is destroyed.
    """


class HelmRelease(pulumi.CustomResource):
    """A ``helm.v3.Release``: installed atomically and awaited, listed by ``helm list`` like any other release."""

    def __init__(self, name: str, args: HelmReleaseArgs, opts: pulumi.ResourceOptions) -> None:
        if provider_before(4, 30) and (nulls := sorted(_nulls(args.values))):
            raise pulumi.RunError(
                f"{', '.join(nulls)}: null: version {plugin_version()} of the Kubernetes provider drops it on the way "
                "to Helm, and the chart's default would stay. Use mode native, or version 4.30 or newer of the "
                "provider. Nothing was changed."
            )
        inputs: dict[str, Any] = {
            "name": args.release_name,
            "namespace": args.namespace,
            "chart": args.chart,
            "version": args.version,
            "values": with_tokens(args.values, args.tokens),
            "atomic": True,
            "timeout": TIMEOUT_SECONDS,
            "createNamespace": False,
            "status": None,
        }
        if args.repository:
            inputs["repositoryOpts"] = {"repo": args.repository}
        merged = pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                version=plugin_version(),
                depends_on=list(args.depends_on),
                protect=args.protect,
                retain_on_delete=args.protect,
            ),
        )
        super().__init__("kubernetes:helm.sh/v3:Release", name, inputs, merged)


def _nulls(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Paths of the nulls in some values, each of which removes a default of the chart."""
    for key, value in values.items():
        if value is None:
            yield f"{above}{key}"
        elif isinstance(value, Mapping):
            yield from _nulls(value, f"{above}{key}.")
