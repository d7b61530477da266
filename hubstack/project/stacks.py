"""Which stack a command means, and the work folder that it runs in.

The engine writes into a stack's file (``encryptionsalt``, ``encryptedkey``). So that running a stack never changes a
file of the repository, each stack runs from a folder of its own below the state folder: a Pulumi.yaml that points back
to the program, and a copy of the stack's file with the choices of this run.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hubstack import project, reading, unread
from hubstack.chart import helm_yaml
from hubstack.chart.described import described
from hubstack.configuration import Configuration, Setting, key, kubeconfig_path
from hubstack.errors import HubstackError
from hubstack.project import definition, secrets_provider
from hubstack.safe_text import visible

MODES = ("native", "helm")
EMBEDDED_CONTEXT = "hubstack-sim"
"""The context by which a stack's file means the embedded cluster, whatever kind is started."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One stack as a command addresses it."""

    name: str
    """Stack name in the backend; a run with another mode or other values than the file's has a name of its own."""
    base: str
    """The stack file that it starts from: ``Pulumi.<base>.yaml``."""
    config: dict[str, Any]
    """Keys ``hubstack:...`` after the choices of this run."""
    document: dict[str, Any]
    """The whole stack file, with `config` in place."""
    root: Path = field(default_factory=lambda: project.ROOT)
    """Folder of the program and of what relative paths start from: the project's, or a revision of it."""

    @property
    def project(self) -> str:
        """Name of the Pulumi project that the stack is in."""
        return definition.name(self.root)

    @property
    def settings(self) -> Configuration:
        """The settings by their names; what is written there is written into `config`."""
        return Configuration(self.config)

    @property
    def context(self) -> str:
        return str(self.settings.get("kubeContext") or "")

    @property
    def kubeconfig(self) -> str | None:
        """Path of the kubeconfig, or None for the usual places."""
        path = self.settings.get("kubeconfig")
        return None if path is None else str(path)

    @property
    def kubeconfig_path(self) -> Path:
        """Where the kubeconfig is, the usual place included."""
        return kubeconfig_path(self.kubeconfig, self.root)

    @property
    def is_embedded(self) -> bool:
        """Whether it is on an embedded cluster: the kubeconfig that it names, if any, is such a cluster's own."""
        if self.kubeconfig is None:
            return self.context == EMBEDDED_CONTEXT
        return (project.state_dir() / "cluster") in (self.root / self.kubeconfig).resolve().parents

    @property
    def mode(self) -> str:
        return str(self.settings.get("mode") or MODES[0])

    @property
    def namespace(self) -> str:
        return str(self.settings.get("namespace") or "jhub")

    @property
    def release_name(self) -> str:
        """Name of the Helm release, in mode native the one that labels and cluster-wide names carry."""
        return str(self.settings.get("releaseName") or self.namespace)

    @property
    def folder(self) -> Path:
        return project.state_dir() / "stacks" / self.name


def select(
    base: str,
    *,
    mode: str | None = None,
    values: tuple[Path, ...] = (),
    values_key: str | None = None,
    context: str | None = None,
    kubeconfig: Path | None = None,
    root: Path | None = None,
) -> Stack:
    """Find a stack's file and apply the choices of one run.

    Arguments:
        base: name of the stack file.
        mode: ``native`` or ``helm`` where it is to differ from the file's.
        values: z2jh values files to use instead of the stack's.
        values_key: where those have the hub's values, if they are files of a parent chart.
        context: kubeconfig context to deploy to instead of the stack's.
        kubeconfig: kubeconfig file that has the context.
        root: a revision of the project that is laid out elsewhere; None for the project itself.

    A stack that was deployed in one mode must not be redeployed in the other by accident, and somebody's trial values
    must not reach the stack's own hub: both choices lead to a stack and a namespace of their own, side by side. Another
    context leads to a stack of its own, too.

    Raises:
        HubstackError: no such stack file, unknown mode, missing values file.
    """
    root = root or project.ROOT
    file = root / f"Pulumi.{base}.yaml"
    if not file.exists():
        known = sorted(visible(path.name.split(".")[1]) for path in root.glob("Pulumi.*.yaml"))
        raise HubstackError(f"no stack {base!r}: there is no {file}; known stacks: {', '.join(known) or 'none'}")
    document = reading.yaml_file(file, file.name) or {}
    if not isinstance(document, dict) or not isinstance(document.setdefault("config", {}), dict):
        raise HubstackError(f"{file.name}: must be a map with a key 'config'")
    chosen = Configuration(document["config"])
    _require_texts(chosen, file.name)
    suffixes: list[str] = []
    for path in values:
        if not path.is_file():
            raise HubstackError(f"values file {str(path)!r}: no such file")
        suffixes.append(_slug(path.stem))
    if values:
        chosen["valuesFiles"] = [str(path.resolve()) for path in values]
    if values_key:
        if not values:
            raise HubstackError(
                f"--values-key goes with --values; for the stack's own files, set {key('valuesKey')} in {file.name}"
            )
        chosen["valuesKey"] = values_key
    if mode and mode not in MODES:
        raise HubstackError(f"mode {mode!r}: unknown; allowed: {', '.join(MODES)}")
    if mode and mode != chosen.get("mode", MODES[0]):
        chosen["mode"] = mode
        suffixes.append(mode)
    if suffixes:
        ending = "-".join(suffixes)
        chosen["namespace"] = f"{chosen.get('namespace', 'jhub')}-{ending}"[:63].rstrip("-")
        chosen.remove("releaseName")
    if context and context != chosen.get("kubeContext"):
        # Another cluster under the same stack name would have the engine delete the first cluster's hub.
        suffixes.append(_slug(context))
        chosen["kubeContext"] = context
        chosen.remove("clusterIdentifier")
    if kubeconfig:
        chosen["kubeconfig"] = str(kubeconfig)
    if chosen.get("mode") == "helm":
        _use_mirrored_chart(chosen)
    return Stack(name="-".join([base, *suffixes]), base=base, config=document["config"], document=document, root=root)


_TEXTS: tuple[Setting, ...] = ("mode", "namespace", "releaseName", "kubeContext", "kubeconfig")
"""Settings that commands read themselves, before the program checks them all."""


def _require_texts(settings: Configuration, file: str) -> None:
    """Refuse a stack's file whose mode, place or cluster is no text.

    Raises:
        HubstackError: names each of them.
    """
    found = {name: settings.get(name) for name in _TEXTS}
    wrong = [name for name, value in found.items() if isinstance(value, dict | list) or "\0" in str(value)]
    if wrong:
        lines = (f"{file}: {key(name)}: {described(found[name])} is not allowed; must be text" for name in wrong)
        raise HubstackError("\n".join(lines))


def entries(configuration: Configuration) -> dict[str, Any]:
    """A configuration as the engine would hand it to the program, except that nothing is decrypted: see `unread`."""
    return {name: _entry(value) for name, value in configuration.by_name().items()}


def _entry(value: Any) -> Any:
    return unread.opened(value) if isinstance(value, str | dict | list) else json.dumps(value)


def deployed() -> list[str]:
    """Names of the stacks that have a work folder here."""
    folder = project.state_dir() / "stacks"
    return (
        sorted(path.name for path in folder.iterdir() if (path / definition.FILE).is_file()) if folder.is_dir() else []
    )


def recorded(name: str) -> Stack:
    """The stack as its work folder describes it: what the last run deployed."""
    document = reading.yaml_file(project.state_dir() / "stacks" / name / f"Pulumi.{name}.yaml")
    return Stack(name=name, base=name, config=document["config"], document=document)


def forget(stack: Stack) -> None:
    """Remove the work folder of a destroyed stack."""
    shutil.rmtree(stack.folder, ignore_errors=True)


def write_work_folder(stack: Stack, folder: Path | None = None) -> None:
    """Write the stack's work folder, or another one like it; the key that the engine put into an earlier copy stays.

    Raises:
        HubstackError: the project's Pulumi.yaml cannot be used.
    """
    folder = folder or project.private_folder(stack.folder)
    earlier = stack.folder / f"Pulumi.{stack.name}.yaml"
    document = dict(stack.document)
    if earlier.is_file():
        known = reading.yaml_file(earlier) or {}
        document = {**secrets_provider.carried(document, known), **document}
    described = definition.read(stack.root)
    described["main"] = os.path.relpath(stack.root, folder)
    if sys.prefix != sys.base_prefix:
        # The engine's own language host runs the program where the packages are.
        described["runtime"] = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
    project.write_private(folder / definition.FILE, yaml.safe_dump(described, sort_keys=False))
    # The engine reads YAML as Helm does.
    project.write_private(folder / earlier.name, helm_yaml.dump(document, sort_keys=False))


def engine_folder(name: str) -> Path:
    """A folder from which the engine can be asked about a stack: its work folder, or one with the project's name."""
    work = project.state_dir() / "stacks" / name
    if work.is_dir() and definition.name(work) == definition.name(project.ROOT):
        return work
    if (project.ROOT / definition.FILE).is_file():
        return project.ROOT
    bare = project.private_folder(project.state_dir() / "project")
    if not (bare / definition.FILE).is_file():
        temporary = bare / f"{definition.FILE}.{secrets.token_hex(4)}"  # a plan asks for many stacks at once
        temporary.write_text(yaml.safe_dump(definition.read(bare)))
        temporary.replace(bare / definition.FILE)
    return bare


def backend_environment() -> dict[str, str]:
    """Environment for the engine: the user's own backend where one is set, else files below the state folder.

    The local backend's passphrase is made once and kept beside it, readable by its owner only.
    """
    environment: dict[str, str] = {}
    if not os.environ.get("PULUMI_BACKEND_URL"):
        folder = project.private_folder(project.state_dir() / "backend")
        environment["PULUMI_BACKEND_URL"] = f"file://{folder}"
    if "PULUMI_CONFIG_PASSPHRASE" not in os.environ and "PULUMI_CONFIG_PASSPHRASE_FILE" not in os.environ:
        environment["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(_passphrase_file())
    return environment


def is_shared_backend() -> bool:
    """Whether the user's own backend keeps the state, and takes a passphrase: any but Pulumi Cloud."""
    url = os.environ.get("PULUMI_BACKEND_URL") or ""
    return bool(url) and not url.startswith("https://")


def _passphrase_file() -> Path:
    file = project.state_dir() / "passphrase"
    if not file.is_file():
        project.private_folder(file.parent)
        temporary = file.with_name(f"passphrase.{os.getpid()}")
        temporary.touch(mode=0o600)
        temporary.write_text(secrets.token_urlsafe(32))
        # A file that another process has put there meanwhile must win, or its stacks could not be read any more.
        try:
            os.link(temporary, file)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return file


def _use_mirrored_chart(configuration: Configuration) -> None:
    chart = configuration.get("chart") or {}
    if not isinstance(chart, dict):
        return  # the program says what is wrong
    archive = project.mirrored_chart(str(chart.get("version", "4.4.0")))
    if archive and not chart.get("path") and not chart.get("repository"):
        configuration["chart"] = {**chart, "path": str(archive)}


def _slug(text: str) -> str:
    """Text as part of a Kubernetes name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "values"
