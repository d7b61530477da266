"""Has somebody changed the stack's objects in the cluster?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubstack.doctor.finding import Finding, some, warning
from hubstack.doctor.reader import Reader
from hubstack.doctor.subject import Subject
from hubstack.drift import report
from hubstack.drift.difference import is_accepted
from hubstack.drift.look import helm_records, look
from hubstack.migration.access import Target


def drift(subject: Subject) -> Iterator[Finding]:
    """Each object is what the last update has made of it, see `hubstack.drift`."""
    state = subject.engine.state
    if not state.knows_the_cluster or state.unfinished:
        return
    live = _ByReader(subject.cluster)
    seen = look(state, live, helm_records(live), lambda: state)
    accepted = subject.config.accept_drift
    left = [each for each in seen.differences if not any(is_accepted(each.place, place) for place in accepted)]
    if left:
        yield warning(
            f"objects of the stack are not what its last update has made of them: {report.summary(left)}: "
            f"{some([each.place for each in left])}",
            "the hub does not run as the stack says; an update does not see it, and where it changes the same objects, "
            "it is refused or sets them back",
            "`hubstack drift` shows it field by field; `--repair` sets it back, `--accept` lets it be",
        )


class _ByReader:
    """A cluster through the doctor's own reader, which lets nothing be made, not even in a dry run."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def find(self, target: Target) -> dict[str, Any] | None:
        return self._reader.find(target.path())

    def as_new(self, target: Target, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
        return None

    def autoscaled(self, namespace: str) -> set[tuple[str, str]]:
        items = self._reader.items(f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers")
        scaled = [each["spec"]["scaleTargetRef"] for each in items]
        return {(each["kind"], each["name"]) for each in scaled}
