"""Every meant difference between the chart's objects and ours, each with its reason. There are no others.

Comparing starts after normalising (see `normal.py`), so key order, number formats and encodings are no topic here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

Manifest = dict[str, Any]

HOOK_PREFIX = "helm.sh/hook"
HOOK_WEIGHT = "helm.sh/hook-weight"
AWAITER_WEIGHTS = ("0", "10")
"""Place in Helm's order of the awaiter Job and of its rights; the rest of the hook comes before."""
NO_SECRET_CHECKSUM = "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b"
"""SHA-256 of an empty line: the chart's digest of a proxy Secret that it doesn't render, an exact value for us too."""

MASK = "<masked>"


def unchanged(manifest: Manifest) -> Manifest | None:
    """The side that a difference leaves alone."""
    return manifest


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One meant difference: how to change the chart's object, ours, or both, so that the rest can be compared."""

    name: str
    reason: str
    chart: Callable[[Manifest], Manifest | None] = unchanged
    """Changes an object of the chart; None takes it out of the comparison."""
    ours: Callable[[Manifest], Manifest | None] = unchanged


def apply(manifests: list[Manifest], side: Literal["chart", "ours"]) -> list[Manifest]:
    """Apply all differences to the objects of one side."""
    found: list[Manifest] = []
    for manifest in manifests:
        result: Manifest | None = deepcopy(manifest)
        for difference in DIFFERENCES:
            if result is not None:
                result = getattr(difference, side)(result)
        if result is not None:
            found.append(result)
    return _rename_autohttps_budget(found) if side == "chart" else found


def met(chart: list[Manifest], ours: list[Manifest]) -> tuple[str, ...]:
    """Names of the meant differences that change anything about these objects."""
    sides = (("chart", chart), ("ours", ours))
    return tuple(
        difference.name
        for difference in DIFFERENCES
        if any(getattr(difference, side)(deepcopy(each)) != each for side, objects in sides for each in objects)
    )


def _drop_awaiter(manifest: Manifest) -> Manifest | None:
    annotations = manifest["metadata"].get("annotations", {})
    # Names and annotations can be anything, so either of them tells; the puller's own objects come earlier.
    named = manifest["metadata"]["name"].endswith("hook-image-awaiter")
    placed = annotations.get(HOOK_WEIGHT) in AWAITER_WEIGHTS and manifest["kind"] != "DaemonSet"
    is_awaiter = (named or placed) and any(key.startswith(HOOK_PREFIX) for key in annotations)
    return None if is_awaiter else manifest


def _drop_hook_annotations(manifest: Manifest) -> Manifest:
    annotations = manifest["metadata"].get("annotations", {})
    for key in [key for key in annotations if key.startswith(HOOK_PREFIX)]:
        del annotations[key]
    if not annotations:
        manifest["metadata"].pop("annotations", None)
    return manifest


def _manage_by_pulumi(manifest: Manifest) -> Manifest:
    labels = manifest["metadata"].get("labels", {})
    if labels.get("app.kubernetes.io/managed-by") == "Helm":
        labels["app.kubernetes.io/managed-by"] = "pulumi"
    return manifest


def _rename_autohttps_budget(manifests: list[Manifest]) -> list[Manifest]:
    """Tell two budgets of one name apart.

    With no full name and both disruption budgets switched on, the chart renders two objects of the same kind and name,
    which Helm cannot install. The one for autohttps is then called ``autohttps`` by us. It is the only difference that
    depends on another object.
    """
    budgets = [
        each for each in manifests if each["kind"] == "PodDisruptionBudget" and each["metadata"]["name"] == "proxy"
    ]
    if len(budgets) > 1:
        for budget in budgets:
            if budget["metadata"]["labels"]["component"] == "autohttps":
                budget["metadata"]["name"] = "autohttps"
    return manifests


def _mask_member(members: Manifest, key: str, pattern: str) -> None:
    """Mask a member whose value has the expected form; another value stays, and so shows in the comparison."""
    if isinstance(members.get(key), str) and re.fullmatch(pattern, members[key]):
        members[key] = MASK


def _mask_checksums(manifest: Manifest) -> Manifest:
    template = manifest.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {})
    if template.get("checksum/proxy-secret") != NO_SECRET_CHECKSUM:
        _mask_member(template, "checksum/proxy-secret", "[0-9a-f]{64}")
    for name in ("config-map", "secret", "static-config"):
        _mask_member(template, f"checksum/{name}", "[0-9a-f]{64}")
    if manifest["kind"] == "ConfigMap":
        _mask_member(manifest.get("data", {}), "checksum_hook-image-puller", "[0-9a-f]{64}")
    return manifest


def _mask_hub_files(manifest: Manifest) -> Manifest:
    if manifest["kind"] == "ConfigMap":
        for name in ("jupyterhub_config.py", "z2jh.py"):
            _mask_member(manifest.get("data", {}), name, r"(?s).*\S.*")
    return manifest


BROKEN_FILE = "broken file"
"""Where a setting, such as a wildcard in ``proxy.https.hosts``, makes the chart write a file that is no YAML."""


def drop_broken_files(chart: list[Manifest], ours: list[Manifest]) -> bool:
    """Take files out of both sides that the chart replaced by the text of an error; tell whether there are any.

    The chart then writes ``Error: ...`` in place of the file, and installs it; ours is what the setting asks for.
    """
    broken = [(each["kind"], each["metadata"]["name"], path) for each in chart for path in _error_texts(each)]
    for kind, name, path in broken:
        for each in (*chart, *ours):
            if (each["kind"], each["metadata"]["name"]) == (kind, name):
                _remove(each, path)
    return bool(broken)


def _error_texts(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return []
    if set(value) == {"Error"} and str(value["Error"]).startswith("error converting YAML"):
        return [path]
    return [found for key, member in value.items() for found in _error_texts(member, (*path, key))]


def _remove(tree: Any, path: tuple[str, ...]) -> None:
    for step in path[:-1]:
        tree = tree.get(step) if isinstance(tree, dict) else None
    if isinstance(tree, dict):
        tree.pop(path[-1], None)


DIFFERENCES = (
    Difference(
        name="no awaiter",
        reason="Helm waits for the hook's images through a Job with rights of its own; here the engine itself awaits"
        " the DaemonSet's rollout before the hub changes, so Job, ServiceAccount, Role and RoleBinding have no use.",
        chart=_drop_awaiter,
    ),
    Difference(
        name="no hooks",
        reason="Hook annotations order Helm's steps and tell it what to delete; the engine orders by dependencies. The"
        " objects themselves (hook-image-puller, its ServiceAccount, the image pull Secret) stay.",
        chart=_drop_hook_annotations,
        ours=_drop_hook_annotations,
    ),
    Difference(
        name="managed-by",
        reason="The label tells truly who manages the object.",
        chart=_manage_by_pulumi,
    ),
    Difference(
        name="checksums",
        reason="The chart digests its own rendered text, which only Helm can repeat. Ours digest the content, and"
        " change when it changes. A digest that has a fixed value, or covers only the token, is compared exactly.",
        chart=_mask_checksums,
        ours=_mask_checksums,
    ),
    Difference(
        name="hub files",
        reason="jupyterhub_config.py and z2jh.py are our own text with the same effect; another test compares"
        " the effect.",
        chart=_mask_hub_files,
        ours=_mask_hub_files,
    ),
    Difference(
        name=BROKEN_FILE,
        reason="A setting such as a wildcard in proxy.https.hosts makes the chart write `Error: ...` in place of a"
        " configuration file; ours holds what the setting asks for.",
    ),
)
