"""The fleet for engines beyond this machine: a workflow for CI runners, objects for the Pulumi Kubernetes Operator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from hubstack import project, reading
from hubstack.errors import HubstackError
from hubstack.fleet.duration import written
from hubstack.fleet.model import Fleet, Wave
from hubstack.project import actions, secrets_provider

TARGETS = ("github-matrix", "pulumi-operator")

MATRIX_LIMIT = 256
"""Jobs of one matrix; GitHub refuses more, so that a larger wave becomes several jobs, one after the other."""

PREREQUISITE_WITHIN = "24h"
"""How long ago a stack of the wave before may have succeeded at most; older successes are of older commits."""


@dataclass(frozen=True)
class Operator:
    """What the objects for the operator need beyond the fleet file."""

    repository: str
    """Git URL."""
    revision: str
    """Branch or commit."""
    backend: str
    """Backend URL; blank for the operator's default."""
    namespace: str


def text(fleet: Fleet, target: str, operator: Operator) -> str:
    """The fleet in another engine's words, as YAML, with what it cannot say as comments on top.

    Arguments:
        fleet: the fleet.
        target: one of `TARGETS`.
        operator: for ``pulumi-operator``.

    Raises:
        HubstackError: unknown target, or no repository for the operator.
    """
    if target == "github-matrix":
        documents: list[dict[str, Any]] = [workflow(fleet)]
    elif target == "pulumi-operator":
        if not operator.repository:
            raise HubstackError("--repository: is needed for pulumi-operator; give the git URL that it deploys from")
        documents = list(stack_objects(fleet, operator))
    else:
        raise HubstackError(f"--to {target}: unknown; allowed: {', '.join(TARGETS)}")
    head = "".join(f"# {line}\n" for line in ["Written by `hubstack rollout export`.", *_left_out(fleet, target)])
    return head + actions.with_tags(
        "---\n".join(yaml.safe_dump(each, sort_keys=False, width=120) for each in documents)
    )


def workflow(fleet: Fleet) -> dict[str, Any]:
    """A GitHub Actions workflow: a matrix of stacks for each wave, and a check between two waves."""
    jobs: dict[str, Any] = {}
    needs: list[str] = []
    for wave in fleet.waves:
        members = fleet.members(wave)
        parts = [members[start : start + MATRIX_LIMIT] for start in range(0, len(members), MATRIX_LIMIT)]
        names: list[str] = []
        for number, part in enumerate(parts, 1):
            name = _identifier(wave.name) if len(parts) == 1 else f"{_identifier(wave.name)}-{number}"
            jobs[name] = _matrix(fleet, wave, part, [*needs, *names[-1:]])
            names.append(name)
        check = f"{_identifier(wave.name)}-check"
        jobs[check] = _check(wave, len(members), names)
        needs = [check]
    return {
        "name": "rollout",
        "on": {"workflow_dispatch": {}},
        "permissions": {},
        "concurrency": {"group": "rollout", "cancel-in-progress": False},
        "jobs": jobs,
    }


def _matrix(fleet: Fleet, wave: Wave, members: list[str], needs: list[str]) -> dict[str, Any]:
    allowed = wave.allowed_failures(len(fleet.members(wave)))
    asks = any(secrets_provider.needs_passphrase(_stack_file(stack)) for stack in members)
    passphrase = {"PULUMI_CONFIG_PASSPHRASE": "${{ secrets.PULUMI_CONFIG_PASSPHRASE }}"} if asks else {}
    include = [{"stack": stack, "cluster": fleet.labels_of(stack).get("cluster", "")} for stack in members]
    return {
        "name": f"{wave.name}: ${{{{ matrix.stack }}}}",
        **({"needs": needs} if needs else {}),
        **({"environment": {"name": wave.name}} if wave.approval == "manual" else {}),
        "runs-on": "ubuntu-latest",
        "permissions": {"contents": "read"},
        "timeout-minutes": 60,
        # Where failures are borne, the check after the wave counts them.
        **({"continue-on-error": True} if allowed else {}),
        "strategy": {
            "fail-fast": not allowed,
            "max-parallel": min(wave.max_parallel, len(members)),
            "matrix": {"include": include},
        },
        "steps": [
            {"uses": actions.CHECKOUT.uses, "with": {"persist-credentials": False}},
            {"uses": actions.SETUP_PYTHON.uses, "with": {"python-version": "3.12"}},
            {"run": project.setup()},
            {
                "name": "deploy",
                "env": {
                    "STACK": "${{ matrix.stack }}",
                    "WAVE": wave.name,
                    "PULUMI_BACKEND_URL": "${{ vars.PULUMI_BACKEND_URL }}",
                    **passphrase,
                    "KUBECONFIG_DATA": "${{ secrets.KUBECONFIG }}",
                },
                "run": 'install -m 600 /dev/null "$RUNNER_TEMP/kubeconfig"\n'
                'printf %s "$KUBECONFIG_DATA" > "$RUNNER_TEMP/kubeconfig"\n'
                'export KUBECONFIG="$RUNNER_TEMP/kubeconfig"\n'
                "trap 'rm -f \"$KUBECONFIG\"' EXIT\n"
                '.venv/bin/hubstack rollout up --stack "$STACK" --approve "$WAVE" --no-wait\n',
            },
            {
                "if": "always()",
                "name": "report",
                "env": {"OUTCOME": "${{ job.status }}"},
                "run": 'cat .hubstack/rollouts/*/report.md >> "$GITHUB_STEP_SUMMARY"\necho "$OUTCOME" > outcome\n',
            },
            {
                "if": "always()",
                "uses": actions.UPLOAD_ARTIFACT.uses,
                "with": {"name": f"{_artifact(wave)}${{{{ matrix.stack }}}}", "path": "outcome"},
            },
        ],
    }


def _check(wave: Wave, members: int, needs: list[str]) -> dict[str, Any]:
    allowed = wave.allowed_failures(members)
    count = (
        f"good=$(cat outcomes/*/outcome | grep -c '^success$' || true)\n"
        f'failed=$(({members} - good))\necho "$failed of {members} failed, {allowed} allowed"\n'
        f'test "$failed" -le {allowed}\n'
    )
    bake = f"sleep {wave.bake_time}\n" if wave.bake_time else ""
    return {
        "name": f"{wave.name}: check",
        "needs": needs,
        "runs-on": "ubuntu-latest",
        "timeout-minutes": max(10, wave.bake_time // 60 + 10),
        "steps": [
            {
                "uses": actions.DOWNLOAD_ARTIFACT.uses,
                "with": {"pattern": f"{_artifact(wave)}*", "path": "outcomes"},
            },
            {"name": "count failures", "run": count + bake},
        ],
    }


def stack_objects(fleet: Fleet, operator: Operator) -> Iterator[dict[str, Any]]:
    """A ``Stack`` for each stack; those of a wave wait until every stack of the wave before has succeeded."""
    names = {stack: _object_name(stack) for stack in fleet.stacks}
    if len(set(names.values())) != len(names):
        raise HubstackError("two stacks differ only in characters that names of Kubernetes objects lack; rename one")
    revision = "commit" if re.fullmatch(r"[0-9a-f]{40}", operator.revision) else "branch"
    before: list[str] = []
    for wave in fleet.waves:
        members = fleet.members(wave)
        for stack in members:
            requirement = {"succeededWithinDuration": PREREQUISITE_WITHIN}
            waits = [{"name": names[each], "requirement": requirement} for each in before]
            yield {
                "apiVersion": "pulumi.com/v1",
                "kind": "Stack",
                "metadata": {
                    "name": names[stack],
                    "namespace": operator.namespace,
                    "labels": {"hubstack/wave": wave.name},
                },
                "spec": {
                    "stack": stack,
                    "projectRepo": operator.repository,
                    revision: operator.revision,
                    **({"backend": operator.backend} if operator.backend else {}),
                    **({"secretsProvider": provider} if (provider := _provider(stack)) else {}),
                    "refresh": False,
                    "destroyOnFinalize": False,
                    **({"prerequisites": waits} if waits else {}),
                },
            }
        before = members


def _stack_file(stack: str) -> dict[str, Any]:
    """Content of a stack's file; nothing where there is none, or none that can be read."""
    try:
        found = reading.yaml_file(project.ROOT / f"Pulumi.{stack}.yaml")
    except reading.Unreadable:
        found = None
    return found if isinstance(found, dict) else {}


def _provider(stack: str) -> str | None:
    return secrets_provider.named(_stack_file(stack), f"Pulumi.{stack}.yaml: secretsprovider")


def _left_out(fleet: Fleet, target: str) -> Iterator[str]:
    """What the target has no words for."""
    for wave in fleet.waves:
        missing = ["windows"] if wave.windows else []
        if target == "pulumi-operator":
            missing += ["approval"] if wave.approval == "manual" else []
            missing += [f"bakeTime {written(wave.bake_time)}"] if wave.bake_time else []
            missing += ["gates"] if wave.gates else []
            missing += ["maxParallel"]
            missing += ["maxFailures"] if wave.allowed_failures(len(fleet.members(wave))) else []
        if missing:
            yield f"Wave {wave.name}: not carried over: {', '.join(missing)}."
        services = sorted({each for stack in fleet.members(wave) if "://" in (each := _provider(stack) or "")})
        if services:
            yield f"Wave {wave.name}: give it credentials for {', '.join(services)}, which encrypts its secrets."
        if target == "github-matrix" and wave.approval == "manual":
            yield f"Wave {wave.name}: give the environment {wave.name} required reviewers."


def _identifier(name: str) -> str:
    """A wave's name as a job's."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", name if re.match(r"[A-Za-z_]", name) else f"wave-{name}")


def _artifact(wave: Wave) -> str:
    """Beginning of the names of a wave's artifacts; no other wave's begins like it, as no identifier has a dot."""
    return f"outcome.{_identifier(wave.name)}."


def _object_name(stack: str) -> str:
    return re.sub(r"[^a-z0-9.-]", "-", stack.lower()).strip("-.")
