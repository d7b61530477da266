"""Settings of a release in two parts: what may be read by everybody, and what is secret by its place or its value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubstack.secret_settings import is_secret, url_without_password


def split(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide values; merged again by Helm's rules, the parts are the whole.

    A list with a secret anywhere in it is secret as a whole, because lists are replaced when values merge.
    """
    return _split(values, "")


def _split(values: Mapping[str, Any], path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    public: dict[str, Any] = {}
    secret: dict[str, Any] = {}
    for key, value in values.items():
        here = f"{path}.{key}" if path else str(key)
        if value in (None, "", [], {}):
            public[key] = value
        elif isinstance(value, Mapping) and not is_secret(here):
            open_part, secret_part = _split(value, here)
            if open_part or not secret_part:
                public[key] = open_part
            if secret_part:
                secret[key] = secret_part
        elif is_secret(here) or _has_password(value) or (isinstance(value, list) and _holds_secret(value, here)):
            secret[key] = value
        else:
            public[key] = value
    return public, secret


def _holds_secret(value: Any, path: str) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_secret(each, f"{path}.{key}") for key, each in value.items())
    if isinstance(value, list):
        return any(_holds_secret(each, f"{path}.{index}") for index, each in enumerate(value))
    return value not in (None, "") and (is_secret(path) or _has_password(value))


def _has_password(value: Any) -> bool:
    """Whether a value is a URL with a password in it, such as that of a database."""
    return isinstance(value, str) and url_without_password(value) != value


def leaves(tree: Any, path: str = "") -> list[tuple[str, Any]]:
    """Every leaf with its path as ``pulumi config set --path`` reads it."""
    if isinstance(tree, Mapping):
        return [leaf for key, each in tree.items() for leaf in leaves(each, f'{path}["{_quoted(str(key))}"]')]
    if isinstance(tree, list):
        return [leaf for index, each in enumerate(tree) for leaf in leaves(each, f"{path}[{index}]")]
    return [(path, tree)]


def _quoted(key: str) -> str:
    return key.replace("\\", "\\\\").replace('"', '\\"')
