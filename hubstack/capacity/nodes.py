"""The nodes that pods are set against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from hubstack.capacity.quantities import Amounts, units


@dataclass(frozen=True)
class Node:
    """One node, or what a new node of a pool will be."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, str]] = ()
    """Taints as in a node's spec; a node that takes no new pods has the taint that says so."""
    allocatable: Amounts = field(default_factory=dict)
    """What it has for pods, ``pods`` among it: how many there may be."""
    used: Amounts = field(default_factory=dict)
    """What pods on it have asked for, ``pods`` among it."""

    def left(self, resource: str) -> Fraction:
        """How much of a resource is not asked for yet; below zero where the node has shrunk since."""
        return self.allocatable.get(resource, Fraction(0)) - self.used.get(resource, Fraction(0))

    def left_units(self, resource: str) -> int:
        """The same as the scheduler counts it."""
        have = units(resource, self.allocatable.get(resource, Fraction(0)))
        return have - units(resource, self.used.get(resource, Fraction(0)))


UNSCHEDULABLE: Mapping[str, str] = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
"""The taint that stands for a cordon."""


def taints_of(node: Mapping[str, Any]) -> list[dict[str, str]]:
    """Taints of a node object; a cordoned node has one that says so, before Kubernetes has written it."""
    spec = node.get("spec") or {}
    taints = [dict(each) for each in spec.get("taints") or []]
    if spec.get("unschedulable") and not any(each["key"] == UNSCHEDULABLE["key"] for each in taints):
        taints.append(dict(UNSCHEDULABLE))
    return taints
