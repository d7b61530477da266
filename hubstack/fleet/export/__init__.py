"""The fleet for engines beyond this machine: a workflow for CI runners, objects for the Pulumi Kubernetes Operator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from hubstack.errors import HubstackError
from hubstack.fleet.duration import written
from hubstack.fleet.export import files, operator
from hubstack.fleet.export.operator import Operator
from hubstack.fleet.export.workflow import workflow
from hubstack.fleet.model import Fleet
from hubstack.project import actions

__all__ = ["TARGETS", "Operator", "text", "workflow"]

TARGETS = ("github-matrix", "pulumi-operator")


def text(fleet: Fleet, target: str, wanted: Operator, waves: Sequence[str] = ()) -> str:
    """The fleet in another engine's words, as YAML, with what it cannot say as comments on top.

    Arguments:
        fleet: the fleet.
        target: one of `TARGETS`.
        wanted: for ``pulumi-operator``.
        waves: for ``pulumi-operator``, names of the waves whose objects are written; all where empty.

    Raises:
        HubstackError: unknown target or wave, or something that the operator needs is missing.
    """
    known = [wave.name for wave in fleet.waves]
    if unknown := [wave for wave in waves if wave not in known]:
        raise HubstackError(f"--wave {unknown[0]}: no such wave; waves: {', '.join(known)}")
    if target == "github-matrix":
        if waves:
            raise HubstackError("--wave: goes with pulumi-operator only; the workflow starts its waves itself")
        documents: list[dict[str, Any]] = [workflow(fleet)]
    elif target == "pulumi-operator":
        documents = list(operator.stack_objects(fleet, wanted, waves))
    else:
        raise HubstackError(f"--to {target}: unknown; allowed: {', '.join(TARGETS)}")
    needed = operator.secrets(fleet, wanted) if target == "pulumi-operator" else ()
    head = ["Written by `hubstack rollout export`.", *_left_out(fleet, target), *needed]
    return "".join(f"# {line}\n" for line in head) + actions.with_tags(
        "---\n".join(yaml.safe_dump(each, sort_keys=False, width=120) for each in documents)
    )


def _left_out(fleet: Fleet, target: str) -> Iterator[str]:
    """What the target has no words for, and what somebody has to do."""
    for wave in fleet.waves:
        members = fleet.members(wave)
        missing = []
        if target == "pulumi-operator":
            missing += ["windows"] if wave.windows else []
            missing += ["approval"] if wave.approval == "manual" else []
            missing += [f"bakeTime {written(wave.bake_time)}"] if wave.bake_time else []
            missing += ["gates"] if wave.gates else []
            missing += ["maxParallel"]
            missing += ["maxFailures"] if wave.allowed_failures(len(members)) else []
            missing += ["timeout"] if wave.timeout else []
        if missing:
            yield f"Wave {wave.name}: not carried over: {', '.join(missing)}."
        services = sorted({each for stack in members if "://" in (each := files.provider(stack) or "")})
        if services:
            yield f"Wave {wave.name}: give it credentials for {', '.join(services)}, which encrypts its secrets."
        if target == "github-matrix" and wave.windows:
            yield f"Wave {wave.name}: a job outside of its windows ends as paused, and is run again by hand."
        if target == "github-matrix" and wave.approval == "manual":
            yield f"Wave {wave.name}: give the environment {wave.name} required reviewers."
