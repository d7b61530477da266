"""Mutated values, stacks and fleets: each is used or refused, nothing ends in a traceback, and nothing hangs.

The mutations follow from a number alone: the name of a failed test has it, and `mutation_of` makes the same again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from tests.unit.fuzz import judging, mutation, seeds
from tests.unit.fuzz.driving import Bench, bench

Input = tuple[Callable[..., None], tuple[Any, ...]]
"""What is done, and with which trees."""

PARTS = 20
SAMPLE, ALL = 100, 1000
"""Mutations in one part: of the gate, which has one part only, and of the long test, which has them all."""


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One project for all mutations, whose files are written anew for each."""
    with bench(tmp_path_factory.mktemp("fuzz")) as made:
        yield made


def mutation_of(number: int, at: Bench) -> Input:
    """The mutation with a number, and what is done with it."""
    rng = random.Random(number)
    drive = rng.choices((_values, _setting, _stack, _review, _fleet, _tokens), (4, 4, 5, 3, 3, 1))[0]
    return drive(rng, at)


@cache
def _seeds() -> tuple[list[Any], list[mutation.Path]]:
    return seeds.values(), seeds.settings()


def _values(rng: random.Random, at: Bench) -> Input:
    trees, _ = _seeds()
    return at.values, (mutation.mutated(rng, rng.choice(trees), trees),)


def _setting(rng: random.Random, at: Bench) -> Input:
    """One of all settings that the chart has gets an odd value, in a file or in a stack."""
    value = mutation.placed(rng.choice(({}, seeds.RICH)), rng.choice(_seeds()[1]), rng.choice(mutation.NASTY))
    if rng.random() < 0.7:
        return at.values, (value,)
    return at.stack, ({**rng.choice(seeds.stacks()), rng.choice(("values", "secretValues")): value},)


def _stack(rng: random.Random, at: Bench) -> Input:
    trees = seeds.stacks()
    return at.stack, (mutation.mutated(rng, rng.choice(trees), trees),)


def _review(rng: random.Random, at: Bench) -> Input:
    """Two revisions of which none, one or both are mutated: what is valid on one side only is judged with the other."""
    return at.review, (_revision(rng), _revision(rng))


def _revision(rng: random.Random) -> Any:
    trees, settings = _seeds()
    value = rng.choice(trees)
    match rng.randrange(4):
        case 0:
            value = mutation.mutated(rng, value, trees)
        case 1:
            value = mutation.placed(value, rng.choice(settings), rng.choice(mutation.NASTY))
        case 2:
            return mutation.mutated(rng, rng.choice(seeds.stacks()), seeds.stacks())
    return {**rng.choice(seeds.stacks()), rng.choice(("values", "secretValues")): value}


def _fleet(rng: random.Random, at: Bench) -> Input:
    trees = seeds.fleets()
    return at.fleet, (mutation.mutated(rng, rng.choice(trees), trees),)


def _tokens(rng: random.Random, at: Bench) -> Input:
    return at.tokens, (mutation.mutated(rng, seeds.TOKENS, [seeds.TOKENS]),)


def failures(numbers: range, at: Bench) -> Iterator[str]:
    """What went wrong with which mutation."""
    for number in numbers:
        drive, trees = mutation_of(number, at)
        try:
            judging.outcome(lambda drive=drive, trees=trees: drive(*trees))
        except (Exception, judging.Hang) as error:
            yield f"{number} ({drive.__name__}): {type(error).__name__}: {error!s:.500}"


def test_what_mutations_start_from_is_right(workbench: Bench) -> None:
    """Everything that is mutated is accepted as it is, so that a mutation is what a refusal is about."""
    for tree in (seeds.RICH, {}):
        assert judging.outcome(lambda tree=tree: workbench.values(tree)) is None
    for stack in seeds.stacks():
        assert judging.outcome(lambda stack=stack: workbench.stack(stack)) is None
        assert judging.outcome(lambda stack=stack: workbench.review(seeds.STACK, stack)) is None
    for fleet in seeds.fleets():
        assert judging.outcome(lambda fleet=fleet: workbench.fleet(fleet)) is None
    assert judging.outcome(lambda: workbench.tokens(seeds.TOKENS)) is None


def test_a_sample_of_mutations(workbench: Bench) -> None:
    """Success, or an error for people; never a traceback, nor a hang."""
    assert list(failures(range(SAMPLE), workbench)) == []


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_twenty_thousand_mutations(part: int, workbench: Bench) -> None:
    """The same for many more."""
    assert list(failures(range(part * ALL, (part + 1) * ALL), workbench)) == []
