"""What a revision's policies say of the stacks of a plan: one that they block is refused, and the others go on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from hubstack.chart.errors import SettingsError
from hubstack.errors import HubstackError
from hubstack.fleet import plan
from hubstack.fleet.model import Fleet
from hubstack.policy import gate, load
from hubstack.policy.expressions import Evaluator


def judged(items: Iterable[plan.Item], fleet: Fleet, root: Path) -> list[plan.Item]:
    """The items of a plan, those refused that policies block; what would not be deployed is not judged.

    Arguments:
        items: the items.
        fleet: has the stacks' labels.
        root: folder of the revision, which has the policies.

    Raises:
        SettingsError: the policies cannot be used.
        HubstackError: they cannot be judged on this machine.
    """
    with Evaluator() as evaluator:
        policies = load.load(root, evaluator)
        if policies is None:
            return list(items)

        def item(each: plan.Item) -> plan.Item:
            if each.action != "up":
                return each
            try:
                stack = plan.stack_of(each.stack, root)
                verdict = gate.verdict(stack, fleet.labels_of(each.stack), policies, evaluator)
                return replace(each, told=tuple(gate.told(verdict)))
            except (HubstackError, SettingsError) as error:
                return replace(each, action="refused", reason=str(error).replace(f"{root}/", ""))

        return [item(each) for each in items]
