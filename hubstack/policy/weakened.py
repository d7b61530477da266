"""What a change of ``policies.yaml`` takes away: said in a review, so that nobody loses a rule unseen."""

from __future__ import annotations

from collections.abc import Iterator

from hubstack.label_selector import Selector
from hubstack.policy.model import Exemption, Policies, Policy

_STRICT = ("off", "warn", "block")


def weakened(base: Policies | None, head: Policies | None) -> Iterator[str]:
    """A sentence for each rule that asks for less, or may do so, and for each new exemption.

    Arguments:
        base, head: the rules of both revisions; None where there is no file.
    """
    if base is None:
        return
    if head is None:
        yield f"policies.yaml is removed, and with it {len(base.active)} rules"
        return
    after = {each.name: each for each in head.policies}
    for policy in base.active:
        yield from _policy(policy, after.get(policy.name))
    if str(base.production) != str(head.production):
        named = [_selector(side.production, "those whose data is protected") for side in (base, head)]
        yield f"other stacks count as production: {' -> '.join(named)}"
    known = set(map(_key, base.exemptions))
    for each in head.exemptions:
        if _key(each) not in known:
            yield f"new exemption from {each.policy} for {_of(each)} until {each.until}, by {each.by}: {each.reason}"


def _policy(before: Policy, after: Policy | None) -> Iterator[str]:
    if after is None:
        yield f"rule {before.name} is removed"
        return
    if _STRICT.index(after.level) < _STRICT.index(before.level):
        yield f"rule {before.name} is weakened: level {before.level} -> {after.level}"
    if after.require != before.require:
        yield f"rule {before.name} asks for something else: {before.require} -> {after.require}"
    where = (before.each, before.kinds), (after.each, after.kinds)
    if where[0] != where[1]:
        yield f"rule {before.name} is asked of something else"
    if str(before.stacks) != str(after.stacks):
        yield f"rule {before.name} is for other stacks: {_selector(before.stacks)} -> {_selector(after.stacks)}"


def _key(exemption: Exemption) -> tuple[str, str, str | None, str]:
    return exemption.policy, str(exemption.stacks), exemption.subject, str(exemption.until)


def _of(exemption: Exemption) -> str:
    where = f"stacks {_selector(exemption.stacks)}" if exemption.stacks else "every stack"
    return f"{exemption.subject} on {where}" if exemption.subject else where


def _selector(selector: Selector | None, otherwise: str = "all") -> str:
    return selector.text if selector else otherwise
