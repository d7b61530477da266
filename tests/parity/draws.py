"""Random values, valid or nearly so, drawn from the models: a few settings each, with texts that trip up YAML."""

from __future__ import annotations

import types
import typing
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hubstack.chart.values import ChartValues
from hubstack.chart.values.shared import ExtraFile, Section

TRAPS = (
    "",
    "0",
    "007",
    "1e3",
    "true",
    "no",
    "null",
    "~",
    "a: b",
    "#x",
    "- x",
    "é",
    "two\nlines\n",
    " x ",
    "{{x}}",
    "'",
    '"',
    "last\n\n\n",
    "\n",
    "two \nlines ",
    " first\nsecond",
    "dos\r\nlines\r\n",
    "a\rb",
    "tab\tx",
    "1:30",
    "2024-02-29",
    "0x1F",
    "1_000",
    ".inf",
    "a #b",
    "a:",
    "*x",
    "&x",
    "!x",
    "%x",
    "@x",
    "`x`",
    "|",
    "=",
    "<<",
    "[a, b]",
    "a\u00a0",
    "a\u2028b",
    "\ufeffx",
    "\U0001f600",
    "\x07",
    "long " * 40,
)
"""Texts that YAML or a template would read as something else."""

words = st.sampled_from(("a", "b-c", "data", "x1", "team/data", "hub.example.org"))
texts = words | st.sampled_from(TRAPS)
names = st.sampled_from(("a", "b-c", "data", "x1", "files"))
label_keys = st.sampled_from(("team", "example.org/team", "app", "hub.jupyter.org/network-access-hub", "x"))
text_maps = st.dictionaries(label_keys, texts, max_size=2)
quantities = st.sampled_from(("1", "500m", "1Gi", "0.5", 1, 0, 2, "2G"))
ports = st.sampled_from((0, 80, 443, 8000, 30080, "http"))
scalars = texts | st.integers(-1, 2_000_000) | st.booleans() | st.none() | st.sampled_from((0.5, 1e6, 1e21, 1.5e-7))
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2), max_leaves=4
)
maps = st.dictionaries(words, anything, max_size=2)

resources = st.fixed_dictionaries(
    {},
    optional={kind: st.dictionaries(st.sampled_from(("cpu", "memory")), quantities) for kind in ("limits", "requests")},
)
tolerations = st.lists(
    st.fixed_dictionaries({"key": words}, optional={"operator": st.just("Exists"), "value": texts, "effect": texts}),
    max_size=2,
)
env_values = texts | st.fixed_dictionaries({"valueFrom": st.fixed_dictionaries({"fieldRef": maps})}) | scalars
env = st.dictionaries(st.sampled_from(("A", "B_2", "PATH")), env_values, max_size=2)
env_lists = st.lists(st.fixed_dictionaries({"name": names, "value": texts}), max_size=2)
containers = st.lists(
    st.fixed_dictionaries({"name": names, "image": words}, optional={"args": st.lists(texts)}), max_size=2
)
volumes = st.lists(st.fixed_dictionaries({"name": names}, optional={"emptyDir": st.just({})}), max_size=2)
mounts = st.lists(st.fixed_dictionaries({"name": names, "mountPath": words}), max_size=2)
secrets = st.lists(names | st.fixed_dictionaries({"name": names}), max_size=3)
hosts = st.lists(st.sampled_from(("hub.example.org", "*.example.org", "other.example.org")), max_size=2)
rules = st.lists(
    st.fixed_dictionaries(
        {}, optional={"ports": st.lists(st.fixed_dictionaries({"port": ports})), "to": st.lists(maps)}
    ),
    max_size=2,
)
file_paths = st.sampled_from(
    ("/a/b.yaml", "/a/b.json", "/a/b.toml", "/a/b.txt", "b.yml", "/a/.yaml", "/a/.json", "/a/b.c.toml/", "/a/b.YAML")
)
files = st.dictionaries(
    names,
    st.fixed_dictionaries(
        {"mountPath": file_paths, "stringData": texts}, optional={"mode": st.sampled_from((420, 511, 0))}
    )
    | st.fixed_dictionaries({"mountPath": file_paths, "data": maps})
    | st.fixed_dictionaries({"mountPath": file_paths, "binaryData": st.sampled_from(("aGVsbG8=", "aGVs\nbG8="))}),
    max_size=2,
)
profiles = st.lists(
    st.fixed_dictionaries(
        {"display_name": texts},
        optional={
            "kubespawner_override": st.fixed_dictionaries({}, optional={"image": words, "cpu_limit": scalars}),
            "profile_options": st.dictionaries(
                names,
                st.fixed_dictionaries(
                    {
                        "choices": st.dictionaries(
                            names, st.fixed_dictionaries({"kubespawner_override": maps}), max_size=2
                        )
                    }
                ),
                max_size=2,
            ),
        },
    ),
    max_size=2,
)
services = st.dictionaries(
    st.sampled_from(("grader", "announce-2", "x")),
    st.fixed_dictionaries({}, optional={"url": words, "apiToken": texts, "admin": st.booleans(), "extra": anything}),
    max_size=2,
)
configs = st.fixed_dictionaries(
    {},
    optional={
        "JupyterHub": st.fixed_dictionaries(
            {}, optional={"cookie_secret": words, "authenticator_class": texts, "subdomain_host": words, "x": anything}
        ),
        "ConfigurableHTTPProxy": st.fixed_dictionaries({}, optional={"auth_token": words}),
        "CryptKeeper": st.fixed_dictionaries({}, optional={"keys": st.lists(words, max_size=2)}),
        "Authenticator": maps,
    },
)
BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "resources": resources,
    "tolerations": tolerations,
    "extraTolerations": tolerations,
    "initContainers": containers,
    "extraContainers": containers,
    "extraVolumes": volumes,
    "extraVolumeMounts": mounts,
    "pullSecrets": secrets,
    "imagePullSecrets": secrets,
    "hosts": hosts,
    "ingress": rules,
    "egress": rules,
    "allowedIngressPorts": st.lists(ports, max_size=2),
    "extraFiles": files,
    "profileList": profiles,
    "services": services,
    "loadRoles": st.dictionaries(names, maps, max_size=2),
    "config": configs,
    "extraConfig": st.dictionaries(names, texts, max_size=2),
    "extraPorts": st.lists(st.fixed_dictionaries({"name": names, "port": ports}), max_size=2),
    "command": st.lists(texts, max_size=2),
    "args": st.lists(texts, max_size=2),
    "extraImages": st.dictionaries(names, st.fixed_dictionaries({"name": words, "tag": texts}), max_size=2),
    "storage": st.sampled_from(("1Gi", "500Mi")),
    "url": st.sampled_from(("mysql+pymysql://hub:pw@db/hub", "postgresql://hub@db/hub", "x")),
    "mountPath": file_paths,
}
"""Strategies for settings that have a shape of their own, by the setting's name."""


def settings(section: type[BaseModel] = ChartValues, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """A strategy for each single setting of a section, by its path."""
    found: dict[tuple[str, ...], Any] = {}
    for name, field in section.model_fields.items():
        here = (*path, field.alias or name)
        below = _section(field.annotation)
        if below is not None and here[-1] not in BY_NAME:
            found |= settings(below, here)
            found[here] = st.none()
        else:
            found[here] = _leaf(here, field)
    return found


def _section(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section) and annotation is not ExtraFile:
        return annotation
    return None


def _leaf(path: tuple[str, ...], field: FieldInfo) -> st.SearchStrategy[Any]:
    if path[-1].startswith(("initialDelay", "period", "timeoutS", "failureT")):
        return st.sampled_from((0, 5, None, "", "5", 1.5))
    if path[-1] in BY_NAME:
        return BY_NAME[path[-1]] | st.none()
    if path[-1] == "extraEnv":
        return env | env_lists
    return _typed(field.annotation)


def _typed(annotation: Any) -> st.SearchStrategy[Any]:
    """A strategy for a type as the models use them."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _typed(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(_typed, typing.get_args(annotation)))
    if origin is typing.Literal:
        return st.sampled_from(typing.get_args(annotation))
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        return st.sampled_from((0, 1, 2, 5, 100, 3600, 1_000_000))
    if annotation is float:
        return st.sampled_from((0.5, 1.25))
    if annotation is str:
        return words | st.just("")
    if annotation is type(None):
        return st.none()
    if origin is list or annotation is list:
        return st.lists(_typed((typing.get_args(annotation) or (Any,))[0]), max_size=2)
    if origin is dict or annotation is dict:
        members = typing.get_args(annotation)
        return text_maps if members and members[1] is str else maps
    return anything


SETTINGS = {path: strategy for path, strategy in settings().items() if path[:3] != ("prePuller", "hook", "image")}
"""Without the awaiter's image: its Job is Helm's own, and nothing of ours can be wrong there."""

SWITCHES: dict[tuple[str, ...], st.SearchStrategy[Any]] = {
    ("ingress", "enabled"): st.booleans(),
    ("httpRoute", "enabled"): st.booleans(),
    ("proxy", "https", "enabled"): st.booleans(),
    ("proxy", "https", "type"): st.sampled_from(("letsencrypt", "manual", "secret", "offload", "")),
    ("proxy", "https", "hosts"): hosts,
    ("proxy", "https", "letsencrypt", "contactEmail"): st.just("a@example.org"),
    ("proxy", "https", "manual", "key"): st.sampled_from(("KEY", "two\nlines\n")),
    ("proxy", "https", "manual", "cert"): st.sampled_from(("CERT", "two\nlines\n")),
    ("proxy", "https", "secret", "name"): names,
    ("scheduling", "podPriority", "enabled"): st.booleans(),
    ("scheduling", "userPlaceholder", "replicas"): st.integers(0, 2),
    ("imagePullSecret", "create"): st.booleans(),
    ("imagePullSecret", "registry"): words,
    ("imagePullSecret", "username"): texts,
    ("imagePullSecret", "password"): texts,
    ("hub", "db", "type"): st.sampled_from(("sqlite-pvc", "sqlite-memory", "mysql", "postgres", "other")),
    ("fullnameOverride",): st.none() | st.sampled_from(("", "hub-a", "x")),
    ("nameOverride",): st.none() | st.just("y"),
}
"""Settings that decide which objects there are; drawn together and often, or most of the chart would never be seen."""


@st.composite
def values(draw: st.DrawFn) -> dict[str, Any]:
    """A values tree: some switches, and up to eight other settings."""
    tree: dict[str, Any] = {}
    for path in draw(st.lists(st.sampled_from(sorted(SWITCHES)), max_size=8, unique=True)):
        _put(tree, path, draw(SWITCHES[path]))
    for path in draw(st.lists(st.sampled_from(sorted(SETTINGS)), max_size=8, unique=True)):
        _put(tree, path, draw(SETTINGS[path]))
    return tree


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set a value unless something above it is set to something else already."""
    for step in path[:-1]:
        below = tree.setdefault(step, {})
        if not isinstance(below, dict):
            return
        tree = below
    tree.setdefault(path[-1], value)
