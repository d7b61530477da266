"""Every meant difference between the chart's objects and ours, each with its reason. There are no others.

Comparing starts after normalising (see `normal.py`), so key order, number formats and encodings are no topic here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from hubstack.chart import autohttps
from hubstack.chart.values_tree import at
from hubstack.parity import compare, normal

Manifest = dict[str, Any]

HOOK_PREFIX = "helm.sh/hook"
HOOK_WEIGHT = "helm.sh/hook-weight"
AWAITER_WEIGHTS = ("0", "10")
"""Place in Helm's order of the awaiter Job and of its rights; the rest of the hook comes before."""
NO_SECRET_CHECKSUM = "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b"
"""SHA-256 of an empty line: the chart's digest of a proxy Secret that it doesn't render, an exact value for us too."""

MANAGED_BY = "app.kubernetes.io/managed-by"
HUB_FILES = ("jupyterhub_config.py", "z2jh.py")
"""The hub's Python files, in its ConfigMap."""

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


def apply(manifests: list[Manifest], side: Literal["chart", "ours"]) -> tuple[list[Manifest], set[str]]:
    """Apply all differences to the objects of one side; gives the objects, and the names of the differences met."""
    found: list[Manifest] = []
    met: set[str] = set()
    for manifest in manifests:
        result: Manifest | None = manifest
        for difference in DIFFERENCES:
            if result is not None:
                before, result = result, getattr(difference, side)(result)
                if result is not before:
                    met.add(difference.name)
        if result is not None:
            found.append(result)
    return _rename_autohttps_budget(found) if side == "chart" else found, met


def _drop_awaiter(manifest: Manifest) -> Manifest | None:
    annotations = manifest["metadata"].get("annotations", {})
    # Names and annotations can be anything, so either of them tells; the puller's own objects come earlier.
    named = str(manifest["metadata"].get("name")).endswith("hook-image-awaiter")
    placed = annotations.get(HOOK_WEIGHT) in AWAITER_WEIGHTS and manifest["kind"] != "DaemonSet"
    is_awaiter = (named or placed) and any(key.startswith(HOOK_PREFIX) for key in annotations)
    return None if is_awaiter else manifest


def _drop_hook_annotations(manifest: Manifest) -> Manifest:
    annotations = manifest["metadata"].get("annotations", {})
    kept = {key: value for key, value in annotations.items() if not key.startswith(HOOK_PREFIX)}
    if len(kept) == len(annotations):
        return manifest
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "annotations"}
    return {**manifest, "metadata": {**metadata, "annotations": kept} if kept else metadata}


def _manage_by_pulumi(manifest: Manifest) -> Manifest:
    if manifest["metadata"].get("labels", {}).get(MANAGED_BY) != "Helm":
        return manifest
    return _with(manifest, ("metadata", "labels", MANAGED_BY), "pulumi")


def _rename_autohttps_budget(manifests: list[Manifest]) -> list[Manifest]:
    """Tell two budgets of one name apart.

    With no full name and both disruption budgets switched on, the chart renders two objects of the same kind and name,
    which Helm cannot install. The one for autohttps is then called ``autohttps`` by us. It is the only difference that
    depends on another object.
    """

    def is_budget(manifest: Manifest) -> bool:
        return bool(
            manifest["kind"] == "PodDisruptionBudget" and manifest["metadata"].get("name") == autohttps.PDB_NAME
        )

    if sum(map(is_budget, manifests)) < 2:
        return manifests
    return [
        _with(each, ("metadata", "name"), autohttps.COMPONENT)
        if is_budget(each) and each["metadata"]["labels"]["component"] == autohttps.COMPONENT
        else each
        for each in manifests
    ]


def _mask_checksums(manifest: Manifest) -> Manifest:
    annotations = ("spec", "template", "metadata", "annotations")
    names = ["config-map", "secret", "static-config"]
    if at(manifest, *annotations, "checksum/proxy-secret") != NO_SECRET_CHECKSUM:
        names.append("proxy-secret")
    for name in names:
        manifest = _masked(manifest, (*annotations, f"checksum/{name}"), "[0-9a-f]{64}")
    if manifest["kind"] == "ConfigMap":
        manifest = _masked(manifest, ("data", "checksum_hook-image-puller"), "[0-9a-f]{64}")
    return manifest


def _mask_hub_files(manifest: Manifest) -> Manifest:
    if manifest["kind"] == "ConfigMap":
        for name in HUB_FILES:
            manifest = _masked(manifest, ("data", name), r"(?s).*\S.*")
    return manifest


def _masked(manifest: Manifest, path: tuple[str, ...], pattern: str) -> Manifest:
    """Mask a member whose value has the expected form; another value stays, and so shows in the comparison."""
    found = at(manifest, *path)
    if isinstance(found, str) and re.fullmatch(pattern, found):
        return _with(manifest, path, MASK)
    return manifest


def _with(tree: Manifest, path: tuple[str, ...], value: Any) -> Manifest:
    """A tree with another value at a path; the original stays as it is, and what lies beside the path is shared."""
    step, *rest = path
    return {**tree, step: _with(tree[step], tuple(rest), value) if rest else value}


def _drop_no_value(manifest: Manifest) -> Manifest:
    path = ("data", "values.yaml", *_ACME_SERVER)
    return _with(manifest, path, None) if at(manifest, *path) == "<no value>" else manifest


_ACME_SERVER = (
    *("proxy", "traefik", "extraStaticConfig"),
    *("certificatesResolvers", "default", "acme", "caServer"),
)
"""Where the chart tells the hub the ACME server, as a side effect of merging Traefik's configuration."""

BROKEN_FILE = "broken file"
"""Where a setting, such as a wildcard in ``proxy.https.hosts``, makes the chart write a file that is no YAML."""


def drop_broken_files(chart: list[Manifest], ours: list[Manifest]) -> bool:
    """Take files out of both sides that the chart replaced by the text of an error; tell whether there are any.

    The chart then writes ``Error: ...`` in place of the file, and installs it; ours is what the setting asks for.
    """
    broken = [(compare.identity(each), path) for each in chart for path in _error_texts(each)]
    for identity, path in broken:
        for each in (*chart, *ours):
            if compare.identity(each) == identity:
                _remove(each, path)
    return bool(broken)


_HELMS_ERRORS = ("error converting YAML", "toml: cannot encode")


def _error_texts(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return []
    # Beside the error may stand what users have added to the file.
    if str(value.get(normal.ERROR)).startswith(_HELMS_ERRORS):
        return [path]
    return [found for key, member in value.items() for found in _error_texts(member, (*path, key))]


def _remove(tree: Any, path: tuple[str, ...]) -> None:
    parent = at(tree, *path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)


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
        name="no value",
        reason="With a null for proxy.https.letsencrypt.acmeServer the chart tells the hub, which does not use it, the"
        " text `<no value>`; ours is the null. Traefik's own file says null on both sides.",
        chart=_drop_no_value,
    ),
    Difference(
        name=BROKEN_FILE,
        reason="A setting such as a wildcard in proxy.https.hosts makes the chart write `Error: ...` in place of a"
        " configuration file; ours holds what the setting asks for.",
    ),
)
