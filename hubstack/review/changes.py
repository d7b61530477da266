"""What differs between two revisions of a stack, object by object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hubstack.parity import compare
from hubstack.review import diffs
from hubstack.review.engine import EngineView
from hubstack.review.rendering import Rendered
from hubstack.review.secrets import Redactor
from hubstack.review.setting_changes import ChangedSetting

WORST_FIRST = ("delete", "replace", "restart", "update", "create")
"""Actions, by what they cost the people who work on a hub."""

MEANS = {
    "delete": "it is deleted",
    "replace": "it is deleted and made anew",
    "restart": "its pods are replaced by new ones",
    "update": "it is changed in place, and no pod of its own is replaced",
    "create": "it is new",
}
"""What each action means for the object."""

COSMETIC = ("metadata.labels.chart", "metadata.labels.helm.sh/chart", "metadata.labels.app.kubernetes.io/version")
"""Fields that say which chart made an object, and do nothing."""

FIXED_FIELDS = {
    "Deployment": ("spec.selector",),
    "DaemonSet": ("spec.selector",),
    "StatefulSet": ("spec.selector", "spec.serviceName", "spec.volumeClaimTemplates", "spec.podManagementPolicy"),
    "PersistentVolumeClaim": (
        "spec.accessModes",
        "spec.storageClassName",
        "spec.selector",
        "spec.volumeName",
        "spec.volumeMode",
    ),
    "StorageClass": ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode", "mountOptions"),
    "PriorityClass": ("value", "globalDefault"),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
    "Secret": ("type",),
}
"""Fields that Kubernetes does not change in place, so that the engine replaces the object."""

WITH_PODS = ("Deployment", "DaemonSet", "StatefulSet")


@dataclass(frozen=True)
class ObjectChange:
    """One object that differs."""

    name: str
    """``Kind/name``."""
    action: str
    """One of `WORST_FIRST`."""
    diff: str
    """Unified diff of both sides as YAML, without secrets; blank where the object comes or goes."""
    places: tuple[str, ...] = ()
    """Paths of the fields that differ."""

    @property
    def cosmetic(self) -> bool:
        """Whether nothing but labels of the chart's version differs."""
        return self.action == "update" and bool(self.places) and all(place in COSMETIC for place in self.places)


@dataclass(frozen=True)
class StackChange:
    """What happens to one stack."""

    stack: str
    base: Rendered | None
    """None where the stack is new."""
    head: Rendered | None
    """None where the stack is removed."""
    changes: tuple[ObjectChange, ...] = ()
    findings: tuple[Any, ...] = ()
    """What people will notice, see `rule.Finding`."""
    errors: tuple[str, ...] = ()
    engine: EngineView | None = None
    """The engine's own preview, where it was asked for."""
    homes: str | None = None
    """What other names mean for the live home volumes, where the cluster was asked."""
    settings: tuple[ChangedSetting, ...] = ()
    """Every setting that differs."""
    unjudged: tuple[str, ...] = ()
    """What a dry run could not judge, and why."""

    @property
    def changed(self) -> bool:
        offline = (
            self.changes or self.settings or self.findings or self.errors or self.base is None or self.head is None
        )
        return bool(offline or (self.engine and (self.engine.steps or self.engine.error)))

    def counts(self) -> dict[str, int]:
        """Number of objects for each action."""
        return {action: n for action in WORST_FIRST if (n := sum(each.action == action for each in self.changes))}


@dataclass
class Comparer:
    """Compares stacks; a pair of renderings that several stacks share is compared once."""

    redactor: Redactor
    _known: dict[tuple[int, int], tuple[ObjectChange, ...]] = field(default_factory=dict)

    def compare(self, base: Rendered, head: Rendered) -> tuple[ObjectChange, ...]:
        """The objects that differ, worst first."""
        key = (id(base.objects), id(head.objects))
        if key not in self._known:
            self._known[key] = self._compare(base, head)
        return self._known[key]

    def _compare(self, base: Rendered, head: Rendered) -> tuple[ObjectChange, ...]:
        found = []
        for name in sorted(base.objects.keys() | head.objects.keys()):
            before, after = base.objects.get(name), head.objects.get(name)
            if before == after:
                continue
            places = tuple(place.path for place in compare.differences(before or {}, after or {}))
            found.append(ObjectChange(name, _action(before, after, places), self._diff(base, head, name), places))
        return tuple(sorted(found, key=lambda change: (WORST_FIRST.index(change.action), change.name)))

    def _diff(self, base: Rendered, head: Rendered, name: str) -> str:
        if name not in base.objects or name not in head.objects:
            return ""  # that it comes or goes says it all
        sides = (self.redactor.manifest(side.objects[name], side.secrets) for side in (base, head))
        return diffs.unified(*sides)


def _action(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, places: tuple[str, ...]) -> str:
    if before is None or after is None:
        return "create" if before is None else "delete"
    fixed = FIXED_FIELDS.get(after["kind"], ())
    if any(place == path or place.startswith((f"{path}.", f"{path}[")) for place in places for path in fixed):
        return "replace"
    if after["kind"] in WITH_PODS and any(place.startswith("spec.template") for place in places):
        return "restart"
    return "update"
