"""Files that users mount into the hub or into servers (chart: ``jupyterhub.extraFiles.*``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chart import helm_yaml
from chart.errors import Problem, SettingsError
from chart.text import base64_text, compact_json

GO_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""What Go's ``strings.TrimSpace`` takes for white space."""


def secret_data(files: Mapping[str, Any] | None) -> dict[str, str]:
    """Content of each file, base64, for the ``data`` of a Secret.

    The chart writes text files into ``stringData``; the API server merges both, so everything goes into ``data`` here.
    """
    files = files or {}
    last = last_text(files)
    return {name: _content(file, ends_manifest=name == last) for name, file in sorted(files.items())}


def last_text(files: Mapping[str, Any]) -> str | None:
    """Name of the text file that the chart writes last, at the end of the Secret's manifest; None without text files."""
    return max((name for name, file in files.items() if not file.get("binaryData")), default=None)


def extension(mount_path: str) -> str:
    """What the chart takes for a file's extension: its name from the last dot on, even if nothing is before that."""
    name = mount_path.rstrip("/").rpartition("/")[2]
    return f".{name.rpartition('.')[2]}" if "." in name else ""


def block_text(text: str, *, ends_manifest: bool) -> str:
    """What is left of a text after the chart has written it below a plain ``|`` and Kubernetes has read that.

    Exactly one newline ends it, line ends are LF, and the indentation of the first line that has text is gone from all.

    Arguments:
        text: the content that the values ask for.
        ends_manifest: whether the chart's manifest ends with it. Helm trims white space there.

    Raises:
        SettingsError: YAML cannot hold the text in this form.
    """
    indented = text.removesuffix("\n").replace("\n", "\n  ")
    written = f"file: |\n  {indented}"
    if ends_manifest:
        written = written.rstrip(GO_SPACE)
    read: dict[str, str] = helm_yaml.load(f"{written}\n", source="a file")
    if list(read) != ["file"]:
        raise SettingsError([Problem("a file", "", "the text is read as YAML of its own")])
    return read["file"]


def _content(file: Mapping[str, Any], *, ends_manifest: bool) -> str:
    if file.get("binaryData"):
        return "".join(str(file["binaryData"]).split())
    text = file.get("stringData") or _structured(file["data"], extension(file["mountPath"]))
    return base64_text(block_text(text, ends_manifest=ends_manifest))


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
