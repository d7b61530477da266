"""Files that users mount into the hub or into servers (chart: ``jupyterhub.extraFiles.*``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from chart import helm_yaml
from chart.text import base64_text, compact_json


def secret_data(files: Mapping[str, Any] | None) -> dict[str, str]:
    """Content of each file, base64, for the ``data`` of a Secret.

    The chart writes text files into ``stringData``; the API server merges both, so everything goes into ``data`` here.
    """
    names = sorted(files or {})
    texts = [name for name in names if not (files or {})[name].get("binaryData")]
    # Helm trims a manifest, and with it the end of the last text in it.
    return {name: _content((files or {})[name], is_last=name == texts[-1:][0] if texts else False) for name in names}


def _content(details: Mapping[str, Any], *, is_last: bool) -> str:
    if details.get("binaryData"):
        return "".join(str(details["binaryData"]).split())
    text = details.get("stringData") or _structured(details["data"], PurePosixPath(details["mountPath"]).suffix)
    text = block_text(text)
    return base64_text(text.rstrip() if is_last else text)


def block_text(text: str) -> str:
    """What is left of a text after the chart has written it as a YAML block.

    Exactly one newline ends it, line ends are LF, and the indentation of the first line that has text is gone from all.
    """
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    first = next((line for line in lines if line.strip(" ")), "")
    if not first:
        return ""
    indentation = len(first) - len(first.lstrip(" "))
    return "\n".join(line[indentation:] for line in lines) + "\n"


def _structured(data: Any, extension: str) -> str:
    match extension:
        case ".json":
            return compact_json(data) + "\n"
        case ".toml":
            return _toml(data)
        case _:
            return helm_yaml.dump(data)


def _toml(data: Mapping[str, Any]) -> str:
    """TOML in which every number is a float, as Helm writes it, because its numbers are all floats."""
    return "\n".join(_toml_lines(data, ())) + "\n"


def _toml_lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    indent = "  " * max(len(path) - 1, 0) + ("  " if path else "")
    plain = {key: value for key, value in sorted(table.items()) if not _is_table(value) and value is not None}
    lines = [f"{indent}{_toml_key(key)} = {_toml_value(value)}" for key, value in plain.items()]
    for key, value in sorted(table.items()):
        header = ".".join(_toml_key(step) for step in (*path, key))
        outer = "  " * len(path)
        if isinstance(value, Mapping):
            lines += ["", f"{outer}[{header}]", *_toml_lines(value, (*path, key))]
        elif _is_table(value):
            for member in value:
                lines += ["", f"{outer}[[{header}]]", *_toml_lines(member, (*path, key))]
    return lines


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and bool(value) and all(isinstance(member, Mapping) for member in value)
    )


def _toml_key(key: str) -> str:
    return key if key and all(c.isascii() and (c.isalnum() or c in "-_") for c in key) else _toml_value(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(float(value))
    if isinstance(value, list):
        return f"[{', '.join(_toml_value(member) for member in value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml_key(key)} = {_toml_value(member)}" for key, member in value.items()) + "}"
    return compact_json(str(value)).replace("\\u003c", "<").replace("\\u003e", ">").replace("\\u0026", "&")
