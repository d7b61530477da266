"""What stands before an update and its preview: policies that block end it before anything changes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from hubstack import settings, unread
from hubstack.errors import HubstackError
from hubstack.policy import load, subject
from hubstack.policy.expressions import Evaluator
from hubstack.policy.judge import Place, Verdict, judge
from hubstack.policy.model import Policies
from hubstack.project import stacks
from hubstack.project.stacks import Stack


def verdict(stack: Stack, labels: Mapping[str, str], policies: Policies, evaluator: Evaluator) -> Verdict:
    """What policies say of a stack as its file describes it, nothing of it decrypted.

    Raises:
        SettingsError: its settings cannot be used.
    """
    resolved = settings.resolve(settings.parse(stacks.entries(stack.settings), set()), stack.root)
    sealed = unread.is_encrypted(stack.settings.get("secretValues"))
    return judge(policies, subject.of(resolved, sealed=sealed), Place(stack.base, labels), evaluator, today())


def require(stack: Stack, labels: Mapping[str, str]) -> list[str]:
    """Refuse a stack that the policies of its revision do not let be deployed; gives what is to be told all the same.

    Arguments:
        stack: the stack; its root has the policies.
        labels: of the fleet file.

    Raises:
        HubstackError: a policy blocks; lists all that do.
        SettingsError: the policies or the settings cannot be used.
    """
    with Evaluator() as evaluator:
        policies = load.load(stack.root, evaluator)
        if policies is None:
            return []
        return told(verdict(stack, labels, policies, evaluator))


def told(found: Verdict) -> list[str]:
    """What is told of a verdict.

    Raises:
        HubstackError: a policy blocks; lists all that do.
    """
    if blocking := found.blocking:
        lines = "\n".join(f"  {each.policy}: {each.sentence}" for each in blocking)
        notes = "".join(f"\n  {note}" for note in found.notes)
        raise HubstackError(f"stack {found.stack}: policies.yaml lets nothing be deployed:\n{lines}{notes}\n{_WAY_OUT}")
    return [*(f"{each.policy}: {each.sentence}{_exempt(each.exemption)}" for each in found.violations), *found.notes]


def _exempt(exemption: object) -> str:
    until = getattr(exemption, "until", None)
    return f" Exempt until {until}." if until else ""


def today() -> datetime.date:
    """The day by which exemptions are judged, the same everywhere."""
    return datetime.datetime.now(datetime.UTC).date()


_WAY_OUT = "Mend the settings, or have an exemption written into policies.yaml. Nothing was changed."
