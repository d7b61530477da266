"""Gates that are asked all through the bake time of a wave, and not only at its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from hubstack.fleet.gate_settings import AnyGate, Prometheus
from hubstack.fleet.model import Wave

AT_ONCE = 8
"""Stacks that are asked side by side."""


def watch(
    wave: Wave,
    stacks: Sequence[str],
    until: float,
    *,
    ask: Callable[[str, AnyGate], str | None],
    rest: Callable[[float], None],
    may_go_on: Callable[[], bool],
    failed: dict[str, str],
) -> None:
    """Let a wave bake; ends early once more stacks have failed than it bears.

    Arguments:
        wave: the wave.
        stacks: those of it that bake.
        until: when the bake time ends, in seconds since the epoch.
        ask: asks one gate of one stack; gives what it says where it is shut.
        rest: waits some seconds, or ends the rollout where somebody asks for that.
        may_go_on: whether the wave bears what is in `failed`.
        failed: gets the stacks whose gates are shut, with the reasons.
    """
    gates = [gate for gate in wave.gates if isinstance(gate, Prometheus)]
    due = [time.time() + gate.every for gate in gates]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while may_go_on():
            rest(min([until, *due]) - time.time())
            if time.time() >= until:
                return
            for place, gate in enumerate(gates):
                if due[place] > time.time():
                    continue
                asked = [stack for stack in stacks if stack not in failed]
                said = pool.map(lambda stack, gate=gate: ask(stack, gate), asked)
                for stack, problem in zip(asked, said, strict=True):
                    if problem:
                        failed[stack] = f"during the bake time: {problem}"
                due[place] = time.time() + gate.every
