"""An update and its preview ask the cluster whether it would admit the pods: of the stack, and of its users."""

from __future__ import annotations

from typing import Any

from hubstack import project, settings
from hubstack.chart.errors import SettingsError
from hubstack.components import api_server
from hubstack.configuration import key
from hubstack.errors import HubstackError
from hubstack.lifecycle import admission, admission_advice
from hubstack.lifecycle.admission import Verdict
from hubstack.migration import access
from hubstack.project import stacks
from hubstack.project.stacks import Stack

_ALL_THE_SAME = f"{key('checkAdmission')}: false deploys all the same."


def refuse(stack: Stack) -> list[str]:
    """Refuse an update whose pods the cluster would not admit; gives a warning for each choice that users would lose.

    Raises:
        HubstackError: a pod of the stack is not admitted, or no pod of any user; with what to do.
    """
    resolved, verdicts = _verdicts(stack, before=True)
    if resolved is None:
        return []
    users = admission.refused(verdicts, of_user=True)
    own = admission.refused(verdicts, of_user=False)
    wrong = [*own, *(users if admission.nobody_starts(verdicts, resolved) else [])]
    if wrong:
        whose = "these pods" if own else "any user's server"
        raise HubstackError(
            f"stack {stack.name}: namespace {stack.namespace} would not admit {whose}:\n"
            f"  {admission_advice.described(wrong, stack.namespace)}\nNothing was changed. {_ALL_THE_SAME}"
        )
    return _warnings(users, stack.namespace)


def require_users(stack: Stack) -> None:
    """Make sure, after an update, that users' servers can start.

    Raises:
        HubstackError: none is admitted; with what to do.
    """
    resolved, verdicts = _verdicts(stack, before=False)
    if resolved is not None and admission.nobody_starts(verdicts, resolved):
        users = admission.refused(verdicts, of_user=True)
        raise HubstackError(
            f"stack {stack.name}: the hub is deployed, and no user's server can start in namespace {stack.namespace}:\n"
            f"  {admission_advice.described(users, stack.namespace)}"
        )


def doubts(stack: Stack) -> list[str]:
    """Warnings for a preview: the pods that the cluster would not admit."""
    _, verdicts = _verdicts(stack, before=True)
    found = [each for of_user in (False, True) for each in admission.refused(verdicts, of_user=of_user)]
    return _warnings(found, stack.namespace)


def _warnings(refused: list[Verdict], namespace: str) -> list[str]:
    if not refused:
        return []
    return [f"namespace {namespace} would not admit:\n  {admission_advice.described(refused, namespace)}"]


def _verdicts(stack: Stack, *, before: bool) -> tuple[settings.StackSettings | None, list[Verdict]]:
    """What the cluster says, with the settings; nothing where it cannot be asked, or is not to be."""
    try:
        resolved = settings.resolve(settings.parse(stacks.entries(stack.settings), set()), project.ROOT)
        if resolved.release is None or not resolved.config.check_admission:
            return None, []
        client = access.of(stack)
    except (SettingsError, HubstackError):  # the engine says what is wrong, with settings that it can decrypt
        return None, []
    pods = [each for each in admission.pods(resolved, before=before) if before or each.of_user]
    verdicts = admission.judge(admission.ask_with(client), stack.namespace, pods)
    if any(each.outcome is admission.Outcome.UNKNOWN for each in verdicts):
        verdicts = admission.by_level(verdicts, _namespace(client, stack.namespace))
    return resolved, verdicts


def _namespace(client: Any, name: str) -> dict[str, Any] | None:
    import urllib3

    try:
        answer = api_server.request(client, "GET", f"/api/v1/namespaces/{name}")
        return answer.document() if answer.status == 200 else None
    except (urllib3.exceptions.HTTPError, ValueError):
        return None
