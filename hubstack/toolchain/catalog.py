"""What `toolchain.yaml` says: the external programs, their versions, and where they come from."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

PINS = Path(__file__).with_name("toolchain.yaml")
"""What is read where nobody names another file."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_LISTS = ("programs", "beside", "version_command", "platforms")


class ToolchainError(Exception):
    """Programs cannot be had; says which, why, and how to supply them."""


@dataclass(frozen=True)
class Platform:
    """Operating system and architecture, by the names that most publishers use."""

    os: str
    arch: str

    @classmethod
    def here(cls) -> Platform:
        """That of this machine."""
        machine = platform.machine().lower()
        return cls(platform.system().lower(), _ARCHITECTURES.get(machine, machine))

    def __str__(self) -> str:
        return f"{self.os}-{self.arch}"


@dataclass(frozen=True, eq=False)
class Release:
    """One release of a publisher; `toolchain.yaml` describes the fields. URLs and `mirror` are templates."""

    name: str
    version: str
    programs: tuple[str, ...]
    fits: str
    mirror: str
    url: str
    checksums: str
    beside: tuple[str, ...] = ()
    version_command: tuple[str, ...] = ()
    arch: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ("linux", "darwin")

    def accepts(self, version: str) -> bool:
        """Whether a program of this version will do instead of the pinned one."""
        if self.fits == "exact":
            return version == self.version
        return version.split(".")[:2] == self.version.split(".")[:2]

    @property
    def accepted(self) -> str:
        """The versions that will do, for messages."""
        return self.version if self.fits == "exact" else ".".join([*self.version.split(".")[:2], "*"])


class Catalog:
    """All releases, for one platform."""

    def __init__(self, releases: Mapping[str, Release], machine: Platform | None = None) -> None:
        self.releases = releases
        self.machine = machine or Platform.here()
        self._suppliers = {program: each for each in releases.values() for program in each.programs}

    @classmethod
    def load(cls, path: Path | None = None, machine: Platform | None = None) -> Catalog:
        """Read a file such as `toolchain.yaml`, which is the default.

        Raises:
            ToolchainError: The file cannot be read as one.
        """
        path = path or PINS
        try:
            # the parser in C, where PyYAML has it: this happens on every `up`
            data = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            return cls({name: _release(name, entry) for name, entry in data["releases"].items()}, machine)
        except (OSError, yaml.YAMLError, TypeError, KeyError, AttributeError, ValueError) as error:
            raise ToolchainError(f"{path}: cannot be read as the list of external programs: {error}") from None

    def release(self, program: str) -> Release:
        """The release that supplies a program.

        Raises:
            ToolchainError: There is none.
        """
        if program not in self._suppliers:
            known = ", ".join(sorted(self._suppliers))
            raise ToolchainError(f"{program!r} is not a program of toolchain.yaml; it has {known}")
        return self._suppliers[program]

    def expand(self, template: str, release: Release, program: str = "") -> str:
        """A template of a release, filled in."""
        versions = {name: each.version for name, each in self.releases.items()}
        arch = release.arch.get(self.machine.arch, self.machine.arch)
        fields = {**versions, "version": release.version, "os": self.machine.os, "arch": arch, "program": program}
        return template.format_map(fields)

    def mirrored(self, release: Release) -> tuple[str, ...]:
        """Names of files in the mirror that supply it: the mirror's own archive, the publisher's."""
        names = [f"{self.expand(release.mirror, release)}-{self.machine}.tar.xz"]
        published = self.expand(release.url, release).rpartition("/")[2]
        # a bare program does not say in its name which version it is
        return (*names, published) if release.version in published else tuple(names)

    def folder(self, release: Release) -> Path:
        """Where its programs lie in the cache."""
        return cache_dir() / f"{release.name}-v{release.version}-{self.machine}"

    def cached(self, program: str) -> Path | None:
        """The program in the cache, if it is there with all that belongs to it."""
        release = self.release(program)
        folder = self.folder(release)
        files = (folder / name for name in (program, *release.beside))
        return folder / program if all(os.access(file, os.X_OK) for file in files) else None


def cache_dir() -> Path:
    """The user's folder for downloaded programs, shared by all checkouts."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "hubstack" / "tools"


def _release(name: str, entry: dict[str, Any]) -> Release:
    if not isinstance(entry.get("version"), str):
        raise ValueError(f"the version of {name} must be text in quotes, not {entry.get('version')!r}")
    if entry.get("fits") not in ("exact", "minor"):
        raise ValueError(f"`fits` of {name} must be exact or minor, not {entry.get('fits')!r}")
    fields: dict[str, Any] = {key: tuple(value) if key in _LISTS else value for key, value in entry.items()}
    return Release(name, **fields)
