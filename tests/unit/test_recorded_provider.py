"""States that name another version of the Kubernetes provider than the one that the machine has."""

from __future__ import annotations

from typing import Any

import pytest

from hubstack.components import provider_version
from hubstack.engine import provider
from hubstack.engine.state import State
from hubstack.toolchain import Catalog

PINNED, OTHER = Catalog.load().release("pulumi-resource-kubernetes").versions


def deployment(version: str | None) -> dict[str, Any]:
    """A state with one provider of each kind, and an object."""
    named = {} if version is None else {"version": version}
    return {
        "manifest": {"version": "v3.260.0"},
        "resources": [
            {"type": "pulumi:pulumi:Stack", "urn": "stack"},
            {"type": "pulumi:providers:kubernetes", "inputs": {"context": "c", **named}, "outputs": {**named}},
            {"type": "pulumi:providers:random", "inputs": {"version": OTHER}, "outputs": {"version": OTHER}},
            {"type": "kubernetes:core/v1:ConfigMap", "inputs": {"data": {"version": OTHER}}},
        ],
    }


@pytest.mark.parametrize(("before", "available"), [(PINNED, OTHER), (OTHER, PINNED)])
def test_a_state_goes_over_to_the_version_that_is_there(before: str, available: str) -> None:
    """In both directions, and nothing else in it changes."""
    state, named = provider.adapt(State.read(deployment(before)), {provider_version.VARIABLE: available})
    assert named == before
    assert state.document() == deployment(None) | {
        "resources": [
            *deployment(None)["resources"][:1],
            {
                "type": "pulumi:providers:kubernetes",
                "inputs": {"context": "c", "version": available},
                "outputs": {"version": available},
            },
            *deployment(None)["resources"][2:],
        ]
    }


@pytest.mark.parametrize(
    ("named", "available"),
    [(PINNED, PINNED), ("4.20.0", OTHER), (None, OTHER), (PINNED, "9.0.0"), (PINNED, None)],
)
def test_what_nobody_has_tried_stays(named: str | None, available: str | None) -> None:
    """A version that is not listed, on either side, is left to the engine."""
    state = State.read(deployment(named))
    assert provider.adapt(state, {provider_version.VARIABLE: available} if available else {}) == (state, None)
    assert provider.adapt(State(), {provider_version.VARIABLE: OTHER}) == (State(), None)
