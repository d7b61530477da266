"""Do the settings do what they say? The chart takes much that no hub can use."""

from __future__ import annotations

from collections.abc import Iterator

from hubstack.doctor.finding import Finding, note, warning
from hubstack.doctor.subject import Subject


def settings(subject: Subject) -> Iterator[Finding]:
    """Nothing in the values is allowed and yet hardly meant; what files hold for other charts is named."""
    loaded = subject.settings.loaded
    for each in loaded.warnings:
        yield warning(
            str(each),
            "Helm and the chart take it as it is; the hub, its servers or the cluster do not",
            "correct the setting, or take it out",
        )
    for each in loaded.left_out:
        yield note(str(each), "the files are those of a parent chart (hubstack:valuesKey)", "nothing, if that is meant")
