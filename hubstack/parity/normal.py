"""One form for two renderings: what differs only in writing becomes equal."""

from __future__ import annotations

import base64
import json
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from hubstack.chart import helm_yaml
from hubstack.chart.errors import SettingsError

Parser = Callable[[str], Any]

ERROR = "Error"
"""Helm's word for what is wrong with a text, in place of its content; here the key of a text that cannot be parsed."""
CONFIG_FILES = ("traefik.yaml", "dynamic.yaml", "config.yaml")
"""Members of ConfigMaps that hold YAML."""


def normal(manifest: Mapping[str, Any], tree: Mapping[str, Any]) -> dict[str, Any]:
    """Drop nulls from maps, join and decode a Secret's data, and parse embedded YAML, JSON and TOML.

    Arguments:
        tree: the coalesced values; they tell which extra files hold structured content.
    """
    result = drop_nulls(manifest)
    if result["kind"] == "ConfigMap":
        _parse(result.get("data", {}), dict.fromkeys(CONFIG_FILES, _yaml))
    if result["kind"] == "Secret":
        encoded = result.pop("data", {})
        result["data"] = {
            **{key: _decoded(value) for key, value in encoded.items()},
            **result.pop("stringData", {}),
        }
        parsers: dict[str, Parser] = {
            "values.yaml": _yaml,
            ".dockerconfigjson": json.loads,
            **_extra_file_parsers(result["metadata"], tree),
        }
        _parse(result["data"], parsers)
    unified: dict[str, Any] = canonical(result)
    return unified


def drop_nulls(value: Any) -> Any:
    """Leave out null members of maps at every depth; the API server does not tell them from absent ones."""
    if isinstance(value, Mapping):
        return {key: drop_nulls(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [drop_nulls(entry) for entry in value]
    return value


def canonical(value: Any) -> Any:
    """Write whole floats as integers: Helm holds every number as a float."""
    if isinstance(value, Mapping):
        return {key: canonical(member) for key, member in value.items()}
    if isinstance(value, list):
        return [canonical(entry) for entry in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _yaml(text: str) -> Any:
    return helm_yaml.load(text, source="embedded YAML")


def _decoded(text: Any) -> Any:
    """What base64 says, as text where it is one; anything else stays as it is."""
    try:
        content = base64.b64decode(text)
    except (TypeError, ValueError):
        return text
    try:
        return content.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(content).decode()}"


def _parse(members: dict[str, Any], parsers: Mapping[str, Parser]) -> None:
    for key, parser in parsers.items():
        if isinstance(members.get(key), str):
            try:
                members[key] = parser(members[key])
            except (ValueError, SettingsError):
                members[key] = {ERROR: members[key]}


def _extra_file_parsers(metadata: Mapping[str, Any], tree: Mapping[str, Any]) -> dict[str, Parser]:
    """How to read the structured files of a Secret; its component is the section of the values that they come from."""
    section = (metadata.get("labels") or {}).get("component")
    files = (tree[section].get("extraFiles") or {}) if section in ("hub", "singleuser") else {}
    return {key: _parser(entry.get("mountPath") or "") for key, entry in files.items() if entry.get("data")}


def _parser(mount_path: str) -> Parser:
    match mount_path.rpartition(".")[2].rstrip("/"):
        case "json":
            return json.loads
        case "toml":
            return tomllib.loads
        case _:
            return _yaml
