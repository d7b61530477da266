"""What would be deployed to a stack, as one digest: equal exactly where an update would have nothing to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from hubstack import project, settings, unread
from hubstack.chart.errors import Problem, SettingsError
from hubstack.project import stacks

LENGTH = 16
"""Hex digits of a digest."""

INSTALLED = ("hubstack/settings.py", "hubstack/configuration.py", "hubstack/chart", "hubstack/components")
"""What of it is installed with Hubstack, for folders that do not have it themselves."""
PROGRAM = ("__main__.py", "Pulumi.yaml", "requirements.txt", *INSTALLED)
"""What the program consists of."""

_ELSEWHERE = {"values", "secret_values", "values_files", "kubeconfig", "chart"}
"""Configuration that says where things are on a machine, or that the merged values hold already."""
_HISTORY = {"take_over", "kept_checksums"}
"""Configuration that a change of mode writes while it is deployed: how a hub is gone on with, and not what it is."""
_ABOUT_IT = {"accept_drift"}
"""Configuration that no update deploys."""


@dataclass(frozen=True)
class Desired:
    """What a revision wants of a stack."""

    digest: str
    namespace: str
    mode: str
    rotations: Mapping[str, str] = field(default_factory=dict)
    """The setting `rotateTokens`."""
    adopted: frozenset[str] = frozenset()
    """Names of the tokens that the hub goes on with as long as nobody rotates them."""


def desired(stack: stacks.Stack) -> Desired:
    """Check a stack's settings and digest what they lead to.

    Values count as they are after merging, so that a comment or a moved setting changes nothing. Encrypted settings
    count as they are written, and nothing is decrypted. Generated tokens do not count: they live in the state.

    Raises:
        SettingsError: the settings are refused; lists everything.
    """
    entries = stacks.entries(stack.settings)
    found = settings.resolve(settings.parse(entries, set()), stack.root)
    facts: dict[str, Any] = {
        # Without defaults: those of this code say nothing of a program that is another revision's (docs/adr/0031).
        "config": found.config.model_dump(
            mode="json", exclude=_ELSEWHERE | _HISTORY | _ABOUT_IT, exclude_defaults=True
        ),
        "values": found.loaded.user,
        "secretPaths": sorted(map(str, found.loaded.secret_paths)),
        "encrypted": [
            each for name in ("secretValues", "adoptedTokens") if list(unread.places(each := entries.get(name)))
        ],
        "program": program_version(stack.root),
    }
    if found.config.mode == "helm":
        chart = found.config.chart
        # The mirror's copy is the repository's chart, so that machines with and without a mirror agree.
        mirrored = chart.path is not None and Path(chart.path) == project.mirrored_chart(chart.version)
        archive = stack.root / chart.path if chart.path and not mirrored else None
        facts["chart"] = [chart.version, chart.digest or (_file_digest(archive) if archive else chart.repository)]
    text = json.dumps(facts, sort_keys=True, default=str)
    config = found.config
    adopted = frozenset(config.adopted_tokens.by_name())
    return Desired(_sha256(text.encode()), config.namespace, config.mode, config.rotate_tokens, adopted)


@cache
def program_version(root: Path) -> str:
    """Digest of the program's sources, whatever commit they are from."""
    return _sources_digest(root, PROGRAM)


@cache
def installed_version(root: Path) -> str:
    """Digest of what decides which settings a program takes, and what follows from them."""
    return _sources_digest(root, INSTALLED)


def _sources_digest(root: Path, names: Iterable[str]) -> str:
    found = hashlib.sha256()
    for name, path in _files(root, names):
        content = path.read_bytes()
        found.update(f"{name}\0{len(content)}\0".encode())
        found.update(content)
    return found.hexdigest()[:LENGTH]


def _files(root: Path, names: Iterable[str]) -> Iterator[tuple[Path, Path]]:
    """Name and place of each source file."""
    for name in names:
        is_own = (root / name).is_file() or (root / name / "__init__.py").is_file()
        folder = project.CODE if name in INSTALLED and not is_own else root
        path = folder / name
        if path.is_dir():
            found = sorted(each for each in path.rglob("*") if each.is_file() and "__pycache__" not in each.parts)
            yield from ((each.relative_to(folder), each) for each in found)
        elif path.is_file():
            yield path.relative_to(folder), path


@cache
def _file_digest(path: Path) -> str:
    """Of a chart's archive or folder."""
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    try:
        return _sha256(b"\0".join(each.read_bytes() for each in files))
    except OSError as error:
        raise SettingsError(
            [Problem("stack configuration", "hubstack:chart.path", f"{str(path)!r}: {error.strerror}")]
        ) from None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:LENGTH]
