"""What a refusal of pods means for whoever deploys, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from hubstack.lifecycle.admission import Pod, Verdict


def described(verdicts: Sequence[Verdict], namespace: str) -> str:
    """What is not admitted, why, and what to do: the same reason is said once.

    Arguments:
        verdicts: refusals.
        namespace: where the pods would be made.
    """
    by_reason: dict[str, list[Verdict]] = {}
    for each in verdicts:
        by_reason.setdefault(each.reason, []).append(each)
    lines = []
    for reason, group in by_reason.items():
        lines.append(f"{names(group)}: {reason}\n    {remedy(reason, group[0].pod, namespace)}")
    return "\n  ".join(lines)


def names(verdicts: Sequence[Verdict]) -> str:
    """The first of some pods, and how many more there are."""
    found = [each.pod.who for each in verdicts]
    return ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")


def remedy(reason: str, pod: Pod, namespace: str) -> str:
    """What to do about a refusal.

    Arguments:
        reason: in the cluster's words.
        pod: one that is refused.
        namespace: where it would be made.
    """
    if "violates PodSecurity" in reason:
        label = f"kubectl label --overwrite namespace {namespace} pod-security.kubernetes.io/enforce=privileged"
        return f"{_hardened(reason) if pod.of_user else 'give these pods what the level wants'}; or: {label}"
    if "must specify" in reason:
        where = pod.resources
        if pod.of_user:
            block = ", singleuser.networkTools.resources" if pod.manifest["spec"].get("initContainers") else ""
            where = f"singleuser.cpu and singleuser.memory (guarantee and limit){block}"
        return f"set {where}, or let a LimitRange of the namespace give defaults"
    if "PriorityClass" in reason:
        return "make the priority class, or correct its name"
    if "service account" in reason or "serviceaccount" in reason:
        return "make the service account, or correct singleuser.serviceAccountName"
    if "usage per" in reason:
        return "change the amounts in the settings, or the namespace's LimitRange"
    return "change the settings of these pods, or have the namespace exempted from the rule"


def _hardened(reason: str) -> str:
    """Settings with which users' pods pass Pod Security."""
    steps = []
    if "privileged" in reason or "NET_ADMIN" in reason:
        steps.append(
            "set singleuser.cloudMetadata.blockWithIptables to false (the network policy of users' pods keeps them "
            "from the metadata server, too)"
        )
    if "restricted" in reason:
        steps.append(
            "set hub.config.KubeSpawner.container_security_context to {runAsNonRoot: true, capabilities: {drop: "
            "[ALL]}, seccompProfile: {type: RuntimeDefault}}"
        )
    return " and ".join(steps) or "take away from users' pods what the level forbids"
