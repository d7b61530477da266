"""Files that users mount into the hub or into servers (chart: ``jupyterhub.extraFiles.*``)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from hubstack.chart import helm_yaml, toml
from hubstack.chart.blocks import block_text, clipped
from hubstack.chart.text import base64_text, compact_json
from hubstack.chart.values_tree import at


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


def not_base64(tree: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path and message of each binary content that the API server would refuse; Helm does not look at it.

    Arguments:
        tree: the merged values.
    """
    for section in ("hub", "singleuser"):
        for name, file in (at(tree, section, "extraFiles") or {}).items():
            content = at(file, "binaryData")
            try:
                base64.b64decode("".join(str(content or "").split()), validate=True)
            except ValueError:
                yield (section, "extraFiles", name, "binaryData"), "is not base64; no Secret can hold it"


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
            return helm_yaml.dump(clipped(data))
