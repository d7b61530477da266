"""The result of a review: what was compared, as data, in order and grouped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubstack.review.changes import WORST_FIRST, ObjectChange, StackChange
from hubstack.review.rule import Finding
from hubstack.review.rules import worst_first
from hubstack.review.setting_changes import ChangedSetting, order


@dataclass(frozen=True)
class Report:
    """A whole review."""

    base: str
    """The revision that the change starts from, as the user named it."""
    stacks: tuple[StackChange, ...]
    """Every stack that was looked at, by name."""
    waves: Mapping[str, str] = field(default_factory=dict)
    """Name of the wave of each stack, in the order of the rollout; empty where the project has no fleet file."""
    notes: tuple[str, ...] = ()
    """What holds for all of them."""
    error: str | None = None
    """What is wrong with a file that is about all of them: the fleet file, or the policies."""
    policies: tuple[str, ...] = ()
    """What the change takes away from the policies."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is said beside the stacks."""
        return (*(f"policies.yaml changes: {each}" for each in self.policies), *self.notes)

    @property
    def changed(self) -> tuple[StackChange, ...]:
        """Stacks that something happens to, by wave; those that no fleet file names come last."""
        order = {wave: place for place, wave in enumerate(dict.fromkeys(self.waves.values()))}
        found = [stack for stack in self.stacks if stack.changed]
        return tuple(sorted(found, key=lambda stack: order.get(self.waves.get(stack.stack, ""), len(order))))

    @property
    def exit_code(self) -> int:
        """0 no change, 2 changes, 3 blocked by an impact rule, 1 a stack or a fleet file that cannot be read."""
        verdicts = {checks(stack) for stack in self.stacks}
        if "error" in verdicts or self.error:
            return 1
        if "blocked" in verdicts:
            return 3
        return 2 if self.changed or self.policies else 0

    def as_dict(self) -> dict[str, Any]:
        """The same facts as JSON types."""
        return {
            "base": self.base,
            "notes": list(self.notes),
            "policies": list(self.policies),
            "error": self.error,
            "exitCode": self.exit_code,
            "unchanged": [stack.stack for stack in self.stacks if not stack.changed],
            "stacks": [
                {
                    "stack": stack.stack,
                    "what": what(stack),
                    **({"wave": self.waves.get(stack.stack)} if self.waves else {}),
                    "mode": next((side.mode for side in (stack.head, stack.base) if side), ""),
                    "counts": stack.counts(),
                    "checks": checks(stack),
                    "errors": list(stack.errors),
                    "engine": vars(stack.engine) if stack.engine else None,
                    "homes": stack.homes,
                    "unjudged": list(stack.unjudged),
                    "findings": [vars(finding) for finding in stack.findings],
                    "settings": [vars(setting) for setting in stack.settings],
                    "objects": [
                        {"name": each.name, "action": each.action, "places": list(each.places), "diff": each.diff}
                        for each in stack.changes
                    ],
                }
                for stack in self.changed
            ],
        }


def what(stack: StackChange) -> str:
    """What happens to a stack, in one word."""
    if stack.errors:
        return "error"
    if stack.base is None:
        return "new"
    return "removed" if stack.head is None else "changed"


def checks(stack: StackChange) -> str:
    """What the rules say of a stack: ``error``, ``blocked``, ``accepted`` or ``ok``."""
    if stack.errors or (stack.engine and stack.engine.error):
        return "error"
    blocking = [finding for finding in stack.findings if finding.blocks]
    if any(not finding.accepted for finding in blocking):
        return "blocked"
    return "accepted" if blocking else "ok"


def summary(report: Report) -> str:
    """How many stacks change, in a sentence."""
    stacks = f"{len(report.stacks)} stack{'' if len(report.stacks) == 1 else 's'}"
    if not report.changed:
        return f"No change for {stacks}, compared with {report.base}."
    verb = "changes" if len(report.changed) == 1 else "change"
    return f"{len(report.changed)} of {stacks} {verb}, compared with {report.base}."


def engine_notes(stack: StackChange) -> list[str]:
    """What the engine's preview and the live cluster add, in words."""
    notes = [
        *([stack.homes] if stack.homes else []),
        *(f"not judged by the dry run: {each}" for each in stack.unjudged),
    ]
    if stack.engine is None:
        return notes
    if stack.engine.error:
        return [*notes, f"the engine cannot preview it: {stack.engine.error}"]
    if stack.engine.switch:
        return [*notes, stack.engine.switch]
    notes += [f"the engine would {step}" for step in stack.engine.destructive]
    if stack.engine.steps and not stack.changes:
        drifted = ", ".join(f"{operation} {name}" for operation, name in stack.engine.steps)
        notes.append(f"the cluster or the state differs from the settings already: {drifted}")
    return notes


def grouped_findings(stacks: Sequence[StackChange]) -> Mapping[Finding, list[str]]:
    """Each distinct finding with the stacks that it is about; what blocks first, the rest by whom it concerns."""
    groups: dict[Finding, list[str]] = {}
    for stack in stacks:
        for finding in stack.findings:
            groups.setdefault(finding, []).append(stack.stack)
    return dict(sorted(groups.items(), key=lambda group: worst_first(group[0])))


def grouped_settings(stacks: Sequence[StackChange]) -> Mapping[ChangedSetting, list[str]]:
    """Each distinct change of a setting with the stacks that it is about, by path."""
    groups: dict[ChangedSetting, list[str]] = {}
    for stack in stacks:
        for setting in dict.fromkeys(stack.settings):
            groups.setdefault(setting, []).append(stack.stack)
    return dict(sorted(groups.items(), key=lambda group: order(group[0])))


def grouped_changes(stacks: Sequence[StackChange]) -> Mapping[ObjectChange, list[str]]:
    """Each distinct change of an object with the stacks that it is about, worst first; without `cosmetic_changes`."""
    groups: dict[ObjectChange, list[str]] = {}
    for stack in stacks:
        for change in stack.changes:
            if not change.cosmetic:
                groups.setdefault(change, []).append(stack.stack)
    return dict(sorted(groups.items(), key=lambda group: (WORST_FIRST.index(group[0].action), group[0].name)))


def how_many(objects: Sequence[str]) -> str:
    """A number of objects in words."""
    return f"{len(objects)} object{'' if len(objects) == 1 else 's'}"


def whole_changes(
    changes: Mapping[ObjectChange, Sequence[str]],
) -> Mapping[tuple[str, tuple[str, ...]], Sequence[str]]:
    """Names of the objects that come or go with their stacks, by action and stacks; the names say it all."""
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for change, stacks in changes.items():
        if not change.diff:
            groups.setdefault((change.action, tuple(stacks)), []).append(change.name)
    return groups


def cosmetic_changes(stacks: Sequence[StackChange]) -> Mapping[tuple[str, ...], list[str]]:
    """Names of the objects whose labels alone change, with the stacks that it is about."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for stack in stacks:
        names = tuple(change.name for change in stack.changes if change.cosmetic)
        if names:
            groups.setdefault(names, []).append(stack.stack)
    return groups
