"""What the provider waits for before an object counts as made, where its own idea of that takes too long.

For every Service the provider waits until nothing has happened to its endpoints for ten seconds (pulumi-kubernetes:
``provider/pkg/await/service.go``), also where all pods have been ready from the first second on. The pods are waited
for by their Deployments. What is left is the address of a load balancer, which ``url`` needs (docs/adr/0039).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from hubstack.components import existing

SKIP_AWAIT = "pulumi.com/skipAwait"
"""Annotation that tells the provider not to wait for an object."""
WAIT_FOR = "pulumi.com/waitFor"
"""Annotation that tells the provider what to wait for, instead of what it would wait for by itself."""
ADDRESS = "jsonpath={.status.loadBalancer.ingress[0]}"


def service(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Annotations of a Service with what the provider is to wait for; those that it has win.

    A Service that is taken over is there already, and stays as it is.

    Arguments:
        manifest: the Service, as the chart's builders describe it.
    """
    given: dict[str, Any] = manifest["metadata"].get("annotations") or {}
    own = _own(manifest)
    if own is None or not isinstance(given, Mapping) or os.environ.get(existing.UPSERT) == "true":
        return given
    return {own: ADDRESS if own == WAIT_FOR else "true", **given}


def unchanged(manifest: Mapping[str, Any]) -> list[str]:
    """Fields that stay as they are where the Service is there: a stack that was deployed without stays without.

    It is the annotation of the Service's type alone: a Service that is no load balancer any more loses the one that
    would wait for an address.

    Arguments:
        manifest: the Service, as the chart's builders describe it.
    """
    own = _own(manifest)
    return [f'metadata.annotations["{own}"]'] if own else []


def _own(manifest: Mapping[str, Any]) -> str | None:
    """The annotation that a Service of its type gets; None where the type is not known yet."""
    kind = (manifest.get("spec") or {}).get("type", "ClusterIP")
    if not isinstance(kind, str):
        return None
    return WAIT_FOR if kind == "LoadBalancer" else SKIP_AWAIT


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
