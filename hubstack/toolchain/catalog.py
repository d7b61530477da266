"""What `toolchain.yaml` says: the external programs, their versions, and where they come from."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hubstack import reading

PINS = Path(__file__).with_name("toolchain.yaml")
"""What is read where nobody names another file."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_LISTS = ("also", "programs", "beside", "extras", "version_command", "platforms")
_SHA256 = re.compile("[0-9a-f]{64}")


class ToolchainError(Exception):
    """Programs cannot be had; says which, why, and how to install them."""

    def __init__(self, message: str, missing: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.missing = tuple(missing)
        """Names of the programs."""


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
    also: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    version_command: tuple[str, ...] = ()
    arch: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ("linux", "darwin")
    sha256: Mapping[str, Any] = field(default_factory=dict)

    @property
    def versions(self) -> tuple[str, ...]:
        """The pinned version and the others that will do, the preferred one first."""
        return (self.version, *self.also)

    def rank(self, version: str) -> int | None:
        """How many versions are preferred to this one; None: this one will not do."""
        return next((rank for rank, each in enumerate(self.versions) if self._fits(version, each)), None)

    @property
    def accepted(self) -> str:
        """The versions that will do, for messages."""
        shown = (each if self.fits == "exact" else f"{_minor(each)}.*" for each in self.versions)
        return " or ".join(dict.fromkeys(shown))

    def _fits(self, version: str, wanted: str) -> bool:
        return version == wanted if self.fits == "exact" else _minor(version) == _minor(wanted)


@dataclass(frozen=True)
class Program:
    """A program on this machine."""

    path: Path
    version: str


class Catalog:
    """All releases, for one platform."""

    def __init__(self, releases: Mapping[str, Release], machine: Platform | None = None) -> None:
        self.releases = releases
        self.machine = machine or Platform.here()
        self._suppliers = {program: each for each in releases.values() for program in each.programs}
        self._variants = {name: _variants(each) for name, each in releases.items()}

    @classmethod
    def load(cls, path: Path | None = None, machine: Platform | None = None) -> Catalog:
        """Read a file such as `toolchain.yaml`, which is the default.

        Raises:
            ToolchainError: the file cannot be read as one.
        """
        path = path or PINS
        try:
            data = reading.yaml_file(path)
            return cls({name: _release(name, entry) for name, entry in data["releases"].items()}, machine)
        except (reading.Unreadable, TypeError, KeyError, AttributeError, ValueError) as error:
            raise ToolchainError(f"{path}: cannot be read as the list of external programs: {error}") from None

    def release(self, program: str) -> Release:
        """The release that supplies a program.

        Raises:
            ToolchainError: there is none.
        """
        if program not in self._suppliers:
            known = ", ".join(sorted(self._suppliers))
            raise ToolchainError(f"{program!r} is not a program of toolchain.yaml; it has {known}")
        return self._suppliers[program]

    def variants(self, program: str) -> tuple[Release, ...]:
        """The release that supplies a program, once for each version that will do, the preferred one first.

        Raises:
            ToolchainError: there is none.
        """
        return self._variants[self.release(program).name]

    def sharing(self, archive: str) -> tuple[Release, ...]:
        """Every release, in whichever version, that a file of this name in the mirror supplies."""
        return tuple(
            each for variants in self._variants.values() for each in variants if archive in self.mirrored(each)
        )

    def expand(self, template: str, release: Release, program: str = "") -> str:
        """A template of a release, filled in."""
        versions = {name: each.version for name, each in self.releases.items()}
        arch = release.arch.get(self.machine.arch, self.machine.arch)
        fields = {**versions, "version": release.version, "os": self.machine.os, "arch": arch, "program": program}
        return template.format_map(fields)

    def mirrored(self, release: Release) -> tuple[str, ...]:
        """Names of files in the mirror that have it: the mirror's own archive, the publisher's."""
        names = [f"{self.expand(release.mirror, release)}-{self.machine}.tar.xz"]
        published = self.expand(release.url, release).rpartition("/")[2]
        # a bare program does not say in its name which version it is
        return (*names, published) if release.version in published else tuple(names)

    def folder(self, release: Release) -> Path:
        """Where its programs lie in the cache."""
        return cache_dir() / f"{release.name}-v{release.version}-{self.machine}"

    def cached(self, program: str) -> Program | None:
        """The program in the cache, in the preferred of the versions that are there with all that belongs to them."""
        found = next((each for each in self.variants(program) if self.holds(each, program)), None)
        return Program(self.folder(found) / program, found.version) if found else None

    def holds(self, release: Release, program: str) -> bool:
        """Whether the cache has a program of this very release, with all that belongs to it."""
        folder = self.folder(release)
        return all(os.access(folder / name, os.X_OK) for name in (program, *release.beside))

    def digest(self, release: Release, program: str) -> str | None:
        """The pinned SHA-256 of the publisher's file that supplies a program on this platform, where one is known."""
        pins = release.sha256.get(program, {}) if "{program}" in release.url else release.sha256
        found: str | None = pins.get(str(self.machine))
        return found


def cache_dir() -> Path:
    """The user's folder for downloaded programs, shared by all checkouts."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "hubstack" / "tools"


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _variants(release: Release) -> tuple[Release, ...]:
    others = (replace(release, version=version, also=(), sha256={}) for version in release.also)
    return (release, *others)


def _release(name: str, entry: dict[str, Any]) -> Release:
    for version in (entry.get("version"), *entry.get("also", ())):
        if not isinstance(version, str):
            raise ValueError(f"the version of {name} must be text in quotes, not {version!r}")
    if entry.get("fits") not in ("exact", "minor"):
        raise ValueError(f"`fits` of {name} must be exact or minor, not {entry.get('fits')!r}")
    fields: dict[str, Any] = {key: tuple(value) if key in _LISTS else value for key, value in entry.items()}
    release = Release(name, **fields)
    _check_digests(release)
    return release


def _check_digests(release: Release) -> None:
    """A digest that nobody would ever look up, or that nothing could ever have, is a slip of who edits the file.

    Raises:
        ValueError: names it.
    """
    each_program = "{program}" in release.url
    pins = release.sha256 if each_program else {"": release.sha256}
    platforms = {f"{system}-{arch}" for system in release.platforms for arch in _ARCHITECTURES.values()}
    for program, digests in pins.items():
        where = " ".join(["`sha256` of", release.name, *([program] if program else [])])
        if program and program not in release.programs:
            raise ValueError(f"{where}: not a program of this release; it has {', '.join(release.programs)}")
        for machine, digest in digests.items():
            if machine not in platforms:
                raise ValueError(f"{where}: {machine!r} is no platform of it; allowed: {', '.join(sorted(platforms))}")
            if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
                raise ValueError(f"{where} {machine}: must be 64 hexadecimal digits in quotes, not {digest!r}")
