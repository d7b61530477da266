"""The capacity of one stack: each of its pods set against the nodes, and what that comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hubstack.capacity import cost, shapes, words
from hubstack.capacity.judge import Shape, Verdict, World, judge
from hubstack.capacity.quantities import quantity
from hubstack.chart import render
from hubstack.chart.release import TokenValues
from hubstack.chart.tokens import services_without_token
from hubstack.settings import StackSettings

_ANY_TOKEN = "0" * 64
"""Stands for every token: no pod's place depends on one."""

_SEALED = "hubstack:secretValues is encrypted as a whole, and may set anything"


@dataclass(frozen=True)
class Report:
    """What becomes of the pods of one stack."""

    stack: str
    source: str
    """Where the nodes come from: a file, or a cluster's context."""
    verdicts: Sequence[Verdict]
    currency: str = ""

    @property
    def exit_code(self) -> int:
        """0: everything fits; 2: something never will; 3: something cannot be judged."""
        found = {each.status for each in self.verdicts}
        return 2 if "never" in found else 3 if "unknown" in found else 0

    @property
    def placeholders(self) -> cost.Nodes | None:
        """The nodes that the stack's placeholders fill."""
        found = [each for each in self.verdicts if each.shape.kind == "placeholder"]
        return cost.kept(found[0], found[0].shape.count) if found else None

    def notes(self) -> list[str]:
        """What else there is to know, in sentences."""
        if (kept := self.placeholders) is None:
            return []
        verdict = next(each for each in self.verdicts if each.shape.kind == "placeholder")
        return [f"{verdict.shape.count} placeholders, {kept.per_node} to a node: {cost.written(kept, self.currency)}."]

    def as_dict(self) -> dict[str, Any]:
        """The same with nothing but JSON types."""
        return {
            "stack": self.stack,
            "nodes": self.source,
            "pods": [_verdict(each) for each in self.verdicts],
            "notes": self.notes(),
            "exitCode": self.exit_code,
        }


def of_stack(
    name: str,
    settings: StackSettings,
    objects: Iterable[Mapping[str, Any]],
    world: World,
    source: str,
    *,
    sealed: bool = False,
) -> Report:
    """Judge every pod of a stack.

    Arguments:
        name: of the stack.
        settings: the stack's settings.
        objects: the stack's objects, see `objects_of`.
        world: nodes and rules.
        source: where the nodes come from, for people.
        sealed: whether secret settings could not be read, which may be about anything.
    """
    found = [*_users(settings), *shapes.of_objects(objects)]
    if sealed:
        found = [replace(each, refused="", doubt=_SEALED) for each in found]
    return Report(name, source, tuple(judge(each, world) for each in found), world.currency)


def objects_of(settings: StackSettings) -> list[dict[str, Any]]:
    """The stack's objects as far as capacity looks at them; none where the chart's version is not modelled."""
    if settings.release is None:
        return []
    tokens = TokenValues(
        proxy_auth=_ANY_TOKEN,
        cookie_secret=_ANY_TOKEN,
        crypt_keys=_ANY_TOKEN,
        services=dict.fromkeys(services_without_token(settings.release.tree), _ANY_TOKEN),
    )
    return render.objects(settings.release, tokens)


def unreadable(name: str, problem: str) -> Report:
    """What can be said of a stack whose pools file cannot be used: nothing.

    Arguments:
        name: of the stack.
        problem: what is wrong with the file.
    """
    shape = Shape("a user's server", "user", doubt=problem.replace("\n", "; "))
    return Report(name, "", (Verdict(shape, "unknown", reasons=(shape.doubt,)),))


def _users(settings: StackSettings) -> list[Shape]:
    if settings.release is None:
        version = settings.config.chart.version
        return [Shape("a user's server", "user", doubt=f"the settings of chart {version} are not modelled")]
    return list(shapes.of_users(settings.release.tree, settings.release.names, settings.release_name))


def pools_file(settings: StackSettings, folder: Path) -> Path | None:
    """Where a stack's pools are described; None where its settings name no file.

    Arguments:
        settings: the stack's settings.
        folder: what a relative path starts from: the project's folder.
    """
    named = settings.config.pools_file
    return folder / named if named else None


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.shape.name,
        "kind": verdict.shape.kind,
        "count": verdict.shape.count,
        "status": verdict.status,
        "text": words.sentence(verdict),
        "requests": {name: quantity(name, amount) for name, amount in sorted(verdict.requests.items()) if amount},
        "roomNow": verdict.room_now,
        "pools": [
            {
                "pool": each.pool.name,
                "perNode": each.per_node,
                "minNodes": each.pool.min_nodes,
                "maxNodes": each.pool.max_nodes,
                "misfits": [_misfit(one) for one in each.misfits],
            }
            for each in verdict.pools
        ],
    }


def _misfit(misfit: Any) -> Mapping[str, Any]:
    amounts = partial(quantity, misfit.what)
    if misfit.why in ("resource", "pods"):
        return {"why": misfit.why, "what": misfit.what, "asked": amounts(misfit.asked), "left": amounts(misfit.left)}
    return {"why": misfit.why, "what": misfit.what}
