"""A rollout played through before it is begun: how long it takes, and how far a bad change gets."""

from __future__ import annotations

import heapq
import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from hubstack.errors import HubstackError
from hubstack.fleet.attempt import KINDS
from hubstack.fleet.duration import LONGEST, written
from hubstack.fleet.model import Fleet, Wave

MOST = 100_000
"""Stacks of a fleet, and runs, that are played through in bearable time."""
GATE_SECONDS = 1.0
"""What asking one open gate takes."""


@dataclass(frozen=True)
class WaveForecast:
    """One wave, over all runs."""

    wave: str
    stacks: int
    parallel: int
    allowed_failures: int
    seconds: float
    """Median of the runs in which the wave was reached."""
    reached: float
    """Share of the runs in which it began."""
    stopped: float
    """Share of the runs that it stopped."""


@dataclass(frozen=True)
class Forecast:
    """A whole rollout, over all runs; times without windows and approvals."""

    stacks: int
    failure_rate: float
    runs: int
    stack_seconds: float
    """Median time of one stack that went into it."""
    seconds: tuple[float, float, float]
    """Time of a rollout: the quickest tenth, the median, the slowest tenth."""
    parallel: float
    """Stacks under way at a time, on the average while any was."""
    touched: tuple[int, int, int]
    """Stacks that the change reached: the luckiest tenth, the median, the unluckiest tenth."""
    broken: tuple[int, int, int]
    """Stacks that it broke, likewise."""
    completed: float
    """Share of the runs that reached the end."""
    worst_case: int
    """Stacks that a change reaches that breaks every stack, before the rollout stops."""
    waves: tuple[WaveForecast, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        return asdict(self)


@dataclass
class _Run:
    """One rollout that was played through."""

    seconds: float = 0.0
    busy: float = 0.0
    at_work: float = 0.0
    touched: int = 0
    broken: int = 0
    reached: int = 0
    stopped: str | None = None
    by_wave: tuple[float, ...] = ()


def measured(seconds: Mapping[str, Sequence[float]], kind: str) -> Sequence[float]:
    """The times of one kind of update.

    Arguments:
        seconds: by kind, see `Journal.seconds`.
        kind: one of `attempt.KINDS`.

    Raises:
        HubstackError: there is no such kind, or no rollout has measured one here.
    """
    if kind not in KINDS:
        raise HubstackError(f"--kind {kind}: unknown; allowed: {', '.join(KINDS)}")
    if kind in seconds:
        return seconds[kind]
    others = ", ".join(f"{each} ({len(seconds[each])})" for each in KINDS if each in seconds)
    raise HubstackError(
        f"no rollout has measured an update of kind {kind} here yet{f'; measured: {others}' if others else ''}. Give "
        f"the time of one: --seconds 60{', or another --kind' if others else ''}"
    )


def simulate(
    fleet: Fleet, stacks: int | None, failure_rate: float, times: Sequence[float], *, runs: int = 200, seed: int = 1
) -> Forecast:
    """Play a rollout through.

    Arguments:
        fleet: the fleet.
        stacks: size to scale the fleet to, each wave in its proportion; None leaves it as it is.
        failure_rate: share of the stacks that fail, each on its own, 0 to 1.
        times: measured seconds of single stacks; each stack's time is drawn from them.
        runs: how often.
        seed: of chance.

    Raises:
        HubstackError: a figure is out of its range, or no time is known.
    """
    if not 0 <= failure_rate <= 1:
        raise HubstackError(f"--failure-rate {failure_rate}: must be from 0 to 1")
    if not all(0 < each <= LONGEST for each in times):
        raise HubstackError(f"--seconds {times[0]:g}: must be more than 0, and ten years at most")
    if not times:
        raise HubstackError("no time of a stack is known; give one: --seconds 60")
    for option, figure in (("runs", runs), ("stacks", stacks)):
        if figure is not None and not 1 <= figure <= MOST:
            raise HubstackError(f"--{option} {figure}: must be from 1 to {MOST}")
    sizes = _sizes(fleet, stacks)
    chance = random.Random(seed)
    played = [_play(fleet, sizes, failure_rate, times, chance) for _ in range(runs)]
    waves = tuple(
        WaveForecast(
            wave.name,
            size,
            min(wave.max_parallel, size),
            wave.allowed_failures(size),
            round(statistics.median([run.by_wave[place] for run in played if run.reached > place] or [0.0]), 1),
            round(sum(run.reached > place for run in played) / runs, 3),
            round(sum(run.stopped == wave.name for run in played) / runs, 3),
        )
        for place, (wave, size) in enumerate(zip(fleet.waves, sizes, strict=True))
    )
    return Forecast(
        sum(sizes),
        failure_rate,
        runs,
        round(statistics.median(times), 1),
        _tenths([round(run.seconds, 1) for run in played]),
        round(sum(run.busy for run in played) / (sum(run.at_work for run in played) or 1), 1),
        _tenths([run.touched for run in played]),
        _tenths([run.broken for run in played]),
        round(sum(run.stopped is None for run in played) / runs, 3),
        _play(fleet, sizes, 1.0, [statistics.median(times)], chance).touched,
        waves,
    )


def _sizes(fleet: Fleet, stacks: int | None) -> list[int]:
    """Number of stacks in each wave, of the largest remainders where the fleet is scaled; no wave becomes empty."""
    own = [len(fleet.members(wave)) for wave in fleet.waves]
    if stacks is None:
        return own
    if stacks < len(own):
        raise HubstackError(f"--stacks {stacks}: the fleet has {len(own)} waves, and each needs a stack")
    spare = stacks - len(own)
    shares = [spare * size / sum(own) for size in own]
    sizes = [1 + int(share) for share in shares]
    for place in sorted(range(len(own)), key=lambda place: int(shares[place]) - shares[place])[: stacks - sum(sizes)]:
        sizes[place] += 1
    return sizes


def _play(
    fleet: Fleet, sizes: Sequence[int], failure_rate: float, times: Sequence[float], chance: random.Random
) -> _Run:
    run = _Run()
    for wave, size in zip(fleet.waves, sizes, strict=True):
        run.reached += 1
        took, failed = _wave(run, wave, size, failure_rate, times, chance)
        stops = failed > wave.allowed_failures(size)
        took += 0 if stops else wave.bake_time
        run.seconds += took
        run.by_wave = (*run.by_wave, took)
        if stops:
            run.stopped = wave.name
            break
    return run


def _wave(
    run: _Run, wave: Wave, size: int, failure_rate: float, times: Sequence[float], chance: random.Random
) -> tuple[float, int]:
    """Time until the wave's last stack has ended, and the number of failures; adds to the run's sums."""
    allowed, failed, now, started = wave.allowed_failures(size), 0, 0.0, 0
    running: list[tuple[float, bool]] = []
    while started < size or running:
        while started < size and len(running) < wave.max_parallel and failed <= allowed:
            took = chance.choice(times) + GATE_SECONDS * len(wave.gates)
            heapq.heappush(running, (now + took, chance.random() < failure_rate))
            run.busy += took
            started += 1
        if not running:
            break
        now, bad = heapq.heappop(running)
        failed += bad
    run.at_work += now
    run.touched += started
    run.broken += failed
    return now, failed


def _tenths(figures: list[Any]) -> tuple[Any, Any, Any]:
    ordered = sorted(figures)
    last = len(ordered) - 1
    return ordered[round(last * 0.1)], ordered[round(last * 0.5)], ordered[round(last * 0.9)]


def show(found: Forecast, console: Console) -> None:
    """Print a forecast for people."""
    table = Table("wave", "stacks", "at once", "may fail", "time", "reached", "stops the rollout")
    for wave in found.waves:
        table.add_row(
            wave.wave,
            *(str(figure) for figure in (wave.stacks, wave.parallel, wave.allowed_failures)),
            written(wave.seconds),
            f"{wave.reached:.0%}",
            f"{wave.stopped:.0%}",
        )
    console.print(table)
    quick, middle, slow = map(written, found.seconds)
    lines = [
        f"{found.stacks} stacks of {found.stack_seconds} s, {found.failure_rate:.1%} fail, {found.runs} runs; "
        "windows and approvals are not counted",
        f"time: {middle} ({quick} to {slow}), {found.parallel} stacks at a time",
        f"reaches the end in {found.completed:.0%} of the runs; breaks {found.broken[1]} stacks "
        f"({found.broken[0]} to {found.broken[2]}) of {found.touched[1]} that it touches",
        f"a change that breaks every stack is stopped after {found.worst_case} stacks",
    ]
    for text in lines:
        console.print(text)
