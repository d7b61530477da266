"""Asks the gates of stacks that a rollout has deployed; each answer is a step of the journal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubstack.fleet import gates
from hubstack.fleet.attempt import Outcome
from hubstack.fleet.gate_settings import AnyGate
from hubstack.fleet.journal import ATTEMPTS, Journal
from hubstack.fleet.model import Wave
from hubstack.fleet.plan import Item, Plan, stack_of
from hubstack.fleet.progress import Progress


@dataclass(frozen=True)
class Gatekeeper:
    """The gates of one rollout."""

    rollout: str
    plan: Plan
    source: Path
    """Folder of the revision that stacks are deployed from, unless the plan names another."""
    journal: Journal
    progress: Progress

    def ask(self, wave: Wave, item: Item, doing: Callable[[str], None], *, asked_again: bool = False) -> Outcome | None:
        """Ask the gates of one stack in their order; gives what the first one that does not open makes of the stack.

        Arguments:
            wave: the stack's wave.
            item: the stack.
            doing: is told which gate is asked.
            asked_again: whether the gates are asked once more later, as those of a wave that bakes.
        """
        for gate in wave.gates:
            doing(f"gate {gate.type}")
            step = self.journal.start(self.rollout, wave.name, item.stack, "gate", gate=gate.type)
            target = self._target(item, asked_again=asked_again)
            result = gates.check(gate, target)
            detail: dict[str, Any] = {"attempts": result.attempts, "flaky": result.flaky}
            if not result.passed:
                detail["diagnosis"] = gates.diagnose(target.stack)
            self.journal.finish(step, result.state, result.reason, **detail)
            state = "flaky" if result.flaky else result.state
            self.progress.event(
                "gate", wave=wave.name, stack=item.stack, gate=gate.type, state=state, reason=result.reason
            )
            if not result.passed:
                return Outcome(result.state, f"gate {gate.type}: {result.reason}")
        return None

    def ask_one(self, wave: Wave, item: Item, gate: AnyGate) -> str | None:
        """Ask one gate in the bake time; gives what it says where it is shut.

        It is a step of the journal only where it is shut: it is asked often.
        """
        target = self._target(item, asked_again=True)
        result = gates.check(gate, target)
        if result.passed:
            return None
        step = self.journal.start(self.rollout, wave.name, item.stack, "gate", gate=gate.type)
        detail = {"attempts": result.attempts, "diagnosis": gates.diagnose(target.stack)}
        self.journal.finish(step, "failed", result.reason, **detail)
        self.progress.event(
            "gate", wave=wave.name, stack=item.stack, gate=gate.type, state="failed", reason=result.reason
        )
        return f"gate {gate.type}: {result.reason}"

    def _target(self, item: Item, *, asked_again: bool) -> gates.Target:
        stack = stack_of(item.stack, self.plan.source_of(item.stack, self.source))
        return gates.Target(stack, self._url(item), self._updated(item), asked_again)

    def _updated(self, item: Item) -> tuple[float, float] | None:
        """When the stack's update began and ended; one that was killed began with the first attempt."""
        steps = [step for step in self.journal.steps(self.rollout, "up") if step.stack == item.stack]
        return (steps[0].started, steps[-1].ended or time.time()) if steps else item.updated

    def _url(self, item: Item) -> str | None:
        steps = [
            step for step in self.journal.steps(self.rollout) if step.stack == item.stack and step.kind in ATTEMPTS
        ]
        return next((step.detail["url"] for step in reversed(steps) if step.detail.get("url")), item.url)
