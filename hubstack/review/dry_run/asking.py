"""The dry run of a whole review: who is asked about which stack, and what becomes of the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich.console import Console

from hubstack.errors import HubstackError
from hubstack.review.changes import StackChange
from hubstack.review.dry_run import offers, servers
from hubstack.review.rules import REFUSED, worst_first

Reasons = Mapping[str, Mapping[str, str] | HubstackError]
"""For each stack, the reason by rule name for rules that are accepted on it."""


def asked(
    stacks: Sequence[StackChange], names: Sequence[str], accepted: Reasons, console: Console
) -> list[StackChange]:
    """The stacks with what the API servers say of them.

    Arguments:
        stacks: what happens to each stack.
        names: the servers, see `servers.opened`.
        accepted: what is accepted on each stack.
        console: told about downloads.

    Raises:
        HubstackError: a server cannot be had, does not answer, or has nothing to answer.
    """
    to_ask = [each for each in stacks if each.head and each.head.manifests and each.head is not each.base]
    if not to_ask:
        return list(stacks)
    with servers.opened(names, console) as opened:
        told = {each.stack: _with_answers(each, opened, accepted[each.stack]) for each in to_ask}
    return [told.get(each.stack, each) for each in stacks]


def _with_answers(
    stack: StackChange, opened: Mapping[str, servers.Server], accepted: Mapping[str, str] | HubstackError
) -> StackChange:
    assert stack.head
    server = offers.server_of(stack.head, opened)
    if server is None:
        context = stack.head.config.get("kubeContext")
        return replace(stack, unjudged=(f"the whole stack: nobody was asked about context {context}",))
    base = stack.base if stack.base and not stack.base.error else None
    verdict = offers.verdict(base, stack.head, server)
    reasons = {} if isinstance(accepted, HubstackError) else accepted
    refused = [REFUSED.finding(text, reasons.get(REFUSED.name)) for text in verdict.refusals]
    findings = sorted((*stack.findings, *refused), key=worst_first)
    return replace(stack, findings=tuple(findings), unjudged=verdict.unjudged)
