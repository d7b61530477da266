"""What the stand-in chart can make, and which values it takes for that.

The objects of a release are rendered once for each *structure*, by mode native's builders. A test may set the values
that only reach Secrets as it likes; any other value must be the default or that of a structure, and Helm refuses all
the rest: a release would ignore it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubstack.chart.merge import coalesce

Path = tuple[str, ...]

STRUCTURES: dict[str, dict[str, Any]] = {
    "plain": {},
    "placeholders": {"scheduling": {"userPlaceholder": {"replicas": 2}}},
    "named": {"fullnameOverride": None},
    "small": {"singleuser": {"cpu": {"guarantee": 0.05}, "memory": {"guarantee": "100M"}}},
    "in-memory": {"hub": {"db": {"type": "sqlite-memory"}}},
    "guarded": {
        "hub": {"db": {"type": "postgres"}},
        "proxy": {
            "https": {
                "enabled": True,
                "type": "manual",
                "hosts": ["hub.example.org"],
                "manual": {"key": "free", "cert": "free"},
            }
        },
        "imagePullSecret": {"create": True, "registry": "free", "username": "free", "password": "free"},
    },
}
"""Values that make one set of objects or another."""

FREE: frozenset[Path] = frozenset(
    tuple(path.split("."))
    for path in (
        "cull",
        "global",
        "hub.concurrentSpawnLimit",
        "hub.config",
        "hub.cookieSecret",
        "hub.db.url",
        "hub.extraConfig",
        "hub.extraEnv",
        "hub.services",
        "imagePullSecret.password",
        "imagePullSecret.registry",
        "imagePullSecret.username",
        "proxy.https.manual",
        "proxy.secretToken",
        "singleuser.defaultUrl",
        "singleuser.extraEnv",
        "singleuser.storage",
    )
)
"""Values that only reach Secrets, whose data the chart's templates write from the values. (In the real chart,
``hub.extraEnv`` reaches the hub's Deployment as well.)
"""


def facts(defaults: Mapping[str, Any]) -> dict[Path, list[Any]]:
    """The values that tell one structure from another: each with what it is in each structure, in their order."""
    trees = [coalesce(values, defaults) for values in STRUCTURES.values()]
    paths = sorted({path for values in STRUCTURES.values() for path in _leaves(values)})
    return {path: [_value(tree, path) for tree in trees] for path in paths}


def schema(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON Schema of the values that the stand-in takes."""
    return _schema(defaults, facts(defaults), ())


def _schema(default: Any, known: Mapping[Path, list[Any]], path: Path) -> dict[str, Any]:
    if path in FREE:
        return {}
    if isinstance(default, Mapping) and default:
        members = {key: _schema(value, known, (*path, key)) for key, value in default.items()}
        return {"type": "object", "additionalProperties": False, "properties": members}
    allowed: list[Any] = []
    for value in (default, *known.get(path, [])):
        if value not in allowed:
            allowed.append(value)
    return {"enum": allowed}


def _leaves(values: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    for key, value in values.items():
        here = (*path, key)
        if here in FREE:
            continue
        if isinstance(value, Mapping):
            yield from _leaves(value, here)
        else:
            yield here


def _value(tree: Any, path: Path) -> Any:
    """A value, or None where a null has removed it."""
    for step in path:
        tree = tree.get(step)
    return tree
