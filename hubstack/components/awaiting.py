"""What the provider waits for before an object counts as made, where its own idea of that takes too long.

For every Service the provider waits until nothing has happened to its endpoints for ten seconds (pulumi-kubernetes:
``provider/pkg/await/service.go``), also where all pods have been ready from the first second on. The pods are waited
for by their Deployments. What is left is the address of a load balancer, which ``url`` needs (docs/adr/0038).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pulumi

from hubstack.components import existing

SKIP_AWAIT = "pulumi.com/skipAwait"
"""Annotation that tells the provider not to wait for an object."""
WAIT_FOR = "pulumi.com/waitFor"
"""Annotation that tells the provider what to wait for, instead of what it would wait for by itself."""
ADDRESS = "jsonpath={.status.loadBalancer.ingress[0]}"


def service(manifest: Mapping[str, Any]) -> Any:
    """Annotations of a Service with what the provider is to wait for; those that it has win.

    A Service that is taken over is there already, and stays as it is. Where its type is an Output, so are they.

    Arguments:
        manifest: the Service, as the chart's builders describe it.
    """
    given = manifest["metadata"].get("annotations") or {}
    if not isinstance(given, Mapping) or os.environ.get(existing.UPSERT) == "true":
        return given
    kind = _type(manifest)
    if isinstance(kind, pulumi.Output):
        return pulumi.Output.all(kind=kind, given=given).apply(lambda known: _marked(known["kind"], known["given"]))
    return _marked(kind, given)


def unchanged(manifest: Mapping[str, Any]) -> list[str]:
    """Fields that stay as they are where the Service is there: a stack that was deployed without stays without.

    It is the annotation of the Service's type alone: a Service that is no load balancer any more loses the one that
    would wait for an address.

    Arguments:
        manifest: the Service, as the chart's builders describe it.
    """
    kind = _type(manifest)
    return [] if isinstance(kind, pulumi.Output) else [f'metadata.annotations["{_own(kind)}"]']


def _type(manifest: Mapping[str, Any]) -> Any:
    """The Service's type: text, an Output, or None, which the cluster reads as ClusterIP."""
    return (manifest.get("spec") or {}).get("type")


def _own(kind: str | None) -> str:
    """The annotation that a Service of a type gets."""
    return WAIT_FOR if kind == "LoadBalancer" else SKIP_AWAIT


def _marked(kind: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    own = _own(kind)
    return {own: ADDRESS if own == WAIT_FOR else "true", **given}


def claim(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Annotations of a volume claim, which the provider is not to wait for.

    When it makes a claim whose class binds at first use, it waits for the claim to be pending; one that was there
    before is bound already, and never pending again (pulumi-kubernetes: ``provider/pkg/await/awaiters.go``). Before
    4.27 it does so when it updates a claim, too. So every claim has the annotation, with every version: a stack that
    goes from one version to the other has nothing to change. A claim that nobody fulfils shows in the wait for the pod
    that needs it.

    Arguments:
        manifest: the claim, as the chart's builders describe it.
    """
    return {**(manifest["metadata"].get("annotations") or {}), SKIP_AWAIT: "true"}
