"""A recording that is made here from the chart is the one that the mirror has, in all that both know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubstack.parity import rendering
from tests import needs
from tests.parity import harness, inputs, record, recording
from tests.parity.hub_configuration import cases, environment
from tests.parity.recording import Question


def given() -> Path:
    """The mirror's recordings, or a skip."""
    folder = harness.mirror() / harness.RECORDED
    if not (folder / recording.RENDERINGS).is_file():
        needs.skip("recording", f"there is none in {folder}")
    return folder


def with_one_line_end(row: dict[str, Any]) -> dict[str, Any]:
    """A line of a recording without the CR that some of the chart's files have; a recording may leave it out."""
    return {name: value.replace("\r", "") if name in ("stdout", "stderr") else value for name, value in row.items()}


def repeatable() -> list[Question]:
    """Questions that Helm answers alike each time, because all tokens are given, or because it refuses."""
    changes = list(inputs.CHANGES.values())[::6]
    return [
        *(inputs.of_tree(inputs.over(inputs.UNCHANGED, change)) for change in changes),
        *(Question((), kube_version=version) for version in inputs.TOO_OLD),
    ]


def test_renderings_are_recorded_as_the_mirror_has_them(tmp_path: Path) -> None:
    """Line by line, and what is written is what is read."""
    known = recording.read(given() / recording.RENDERINGS)
    rows = record.renderings(harness.chart(), repeatable())
    assert len(rows) > 10
    for row in rows:
        assert with_one_line_end(row) == with_one_line_end(known[row["key"]])
    recording.write(tmp_path / "folder" / recording.RENDERINGS, rows)
    assert recording.read(tmp_path / "folder" / recording.RENDERINGS) == {row["key"]: row for row in rows}


def test_outcomes_are_recorded_as_the_mirror_has_them(tmp_path: Path) -> None:
    """What the chart's hub files lead to, in all tests but the longest, which `test_hub_configuration.py` has."""
    known = recording.read_outcomes(given() / recording.OUTCOMES)
    files = cases.charts_files()
    try:
        made = cases.by_test(files, [test for test in cases.RECORDED if "values_file" not in test])
    except environment.Unavailable as error:
        needs.skip("index", str(error))
    assert made == {test: known[test] for test in made}
    recording.write_outcomes(tmp_path / recording.OUTCOMES, made)
    assert recording.read_outcomes(tmp_path / recording.OUTCOMES) == made


def test_the_mirrors_recording_has_all_that_the_suite_asks() -> None:
    """So no test of the suite skips on a machine without the chart for want of an answer."""
    folder = given()
    known = recording.read(folder / recording.RENDERINGS)
    asked = list(inputs.all_questions())
    assert [question for question in asked if question.key not in known] == []
    assert len(asked) == len({question.key for question in asked}) > 100
    assert recording.read_outcomes(folder / recording.OUTCOMES).keys() == cases.RECORDED.keys()


@pytest.mark.parametrize("text", ["rest", "  rest: |\n    x\n"])
def test_the_hubs_files_are_left_out(text: str) -> None:
    """Their text, blank lines in it included, and nothing after it."""
    config = "  jupyterhub_config.py: |\n    import os\n\n    if True:\n        x: |\n            1\n"
    files = f"{config}  z2jh.py: |\n    y\n"
    left = "  jupyterhub_config.py: LEFT-OUT\n  z2jh.py: LEFT-OUT\n"
    assert recording.without_hub_files(f"data:\n{files}{text}") == f"data:\n{left}{text}"


def test_answers_come_from_the_recording(tmp_path: Path) -> None:
    """A rendering is given as it was recorded, a refusal is one again, and what is not there is said to be missing."""
    refused, answered, unknown = (Question((text,)) for text in ("refused: 1\n", "answered: 1\n", "unknown: 1\n"))
    first, second = tmp_path / "a" / recording.RENDERINGS, tmp_path / "b" / recording.RENDERINGS
    recording.write(first, [recording.row(refused, 1, "Error: no"), recording.row(answered, 0, "kind: A\n")])
    recording.write(second, [recording.row(answered, 0, "kind: B\n")])
    found = harness.Recording((first, second))
    assert found.helm_template(answered) == "kind: A\n"
    with pytest.raises(rendering.HelmRefusal, match="Error: no"):
        found.helm_template(refused)
    with pytest.raises(harness.Missing, match="not in the recording"):
        found.helm_template(unknown)
