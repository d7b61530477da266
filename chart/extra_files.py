"""Files that users mount into the hub or into servers (chart: ``jupyterhub.extraFiles.*``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chart import helm_yaml, toml
from chart.errors import Problem, SettingsError
from chart.text import base64_text, compact_json

GO_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""What Go's ``strings.TrimSpace`` takes for white space."""


def secret_data(files: Mapping[str, Any] | None) -> dict[str, str]:
    """Content of each file, base64, for the ``data`` of a Secret.

    The chart writes text files into ``stringData``; the API server merges both, so everything goes into ``data`` here.
    """
    files = files or {}
    last = last_text(files)
    return {name: _content(file, ends_manifest=name == last) for name, file in sorted(files.items())}


def last_text(files: Mapping[str, Any]) -> str | None:
    """Name of the text file that the chart writes last, at the end of the Secret's manifest; None without texts."""
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
            return toml.dump(data)
        case _:
            return helm_yaml.dump(_clipped(data))


def _clipped(data: Any) -> Any:
    """Data whose last text ends with one newline at most.

    The chart writes that text as a block inside of a block, and the outer one takes blank lines at its end away. A text
    with blanks at the end of a line, or with control characters, is written in quotes instead and keeps what it has.
    """
    if isinstance(data, Mapping) and data:
        last = max(data)
        return {**data, last: _clipped(data[last])}
    if isinstance(data, list) and data:
        return [*data[:-1], _clipped(data[-1])]
    if isinstance(data, str) and data.endswith("\n"):
        body = data.rstrip("\n")
        if not re.search(r" (?:\n|$)|[\x00-\x09\x0b-\x1f\x7f]", body):
            return f"{body}\n" if body else ""
    return data
