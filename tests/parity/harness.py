"""Both renderings of some values: what mode native makes, and what Helm makes of the chart.

The chart's side is asked of Helm where a helm binary and the chart's archive are at hand, else of a recording.
``HUBSTACK_REFERENCE`` set to ``recording``, or to the folder of one, asks a recording on a machine with the chart, too.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hubstack import project, toolchain
from hubstack.chart.release import CHART_VERSION, Release
from hubstack.parity import rendering
from tests import charts, needs
from tests.parity import recording
from tests.parity.recording import Question

SAMPLE = bool(os.environ.get("HUBSTACK_SAMPLE"))
"""Whether a sample is enough: the inner loop of a minute, ``make test-fast``."""
REFERENCE = "HUBSTACK_REFERENCE"
RECORDED = "recorded"
"""Folder of recordings, in the mirror and in the state folder, where ``make record`` writes its own."""

Item = TypeVar("Item")
_texts = tempfile.TemporaryDirectory(prefix="hubstack-parity-")


class Missing(Exception):
    """Something that lies outside the repository isn't here; says what."""

    def __init__(self, message: str, thing: needs.Thing = "recording") -> None:
        super().__init__(message)
        self.thing = thing


@dataclass(frozen=True)
class Chart:
    """Helm and the chart's archives."""

    helm: Path

    def __str__(self) -> str:
        return f"helm template of {charts.real(CHART_VERSION)}"

    def helm_template(self, question: Question) -> str:
        """What Helm prints, exactly.

        Raises:
            Missing: the archive of another version isn't here.
            HelmRefusal: Helm refuses the values.
        """
        return rendering.helm_template(self.helm, self.archive(question.version), as_input(question))

    def archive(self, version: str) -> Path:
        """The chart's archive.

        Raises:
            Missing: that version isn't here.
        """
        if found := charts.real(version):
            return found
        raise Missing(f"the chart {version} is not here", "chart")


@dataclass(frozen=True)
class Recording:
    """What Helm made of the chart elsewhere, without the hub's two Python files."""

    files: tuple[Path, ...]
    """Recordings of renderings; of two that know the same question the first counts."""

    def __str__(self) -> str:
        return f"the recording {' and '.join(map(str, self.files))}, without the chart's two Python files"

    def helm_template(self, question: Question) -> str:
        """What Helm printed, but for the Python files and the line ends.

        Raises:
            Missing: nobody asked this before.
            HelmRefusal: Helm refused the values.
        """
        found = next((rows[question.key] for rows in map(_rows, self.files) if question.key in rows), None)
        if found is None:
            raise Missing(f"these values are not in {self}, and the chart {question.version} is not here")
        if found["code"]:
            raise rendering.HelmRefusal(found["stderr"])
        rendered: str = found["stdout"]
        return rendered

    def outcomes(self, test: str) -> Mapping[str, Any]:
        """What the chart's own hub files led to in a test, by case.

        Raises:
            Missing: the test is not recorded.
        """
        files = [file.with_name(recording.OUTCOMES) for file in self.files]
        for outcomes in [recording.read_outcomes(file) for file in files if file.is_file()]:
            if test in outcomes:
                return outcomes[test]
        raise Missing(f"{test} is not in {self}, and the chart is not here")


@functools.cache
def reference() -> Chart | Recording:
    """What stands for the chart on this machine.

    Raises:
        Missing: neither the chart nor a recording is here.
    """
    wanted = os.environ.get(REFERENCE, "")
    folders = [project.state_dir() / RECORDED, mirror() / RECORDED] if wanted in ("", "recording") else [Path(wanted)]
    archive, program = charts.real(CHART_VERSION), helm()
    if not wanted and archive and program:
        return Chart(program)
    if files := tuple(file for folder in folders if (file := folder / recording.RENDERINGS).is_file()):
        return Recording(files)
    missing = [name for name, found in ((f"the chart {CHART_VERSION}", archive), ("helm", program)) if not found]
    without = f"without {' and '.join(missing)}, " if missing else ""
    raise Missing(
        f"{without}a recording is needed, and there is no {recording.RENDERINGS} in {' or '.join(map(str, folders))}; "
        "HUBSTACK_MIRROR names the folder that holds charts/, values/ and recorded/"
    )


def chart() -> Chart:
    """The chart at hand, for what a recording cannot tell.

    Raises:
        Missing: there is none, or the comparison is with a recording.
    """
    found = reference()
    if isinstance(found, Chart):
        return found
    raise Missing(f"the chart {CHART_VERSION} is needed; what is here is {found}", "chart")


@functools.cache
def helm() -> Path | None:
    """A helm binary: from PATH, else from the pinned toolchain; None where neither has it."""
    if found := shutil.which("helm"):
        return Path(found)
    try:
        return Path(toolchain.ensure(("helm",))["helm"])
    except toolchain.ToolchainError:
        return None


def mirror() -> Path:
    """The folder with ``values`` and ``recorded``, even if it isn't here."""
    return project.mirror() or project.ROOT.parent / "shared"


def values_files(*folders: str) -> list[Path]:
    """Values files of ``dev``, ``invalid``, ``random`` or ``real``, by name; none where the folder isn't here."""
    return [file for folder in folders for file in sorted((mirror() / "values" / folder).glob("*.yaml"))]


def sampled(everything: Sequence[Item], one_in: int) -> list[Item]:
    """Everything, or where a sample is enough one in so many, spread evenly."""
    return list(everything[::one_in] if SAMPLE else everything)


def question(*files: Path, **more: Any) -> Question:
    """The question that some values files pose."""
    return Question(tuple(file.read_text(encoding="utf-8") for file in files), **more)


def as_input(question: Question) -> rendering.Input:
    """The question as the program asks it: with files."""
    files = tuple(map(_file, question.values))
    return rendering.Input(files, question.namespace, question.release, question.kube_version)


def _file(text: str) -> Path:
    """A file with a text; threads that ask for the same one at once never see half of it."""
    file = Path(_texts.name) / f"{hashlib.sha256(text.encode()).hexdigest()}.yaml"
    if not file.exists():
        with tempfile.NamedTemporaryFile("w", dir=_texts.name, encoding="utf-8", delete=False) as draft:
            draft.write(text)
        os.replace(draft.name, file)
    return file


def helm_template(question: Question) -> str:
    """The chart's objects as text.

    Raises:
        Missing: there is no chart, and no recording that has this.
        HelmRefusal: Helm refuses the values.
    """
    return reference().helm_template(question)


def release(question: Question) -> Release:
    """Our reading of the values.

    Raises:
        SettingsError: the values are wrong.
    """
    return rendering.release(as_input(question))


def pair(question: Question) -> rendering.Pair:
    """Both renderings, normal and with the meant differences taken out."""
    return rendering.pair(helm_template(question), release(question))


@functools.cache
def _rows(file: Path) -> dict[str, dict[str, Any]]:
    return recording.read(file)
