"""What Helm once made of some inputs, kept in a file for machines without the chart.

``helm-template.jsonl.xz`` holds a JSON object a line: the inputs (chart, release, namespace, Kubernetes version, texts
of the values files), Helm's exit code, and what it printed. The hub's two Python files are left out of it, because they
are another project's. ``hub-configuration.json.xz`` holds what the chart's own two files led to, by test and by case.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubstack.chart.release import CHART_NAME, CHART_VERSION
from hubstack.parity import differences

RENDERINGS = "helm-template.jsonl.xz"
OUTCOMES = "hub-configuration.json.xz"
LEFT_OUT = "LEFT-OUT"
"""Stands in a rendering for the text of a file that is left out."""


@dataclass(frozen=True)
class Question:
    """What Helm is asked to render."""

    values: tuple[str, ...]
    """Texts of the values files, merged left to right."""
    version: str = CHART_VERSION
    """Of the chart."""
    kube_version: str = "1.36.1"
    release: str = "jhub"
    namespace: str = "jhub"

    @property
    def archive(self) -> str:
        """Name of the chart's archive."""
        return f"{CHART_NAME}-{self.version}.tgz"

    @property
    def key(self) -> str:
        """The digest that a recording knows the question by."""
        inputs = [self.archive, [self.release, self.namespace, self.kube_version, self.values]]
        return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


def row(question: Question, code: int, said: str) -> dict[str, Any]:
    """One line of a recording.

    Arguments:
        question: the inputs.
        code: Helm's exit code.
        said: what it printed on its standard output, or on its standard error if it refused.
    """
    return {
        "chart": question.archive,
        "code": code,
        "key": question.key,
        "kubeVersion": question.kube_version,
        "namespace": question.namespace,
        "release": question.release,
        "stderr" if code else "stdout": said if code else without_hub_files(said),
        "values": list(question.values),
    }


def without_hub_files(rendering: str) -> str:
    """A rendering in which the text of the hub's Python files is replaced by a word."""
    kept: list[str] = []
    inside = False
    for line in rendering.split("\n"):
        # The files are members of a ConfigMap's data: their lines are indented deeper than their names, or blank.
        inside = inside and (not line.strip() or line.startswith("   "))
        name = line.strip().partition(":")[0]
        if line.startswith("  ") and name in differences.HUB_FILES and line.endswith(": |"):
            kept.append(f"  {name}: {LEFT_OUT}")
            inside = True
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def read(file: Path) -> dict[str, dict[str, Any]]:
    """The lines of a recording of renderings, by key."""
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        return {each["key"]: each for each in map(json.loads, lines)}


def write(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a recording of renderings, in an order that does not depend on who came first."""
    ordered = sorted(rows, key=lambda each: (each["chart"], each["key"]))
    file.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(file, "wt", encoding="utf-8") as lines:
        lines.writelines(f"{json.dumps(each, sort_keys=True)}\n" for each in ordered)


def read_outcomes(file: Path) -> dict[str, dict[str, Any]]:
    """What the chart's hub files led to, by test and by case."""
    with lzma.open(file, "rt", encoding="utf-8") as text:
        found: dict[str, dict[str, Any]] = json.load(text)
    return found


def write_outcomes(file: Path, outcomes: Mapping[str, Mapping[str, Any]]) -> None:
    """Write what the chart's hub files led to."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(file, "wt", encoding="utf-8") as text:
        json.dump(outcomes, text, sort_keys=True)
