"""Who lets a rule that blocks pass, and why: the command line, labels of the pull request, or the stack's own file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from hubstack.errors import HubstackError
from hubstack.review.rules import RULES
from hubstack.review.sources import StackFile

KEY = "hubstack.review.accept"
"""Key of a stack file, beside ``config``: reason by rule name, for rules that are accepted on this stack for now."""
POLICY = "policy/"
"""Start of the name that a policy's findings have."""
LABEL = "accept:"
"""Start of a label that accepts the rule behind it."""


def from_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """Reason by rule name, from texts ``RULE=REASON``.

    Raises:
        HubstackError: a text of another form, or no such rule.
    """
    accepted = {}
    for pair in pairs:
        rule, equals, reason = pair.partition("=")
        if not equals or not reason.strip():
            raise HubstackError(f"--accept {pair}: write it as RULE=REASON; a reason is needed")
        accepted[rule.strip()] = reason.strip()
    require_known(accepted, "--accept")
    return accepted


def from_labels(labels: str) -> dict[str, str]:
    """Reason by rule name, from the labels of a pull request; other labels are of no interest.

    Arguments:
        labels: a JSON list of names, as GitHub has it, or names with commas, as GitLab has it.

    Raises:
        HubstackError: a label that accepts a rule that there is not.
    """
    try:
        names = json.loads(labels) if labels.lstrip().startswith("[") else labels.split(",")
    except ValueError:
        raise HubstackError("--labels: starts like a JSON list and is none") from None
    found = [str(name).strip() for name in names]
    accepted = {
        name.removeprefix(LABEL).strip(): f"label {name} of the pull request"
        for name in found
        if name.startswith(LABEL)
    }
    require_known(accepted, "--labels")
    return accepted


def from_stack(base: StackFile | None, head: StackFile) -> dict[str, str]:
    """Reason by rule name, from a stack's file; for the change that adds or changes the reason, and for no later one.

    Raises:
        HubstackError: no reason, or no such rule.
    """
    source = f"Pulumi.{head.stack}.yaml: {KEY}"
    if not isinstance(head.accept, Mapping):
        raise HubstackError(f"{source}: must be a map of reasons by rule name")
    accepted = {str(rule): str(reason or "").strip() for rule, reason in head.accept.items()}
    if blank := next((rule for rule, reason in accepted.items() if not reason), None):
        raise HubstackError(f"{source}.{blank}: a reason is needed")
    if policies := sorted(rule for rule in accepted if rule.startswith(POLICY)):
        raise HubstackError(
            f"{source}: {policies[0]!r}: a stack's own file does not let it break a policy; write an exemption into "
            "policies.yaml"
        )
    require_known(accepted, source)
    earlier = base.accept if base and isinstance(base.accept, Mapping) else {}
    return {rule: reason for rule, reason in accepted.items() if str(earlier.get(rule) or "").strip() != reason}


def require_known(accepted: Mapping[str, str], source: str, policies: Iterable[str] | None = None) -> None:
    """Refuse rules that there are not: a typo would accept nothing, and nobody would know why.

    Arguments:
        accepted: reason by rule name.
        source: what messages call the place where they stand.
        policies: names of the policies of both revisions; None where those have not been read yet.

    Raises:
        HubstackError: no such rule.
    """
    known = sorted(rule.name for rule in RULES)
    own = {rule for rule in accepted if rule.startswith(POLICY)}
    if policies is not None:
        named = sorted(f"{POLICY}{each}" for each in policies)
        own, known = own & set(named), [*known, *named]
    if unknown := sorted(set(accepted) - set(known) - own):
        raise HubstackError(f"{source}: {unknown[0]!r}: no such rule; rules: {', '.join(known)}")
