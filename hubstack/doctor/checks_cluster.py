"""Is the cluster there, and do all versions go together?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata

from hubstack.chart.kube_version import OLDEST
from hubstack.chart.release import CHART_VERSION
from hubstack.components import provider_version
from hubstack.doctor.finding import Finding, error, note, warning
from hubstack.doctor.subject import Subject
from hubstack.toolchain import Catalog

PACKAGES = {"pulumi": "pulumi", "pulumi-kubernetes": "pulumi-kubernetes", "pulumi-random": "pulumi-random"}
"""Python package of each release of the toolchain that has one."""

EMBEDDED = ("hubstack-sim", "hubstack-node", "kind-hubstack")
"""Contexts of the embedded clusters."""

OLDEST_CHART = (3, 0)
"""Older charts have other names for their settings."""


def reachable(subject: Subject) -> Iterator[Finding]:
    """The API server of the stack's context answers."""
    if subject.unreachable:
        context = subject.config.kube_context
        yield error(
            f"context {context!r}: {subject.unreachable}",
            "nothing can be deployed, and everything else about the cluster stays unknown",
            "bring the embedded cluster up with `hubstack up`"
            if context in EMBEDDED
            else "check hubstack:kubeContext and hubstack:kubeconfig, that the cluster runs, that this machine's "
            "network reaches it (VPN, firewall)",
        )


def known(subject: Subject) -> Iterator[Finding]:
    """The kubeconfig gives credentials, and the API server accepts them."""
    if subject.no_credentials:
        yield error(
            subject.no_credentials,
            "nothing can be deployed; the hub itself may be well, but everything about the cluster stays unknown",
            "log in to the cluster again, with the account that deploys, and run the doctor again",
        )


def kubernetes_version(subject: Subject) -> Iterator[Finding]:
    """The cluster's version is one that the chart installs on and that Hubstack is tested with."""
    tested = Catalog.load().releases["kubernetes"].version
    found, oldest = _minor(subject.version), ".".join(map(str, OLDEST))
    if found is None:
        yield note(
            f"Kubernetes {subject.version!r} is no version that can be compared",
            "whether the chart installs on it is unknown",
            f"make sure that it is {oldest} or newer",
        )
    elif found < OLDEST:
        yield error(
            f"Kubernetes {subject.version}",
            f"chart {subject.config.chart.version} needs {oldest} or newer and does not install",
            "upgrade the cluster, or deploy an older chart in mode helm",
        )
    elif found > (_minor(tested) or found):
        yield note(
            f"Kubernetes {subject.version} is newer than {tested}",
            f"Hubstack is tested with {tested}; the objects use stable APIs only, so nothing is known to be wrong",
            "try the stack on a test cluster of this version first",
        )


def tools(subject: Subject) -> Iterator[Finding]:
    """Pulumi's programs, plugins and Python packages are of the versions that belong together."""
    if subject.tool_problem:
        yield error(
            subject.tool_problem,
            "without these programs no update runs, and the stack's state stays unknown to the doctor",
            "let this machine download them, or put them where toolchain.yaml says",
        )
    for program, found in sorted(subject.misfits.items()):
        yield note(
            f"{program} on PATH does not fit: {found}",
            "Hubstack passes over it and uses the pinned version; whoever calls it by hand uses another one",
            f"install {Catalog.load().release(program).accepted}, or take it off PATH",
        )
    if not subject.has_language_host:
        yield note(
            "pulumi-language-python is neither on PATH nor beside the engine",
            "`hubstack up` does not need it; a plain `pulumi up` in this folder cannot run the program",
            "install the Pulumi command line of its publisher, which has it, if you want to run `pulumi up` by hand",
        )
    releases = Catalog.load().releases
    for release, package in PACKAGES.items():
        pinned = releases[release].version
        try:
            installed = metadata.version(package)
        except metadata.PackageNotFoundError:
            installed = "missing"
        if installed != pinned and not (installed == "missing" and release == "pulumi-kubernetes"):
            yield error(
                f"Python package {package} is {installed}, the toolchain has {pinned}",
                "SDK, engine and plugin of different versions misunderstand each other in ways that are hard to see",
                "install what requirements.txt pins; whoever changes a version there changes toolchain.yaml with it",
            )
    if releases["pulumi-kubernetes"].version != provider_version.PINNED:
        yield error(
            f"the program asks for Kubernetes plugin {provider_version.PINNED}, the toolchain has "
            f"{releases['pulumi-kubernetes'].version}",
            "the engine would download the other plugin, or fail where it cannot",
            "make PINNED in hubstack/components/provider_version.py equal to toolchain.yaml",
        )
    yield from _state_version(subject)


def chart(subject: Subject) -> Iterator[Finding]:
    """The chart's version is known, and not older than the one that is deployed."""
    version = subject.config.chart.version
    if subject.settings.release is None:
        parts = _minor(version)
        known = parts is not None and OLDEST_CHART <= parts <= (_minor(CHART_VERSION) or parts)
        yield (note if known else warning)(
            f"hubstack:chart.version: {version!r} is not modelled",
            f"Hubstack checks values for {CHART_VERSION} only; for this version mistakes in them show when Helm "
            "installs, and the doctor leaves out what it would have to know the objects for",
            f"upgrade to chart {CHART_VERSION} as a step of its own",
        )
    if subject.reader is None:
        return
    deployed = _deployed_chart(subject)
    if deployed and _numbers(deployed) > _numbers(version):
        yield error(
            f"chart {deployed} is deployed, the stack has {version}",
            "an older JupyterHub does not start with the database of a newer one",
            f"set hubstack:chart.version to {deployed} or newer; to go back, restore a backup of the database first",
        )
    elif deployed and _numbers(deployed) < _numbers(version):
        yield note(
            f"chart {deployed} is deployed, the stack has {version}",
            "the next update upgrades JupyterHub: the hub restarts and its database is upgraded, without a way back",
            "back up the hub's database, read the chart's change log, and run `hubstack review` first",
        )


def _deployed_chart(subject: Subject) -> str | None:
    """Chart version of the hub that runs, from the label that the chart gives it."""
    hub = subject.cluster.find(subject.path("apps/v1", "deployments", subject.settings.names.hub))
    labels = (hub or {"metadata": {}})["metadata"].get("labels") or {}
    found = re.fullmatch(r"jupyterhub-(\d+\.\d+\.\d+.*)", labels.get("helm.sh/chart") or labels.get("chart") or "")
    return found[1] if found else None


def _state_version(subject: Subject) -> Iterator[Finding]:
    written = subject.engine.state.engine_version
    pinned = Catalog.load().releases["pulumi"].version
    if written and _numbers(written) > _numbers(pinned):
        yield warning(
            f"the stack's state was last written by Pulumi {written}, the pinned engine is {pinned}",
            "an older engine may refuse the state of a newer one, or drop what it does not know",
            f"use Pulumi {written} or newer: change toolchain.yaml and requirements.txt together",
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", version)[:3])


def _minor(version: str) -> tuple[int, int] | None:
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None
