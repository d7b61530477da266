"""Forecasts of rollouts."""

from __future__ import annotations

import pytest

from hubstack.errors import HubstackError
from hubstack.fleet.model import Fleet
from hubstack.fleet.simulate import simulate


def fleet(**first: object) -> Fleet:
    """Two staging stacks, then four."""
    stacks = {f"s{n}": {"labels": {"tier": "staging" if n < 2 else "prod"}} for n in range(6)}
    waves = [
        {"name": "staging", "select": "tier=staging", "maxParallel": 2, **first},
        {"name": "prod", "select": "tier=prod", "maxParallel": 2},
    ]
    return Fleet.model_validate({"stacks": stacks, "waves": waves})


def test_time_without_failures() -> None:
    """Without failures the time is that of the waves one after the other, bake time included."""
    found = simulate(fleet(bakeTime="1m"), None, 0.0, [10.0], runs=3)
    assert (found.seconds, found.touched, found.broken) == ((90.0, 90.0, 90.0), (6, 6, 6), (0, 0, 0))
    assert [(wave.seconds, wave.reached, wave.stopped) for wave in found.waves] == [(70.0, 1, 0), (20.0, 1, 0)]


def test_blast_radius_of_a_change_that_breaks_everything() -> None:
    """Such a change reaches what the first wave starts at once, and as many more as the wave bears."""
    assert simulate(fleet(), None, 0.0, [10.0]).worst_case == 2
    scaled = simulate(fleet(maxFailures=3), 3000, 1.0, [10.0], runs=5)
    assert scaled.touched == (5, 5, 5)
    assert scaled.completed == 0


def test_scaling_keeps_the_proportions() -> None:
    """A scaled fleet has exactly the wanted number of stacks, in the proportions of the file."""
    found = simulate(fleet(), 3000, 0.0, [10.0], runs=1)
    assert (found.stacks, [wave.stacks for wave in found.waves]) == (3000, [1000, 2000])
    assert simulate(fleet(), 7, 0.0, [10.0], runs=1).stacks == 7


def test_the_same_seed_gives_the_same_figures() -> None:
    """A forecast can be repeated."""
    assert simulate(fleet(), 100, 0.1, [5.0, 10.0]) == simulate(fleet(), 100, 0.1, [5.0, 10.0])


@pytest.mark.parametrize(("stacks", "rate", "times"), [(None, 1.5, [1.0]), (None, 0.1, []), (1, 0.1, [1.0])])
def test_impossible_figures(stacks: int | None, rate: float, times: list[float]) -> None:
    """What makes no sense is refused with the option's name."""
    with pytest.raises(HubstackError, match="--"):
        simulate(fleet(), stacks, rate, times)
