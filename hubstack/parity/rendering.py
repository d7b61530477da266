"""Both renderings of some values: the chart's, by Helm, and ours; ready to compare."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubstack.chart import helm_yaml, load, render, text
from hubstack.chart.release import Release, TokenValues
from hubstack.parity import compare, differences, helm_documents, normal

HELM_SECONDS = 120
"""How long a rendering may take before Helm counts as stuck."""

GENERATED = "generated"
"""What our generated tokens start with, so that a token from the values can be told from them."""

TOKEN_KEYS = (
    "hub.config.ConfigurableHTTPProxy.auth_token",
    "hub.config.JupyterHub.cookie_secret",
    "hub.config.CryptKeeper.keys",
)


@dataclass(frozen=True)
class Input:
    """What both sides render."""

    values: Sequence[Path]
    """z2jh values files, merged left to right."""
    namespace: str = "jhub"
    release: str = "jhub"
    kube_version: str = "1.36.1"
    values_key: str | None = None
    """Where files of a parent chart have the hub's values."""


@dataclass(frozen=True)
class Pair:
    """The objects of both sides by identity, with the meant differences taken out."""

    chart: dict[compare.Identity, dict[str, Any]]
    ours: dict[compare.Identity, dict[str, Any]]
    meant: tuple[str, ...]
    """Names of the meant differences that were met."""


class HelmRefusal(Exception):
    """Helm refuses the values; the text is what it says."""


def helm_template(helm: Path | str, chart: Path, wanted: Input) -> str:
    """What ``helm template`` prints.

    Raises:
        HelmRefusal: Helm refuses the values.
    """
    command = [str(helm), "template", wanted.release, str(chart), "--namespace", wanted.namespace]
    command += ["--kube-version", wanted.kube_version]
    with _files(wanted) as files:
        for file in files:
            command += ["--values", str(file)]
        # Bytes, because reading as text would turn a lone CR in a manifest into a line's end.
        done = subprocess.run(command, capture_output=True, timeout=HELM_SECONDS, check=False)
    if done.returncode:
        raise HelmRefusal(done.stderr.decode(errors="replace"))
    return done.stdout.decode()


@contextlib.contextmanager
def _files(wanted: Input) -> Iterator[Sequence[Path]]:
    """The values files as Helm reads them for this chart alone: of files of a parent chart, its part."""
    if not wanted.values_key:
        yield wanted.values
        return
    loaded = load.load_raw_values(wanted.values, values_key=wanted.values_key)
    with tempfile.TemporaryDirectory() as folder:  # its owner's alone
        file = Path(folder, "values.yaml")
        file.write_text(helm_yaml.dump(loaded.user), encoding="utf-8")
        yield [file]


def release(wanted: Input) -> Release:
    """Our reading of the values.

    Raises:
        SettingsError: the values are wrong.
    """
    loaded = load.load_values(wanted.values, values_key=wanted.values_key)
    return Release(wanted.release, wanted.namespace, loaded.values, loaded.tree, wanted.kube_version)


def generated_tokens(target: Release) -> TokenValues:
    """Tokens whose text shows that they were generated."""
    services = target.tree["hub"].get("services") or {}
    return TokenValues(
        proxy_auth=f"{GENERATED}-proxy",
        cookie_secret=f"{GENERATED}-cookie",
        crypt_keys=f"{GENERATED}-keys",
        services={name: f"{GENERATED}-{name}" for name in services},
    )


def pair(rendered: str, target: Release) -> Pair:
    """Bring both sides into one form.

    Arguments:
        rendered: what ``helm template`` printed.
        target: our reading of the same values.
    """
    return comparable(helm_documents.read(rendered), render.objects(target, generated_tokens(target)), target)


def comparable(chart: list[dict[str, Any]], ours: list[dict[str, Any]], target: Release) -> Pair:
    """The same for objects that were rendered already, perhaps completed by an API server."""
    chart = [normal.normal(manifest, target.tree) for manifest in chart]
    ours = [normal.normal(manifest, target.tree) for manifest in ours]
    _mask_tokens(chart, ours)
    met = {differences.BROKEN_FILE} if differences.drop_broken_files(chart, ours) else set()
    chart, met_in_chart = differences.apply(chart, "chart")
    ours, met_in_ours = differences.apply(ours, "ours")
    met |= met_in_chart | met_in_ours
    names = tuple(each.name for each in differences.DIFFERENCES if each.name in met)
    return Pair(compare.index(chart), compare.index(ours), names)


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
