"""Both renderings of one values file: the chart's, by Helm, and ours, in one normal form.

Needs the packaged chart, the values files and a helm binary. `Missing` says which of them is not here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chart import load, render, text
from chart.release import CHART_VERSION, Release, TokenValues
from hubstack import project, toolchain
from tests.parity import compare, differences, normal

RELEASE = "jhub"
NAMESPACE = "jhub"
KUBE_VERSION = "1.36.1"
HELM_SECONDS = 60

GENERATED = "generated"
"""What our generated tokens start with, so that a token from the values can be told from them."""

TOKEN_KEYS = (
    "hub.config.ConfigurableHTTPProxy.auth_token",
    "hub.config.JupyterHub.cookie_secret",
    "hub.config.CryptKeeper.keys",
)


class Missing(Exception):
    """Something that lies outside the repository isn't here."""


@dataclass(frozen=True)
class Pair:
    """The objects of both sides by identity, ready to compare."""

    chart: dict[compare.Identity, dict[str, Any]]
    ours: dict[compare.Identity, dict[str, Any]]


def mirror() -> Path:
    """The folder with ``charts`` and ``values``, even if it isn't here."""
    return project.mirror() or project.ROOT.parent / "shared"


def values_files(folder: str) -> list[Path]:
    """Values files of ``dev``, ``invalid`` or ``real``, by name; none where the folder isn't here."""
    return sorted((mirror() / "values" / folder).glob("*.yaml"))


@cache
def chart_archive() -> Path:
    """The packaged chart.

    Raises:
        Missing: the archive isn't in the mirror.
    """
    archive = mirror() / "charts" / f"jupyterhub-{CHART_VERSION}.tgz"
    if not archive.is_file():
        raise Missing(f"no chart archive {archive}; set HUBSTACK_MIRROR to the folder that holds charts/ and values/")
    return archive


@cache
def helm() -> str:
    """Path of a helm binary: from PATH, else from the pinned toolchain.

    Raises:
        Missing: there is none.
    """
    if found := shutil.which("helm"):
        return found
    try:
        return str(toolchain.ensure(("helm",))["helm"])
    except toolchain.ToolchainError as error:
        raise Missing(f"no helm: {error}") from None


@cache
def helm_template(values: Path) -> str:
    """What ``helm template`` prints for a values file.

    Raises:
        Missing: no chart or no helm.
        subprocess.CalledProcessError: Helm refuses the values; ``stderr`` says why.
    """
    command = [helm(), "template", RELEASE, str(chart_archive()), "--namespace", NAMESPACE]
    command += ["--kube-version", KUBE_VERSION, "--values", str(values)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=HELM_SECONDS, check=True)
    return run.stdout


def release(values: Path) -> Release:
    """Our reading of a values file."""
    loaded = load.load_values([values])
    return Release(name=RELEASE, namespace=NAMESPACE, values=loaded.values, tree=loaded.tree, kube_version=KUBE_VERSION)


def generated_tokens(target: Release) -> TokenValues:
    """Tokens whose text shows that they were generated."""
    services = target.tree["hub"].get("services") or {}
    return TokenValues(
        proxy_auth=f"{GENERATED}-proxy",
        cookie_secret=f"{GENERATED}-cookie",
        crypt_keys=f"{GENERATED}-keys",
        services={name: f"{GENERATED}-{name}" for name in services},
    )


@cache
def pair(values: Path) -> Pair:
    """Both renderings of a values file, normal and with the meant differences taken out."""
    target = release(values)
    chart = [normal.normal(document, target.tree) for document in normal.documents(helm_template(values))]
    ours = [normal.normal(manifest, target.tree) for manifest in render.objects(target, generated_tokens(target))]
    _mask_tokens(chart, ours)
    return Pair(
        compare.index(differences.apply(chart, "chart")),
        compare.index(differences.apply(ours, "ours")),
    )


def _mask_tokens(chart: list[dict[str, Any]], ours: list[dict[str, Any]]) -> None:
    """Mask each token that both sides generate; one that the values give is compared exactly."""
    generated = {
        key
        for secret in _hub_secrets(ours)
        for key, value in secret["data"].items()
        if _is_token(key) and isinstance(value, str) and value.startswith(GENERATED)
    }
    for secret in _hub_secrets([*chart, *ours]):
        for key in generated & secret["data"].keys():
            secret["data"][key] = differences.MASK
    if TOKEN_KEYS[0] in generated:
        _mask_token_digest(chart, "[0-9a-f]{4}")
        _mask_token_digest(ours, text.sha256(f"{GENERATED}-proxy")[:4])


def _mask_token_digest(manifests: list[dict[str, Any]], pattern: str) -> None:
    for manifest in manifests:
        annotations = manifest.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {})
        if re.fullmatch(pattern, str(annotations.get("checksum/auth-token"))):
            annotations["checksum/auth-token"] = differences.MASK


def _hub_secrets(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in manifests if each["kind"] == "Secret" and "values.yaml" in each["data"]]


def _is_token(key: str) -> bool:
    return key in TOKEN_KEYS or (key.startswith("hub.services.") and key.endswith(".apiToken"))
