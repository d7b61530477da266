"""The objects of a stack at one revision, without engine, cluster or passphrase."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import settings
from chart import render, storage_class
from chart.errors import SettingsError
from chart.release import TokenValues
from chart.text import sha256
from chart.tokens import services_without_token, with_tokens
from hubstack import project
from hubstack.errors import HubstackError
from hubstack.parity import normal
from hubstack.review.sources import StackFile

PINNED = "generated"
"""What a token looks like that the engine would generate: the same on both sides, so that it makes no difference."""

Helm = Callable[[], Path]
"""Gives the helm program; asked only where a stack is in mode ``helm``."""


@dataclass(frozen=True)
class Rendered:
    """What a stack is at one revision."""

    stack: str
    mode: str = ""
    namespace: str = ""
    chart_version: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Typed configuration as plain data, without values."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Merged values, defaults included where the chart's version is modelled."""
    objects: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Normalised objects by ``Kind/name``."""
    secrets: frozenset[str] = frozenset()
    """Paths of values that came from ``secretValues``."""
    error: str | None = None


class Renderer:
    """Renders stacks; what two stacks or revisions have in common is rendered once."""

    def __init__(self, helm: Helm) -> None:
        self._helm = helm
        self._known: dict[str, Rendered] = {}

    def render(self, file: StackFile) -> Rendered:
        """One stack at one revision; what is wrong with it becomes its `error`."""
        if file.error:
            return Rendered(file.stack, error=file.error)
        key = self._digest(file)
        if key not in self._known:
            try:
                self._known[key] = self._render(file)
            except (SettingsError, HubstackError) as error:
                self._known[key] = Rendered(file.stack, error=str(error).replace(f"{file.folder}/", ""))
        known = self._known[key]
        return Rendered(**{**vars(known), "stack": file.stack})

    def _digest(self, file: StackFile) -> str:
        """Of everything that the objects follow from: the configuration and the files that it names."""
        names = file.config.get("hubstack:valuesFiles") or []
        names = json.loads(names) if isinstance(names, str) else names
        chart = file.config.get("hubstack:chart") or {}
        paths = [file.folder / str(name) for name in names]
        if isinstance(chart, dict) and chart.get("path"):
            paths.append(file.folder / str(chart["path"]))
        parts = [path.read_bytes().hex() if path.is_file() else "" for path in paths]
        return sha256(json.dumps([file.config, parts], sort_keys=True, default=str))

    def _render(self, file: StackFile) -> Rendered:
        entries = {
            key.removeprefix("hubstack:"): value if isinstance(value, str) else json.dumps(opaque(value))
            for key, value in file.config.items()
            if key.startswith("hubstack:")
        }
        stack = settings.resolve(settings.parse(entries, set()), file.folder)
        objects = self._native(stack) if stack.config.mode == "native" else self._chart(stack, file.folder)
        tree = stack.loaded.tree
        index = {}
        for manifest in objects:
            shaped = normal.normal(manifest, tree if stack.release else {"hub": {}, "singleuser": {}})
            index[f"{shaped['kind']}/{shaped['metadata']['name']}"] = shaped
        return Rendered(
            file.stack,
            stack.config.mode,
            stack.config.namespace,
            stack.config.chart.version,
            stack.config.model_dump(by_alias=True, exclude={"values", "secret_values", "values_files"}),
            tree,
            index,
            frozenset(".".join(map(str, path)) for path in stack.loaded.secret_paths),
        )

    def _native(self, stack: settings.StackSettings) -> list[dict[str, Any]]:
        assert stack.release is not None
        tokens = _tokens(stack)
        return [*_around(stack), *render.objects(stack.release, tokens)]

    def _chart(self, stack: settings.StackSettings, folder: Path) -> list[dict[str, Any]]:
        values = with_tokens(stack.loaded.user, _tokens(stack))
        chart = stack.config.chart
        archive = folder / chart.path if chart.path else project.mirrored_chart(chart.version)
        command = [str(self._helm()), "template", stack.release_name]
        command += [str(archive)] if archive else ["jupyterhub", "--repo", chart.repository, "--version", chart.version]
        command += ["--namespace", stack.config.namespace, "--kube-version", "1.36.1", "--values", "-"]
        done = subprocess.run(command, input=yaml.safe_dump(values), capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["helm failed"])[-1]
            raise HubstackError(f"helm template of chart {chart.version}: {reason.removeprefix('Error: ')}")
        hooks = "helm.sh/hook"
        return [
            *_around(stack),
            *(
                document
                for document in normal.documents(done.stdout)
                if document["kind"] != "Job" or hooks not in str(document["metadata"].get("annotations"))
            ),
        ]


def _around(stack: settings.StackSettings) -> list[dict[str, Any]]:
    """What the program makes beside the chart's objects, in both modes."""
    objects: list[dict[str, Any]] = []
    if stack.config.create_namespace:
        objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": stack.config.namespace}})
    if stack.config.storage_class:
        objects.append(storage_class.storage_class(stack.config.storage_class))
    return objects


def _tokens(stack: settings.StackSettings) -> TokenValues:
    """Tokens that stay the same unless the stack asks for new ones."""
    rotated = stack.config.rotate_tokens

    def token(name: str) -> str:
        return f"{PINNED}-{name}-{rotated.get(name, '')}"

    return TokenValues(
        proxy_auth=token("proxy"),
        cookie_secret=token("cookie"),
        crypt_keys=token("crypt"),
        services={name: token(f"service-{name}") for name in services_without_token(stack.loaded.tree)},
    )


def opaque(value: Any) -> Any:
    """Encrypted leaves as texts that tell one ciphertext from another; nothing is decrypted."""
    if isinstance(value, dict):
        if set(value) == {"secure"} and isinstance(value["secure"], str):
            return f"encrypted-{sha256(value['secure'])[:16]}"
        return {key: opaque(member) for key, member in value.items()}
    return [opaque(member) for member in value] if isinstance(value, list) else value
