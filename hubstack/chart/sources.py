"""Where values come from: files, perhaps those of a parent chart, and keys of a stack's configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hubstack import reading
from hubstack.chart import helm_yaml, parent_values, values_tree
from hubstack.chart.described import described
from hubstack.chart.errors import Problem, SettingsError
from hubstack.chart.merge import merge_files
from hubstack.configuration import key
from hubstack.reading.composer import further_document

INLINE = key("values")
SECRET = key("secretValues")
VALUES_KEY = key("valuesKey")

FURTHER = "a second document begins there, which neither Helm nor this reads: write all of it as one, without '---'"
_ENCRYPTED = (
    "it is encrypted with sops, and its texts are not taken as they stand: decrypt it first (`sops decrypt FILE`), or "
    "put its settings below hubstack:secretValues, which the stack's file keeps encrypted"
)


@dataclass(frozen=True)
class Source:
    """A file, or a key of the stack's configuration, with what it sets."""

    name: str
    document: Mapping[str, Any]
    repeats: Sequence[tuple[str, int]] = ()
    """Keys that a map of a file has twice, each with a line."""
    further: int | None = None
    """The line in which a second document of a file begins."""
    shared: tuple[Mapping[str, Any], ...] = ()
    """What each chart above shares with the hub's, for a file of a parent chart."""
    left_out: tuple[str, ...] = ()
    """What a file of a parent chart holds for others."""

    def depth(self, path: Sequence[str]) -> int:
        """How many steps of a path the source has."""
        found: Any = self.document
        for reached, step in enumerate(path):
            key = step.partition("[")[0] if not isinstance(found, Mapping) or step not in found else step
            if not isinstance(found, Mapping) or key not in found:
                return reached
            found = found[key]
        return len(path)


def read_sources(
    files: Sequence[Path],
    inline: Mapping[str, Any] | None,
    secret: Mapping[str, Any] | None,
    values_key: str | None,
) -> list[Source]:
    """Read everything that sets values, in the order of merging.

    Arguments:
        files: z2jh values files.
        inline: values merged after the files.
        secret: values merged last.
        values_key: where files of a parent chart have this chart's values.

    Raises:
        SettingsError: a file cannot be read, or is one of a parent chart and no key is given; lists all of them.
    """
    sources: list[Source] = []
    problems: list[Problem] = []
    for file in files:
        try:
            sources.append(_file(file))
        except SettingsError as error:
            problems += error.problems
    if values_key:
        sources = [_of_parent(each, values_key) for each in sources]
        problems += _no_maps(sources, values_key)
    else:
        problems += _of_parents(sources)
    for name, given in ((INLINE, inline), (SECRET, secret)):
        sources.append(Source(name, helm_yaml.canonical(given or {})))
        problems += (Problem(name, path, message) for path, message in values_tree.unwritable(sources[-1].document))
    if problems:
        raise SettingsError(problems)
    return sources


def _file(file: Path) -> Source:
    """A values file; one that is empty sets nothing."""
    try:
        text = reading.text(file)
        document, repeats = helm_yaml.load_with_repeats(text, str(file))
        if isinstance(document, Mapping) and isinstance(document.get("sops"), Mapping):
            raise SettingsError([Problem(str(file), "", _ENCRYPTED)])
        return Source(str(file), reading.settings(document, str(file)), repeats, further_document(text))
    except reading.Unreadable as error:
        raise SettingsError([Problem(error.source, error.where, error.message)]) from None


def _of_parent(source: Source, values_key: str) -> Source:
    """What a file of a parent chart holds for this one."""
    part = parent_values.part(source.document, values_key)
    return replace(source, document=part.values, shared=part.globals, left_out=part.left_out)


def _no_maps(sources: Sequence[Source], values_key: str) -> Iterator[Problem]:
    for each in sources:
        if not isinstance(each.document, Mapping):
            shown = described(each.document, hide=True)
            yield Problem(
                each.name, values_key, f"{shown} is not allowed; must be a map of settings, or not be there at all"
            )


def _of_parents(sources: Sequence[Source]) -> Iterator[Problem]:
    """Files of a parent chart where nobody has said so. The longest key fits the files of inner charts, too."""
    found = {each.name: key for each in sources if (key := parent_values.detected(each.document))}
    wanted = max(found.values(), key=lambda key: key.count("."), default="")
    for each in sources:
        if each.name in found:
            others = parent_values.part(each.document, wanted).left_out
            without = f"; {', '.join(others)} would be left out" if others else ""
            yield Problem(
                each.name,
                found[each.name],
                f"these are values of a parent chart, with the hub's below {found[each.name]!r}; to take those, add "
                f"--values-key {wanted}, or set {VALUES_KEY} to {wanted!r} in the stack's file{without}",
            )


def merged(sources: Sequence[Source], preset: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the sources set together, over a preset."""
    values = merge_files([preset or {}, *(source.document for source in sources)])
    shared = [source.shared for source in sources if source.shared]
    return parent_values.with_globals(values, [merge_files(level) for level in zip(*shared, strict=True)])


def origin_of(path: Sequence[str], sources: Sequence[Source]) -> str:
    """The last source that has the path, or the longest beginning of it; blank where none has any."""
    best = max(reversed(sources), key=lambda source: source.depth(path))
    return best.name if best.depth(path) else ""
