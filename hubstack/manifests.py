"""The native objects as YAML, without engine and cluster: what `hubstack manifests` does."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hubstack import token_file
from hubstack.chart import helm_yaml, render
from hubstack.chart.errors import Problem, SettingsError
from hubstack.chart.kube_version import require_supported
from hubstack.chart.load import load_values
from hubstack.chart.release import Release
from hubstack.token_file import TokenFile

CLUSTER_WIDE = frozenset({"ClusterRole", "ClusterRoleBinding", "PriorityClass", "StorageClass"})
FIRST_KEYS = ("apiVersion", "kind", "metadata")


def render_manifests(
    values_files: Sequence[Path],
    namespace: str,
    release_name: str,
    kube_version: str,
    given: TokenFile | None = None,
    warn: Callable[[Problem], None] = lambda _: None,
    *,
    placeholders: bool = False,
    values_key: str | None = None,
) -> list[dict[str, Any]]:
    """All objects of mode native for some values files.

    Arguments:
        values_files: z2jh values files, merged left to right by Helm's rules.
        namespace: where the objects go.
        release_name: Helm's release name, part of labels and cluster-wide names.
        kube_version: Kubernetes version to render for, ``major.minor[.patch]``.
        given: tokens for what the values leave open.
        warn: told what is allowed and yet hardly meant.
        placeholders: whether a text that no hub accepts takes the place of a token that is missing.
        values_key: where files of a parent chart have the hub's values.

    Raises:
        SettingsError: a file or a setting is wrong, a token is missing, or the Kubernetes version too old.
    """
    require_supported(kube_version)
    loaded = load_values(values_files, values_key=values_key)
    for warning in (*loaded.warnings, *loaded.left_out):
        warn(warning)
    release = Release(release_name, namespace, loaded.values, loaded.tree, kube_version)
    source = ", ".join(map(str, values_files))
    tokens = token_file.complete(loaded.tree, given, source, warn, placeholders=placeholders)
    return [_placed(manifest, namespace) for manifest in render.objects(release, tokens)]


def render_batch(
    folder: Path,
    output: Path,
    namespace: str,
    release_name: str,
    kube_version: str,
    tokens: Path | None = None,
    warn: Callable[[Problem], None] = lambda _: None,
    *,
    placeholders: bool = False,
    values_key: str | None = None,
) -> tuple[list[Path], list[SettingsError]]:
    """Render every values file of a folder in one process, each to one YAML stream of its own.

    Arguments:
        folder: holds the values files, ``*.yaml`` and ``*.yml``; each is a JupyterHub of its own.
        output: where ``<stem>.yaml`` is written for each.
        tokens: folder with the tokens of each, in a file of the same name; it may lack those of values that set all.
        warn: told what is allowed and yet hardly meant.
        placeholders, values_key: as for `render_manifests`.

    Returns:
        The files written, and the error of each values file that is wrong; one wrong file does not stop the others.

    Raises:
        SettingsError: the folder has no values files.
    """
    files = sorted(path for path in folder.glob("*") if path.suffix in (".yaml", ".yml"))
    if not files:
        raise SettingsError([Problem(str(folder), "", "holds no values files (*.yaml, *.yml)")])
    output.mkdir(parents=True, exist_ok=True)
    written, errors = [], []
    for file in files:
        try:
            own = tokens / file.name if tokens else None
            given = token_file.read(own, warn) if own and own.exists() else None
            objects = render_manifests(
                [file],
                namespace,
                release_name,
                kube_version,
                given,
                warn,
                placeholders=placeholders,
                values_key=values_key,
            )
        except SettingsError as error:
            errors.append(error)
            continue
        path = output / f"{file.stem}.yaml"
        _write(path, to_stream(objects), private=True)
        written.append(path)
    return written, errors


def to_stream(objects: Iterable[Mapping[str, Any]]) -> str:
    """One YAML stream of all objects; with placeholders for tokens it begins with a line that says so."""
    objects = list(objects)
    head = _DO_NOT_DEPLOY if any(map(_has_placeholder, objects)) else ""
    return head + "".join(f"---\n{to_yaml(manifest)}" for manifest in objects)


_DO_NOT_DEPLOY = "# PLACEHOLDER TOKENS: do not deploy this. `hubstack tokens new` makes tokens for --tokens.\n"


def _has_placeholder(manifest: Mapping[str, Any]) -> bool:
    # nine characters are twelve of base64, whatever follows
    start = base64.b64encode(token_file.PLACEHOLDER[:9].encode()).decode()
    return manifest["kind"] == "Secret" and any(
        isinstance(text, str) and text.startswith(start) for text in (manifest.get("data") or {}).values()
    )


def to_yaml(manifest: Mapping[str, Any]) -> str:
    """One object as YAML, what it is first."""
    ordered = [key for key in FIRST_KEYS if key in manifest]
    ordered += sorted(key for key in manifest if key not in FIRST_KEYS)
    return "".join(helm_yaml.dump({key: manifest[key]}) for key in ordered)


def write_files(objects: Iterable[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write a file for each object, named after kind and name; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for manifest in objects:
        path = folder / f"{manifest['kind'].lower()}-{manifest['metadata']['name']}.yaml"
        head = _DO_NOT_DEPLOY if _has_placeholder(manifest) else ""
        _write(path, head + to_yaml(manifest), private=manifest["kind"] == "Secret")
        written.append(path)
    return written


def _write(path: Path, text: str, *, private: bool) -> None:
    """Write a file; one that is private is its owner's alone, unless it was there with other rights."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o666)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _placed(manifest: dict[str, Any], namespace: str) -> dict[str, Any]:
    if manifest["kind"] in CLUSTER_WIDE:
        return manifest
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}
