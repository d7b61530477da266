"""A stack's settings under their own names: how their keys are written in a stack's file is known here alone."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

PREFIX = "hubstack:"
"""What every key begins with, whatever the Pulumi project is called."""

Setting = Literal[
    "acceptDrift",
    "adoptedTokens",
    "chart",
    "checkAdmission",
    "clusterIdentifier",
    "createNamespace",
    "keptChecksums",
    "kubeContext",
    "kubeconfig",
    "mode",
    "namespace",
    "poolsFile",
    "protectData",
    "releaseName",
    "rotateTokens",
    "secretValues",
    "storageClass",
    "takeOver",
    "values",
    "valuesFiles",
    "valuesKey",
]
"""Names of the settings, which `settings.StackConfig` describes."""


def key(setting: Setting) -> str:
    """A setting's key in a stack's file."""
    return f"{PREFIX}{setting}"


def config_path(start: str, place: Sequence[str | int]) -> str:
    """A setting as ``pulumi config set --path`` reads it.

    Arguments:
        start: the key that it is in.
        place: keys and list indexes below that.
    """
    return start + "".join(map(_path_step, place))


def _path_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if re.fullmatch(r"[A-Za-z_][\w-]*", step):
        return f".{step}"
    quoted = step.replace("\\", "\\\\").replace('"', '\\"')
    return f'["{quoted}"]'


def keyed(settings: Mapping[Setting, Any]) -> dict[str, Any]:
    """Settings by their keys, for a stack's file."""
    return {key(name): value for name, value in settings.items()}


def named(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by their names, unknown ones included; keys of other programs are left out."""
    return {name.removeprefix(PREFIX): value for name, value in config.items() if name.startswith(PREFIX)}


def kubeconfig_path(named: str | None, folder: Path) -> Path:
    """Where a kubeconfig is.

    Arguments:
        named: the setting ``kubeconfig``; None for $KUBECONFIG, then ~/.kube/config.
        folder: what a relative path starts from: the project's folder.
    """
    path = Path(os.path.expanduser(named or os.environ.get("KUBECONFIG") or "~/.kube/config"))
    return (folder / path).resolve()


class Configuration:
    """The map ``config`` of a stack's file, with settings read and written by their names."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Look at a map through the names of settings.

        Arguments:
            config: as it stands in the file; what is written here is written there.
        """
        self._config = config

    def __contains__(self, setting: Setting) -> bool:
        return key(setting) in self._config

    def __getitem__(self, setting: Setting) -> Any:
        return self._config[key(setting)]

    def __setitem__(self, setting: Setting, value: Any) -> None:
        self._config[key(setting)] = value

    def get(self, setting: Setting, default: Any = None) -> Any:
        """A setting as it stands in the file, or another value where it is not set."""
        return self._config.get(key(setting), default)

    def remove(self, setting: Setting) -> None:
        """Leave a setting to its default."""
        self._config.pop(key(setting), None)

    def update(self, settings: Mapping[Setting, Any]) -> None:
        """Set several settings."""
        self._config.update(keyed(settings))

    def without(self, *settings: Setting) -> Configuration:
        """The same without some settings, as a map of its own."""
        left_out = {key(each) for each in settings}
        return Configuration({name: value for name, value in self._config.items() if name not in left_out})

    def by_name(self) -> dict[str, Any]:
        """Every setting as it stands in the file."""
        return named(self._config)
