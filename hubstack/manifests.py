"""The native objects as YAML, without engine and cluster: what `hubstack manifests` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hubstack import reading
from hubstack.chart import helm_yaml, render, tokens
from hubstack.chart.errors import Problem, SettingsError
from hubstack.chart.kube_version import require_supported
from hubstack.chart.load import LoadedValues, load_values
from hubstack.chart.release import Release, TokenValues

CLUSTER_WIDE = frozenset({"ClusterRole", "ClusterRoleBinding", "PriorityClass", "StorageClass"})
FIRST_KEYS = ("apiVersion", "kind", "metadata")


def render_manifests(
    values_files: Sequence[Path],
    namespace: str,
    release_name: str,
    kube_version: str,
    given: TokenValues | None = None,
    warn: Callable[[Problem], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """All objects of mode native for some values files.

    Arguments:
        values_files: z2jh values files, merged left to right by Helm's rules.
        namespace: where the objects go.
        release_name: Helm's release name, part of labels and cluster-wide names.
        kube_version: Kubernetes version to render for, ``major.minor[.patch]``.
        given: tokens for what the values leave open; without them, texts that say what is missing.
        warn: told what is allowed and yet hardly meant.

    Raises:
        SettingsError: a file or a setting is wrong, or the Kubernetes version too old.
    """
    require_supported(kube_version)
    loaded = load_values(values_files)
    for warning in loaded.warnings:
        warn(warning)
    release = Release(release_name, namespace, loaded.values, loaded.tree, kube_version)
    return [_placed(manifest, namespace) for manifest in render.objects(release, _complete(loaded, given))]


def render_batch(
    folder: Path,
    output: Path,
    namespace: str,
    release_name: str,
    kube_version: str,
    warn: Callable[[Problem], None] = lambda _: None,
) -> tuple[list[Path], list[SettingsError]]:
    """Render every values file of a folder in one process, each to one YAML stream of its own.

    Arguments:
        folder: holds the values files, ``*.yaml`` and ``*.yml``; each is a JupyterHub of its own.
        output: where ``<stem>.yaml`` is written for each.
        warn: told what is allowed and yet hardly meant.

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
            objects = render_manifests([file], namespace, release_name, kube_version, warn=warn)
        except SettingsError as error:
            errors.append(error)
            continue
        path = output / f"{file.stem}.yaml"
        _write(path, to_stream(objects), objects)
        written.append(path)
    return written, errors


def read_tokens(file: Path) -> TokenValues:
    """Tokens from a YAML file with ``proxyAuth``, ``cookieSecret``, ``cryptKeys`` and ``services``.

    Raises:
        SettingsError: the file cannot be read, or holds something else; the message never shows a token.
    """
    try:
        document = helm_yaml.load(reading.text(file), str(file))
    except reading.Unreadable as error:
        raise SettingsError([Problem(error.source, error.where, error.message)]) from None
    allowed = ("proxyAuth", "cookieSecret", "cryptKeys", "services")
    if not isinstance(document, Mapping):
        raise SettingsError([Problem(str(file), "", f"must be a map with the keys {', '.join(allowed)}")])
    problems = [
        Problem(str(file), key, f"unknown key; allowed: {', '.join(allowed)}") for key in document if key not in allowed
    ]
    services = document.get("services") or {}
    leaves = {key: document.get(key) for key in allowed[:3]}
    if isinstance(services, Mapping):
        leaves.update({f"services.{name}": token for name, token in services.items()})
    else:
        problems.append(Problem(str(file), "services", "must be a map from a service's name to its token"))
    problems += [
        Problem(str(file), path, "must be text; quote it")
        for path, leaf in leaves.items()
        if leaf is not None and not (isinstance(leaf, str) and leaf)
    ]
    if problems:
        raise SettingsError(problems)
    return TokenValues(
        proxy_auth=document.get("proxyAuth"),
        cookie_secret=document.get("cookieSecret"),
        crypt_keys=document.get("cryptKeys"),
        services=services,
    )


def to_stream(objects: Iterable[Mapping[str, Any]]) -> str:
    """One YAML stream of all objects."""
    return "".join(f"---\n{to_yaml(manifest)}" for manifest in objects)


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
        _write(path, to_yaml(manifest), [manifest])
        written.append(path)
    return written


def _write(path: Path, text: str, objects: Iterable[Mapping[str, Any]]) -> None:
    """Write a file; one with a Secret in it is new for its owner alone."""
    if any(each["kind"] == "Secret" for each in objects):
        path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _placed(manifest: dict[str, Any], namespace: str) -> dict[str, Any]:
    if manifest["kind"] in CLUSTER_WIDE:
        return manifest
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}


def _complete(loaded: LoadedValues, given: TokenValues | None) -> TokenValues:
    """The given tokens, and a text in place of each that is missing, the same in every run."""
    given = given or TokenValues(None, None, None, {})
    missing = tokens.services_without_token(loaded.tree)
    return TokenValues(
        proxy_auth=given.proxy_auth or _placeholder("proxy.secretToken", "proxyAuth"),
        cookie_secret=given.cookie_secret or _placeholder("hub.cookieSecret", "cookieSecret"),
        crypt_keys=given.crypt_keys or _placeholder("hub.config.CryptKeeper.keys", "cryptKeys"),
        services={
            name: given.services.get(name) or _placeholder(f"hub.services.{name}.apiToken", f"services.{name}")
            for name in missing
        },
    )


def _placeholder(setting: str, key: str) -> str:
    return f"PLACEHOLDER-no-token-given--set-{setting}-or-{key}-in-the-file-of---tokens"
