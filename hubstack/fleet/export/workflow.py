"""The fleet as a workflow of GitHub Actions: a job for each stack, and a check between two waves.

Each job runs `hubstack rollout step`, so that a stack is deployed and asked as in a rollout of our own; what a rollout
decides between stacks and waves is in the texts of `scripts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hubstack import project
from hubstack.errors import HubstackError
from hubstack.fleet.clusters import Cluster
from hubstack.fleet.export import files, scripts
from hubstack.fleet.model import Fleet, Wave
from hubstack.project import actions

MATRIX_LIMIT = 256
"""Jobs of one matrix; GitHub refuses more, so that a larger wave becomes several jobs, one after the other."""
LONGEST_SLEEP = 5 * 3600
"""Seconds that one job bakes; GitHub ends a job after six hours, so that a longer bake becomes several."""
_MINUTES = 60
"""Of a job's time beyond the limit of the update: for installing, and for gates."""

Jobs = dict[str, dict[str, Any]]


def workflow(fleet: Fleet) -> dict[str, Any]:
    """The workflow.

    Raises:
        HubstackError: two waves differ only in characters that names of jobs lack.
    """
    jobs: Jobs = {}
    needs: list[str] = []
    for wave in fleet.waves:
        made = dict(_wave(fleet, wave, needs))
        if twice := made.keys() & jobs.keys():
            raise HubstackError(f"wave {wave.name}: another wave has a job {min(twice)} as well; rename one of them")
        jobs |= made
        needs = [list(made)[-1]]
    return {
        "name": "rollout",
        "on": {"workflow_dispatch": {}},
        "permissions": {},
        "concurrency": {"group": "rollout", "cancel-in-progress": False},
        "jobs": jobs,
    }


def _wave(fleet: Fleet, wave: Wave, needs: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The jobs of a wave in their order: approval, updates, check, bake, gates, check."""
    name = _identifier(wave.name)
    if wave.approval == "manual":
        yield f"{name}-approval", _approval(wave, needs)
        needs = [f"{name}-approval"]
    deployed: list[str] = []
    for job, members in _parts(fleet, wave, name):
        yield job, _matrix(fleet, wave, members, [*needs, *deployed[-1:]], baked=False)
        deployed.append(job)
    yield f"{name}-check", _check(fleet, wave, [*needs, *deployed])
    last = f"{name}-check"
    if not wave.bake_time:
        return
    naps = -(-wave.bake_time // LONGEST_SLEEP)
    for number in range(1, naps + 1):
        job = f"{name}-bake" if naps == 1 else f"{name}-bake-{number}"
        yield job, _bake(wave, min(LONGEST_SLEEP, wave.bake_time - (number - 1) * LONGEST_SLEEP), last)
        last = job
    if wave.gates:
        asked: list[str] = []
        for job, members in _parts(fleet, wave, f"{name}-gates"):
            yield job, _matrix(fleet, wave, members, [last, *asked[-1:]], baked=True)
            asked.append(job)
        yield f"{name}-baked", _check(fleet, wave, [last, *asked])


def _parts(fleet: Fleet, wave: Wave, name: str) -> Iterator[tuple[str, list[str]]]:
    """Jobs and their stacks: as many as a matrix takes, with an environment each, or without one each."""
    members = fleet.members(wave)
    kinds = [[stack for stack in members if bool(fleet.cluster_of(stack).environment) is has] for has in (False, True)]
    parts = [kind[start : start + MATRIX_LIMIT] for kind in kinds for start in range(0, len(kind), MATRIX_LIMIT)]
    for number, part in enumerate(parts, 1):
        yield (name if len(parts) == 1 else f"{name}-{number}"), part


def _approval(wave: Wave, needs: list[str]) -> dict[str, Any]:
    """One approval for the whole wave: an environment of each stack's job would ask for one each."""
    return {
        "name": f"{wave.name}: approval",
        **_needs(needs),
        "environment": {"name": wave.name},
        "runs-on": "ubuntu-latest",
        "timeout-minutes": 5,
        "steps": [{"name": "approved", "env": {"WAVE": wave.name}, "run": 'echo "wave $WAVE may start"\n'}],
    }


def _matrix(fleet: Fleet, wave: Wave, members: list[str], needs: list[str], *, baked: bool) -> dict[str, Any]:
    clusters = {stack: fleet.cluster_of(stack) for stack in members}
    logins = any(cluster.login for cluster in clusters.values())
    has_environment = any(cluster.environment for cluster in clusters.values())
    variables = sorted({name for each in clusters.values() if each.login for name in each.login.variables()})
    include = [
        {
            "stack": stack,
            "cluster": fleet.labels_of(stack).get("cluster", ""),
            "kubeconfig": cluster.kubeconfig_secret,
            **({"environment": cluster.environment} if cluster.environment else {}),
            **({name.lower(): _variables(cluster).get(name, "") for name in variables}),
        }
        for stack, cluster in clusters.items()
    ]
    asks = any(files.needs_passphrase(stack) for stack in members)
    passphrase = {"PULUMI_CONFIG_PASSPHRASE": "${{ secrets.PULUMI_CONFIG_PASSPHRASE }}"} if asks else {}
    longest = max(fleet.limits()[stack] for stack in members)
    only = {"if": "steps.start.outputs.state == ''"} if not baked else {}
    started = "" if baked else "steps.start.outputs.state || "
    state = f"${{{{ {started}steps.run.outputs.state || 'failed' }}}}"
    parts = ("ask" if baked else "deploy", "${{ github.run_attempt }}", state, _identifier(wave.name))
    return {
        "name": f"{wave.name}{' after the bake' if baked else ''}: ${{{{ matrix.stack }}}}",
        **_needs(needs),
        # The check after the wave counts failures; a job that failed does not cut off another one's update.
        "continue-on-error": True,
        **({"environment": {"name": "${{ matrix.environment }}"}} if has_environment else {}),
        "runs-on": "ubuntu-latest",
        "permissions": {"contents": "read", "actions": "read", **({"id-token": "write"} if logins else {})},
        "timeout-minutes": min(360, _MINUTES + longest // 60),
        "strategy": {
            "fail-fast": False,
            "max-parallel": min(wave.max_parallel, len(members)),
            "matrix": {"include": include},
        },
        "steps": [
            *([] if baked else [_may_start(fleet, wave)]),
            {**only, "uses": actions.CHECKOUT.uses, "with": {"persist-credentials": False}},
            {**only, "uses": actions.SETUP_PYTHON.uses, "with": {"python-version": "3.12"}},
            {**only, "run": project.setup()},
            {
                **only,
                "name": "ask the gates" if baked else "deploy",
                "id": "run",
                "env": {
                    "STACK": "${{ matrix.stack }}",
                    "ROLLOUT": "github-${{ github.run_id }}",
                    "PULUMI_BACKEND_URL": "${{ vars.PULUMI_BACKEND_URL }}",
                    **passphrase,
                    "KUBECONFIG_DATA": "${{ secrets[matrix.kubeconfig] }}",
                    **{name: f"${{{{ matrix.{name.lower()} }}}}" for name in variables},
                },
                "run": scripts.ASK if baked else scripts.DEPLOY,
            },
            {
                "if": "always()",
                "name": "note the state",
                "env": {"STATE": state},
                "run": 'echo "$STATE" > state\n',
            },
            {
                "if": "always()",
                "uses": actions.UPLOAD_ARTIFACT.uses,
                "with": {
                    "name": ".".join([*parts, "${{ matrix.stack }}"]),
                    "path": "state",
                },
            },
        ],
    }


def _variables(cluster: Cluster) -> dict[str, str]:
    return cluster.login.variables() if cluster.login else {}


def _may_start(fleet: Fleet, wave: Wave) -> dict[str, Any]:
    return {
        "name": "may it start",
        "id": "start",
        "env": {
            "GH_TOKEN": "${{ github.token }}",
            "WAVE": _identifier(wave.name),
            "ALLOWED": wave.allowed_failures(len(fleet.members(wave))),
        },
        "run": scripts.MAY_START,
    }


def _check(fleet: Fleet, wave: Wave, needs: list[str]) -> dict[str, Any]:
    members = len(fleet.members(wave))
    return {
        "name": f"{wave.name}: check",
        **_needs(needs),
        "runs-on": "ubuntu-latest",
        "permissions": {"actions": "read"},
        "timeout-minutes": 10,
        "steps": [
            {
                "name": "count",
                "env": {
                    "GH_TOKEN": "${{ github.token }}",
                    "WAVE": _identifier(wave.name),
                    "MEMBERS": members,
                    "ALLOWED": wave.allowed_failures(members),
                    "NEEDED": wave.needed_successes(members),
                },
                "run": scripts.CHECK,
            }
        ],
    }


def _bake(wave: Wave, seconds: int, after: str) -> dict[str, Any]:
    return {
        "name": f"{wave.name}: bake",
        **_needs([after]),
        "runs-on": "ubuntu-latest",
        "timeout-minutes": seconds // 60 + 10,
        "steps": [
            {"name": "bake", "env": {"WAVE": wave.name, "SECONDS_TO_WAIT": seconds}, "run": scripts.BAKE},
        ],
    }


def _needs(jobs: list[str]) -> dict[str, Any]:
    return {"needs": jobs} if jobs else {}


def _identifier(name: str) -> str:
    """A wave's name as a job's; it has no dot, so that the parts of an artifact's name are told apart."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", name if re.match(r"[A-Za-z_]", name) else f"wave-{name}")
