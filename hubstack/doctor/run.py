"""One run of the doctor: gather, look, report."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from hubstack import project, settings
from hubstack.chart import render
from hubstack.doctor import (
    checks_admission,
    checks_capacity,
    checks_cluster,
    checks_disruption,
    checks_drift,
    checks_homes,
    checks_pending,
    checks_permissions,
    checks_prerequisites,
    checks_public,
    checks_quota,
    checks_settings,
    checks_storage,
    checks_tokens,
    state,
)
from hubstack.doctor.finding import SKIPPED, Finding, Report, error, note, warning
from hubstack.doctor.reader import ReadError, connect
from hubstack.doctor.state import EngineState
from hubstack.doctor.subject import Check, Subject, placeholder_tokens
from hubstack.errors import HubstackError, mistake
from hubstack.lifecycle import prerequisites
from hubstack.project import stacks
from hubstack.project.stacks import Stack
from hubstack.unread import Unread

CHECKS = (
    Check("cluster", checks_cluster.reachable, "the API server answers", cluster=False),
    Check("credentials", checks_cluster.known, "the API server knows who asks", cluster=False),
    Check("kubernetes", checks_cluster.kubernetes_version, "its version fits the chart"),
    Check("tools", checks_cluster.tools, "Pulumi, plugins and packages fit together", cluster=False),
    Check("chart", checks_cluster.chart, "the chart's version is known and no step back", cluster=False),
    Check("settings", checks_settings.settings, "the settings do what they say", cluster=False),
    Check("encrypted", checks_pending.encrypted, "encrypted settings can be read", cluster=False),
    Check("helm", checks_pending.helm, "no unfinished operation of Helm"),
    Check("pulumi", checks_pending.pulumi, "no unfinished operation of Pulumi", cluster=False),
    Check("lock", checks_pending.lock, "nobody holds the stack's lock", cluster=False),
    Check("drift", checks_drift.drift, "nobody has changed the stack's objects by hand"),
    Check("tokens", checks_tokens.tokens, "the live hub has the stack's tokens", objects=True),
    Check("homes", checks_homes.homes, "everybody finds their home volume again"),
    Check("storage", checks_storage.storage, "storage classes are there and keep data"),
    Check("permissions", checks_permissions.permissions, "the user may do what an update does", objects=True),
    Check("priority-class", checks_prerequisites.priority_classes, "priority classes are there", objects=True),
    Check("ingress-class", checks_prerequisites.ingress_class, "the ingress class is there", objects=True),
    Check("gateway", checks_prerequisites.gateway, "Gateway API and Gateway are there", objects=True),
    Check("existing-secret", checks_prerequisites.existing_secret, "the Secret of the users' own is there"),
    Check("nodes", checks_prerequisites.nodes, "nodes have the labels that pods require"),
    Check("dns", checks_public.dns, "public hosts have addresses", cluster=False, objects=True),
    Check("certificate", checks_public.certificate, "certificates are valid", cluster=False, objects=True),
    Check("disruption", checks_disruption.disruption, "nodes can be drained"),
    Check("admission", checks_admission.admitted, "the cluster admits the pods, the users' too", objects=True),
    Check("quota", checks_quota.quota, "quotas leave room", objects=True),
    Check("capacity", checks_capacity.capacity, "users' servers fit on the nodes"),
    Check("waiting", checks_capacity.waiting, "no pod waits for a node"),
)
"""Every check, in the order of reports."""

_AT_A_TIME = 4


@dataclass(frozen=True)
class Programs:
    """The engine's programs, as far as they can be had."""

    environment: Mapping[str, str] | None
    """Variables for the engine; None: there is no engine."""
    problem: str = ""
    misfits: Mapping[str, str] | None = None
    has_language_host: bool = True


def select(
    base: str, mode: str | None, values: Sequence[Path], context: str | None, values_key: str | None = None
) -> Stack:
    """The stack that `up` with the same options would deploy, on the cluster where it is deployed.

    Raises:
        HubstackError: no such stack, or options that do not exist.
    """
    stack = stacks.select(base, mode=mode, values=tuple(values), values_key=values_key, context=context)
    if stack.kubeconfig is None and stack.name in stacks.deployed():
        # An embedded cluster's kubeconfig is known to its last run alone.
        recorded = stacks.recorded(stack.name)
        same = recorded.context == stack.context or stack.context.startswith("hubstack-")
        if recorded.kubeconfig and same and not context:
            stack.settings.update({"kubeconfig": recorded.kubeconfig, "kubeContext": recorded.context})
    return stack


def chosen(only: Iterable[str]) -> tuple[Check, ...]:
    """The checks with these names; all of them without any name.

    Raises:
        HubstackError: there is no such check.
    """
    names = list(only)
    known = [each.name for each in CHECKS]
    if unknown := [name for name in names if name not in known]:
        raise HubstackError(f"--only {unknown[0]}: there is no such check; there are {', '.join(known)}")
    return tuple(each for each in CHECKS if not names or each.name in names)


def examine(stack: Stack, programs: Programs, only: Iterable[str] = ()) -> Report:
    """Look at a stack, its state and its cluster; nothing is changed in any of them.

    Arguments:
        stack: the stack.
        programs: the engine's programs.
        only: names of checks; all of them if left out.

    Raises:
        HubstackError: there is no such check.
        SettingsError: the stack's settings are wrong.
    """
    started = time.monotonic()
    checks = chosen(only)
    with ThreadPoolExecutor(1) as pool:
        # The engine takes a second or two, as does a cluster that is far away.
        engine = pool.submit(_engine, stack, programs)
        found = connect(str(stack.kubeconfig_path), stack.context)
        known = engine.result()
    subject = replace(
        gather(stack, known),
        reader=found.reader,
        version=found.version,
        unreachable=found.unreachable,
        no_credentials=found.no_credentials,
        tool_problem=programs.problem,
        misfits=programs.misfits or {},
        has_language_host=programs.has_language_host,
    )
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        results = dict(
            zip((each.name for each in checks), pool.map(lambda each: run(each, subject), checks), strict=True)
        )
    findings = [found for each in results.values() for found in each or ()]
    return Report(
        stack.name,
        stack.context,
        subject.namespace,
        {name: outcome(found) for name, found in results.items()},
        sorted(findings, key=lambda each: -each.severity),
        time.monotonic() - started,
    )


def gather(stack: Stack, engine: EngineState) -> Subject:
    """Settings and objects of a stack.

    Raises:
        SettingsError: the settings are wrong.
    """
    entries = state.entries(stack, engine.entries)
    resolved = settings.resolve(settings.parse(entries, set()), project.ROOT)
    whole = isinstance(entries.get("secretValues"), Unread)
    unread = ("secretValues",) if whole else tuple(f"secretValues.{name}" for name in resolved.guessed)
    subject = Subject(name=stack.name, settings=resolved, engine=engine, unread=unread)
    if resolved.release is None:
        return subject
    objects = tuple(render.objects(resolved.release, placeholder_tokens(resolved)))
    return replace(subject, objects=objects, named=prerequisites.named_by(resolved, objects))


def run(check: Check, subject: Subject) -> list[Finding] | None:
    """The findings of one check; None where something that it needs is missing."""
    if (check.cluster and subject.reader is None) or (check.objects and not subject.objects):
        return None
    found: list[Finding] = []
    try:
        found += check.run(subject)
    except ReadError as failure:
        # What one may not see is no fault of the stack; a cluster that stops answering in between is worth a look, and
        # so are credentials that have ended since the first question.
        say = note if failure.status == 403 else error if failure.status == 401 else warning
        fixes = {403: "run the doctor as somebody who may read this", 401: "log in again, and run the doctor again"}
        found.append(
            say(
                f"could not look whether {check.about}: {failure}",
                "this check found nothing out",
                fixes.get(failure.status, "look at the API server, and run the doctor again"),
            )
        )
    except Exception as failure:
        # One check that stumbles over something odd must not hide what the others find.
        found.append(
            warning(
                f"the check failed: {mistake(failure)}",
                f"it could not look whether {check.about}",
                "report it, with the settings that the check is about",
            )
        )
    return [replace(each, check=check.name) for each in found]


def outcome(found: Sequence[Finding] | None) -> str:
    """One word for what a check found."""
    if found is None:
        return SKIPPED
    return max(each.severity for each in found).word if found else "ok"


def programs(stack: Stack, console: Console) -> Programs:
    """The programs of the engine on a stack, fetched where they are missing."""
    from hubstack import toolchain
    from hubstack.engine.environment import ENGINE_TOOLS, engine_environment, engine_tools, language_host
    from hubstack.toolchain.on_path import ProgramsOnPath

    catalog = toolchain.Catalog.load()
    installed = ProgramsOnPath()
    for name in ENGINE_TOOLS:
        installed.find(name, catalog.release(name))
    try:
        found = engine_tools(console, embedded=stack.is_embedded)
    except HubstackError as failure:
        return Programs(None, str(failure), installed.misfits)
    environment = engine_environment(found) if state.backend_exists() else None
    return Programs(environment, "", installed.misfits, language_host(found) is not None)


def _engine(stack: Stack, found: Programs) -> EngineState:
    if found.environment is None:
        return EngineState(problem=found.problem and "the engine's programs are missing")
    return state.read(stack, found.environment)
