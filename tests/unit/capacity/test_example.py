"""The example of docs/capacity.md is what the command says."""

from __future__ import annotations

import re

from hubstack import project
from hubstack.capacity import pools, report, words, worlds
from hubstack.settings import StackConfig, resolve

DOCS = project.CODE / "docs"


def test_the_documented_example() -> None:
    """Settings and pools of the example lead to the sentences that the page shows, in the command's order."""
    config = StackConfig(kube_context="none", values_files=["docs/examples/capacity-values.yaml"])
    file = pools.read(DOCS / "examples" / "capacity-pools.yaml")
    settings = resolve(config, project.CODE)
    world = worlds.of_file(file, "jhub")
    found = report.of_stack("prod", settings, report.objects_of(settings), world, "pools.yaml")
    shown = [each for each in found.verdicts if each.shape.kind != "hub"]
    lines = [f"- {words.sentence(each)}" for status in ("never", "fits") for each in shown if each.status == status]
    page = (DOCS / "capacity.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```text\n(- .*?)```", page, re.DOTALL)
    assert text.splitlines() == [*lines, *(f"- {note}" for note in found.notes())]


def test_every_key_of_a_pool_is_documented() -> None:
    """The page's table has every key of a pool, and no other."""
    page = (DOCS / "capacity.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?`) \| ", page.partition("| Key of a pool")[2], re.MULTILINE)
    named = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    assert named == {field.alias or name for name, field in pools.Pool.model_fields.items()}
