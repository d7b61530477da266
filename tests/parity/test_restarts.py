"""What restarts pods in the chart restarts the same pods here, and nothing else does.

A pod restarts when the template in its Deployment, DaemonSet or StatefulSet changes, its checksum annotations included.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubstack.chart import render
from hubstack.parity import helm_documents, rendering
from tests.parity import harness, inputs


def templates(objects: list[dict[str, Any]]) -> dict[str, str]:
    """The pod template of each object that has one."""
    return {
        f"{each['kind']}/{each['metadata']['name']}": json.dumps(each["spec"]["template"], sort_keys=True)
        for each in objects
        if each["kind"] in ("Deployment", "DaemonSet", "StatefulSet")
    }


def both(tree: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Pod templates of the chart and of ours for a values tree."""
    question = inputs.of_tree(tree)
    target = harness.release(question)
    return (
        templates(helm_documents.read(harness.helm_template(question))),
        templates(render.objects(target, rendering.generated_tokens(target))),
    )


@pytest.fixture(scope="module")
def unchanged() -> tuple[dict[str, str], dict[str, str]]:
    """Pod templates before any change."""
    return both(inputs.UNCHANGED)


@pytest.mark.parametrize("name", harness.sampled(list(inputs.CHANGES), 6))
def test_a_change_restarts_the_same_pods(unchanged: tuple, name: str) -> None:
    """The pod templates that a change of one setting touches are the same in the chart and here."""
    chart, ours = (
        {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        for before, after in zip(unchanged, both(inputs.over(inputs.UNCHANGED, inputs.CHANGES[name])), strict=True)
    )
    assert ours == chart
