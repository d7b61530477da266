"""May a pod run on a node: the rules of kube-scheduler's filters, one function for each.

Not modelled: what depends on other pods (required affinity to pods, ports of the host), and how many volumes a node
takes. `depends_on_others` says where affinity matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from hubstack.capacity import requests
from hubstack.capacity.nodes import UNSCHEDULABLE, Node
from hubstack.capacity.quantities import units
from hubstack.capacity.requests import Spec

Why = Literal["labels", "taint", "resource", "pods", "volume", "spread"]

Reach = Mapping[str, Sequence[Mapping[str, Any]]]
"""By the name of a volume claim: terms of the nodes that reach its volume."""

_KEEPS_AWAY = ("NoSchedule", "NoExecute")
_LARGEST = 2**63


@dataclass(frozen=True)
class Misfit:
    """One reason why a pod may not run on a node."""

    why: Why
    what: str
    """The label, the taint as ``key=value:effect``, or the resource."""
    asked: Fraction = Fraction(0)
    left: Fraction = Fraction(0)

    def in_short(self) -> str:
        """The reason in the scheduler's words."""
        return {
            "labels": "didn't match Pod's node affinity/selector",
            "taint": f"had untolerated taint {{{self.what}}}",
            "resource": f"Insufficient {self.what}",
            "pods": "Too many pods",
            "volume": "didn't match PersistentVolume's node affinity",
            "spread": "didn't match pod topology spread constraints (missing required label)",
        }[self.why]


def misfits(spec: Spec, node: Node, reach: Reach | None = None) -> list[Misfit]:
    """Every reason why a pod may not run on a node; none if it may.

    Arguments:
        spec: the pod's spec.
        node: the node.
        reach: the volumes of which it is known that not every node reaches them.
    """
    return [
        *_labels(spec, node),
        *_taints(spec, node),
        *_volumes(spec, node, reach or {}),
        *_spread(spec, node),
        *_room(spec, node),
    ]


def depends_on_others(spec: Spec, labels: Mapping[str, str]) -> str:
    """Which rule of a pod depends on what else runs, or blank: a required affinity to pods other than itself.

    Arguments:
        spec: the pod's spec.
        labels: the pod's labels: the first pod of a group may run anywhere.
    """
    affinity = (spec.get("affinity") or {}).get("podAffinity") or {}
    for term in affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or []:
        elsewhere = term.get("namespaces") or term.get("namespaceSelector") is not None
        if elsewhere or not selects(term.get("labelSelector"), labels):
            return "a required affinity to other pods"
    return ""


def matches_term(term: Mapping[str, Any], labels: Mapping[str, str], name: str) -> bool:
    """Whether a node is one that a term of a node selector means; a term without conditions means none.

    Arguments:
        term: ``matchExpressions`` and ``matchFields``, all of which must hold.
        labels: the node's labels.
        name: the node's name, the only field that can be matched.
    """
    expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    if not expressions and not fields:
        return False
    return all(matches(each, labels) for each in expressions) and all(
        matches(each, {"metadata.name": name}) for each in fields
    )


def matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels fulfil one expression of a selector, with any operator that selectors of nodes know."""
    key, values = str(expression.get("key")), [str(each) for each in expression.get("values") or []]
    value = labels.get(key)
    match expression.get("operator"):
        case "In":
            return value is not None and value in values
        case "NotIn":
            return value is None or value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            have, limit = _whole(value), _whole(values[0] if len(values) == 1 else None)
            if have is None or limit is None:
                return False
            return have > limit if operator == "Gt" else have < limit
    return False


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Whether a toleration is for a taint."""
    effect, key = toleration.get("effect"), toleration.get("key")
    if effect and effect != taint.get("effect"):
        return False
    if key and key != taint.get("key"):
        return False
    if (toleration.get("operator") or "Equal") == "Exists":
        return True
    return bool(key) and (toleration.get("value") or "") == (taint.get("value") or "")


def untolerated(tolerations: Iterable[Mapping[str, Any]], taints: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The taints that keep a pod away."""
    known = list(tolerations)
    return [
        dict(taint)
        for taint in taints
        if taint.get("effect") in _KEEPS_AWAY and not any(tolerates(each, taint) for each in known)
    ]


def written_taint(taint: Mapping[str, Any]) -> str:
    """A taint as people write it: ``key=value:effect``."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"


def node_terms(spec: Spec) -> list[Mapping[str, Any]] | None:
    """The alternatives of a pod's required node affinity; None where it has none."""
    node = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = node.get("requiredDuringSchedulingIgnoredDuringExecution")
    return None if required is None else list(required.get("nodeSelectorTerms") or [])


def _labels(spec: Spec, node: Node) -> Iterator[Misfit]:
    for key, value in (spec.get("nodeSelector") or {}).items():
        if node.labels.get(key) != str(value):
            yield Misfit("labels", f"{key}={value}")
    terms = node_terms(spec)
    if terms is not None and not any(matches_term(term, node.labels, node.name) for term in terms):
        yield Misfit("labels", " or ".join(map(written_term, terms)) or "nothing")


def _taints(spec: Spec, node: Node) -> Iterator[Misfit]:
    for taint in untolerated(spec.get("tolerations") or [], node.taints):
        yield Misfit("taint", "cordoned" if taint["key"] == UNSCHEDULABLE["key"] else written_taint(taint))


def _volumes(spec: Spec, node: Node, reach: Reach) -> Iterator[Misfit]:
    for volume in spec.get("volumes") or []:
        claim = str((volume.get("persistentVolumeClaim") or {}).get("claimName"))
        if claim in reach and not any(matches_term(term, node.labels, node.name) for term in reach[claim]):
            yield Misfit("volume", claim)


def _room(spec: Spec, node: Node) -> Iterator[Misfit]:
    if node.left_units("pods") < 1:
        yield Misfit("pods", "pods", Fraction(1), node.left("pods"))
    for resource, amount in sorted(requests.of_pod(spec).items()):
        if (count := units(resource, amount)) > 0 and count > node.left_units(resource):
            yield Misfit("resource", resource, amount, node.left(resource))


def _spread(spec: Spec, node: Node) -> Iterator[Misfit]:
    for each in spec.get("topologySpreadConstraints") or []:
        if each.get("whenUnsatisfiable") == "DoNotSchedule" and each.get("topologyKey") not in node.labels:
            yield Misfit("spread", str(each.get("topologyKey")))


def written_term(term: Mapping[str, Any]) -> str:
    """A term of a node selector for people."""
    parts = []
    for each in [*(term.get("matchExpressions") or []), *(term.get("matchFields") or [])]:
        values = [str(value) for value in each.get("values") or []]
        match each.get("operator"):
            case "In" if len(values) == 1:
                parts.append(f"{each.get('key')}={values[0]}")
            case "Exists" | "DoesNotExist" as operator:
                parts.append(f"{'' if operator == 'Exists' else 'no '}{each.get('key')}")
            case operator:
                parts.append(f"{each.get('key')} {operator} {', '.join(values)}")
    return " and ".join(parts) or "nothing"


def _whole(text: str | None) -> int | None:
    """A whole number of 64 bits, as Go reads it."""
    if text is None or not text.isascii() or len(text) > 64:
        return None
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits.isdigit():
        return None
    number = int(text)
    return number if -_LARGEST <= number < _LARGEST else None


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a selector of pods means a pod; no selector means none, an empty one all."""
    if selector is None:
        return False
    wanted = (selector.get("matchLabels") or {}).items()
    return all(labels.get(key) == value for key, value in wanted) and all(
        matches(each, labels) for each in selector.get("matchExpressions") or []
    )
