"""Everything that the checks look at, gathered once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hubstack.chart.release import Release, TokenValues
from hubstack.doctor.finding import Finding
from hubstack.doctor.reader import Object, Reader
from hubstack.doctor.state import EngineState
from hubstack.lifecycle.prerequisites import Prerequisites
from hubstack.settings import StackConfig, StackSettings

PLACEHOLDER = "0" * 64
"""Stands for every token where the objects are rendered for their shape alone."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One stack with its settings, its state and its cluster."""

    name: str
    """Name of the stack."""
    settings: StackSettings
    unread: tuple[str, ...] = ()
    """Encrypted settings that could not be read, and decide more than a text."""
    objects: tuple[Object, ...] = ()
    """The stack's objects; none where the chart's version is not modelled."""
    named: Prerequisites = field(default_factory=lambda: Prerequisites(frozenset(), ()))
    """What the objects name without being among them."""
    engine: EngineState = field(default_factory=EngineState)
    reader: Reader | None = None
    """The cluster; None: it cannot be reached, or does not know who asks."""
    version: str = ""
    """Kubernetes version of the cluster."""
    unreachable: str = ""
    """Why the cluster cannot be reached."""
    no_credentials: str = ""
    """Why the cluster does not know who asks."""
    tool_problem: str = ""
    """Why the engine's programs cannot be had."""
    misfits: Mapping[str, str] = field(default_factory=dict)
    """Programs on PATH that are of another version, and what was found."""
    has_language_host: bool = True
    """Whether a plain `pulumi up` would find what runs the program."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """Secrets are compared by their HMAC under this key, which nobody else ever has."""

    @property
    def config(self) -> StackConfig:
        return self.settings.config

    @property
    def namespace(self) -> str:
        return self.settings.config.namespace

    @property
    def tree(self) -> Mapping[str, Any]:
        """The values, merged with the defaults where the chart's version is modelled."""
        return self.settings.loaded.tree

    @property
    def release(self) -> Release:
        """The release; only for checks that need the objects."""
        if self.settings.release is None:
            raise LookupError("the chart's version is not modelled")
        return self.settings.release

    @property
    def cluster(self) -> Reader:
        """The cluster; only for checks that need it."""
        if self.reader is None:
            raise LookupError("the cluster cannot be reached")
        return self.reader

    def path(self, group_version: str, resource: str, name: str = "") -> str:
        """Path of a resource in the stack's namespace, such as ``("apps/v1", "deployments", "hub")``."""
        base = "apis" if "/" in group_version else "api"
        return f"/{base}/{group_version}/namespaces/{self.namespace}/{resource}" + (f"/{name}" if name else "")

    def of_kind(self, *kinds: str) -> list[Object]:
        """The stack's objects of some kinds."""
        return [each for each in self.objects if each["kind"] in kinds]

    def setting(self, *path: str) -> Any:
        """One setting of the values, or None."""
        found: Any = self.tree
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found


def placeholder_tokens(settings: StackSettings) -> TokenValues:
    """A token for everything that needs one."""
    services = dict.fromkeys((settings.loaded.tree.get("hub") or {}).get("services") or {}, PLACEHOLDER)
    return TokenValues(proxy_auth=PLACEHOLDER, cookie_secret=PLACEHOLDER, crypt_keys=PLACEHOLDER, services=services)


@dataclass(frozen=True)
class Check:
    """One thing that the doctor looks at."""

    name: str
    run: Callable[[Subject], Iterable[Finding]]
    about: str
    """What it looks at, for people."""
    cluster: bool = True
    """Whether it needs the cluster."""
    objects: bool = False
    """Whether it needs the stack's objects, so a chart version that is modelled."""
