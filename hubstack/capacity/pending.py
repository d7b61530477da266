"""What the scheduler says of a pod that waits, as a sentence with numbers and a way out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hubstack.capacity import requests, words

_HEAD = re.compile(r"\b0/(?P<nodes>\d+) nodes? (?:is|are) available: (?P<reasons>[^\n]*)")
_NO_NODES = re.compile(r"no nodes available to schedule pods")
_REASON = re.compile(r"(?P<count>\d+) (?P<what>.+)")
_LAST = re.compile(r"\.?\s*(?:no new claims to deallocate\W*)?\s*preemption: .*$", re.DOTALL)


@dataclass(frozen=True)
class _Known:
    pattern: re.Pattern[str]
    says: str
    """``{n}`` stands for ``2 nodes``, named groups of the pattern for themselves."""
    way_out: str


def _known(pattern: str, says: str, way_out: str) -> _Known:
    return _Known(re.compile(pattern), says, way_out)


_KNOWN = (
    _known(
        r"Insufficient (?P<resource>\S+)",
        "{n} too little {resource} left",
        "ask for less, stop servers, or add nodes or larger ones",
    ),
    _known(r"Too many pods", "{n} as many pods as a node may have", "add nodes, or raise the kubelet's maxPods"),
    _known(
        r"node\(s\) had untolerated taint(?:\(s\)|s)?(?: \{(?P<taint>[^}]*)\})?",
        "{n} a taint that the pod does not tolerate ({taint})",
        "add a toleration (singleuser.extraTolerations, or tolerations in the profile), or remove the taint",
    ),
    _known(
        r"node\(s\) didn't match Pod's node affinity(?:/selector)?",
        "{n} not the labels that the pod requires",
        "label the nodes, or change nodeSelector or the node affinity",
    ),
    _known(
        r"node\(s\) didn't satisfy plugin\(s\) \[(?P<plugin>[^\]]*)\]",
        "{n} been ruled out beforehand by what the pod requires ({plugin})",
        "change the pod's node affinity",
    ),
    _known(r"node\(s\) were unschedulable", "{n} a cordon", "uncordon them: kubectl uncordon NODE"),
    _known(
        r"node\(s\) (?:didn't match PersistentVolume's node affinity|had volume node affinity conflict"
        r"|had no available volume zone)",
        "{n} no access to the pod's volume, which is in another zone",
        "add a node in the volume's zone",
    ),
    _known(
        r"node\(s\) exceed max volume count",
        "{n} as many volumes attached as a node may have",
        "add nodes, or use machines that take more volumes",
    ),
    _known(
        r"node\(s\) didn't find available persistent volumes to bind|pod has unbound immediate PersistentVolumeClaims",
        "{n} no volume for the pod's claim",
        "look at the claim and its storage class: kubectl describe pvc",
    ),
    _known(
        r"node\(s\) didn't match pod (?:affinity|anti-affinity)(?:/anti-affinity)? rules",
        "{n} other pods that the pod's affinity does not allow",
        "relax the affinity to pods, or add nodes",
    ),
    _known(
        r"node\(s\) didn't match pod topology spread constraints.*",
        "{n} no place by the rule that spreads pods",
        "relax topologySpreadConstraints, or add nodes",
    ),
    _known(
        r"node\(s\) didn't have free ports for the requested pod ports",
        "{n} the pod's host port taken",
        "do without the host port, or add nodes",
    ),
)


def explained(message: str, spec: Mapping[str, Any] | None = None) -> str | None:
    """A message of the scheduler in plain words, with a way out; None where it is of another kind.

    Arguments:
        message: of the event ``FailedScheduling``, or of the pod's condition ``PodScheduled``.
        spec: the pod's spec, for what it asks for.
    """
    found = _HEAD.search(message)
    if not found and not _NO_NODES.search(message):
        return None
    nodes = int(found["nodes"]) if found else 0
    asked = words.asks(requests.of_pod(spec)) if spec else ""
    intro = f"it waits for a node{f', asking for {asked}' if asked else ''}; "
    if not found or not nodes:
        return f"{intro}the cluster has no node at all. Add nodes, or look at the autoscaler."
    says, ways = [], []
    for count, known, groups in _reasons(found["reasons"]):
        who = f"{count} of {nodes} node{'' if nodes == 1 else 's'} {'has' if count == 1 else 'have'}"
        says.append(known.says.format(n=who, **groups).replace(" ()", ""))
        ways.append(known.way_out)
    if not says:
        return None
    ways = list(dict.fromkeys(ways))
    text = "; or ".join(ways)
    return f"{intro}{', '.join(says)}. {text[:1].upper()}{text[1:]}."


def in_text(text: str) -> list[str]:
    """The same for each line of a longer text, such as an error of the engine; each sentence once."""
    found = [explained(line) for line in text.splitlines()]
    return list(dict.fromkeys(each for each in found if each))


def message_of(pod: Mapping[str, Any]) -> str:
    """What the scheduler says of a pod that has no node; blank where it has one, or nothing was said yet."""
    for each in (pod.get("status") or {}).get("conditions") or []:
        if each.get("type") == "PodScheduled" and each.get("status") == "False":
            return str(each.get("message") or "")
    return ""


def _reasons(text: str) -> Iterator[tuple[int, _Known, dict[str, str]]]:
    """Each reason with its number of nodes."""
    for part in re.split(r", (?=\d+ )", _LAST.sub("", text).strip().rstrip(".")):
        found = _REASON.fullmatch(part.strip())
        if not found:
            continue
        for known in _KNOWN:
            if matched := known.pattern.match(found["what"]):
                groups = {name: value or "" for name, value in matched.groupdict().items()}
                yield int(found["count"]), known, groups
                break
        else:
            other = found["what"].replace("{", "{{").replace("}", "}}")
            yield int(found["count"]), _Known(re.compile(""), "{n}: " + other, "see kubectl describe pod"), {}
