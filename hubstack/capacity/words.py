"""Verdicts in sentences: what is asked for, what there is, and a way out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from hubstack.capacity import requests
from hubstack.capacity.judge import InPool, Verdict
from hubstack.capacity.quantities import units, written
from hubstack.capacity.scheduling import Misfit

_OF = {"memory": " of memory", "ephemeral-storage": " of local disk"}
_FOR_EVER = "every start would wait for ever"


def sentence(verdict: Verdict) -> str:
    """What becomes of a pod, in one or two sentences."""
    name = f"{verdict.shape.name[:1].upper()}{verdict.shape.name[1:]}"
    reasons = "; ".join(verdict.reasons)
    match verdict.status:
        case "never" if verdict.shape.refused:
            return f"{name} does not start: {reasons}."
        case "never" if verdict.reasons:
            return f"{name} does not start, because Kubernetes refuses the pod: {reasons}."
        case "never":
            return f"{name} {_never(verdict)}"
        case "unknown":
            read = f" As far as it can be read, it {_never(verdict)}" if _fits_nowhere(verdict) else ""
            return f"{name} cannot be judged: {reasons}.{read}"
        case "waits":
            return f"{name} fits, and has to wait now: {reasons}. {_density(verdict)}"
    return f"{name} fits. {_density(verdict)}"


def asks(amounts: Mapping[str, Fraction]) -> str:
    """What a pod asks for, such as ``2 CPU and 8 GiB of memory``."""
    parts = [_amount(name, amount) for name, amount in sorted(amounts.items()) if amount]
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]])) or "nothing"


def no_node(pools: Sequence[InPool]) -> str:
    """The scheduler's own message, such as ``0/3 nodes: 2 Insufficient memory, 1 Too many pods``."""
    counted = [(each, each.pool.nodes or 0) for each in pools]
    what = "nodes"
    if not any(count for _, count in counted):
        counted, what = [(each, 1) for each in pools], "pools"
    reasons: Counter[str] = Counter()
    for each, count in counted:
        for misfit in first_of(each.misfits):
            reasons[misfit.in_short()] += count
    total = sum(count for _, count in counted)
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()) if count)
    return f"0/{total} {what}{f': {told}' if told else ''}"


def first_of(misfits: Iterable[Misfit]) -> list[Misfit]:
    """The reasons that the scheduler would tell: it stops at the first filter that a node does not pass."""
    every = list(misfits)
    for filtered in (("taint",), ("labels",), ("resource", "pods"), ("volume",), ("spread",)):
        if found := [each for each in every if each.why in filtered]:
            # One taint is told, and labels are told as one thing.
            return found[:1] if len(filtered) == 1 else found
    return []


def _fits_nowhere(verdict: Verdict) -> bool:
    return bool(verdict.pools) and all(each.misfits for each in verdict.pools)


def _never(verdict: Verdict) -> str:
    reachable = [each for each in verdict.pools if each.reachable]
    if not verdict.pools:
        return f"has no pool to run in, since every pool has maxNodes 0: {_FOR_EVER}."
    return _too_large(verdict, reachable) if reachable else _kept_away(verdict)


def _too_large(verdict: Verdict, reachable: Sequence[InPool]) -> str:
    """No node that the pod may use is large enough."""
    best = max(reachable, key=lambda each: (-len(each.misfits), min(map(_share, each.misfits), default=Fraction(0))))
    wanted = " and ".join(_amount(each.what, each.asked) for each in best.misfits)
    left = " and ".join(_amount(each.what, each.left) for each in best.misfits)
    which = "the largest pool that it may use" if len(reachable) > 1 else "the only pool that it may use"
    text = f"asks for {wanted}; {which} (`{best.pool.name}`) leaves {left}: {_FOR_EVER} ({no_node(verdict.pools)})."
    return f"{text}{_at_most(verdict, best)}"


def _at_most(verdict: Verdict, best: InPool) -> str:
    """The most that its largest container may ask for, in the unit that people write."""
    parts = []
    for each in best.misfits:
        if each.why != "resource":
            return ""
        containers = verdict.spec.get("containers") or []
        own = max(
            (requests.asked(one, "requests").get(each.what, Fraction(0)) for one in containers), default=Fraction(0)
        )
        room = each.left - (each.asked - own)
        if room <= 0:
            return ""
        parts.append(_rounded(each.what, room))
    return f" At most {' and '.join(parts)}." if parts else ""


def _rounded(resource: str, room: Fraction) -> str:
    """An amount that fits, in round numbers."""
    if resource in _OF and room >= 2**30:
        return f"{room // 2**30} GiB"
    if resource in _OF:
        return f"{room // 2**20} MiB"
    return f"{math.floor(room * 10) / 10:g} CPU" if resource == "cpu" else f"{math.floor(room)} {resource}"


def _kept_away(verdict: Verdict) -> str:
    """Labels or taints keep the pod away from every pool."""
    nearest = min(verdict.pools, key=_distance)
    labels = [each.what for each in nearest.misfits if each.why == "labels"]
    taints = [each.what for each in nearest.misfits if each.why == "taint"]
    spread = [each.what for each in nearest.misfits if each.why == "spread"]
    why = []
    if labels:
        why.append(f"its nodes are not {' and '.join(labels)}")
    if taints:
        why.append(f"it does not tolerate the taint {', '.join(taints)}")
    if volumes := [each.what for each in nearest.misfits if each.why == "volume"]:
        why.append(f"its nodes do not reach the volume of {', '.join(volumes)}, as in another zone")
    if spread:
        why.append(f"its nodes have no label {', '.join(spread)}, by which the pods are to be spread")
    if short := [each for each in nearest.misfits if each.why in ("resource", "pods")]:
        left = " and ".join(_amount(each.what, each.left) for each in short)
        asked = " and ".join(_amount(each.what, each.asked) for each in short)
        why.append(f"it leaves {left}, less than the {asked} asked for")
    away = f"{_FOR_EVER} ({no_node(verdict.pools)})"
    return (
        f"may use no pool: nearest is `{nearest.pool.name}`, but {' and '.join(why)}; {away}. {_way_in(labels, taints)}"
    )


def _distance(each: InPool) -> tuple[int, int]:
    """How far a pool is from taking a pod: other labels are further away than a taint that is not tolerated."""
    return sum(one.why in ("labels", "volume", "spread") for one in each.misfits), len(each.misfits)


def _way_in(labels: Sequence[str], taints: Sequence[str]) -> str:
    ways = []
    if labels:
        ways.append("give the nodes that label, or change the selector")
    if taints:
        ways.append("add a toleration (singleuser.extraTolerations, or tolerations in the profile)")
    text = ", and ".join(ways)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _density(verdict: Verdict) -> str:
    """How many fill a node of each pool."""
    parts = []
    for each in verdict.pools:
        if each.misfits:
            continue
        text = f"{each.per_node} to a node of `{each.pool.name}`"
        most = each.pool.max_nodes
        if most is not None:
            text += f", {each.per_node * most} at {most} nodes"
        if each.pool.may_be_empty:
            text += " (it may be empty: the first one waits for a node)"
        parts.append(text)
    return f"{'; '.join(parts)}." if parts else ""


def _share(misfit: Misfit) -> Fraction:
    return misfit.left / misfit.asked if misfit.asked else Fraction(0)


def _amount(resource: str, amount: Fraction) -> str:
    if resource == "pods":
        return f"{units(resource, amount)} pod{'' if amount == 1 else 's'}"
    return f"{written(resource, max(amount, Fraction(0)))}{_OF.get(resource, '')}"
