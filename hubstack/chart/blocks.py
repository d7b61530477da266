"""What is left of the line ends of a text that the chart writes as a YAML block.

A template writes a text, or a map with texts, into a manifest; Helm trims white space where the manifest ends, and ends
it with one newline; Kubernetes reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from hubstack.chart import helm_yaml
from hubstack.chart.errors import Problem, SettingsError

Data = TypeVar("Data")

GO_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""What Go's ``strings.TrimSpace`` takes for white space."""


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


def clipped(data: Data) -> Data:
    """A map or a list of which the last text, if it is written as a block, ends with one newline at most.

    So it is where the chart's manifest ends with the data, or where the data is written as a block itself, whose blank
    lines at the end do not count. A text with blanks at the end of a line, or with control characters, is written in
    quotes instead and keeps what it has.
    """
    changed: Any = data
    if isinstance(data, Mapping) and data:
        last = max(data)
        changed = {**data, last: clipped(data[last])}
    elif isinstance(data, list) and data:
        changed = [*data[:-1], clipped(data[-1])]
    elif isinstance(data, str) and data.endswith("\n"):
        body = data.rstrip("\n")
        if not re.search(r" (?:\n|$)|[\x00-\x09\x0b-\x1f\x7f]", body):
            changed = f"{body}\n" if body else ""
    return changed  # type: ignore[no-any-return]
