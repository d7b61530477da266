"""Do users' servers fit on the nodes, and does a pod wait for one?"""

from __future__ import annotations

from collections.abc import Iterator

from hubstack import project
from hubstack.capacity import live, pending, pools, report, words, worlds
from hubstack.capacity.judge import Verdict
from hubstack.doctor.finding import Finding, error, note, some, warning
from hubstack.doctor.subject import Subject
from hubstack.errors import HubstackError

_READS = "set what decides about pods in the values, where it can be read"


def capacity(subject: Subject) -> Iterator[Finding]:
    """Every profile's pod, and the hub's own, may run on a node that is there or that the pools file tells of."""
    described = None
    if file := report.pools_file(subject.settings, project.ROOT):
        try:
            described = pools.read(file)
        except HubstackError as failure:
            yield error(
                str(failure).replace("\n", "; "),
                "hubstack:poolsFile cannot be used, so pools without a node are not known",
                "correct the file, or write it anew with `hubstack pools record`",
            )
    world = worlds.of_cluster(live.read(subject.cluster, subject.namespace), described)
    found = report.of_stack(subject.name, subject.settings, subject.objects, world, subject.config.kube_context)
    for verdict in found.verdicts:
        if verdict.status == "never":
            yield error(
                words.sentence(verdict),
                "who chooses it waits until the start is given up, and never gets a server"
                if verdict.shape.kind == "user"
                else "the pod waits for a node, for ever",
                "ask for less, or add nodes that can take it; `hubstack capacity` shows every pool",
            )
    yield from _unknown([each for each in found.verdicts if each.status == "unknown"])
    for verdict in found.verdicts:
        if verdict.status == "waits":
            yield note(
                words.sentence(verdict),
                "the next one who starts it waits until somebody stops, or until a node is added",
                "nothing, if an autoscaler adds nodes; else add one, or keep room with scheduling.userPlaceholder",
            )


def waiting(subject: Subject) -> Iterator[Finding]:
    """No pod of the namespace waits for a node."""
    for pod in subject.cluster.items(subject.path("v1", "pods")):
        if message := pending.message_of(pod):
            explained = pending.explained(message, pod["spec"]) or message
            yield warning(
                f"pod {pod['metadata']['name']}: {explained}",
                "it does not start before there is a node for it",
                f"see what the scheduler says: kubectl describe pod -n {subject.namespace} {pod['metadata']['name']}",
            )


def _unknown(verdicts: list[Verdict]) -> Iterator[Finding]:
    """Each reason with all the pods that cannot be judged because of it."""
    by_reason: dict[str, list[str]] = {}
    for verdict in verdicts:
        by_reason.setdefault("; ".join(verdict.reasons), []).append(verdict.shape.name)
    for reason, names in by_reason.items():
        yield note(
            f"{some(names)}: cannot be judged: {reason}", "whether these fit shows when somebody starts one", _READS
        )
