"""What a rollout did, from its journal: as data, as Markdown, as files beside its logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hubstack import project
from hubstack.fleet import duration, plan
from hubstack.fleet.journal import ATTEMPTS, Journal, Rollout, Step
from hubstack.safe_text import code, fenced, html, inline, visible

FILES = ("report.json", "report.md")


def facts(journal: Journal, rollout: Rollout) -> dict[str, Any]:
    """Everything about a rollout, as JSON types."""
    made = plan.Plan.from_dict(rollout.plan)
    ups: dict[str, list[Step]] = {}
    asked: dict[str, list[Step]] = {}
    for step in journal.steps(rollout.id):
        if step.stack:
            (ups if step.kind in ATTEMPTS else asked).setdefault(step.stack, []).append(step)
    stacks = [_stack(item, ups.get(item.stack, []), asked.get(item.stack, [])) for item in made.items]
    counts: dict[str, int] = {}
    for stack in stacks:
        counts[stack["state"]] = counts.get(stack["state"], 0) + 1
    ended = rollout.ended or max((stack["ended"] or 0 for stack in stacks), default=0) or rollout.started
    return {
        "rollout": rollout.id,
        "kind": rollout.kind,
        "state": "interrupted" if rollout.state == "running" and not rollout.alive else rollout.state,
        "reason": rollout.reason,
        "resumeAfter": rollout.options.get("after") if rollout.state == "paused" else None,
        "owner": rollout.holder(),
        "commit": made.revision.name,
        "started": rollout.started,
        "seconds": round(ended - rollout.started, 1),
        "cpuSeconds": round(sum(stack["cpuSeconds"] for stack in stacks), 1),
        "counts": counts,
        "waves": list(made.waves),
        "stacks": stacks,
    }


def _stack(item: plan.Item, ups: list[Step], asked: list[Step]) -> dict[str, Any]:
    """The last attempt on one stack and the gates since."""
    last = ups[-1] if ups else None
    gates = [step for step in asked if last and step.number > last.number]
    state, reason = {"skip": "unchanged", "refused": "refused"}.get(item.action, "waiting"), item.reason
    if last:
        state, reason = ("running" if last.state == "started" else last.state), last.reason
    if shut := next((step for step in gates if step.state == "failed"), None):
        state, reason = "failed", f"gate {shut.detail['gate']}: {shut.reason}"
    return {
        "stack": item.stack,
        "wave": item.wave,
        "cluster": item.cluster,
        "state": state,
        "reason": reason,
        "attempts": len(ups),
        "seconds": round(last.ended - last.started, 1) if last and last.ended else None,
        "ended": last.ended if last else None,
        "cpuSeconds": sum(step.detail.get("cpu", 0) for step in ups),
        "changes": last.detail.get("changes", {}) if last else {},
        "before": item.before,
        "digest": item.digest,
        "gates": [
            {
                "gate": step.detail["gate"],
                "state": "flaky" if step.detail.get("flaky") else step.state,
                "attempts": step.detail.get("attempts"),
                "reason": step.reason,
            }
            for step in gates
        ],
        "diagnosis": next((step.detail["diagnosis"] for step in [*gates, *ups[-1:]] if "diagnosis" in step.detail), []),
        "log": last.detail.get("log") if last else None,
    }


def markdown(found: dict[str, Any]) -> str:
    """The report for people."""
    return "\n".join(_markdown(found)) + "\n"


def _markdown(found: dict[str, Any]) -> Iterator[str]:
    counts = ", ".join(f"{count} {state}" for state, count in sorted(found["counts"].items()))
    yield f"# {found['kind'].capitalize()} {found['rollout']}: {found['state']}"
    yield ""
    if found["reason"]:
        yield f"{inline(found['reason'])}\n"
    took = f"{duration.written(found['seconds'])}, {found['cpuSeconds']} CPU seconds"
    yield f"{counts}. Took {took}, by {inline(found['owner'])}."
    yield f"Revision: {code(str(found['commit']))}.\n"
    yield "| Wave | Stack | Cluster | Result | Time | What |"
    yield "|---|---|---|---|---|---|"
    for stack in found["stacks"]:
        took = f"{stack['seconds']} s" if stack["seconds"] is not None else "-"
        flaky = [gate["gate"] for gate in stack["gates"] if gate["state"] == "flaky"]
        what = inline(stack["reason"]) + (f" (flaky: {', '.join(flaky)})" if flaky else "")
        state = f"**{stack['state']}**" if stack["state"] in ("failed", "refused") else stack["state"]
        wave, name, cluster = (inline(stack[key]) for key in ("wave", "stack", "cluster"))
        yield f"| {wave} | {name} | {cluster} | {state} | {took} | {what} |"
    for stack in found["stacks"]:
        if stack["diagnosis"]:
            yield f"\n<details><summary>What the cluster says about {html(stack['stack'])}</summary>\n"
            yield fenced("\n".join(map(visible, stack["diagnosis"])))
            yield "\n</details>"


def write(journal: Journal, rollout: Rollout) -> None:
    """Write both forms into the rollout's folder."""
    found = facts(journal, rollout)
    for name, text in zip(FILES, (json.dumps(found, indent=2) + "\n", markdown(found)), strict=True):
        project.write_private(project.private_folder(rollout.folder) / name, text)
