"""Values files in, checked values out; every problem at once, with the file that set it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hubstack.chart import (
    extra_files,
    hub_classes,
    hub_types,
    left_nulls,
    server_faults,
    shut_out,
    snippets,
    token_rules,
    tokens,
    unfilled,
    values_tree,
)
from hubstack.chart.described import described
from hubstack.chart.errors import MOST_TOLD, Problem, SettingsError
from hubstack.chart.merge import coalesce
from hubstack.chart.refusals import refusals
from hubstack.chart.sources import FURTHER, SECRET, Source, merged, origin_of, read_sources
from hubstack.chart.values import ChartValues
from hubstack.chart.values.completion import misshapen, unchecked
from hubstack.chart.values.messages import explain, steps
from hubstack.chart.values_tree import at
from hubstack.chart.wording import place

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
    sources: tuple[Source, ...] = ()
    """Where the values came from, in the order in which they were merged."""

    @property
    def left_out(self) -> tuple[Problem, ...]:
        """What files hold for other charts, one for each file."""
        return tuple(
            Problem(each.name, "", f"left out, as settings of other charts: {', '.join(each.left_out)}")
            for each in self.sources
            if each.left_out
        )

    def origin(self, path: LeafPath) -> str:
        """Name of the source that has set a value: a file, `INLINE` or `SECRET`; blank where none has."""
        return origin_of([str(step) for step in path if isinstance(step, str)], self.sources)

    def with_others(self, user: dict[str, Any]) -> LoadedValues:
        """The same with other merged values, which nobody has written and nothing checks."""
        tree = coalesce(user, ChartValues.shared_defaults())
        return replace(self, values=unchecked(ChartValues, tree), tree=tree, user=user, warnings=())


def load_values(
    files: Sequence[Path],
    inline: Mapping[str, Any] | None = None,
    secret: Mapping[str, Any] | None = None,
    *,
    preset: Mapping[str, Any] | None = None,
    values_key: str | None = None,
    hidden: Sequence[Sequence[str]] = (),
    to_be_deployed: bool = False,
) -> LoadedValues:
    """Read, merge and check values.

    Arguments:
        files: z2jh values files, merged left to right.
        inline: values merged after the files.
        secret: values merged last; their text never appears in a message.
        preset: values that everything else overrides.
        values_key: where files of a parent chart have this chart's values, ``basehub.jupyterhub``; None for files that
            are its own.
        hidden: paths of further settings whose text never appears in a message.
        to_be_deployed: whether what Helm lets through and no hub or API server takes is an error: code in
            ``hub.extraConfig`` that does not compile, binary content that is not base64, a token that is a number. For
            what only says what Helm would say, it is a warning.

    Raises:
        SettingsError: a file cannot be read; or settings are unknown, not allowed, or refused by the chart's templates.
            Lists all of them, each with the last source that sets it.
    """
    sources = read_sources(files, inline, secret, values_key)
    user = merged(sources, preset)
    tree = coalesce(user, ChartValues.shared_defaults())
    problems: list[Problem] = []

    def is_hidden(path: Sequence[str]) -> bool:
        return origin_of(path, sources) == SECRET or any(list(path[: len(each)]) == list(each) for each in hidden)

    valid = tree
    try:
        values = ChartValues.from_tree(tree)
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems = list(_invalid(details, tree, sources, is_hidden))
        valid = values_tree.without(tree, map(place, details))
        values = unchecked(ChartValues, valid)
    # Nothing is said of a whole whose part is wrong: it may follow from that.
    refused = {
        dotted for problem in problems for dotted in itertools.accumulate(problem.path.split("."), "{}.{}".format)
    }

    for path, message in refusals(valid, values, is_hidden):
        if ".".join(path) not in refused:
            problems.append(Problem(origin_of(path, sources), ".".join(path), message))
    doubts = [
        Problem(
            each.name,
            f"line {line}",
            f"the key {key!r} stands there a second time, and what the first one holds is lost",
        )
        for each in sources
        for key, line in each.repeats
    ]
    doubts += [Problem(each.name, f"line {each.further}", FURTHER) for each in sources if each.further]
    for fault in snippets.faults(valid, is_hidden):
        stops = to_be_deployed and fault.certain
        (problems if stops else doubts).append(
            Problem(origin_of(fault.path, sources), ".".join(fault.path), fault.message)
        )
    for path, message in (*extra_files.not_base64(valid), *tokens.not_text(valid)):
        (problems if to_be_deployed else doubts).append(Problem(origin_of(path, sources), ".".join(path), message))
    if problems:
        raise SettingsError(problems)
    found = (
        *hub_classes.doubts(tree, is_hidden),
        *hub_types.doubts(tree, is_hidden),
        *shut_out.doubts(tree, is_hidden),
        *server_faults.doubts(tree, is_hidden),
        *token_rules.doubts(tree),
        *unfilled.doubts(user),
        *left_nulls.doubts(tree, [(each.name, each.document) for each in sources]),
    )
    for path, message in found:
        doubts.append(Problem(origin_of(path, sources), ".".join(path), message))
    return LoadedValues(values, tree, user, tuple(doubts), tuple(_leaves(secret or {})), tuple(sources))


def load_raw_values(
    files: Sequence[Path],
    inline: Mapping[str, Any] | None = None,
    secret: Mapping[str, Any] | None = None,
    *,
    preset: Mapping[str, Any] | None = None,
    values_key: str | None = None,
) -> LoadedValues:
    """Read and merge like `load_values`, but check only that sections are maps, and names are text.

    For chart versions whose settings are not modelled.

    Raises:
        SettingsError: a file cannot be read, or a section is no map, or a name no text; lists all of them.
    """
    sources = read_sources(files, inline, secret, values_key)
    user = merged(sources, preset)
    if problems := list(_misshapen(user, sources)):
        raise SettingsError(problems)
    tree = coalesce(user, ChartValues.shared_defaults())
    paths = tuple(_leaves(secret or {}))
    return LoadedValues(unchecked(ChartValues, tree), tree, user, secret_paths=paths, sources=tuple(sources))


_ANYBODYS = (("hub", "config"), ("hub", "services"))
"""Sections whose keys are anybody's."""
_NAMES = (("fullnameOverride",), ("nameOverride",))
"""Settings that names of objects are made of."""


def _misshapen(user: Mapping[str, Any], sources: Sequence[Source]) -> Iterator[Problem]:
    """What everybody relies on who looks into values, of whatever chart version."""
    sections = [*misshapen(ChartValues, user), *(path for path in _ANYBODYS if not _is(at(user, *path), Mapping))]
    names = [path for path in _NAMES if not _is(at(user, *path), str)]
    for path in (*sections, *names):
        origin = origin_of(path, sources)
        shown = described(at(user, *path), hide=origin == SECRET)
        wanted = "text" if path in names else "a map of settings"
        yield Problem(origin, ".".join(path), f"{shown} is not allowed; must be {wanted}")


def _is(value: Any, kind: type) -> bool:
    return value is None or isinstance(value, kind)


def _invalid(
    details: Sequence[ErrorDetails],
    tree: Mapping[str, Any],
    sources: Sequence[Source],
    is_hidden: Callable[[Sequence[str]], bool],
) -> Iterator[Problem]:
    for number, detail in enumerate(details):
        if number >= MOST_TOLD:
            # Nobody is told of it by itself, and looking for what may have been meant takes its time.
            yield Problem("", ".".join(steps(detail)), "is not allowed")
            continue
        for path, message in explain(detail, tree, hide=is_hidden(steps(detail))):
            yield Problem(origin_of(path, sources), ".".join(path), message)


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
