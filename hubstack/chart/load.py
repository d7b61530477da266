"""Values files in, checked values out; every problem at once, with the file that set it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hubstack import reading
from hubstack.chart import helm_yaml, hub_classes, snippets
from hubstack.chart.errors import Problem, SettingsError
from hubstack.chart.merge import coalesce, merge_files
from hubstack.chart.refusals import refusals
from hubstack.chart.values import ChartValues
from hubstack.chart.values.completion import unchecked
from hubstack.chart.values.messages import explain
from hubstack.configuration import key

INLINE = key("values")
SECRET = key("secretValues")

LeafPath = tuple[str | int, ...]
"""Keys and list indexes that lead to a leaf."""


@dataclass(frozen=True)
class LoadedValues:
    """The values of one release."""

    values: ChartValues
    """Typed; None for what is null or removed."""
    tree: dict[str, Any]
    """As the chart's templates see them: over the defaults, in the chart's keys."""
    user: dict[str, Any]
    """What the users set, merged, without the defaults: what Helm is given."""
    warnings: tuple[Problem, ...] = ()
    """What is allowed and yet hardly meant."""
    secret_paths: tuple[LeafPath, ...] = ()
    """Paths of the leaves that came from the secret values; the same in ``tree`` and ``user``."""


@dataclass(frozen=True)
class _Source:
    """A file, or a key of the stack's configuration, with what it sets."""

    name: str
    document: Mapping[str, Any]

    def depth(self, path: Sequence[str]) -> int:
        """How many steps of a path the source has."""
        found: Any = self.document
        for reached, step in enumerate(path):
            key = step.partition("[")[0] if not isinstance(found, Mapping) or step not in found else step
            if not isinstance(found, Mapping) or key not in found:
                return reached
            found = found[key]
        return len(path)


def load_values(
    files: Sequence[Path],
    inline: Mapping[str, Any] | None = None,
    secret: Mapping[str, Any] | None = None,
    *,
    preset: Mapping[str, Any] | None = None,
    hidden: Sequence[Sequence[str]] = (),
    code_must_compile: bool = False,
) -> LoadedValues:
    """Read, merge and check values.

    Arguments:
        files: z2jh values files, merged left to right.
        inline: values merged after the files.
        secret: values merged last; their text never appears in a message.
        preset: values that everything else overrides.
        hidden: paths of further settings whose text never appears in a message.
        code_must_compile: whether code in ``hub.extraConfig`` that no hub starts with is an error. It is for a hub that
            is to run; what only says what Helm would say, Helm does not refuse, and it becomes a warning.

    Raises:
        SettingsError: a file cannot be read; or settings are unknown, not allowed, or refused by the chart's templates.
            Lists all of them, each with the last source that sets it.
    """
    sources = _sources(files, inline, secret)
    user = _merged(sources, preset)
    tree = coalesce(user, ChartValues.defaults())
    problems: list[Problem] = []

    def is_hidden(path: Sequence[str]) -> bool:
        return _origin(path, sources) == SECRET or any(list(path[: len(each)]) == list(each) for each in hidden)

    try:
        values = ChartValues.from_tree(tree)
    except ValidationError as error:
        values = unchecked(ChartValues, tree)
        problems = list(_invalid(error, tree, sources, is_hidden))
    known = {problem.path for problem in problems}

    try:
        for path, message in refusals(tree, values, is_hidden):
            if ".".join(path) not in known:
                problems.append(Problem(_origin(path, sources), ".".join(path), message))
    except (TypeError, AttributeError, KeyError, ValueError):
        if not known:  # a tree of the wrong shape has been refused already, and what else it holds cannot be told
            raise
    doubts: list[Problem] = []
    for fault in snippets.faults(tree, is_hidden):
        stops = code_must_compile and fault.certain
        (problems if stops else doubts).append(
            Problem(_origin(fault.path, sources), ".".join(fault.path), fault.message)
        )
    if problems:
        raise SettingsError(problems)
    for path, message in hub_classes.doubts(tree, is_hidden):
        doubts.append(Problem(_origin(path, sources), ".".join(path), message))
    return LoadedValues(values, tree, user, tuple(doubts), tuple(_leaves(secret or {})))


def load_raw_values(
    files: Sequence[Path],
    inline: Mapping[str, Any] | None = None,
    secret: Mapping[str, Any] | None = None,
    *,
    preset: Mapping[str, Any] | None = None,
) -> LoadedValues:
    """Read and merge like `load_values`, but check only that the files are YAML maps.

    For chart versions whose settings are not modelled, and for values that were made up by the program itself.
    """
    user = _merged(_sources(files, inline, secret), preset)
    tree = coalesce(user, ChartValues.defaults())
    return LoadedValues(unchecked(ChartValues, tree), tree, user, secret_paths=tuple(_leaves(secret or {})))


def _sources(
    files: Sequence[Path], inline: Mapping[str, Any] | None, secret: Mapping[str, Any] | None
) -> list[_Source]:
    sources: list[_Source] = []
    problems: list[Problem] = []
    for file in files:
        try:
            sources.append(_Source(str(file), _document(file)))
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    sources.append(_Source(INLINE, helm_yaml.canonical(inline or {})))
    sources.append(_Source(SECRET, helm_yaml.canonical(secret or {})))
    return sources


def _document(file: Path) -> Mapping[str, Any]:
    """A file's settings; none where it is empty."""
    try:
        return reading.settings(helm_yaml.load(reading.text(file), str(file)), str(file))
    except reading.Unreadable as error:
        raise SettingsError([Problem(error.source, error.where, error.message)]) from None


def _merged(sources: Sequence[_Source], preset: Mapping[str, Any] | None) -> dict[str, Any]:
    return merge_files([preset or {}, *(source.document for source in sources)])


def _invalid(
    error: ValidationError,
    tree: Mapping[str, Any],
    sources: Sequence[_Source],
    is_hidden: Callable[[Sequence[str]], bool],
) -> Iterator[Problem]:
    for detail in error.errors(include_url=False):
        path = [str(step) for step in detail["loc"]]
        for steps, message in explain(detail, tree, hide=is_hidden(path)):
            yield Problem(_origin(steps, sources), ".".join(steps), message)


def _origin(path: Sequence[str], sources: Sequence[_Source]) -> str:
    """The last source that has the path, or the longest beginning of it; blank where none has any."""
    best = max(reversed(sources), key=lambda source: source.depth(path))
    return best.name if best.depth(path) else ""


def _leaves(value: Any, path: LeafPath = ()) -> Iterator[LeafPath]:
    """Paths of the scalars; a null only removes something, so it is no leaf."""
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _leaves(member, (*path, str(key)))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _leaves(member, (*path, index))
    elif value is not None:
        yield path
