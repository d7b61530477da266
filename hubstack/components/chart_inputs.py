"""Settings of which any may be an output, and the objects that the chart makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as File
from typing import Any

import pulumi

from hubstack import secret_settings
from hubstack.chart import samples
from hubstack.chart.errors import Problem, SettingsError
from hubstack.chart.load import LoadedValues, load_raw_values, load_values
from hubstack.chart.names import Names
from hubstack.chart.release import CHART_NAME, Release, TokenValues
from hubstack.chart.samples import Path
from hubstack.components import dependence, others
from hubstack.components.others import PLACEHOLDER_TOKENS, Other

VALUES, SECRET_VALUES, NAMESPACE = "values", "secret_values", "namespace"
"""The arguments that may hold outputs."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the settings of one release come from; values and namespace may hold outputs."""

    files: Sequence[File] = ()
    values_key: str | None = None
    """Where files of a parent chart have the values."""
    values: Mapping[str, Any] = field(default_factory=dict)
    secret_values: Mapping[str, Any] = field(default_factory=dict)
    preset: Mapping[str, Any] = field(default_factory=dict)
    """Values that every other source overrides."""
    namespace: Any = "jhub"
    release_name: str = "jhub"
    is_modelled: bool = True
    """Whether the chart version's settings are known; else they are merged, and not checked."""


class ChartInputs:
    """The settings of one release, checked, with samples in place of outputs (see `samples`).

    Attributes:
        loaded: the values as far as they are plain.
        release: the release that the objects are described from; None where the chart version is not modelled.
        namespace: the namespace as it was given, perhaps an output.
    """

    loaded: LoadedValues
    release: Release | None
    namespace: pulumi.Input[str]
    release_name: str

    def __init__(self, sources: Sources) -> None:
        """Check the settings.

        Raises:
            SettingsError: settings are wrong; or an output stands where only a plain value is possible, because it
                decides which objects exist. Lists everything.
        """
        self._sources = sources
        given = {VALUES: sources.values, SECRET_VALUES: sources.secret_values, NAMESPACE: sources.namespace}
        self._outputs = {path: self._guarded(path, output) for path, output in dependence.find_outputs(given)}
        self._known: dict[str, Release] = {}
        self._described: dict[str, tuple[Release, others.Objects]] = {}
        self.namespace = sources.namespace
        self.release_name = sources.release_name
        self._samples: dict[Path, Sequence[Any]] = dict.fromkeys(self._outputs, samples.NAMES)
        if sources.is_modelled:
            values = [path for path in self._outputs if path[0] != NAMESPACE]
            self._samples |= samples.choose(values, self._problems, self._objects)
        self._first = {path: found[0] for path, found in self._samples.items()}
        loaded = self._load(self._first)
        doubts = [each for each in loaded.warnings if not any(samples.concerns(each, path) for path in self._outputs)]
        self.loaded = replace(loaded, warnings=tuple(doubts))
        self.release = self._release(self.loaded, self._first) if sources.is_modelled else None
        self._secrets = self._secret_places()
        self._others = list(self._other_releases()) if self.release and (self._outputs or self._secrets) else []
        self._refuse_what_decides_objects()
        self._described.clear()

    @property
    def names(self) -> Names:
        """Names of the chart's objects, also for a chart version whose other settings are not modelled."""
        return Names(self.loaded.values, self.release_name, CHART_NAME)

    def values_for_helm(self) -> Any:
        """What the users set, merged, with the outputs in their places and every secret marked as one."""
        values = dependence.marked(self.loaded.user, dependence.altered(self.loaded.user, self._secrets))
        for path, output in self._outputs.items():
            if path[0] != NAMESPACE:
                values = _placed(values, path[1:], self._first[path], output)
        return values

    def plain_secrets(self) -> dict[str, list[Path]]:
        """Settings that are secret by nature and stand in plain text, by where they do: a file, or the values."""
        found: dict[str, list[Path]] = {}
        for place in secret_settings.places(self.loaded.user, whole_files=False):
            if not self._is_given_as_secret(place):
                found.setdefault(self.loaded.origin(place), []).append(place)
        return found

    def describe(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call ``function(release, *arguments)``, with an output in each place that depends on one.

        Arguments:
            function: a builder of the chart, or another function of the release.
            arguments: further arguments; tokens may be outputs.

        Returns:
            What the function returns. Whatever depends on a secret is a secret output. Whatever depends on outputs is
            an output that becomes known with them.
        """
        value = function(self.release, *arguments)
        if not self._others or value is None:
            return value
        plain = [PLACEHOLDER_TOKENS if isinstance(each, TokenValues) else each for each in arguments]
        base = function(self.release, *plain)
        changed = [(each.path, function(each.release, *plain)) for each in self._others if each.may_change(base)]
        later = _Later(self, function, arguments, plain, base)
        return dependence.combined(value, base, changed, later.at)

    def release_with(self, known: Mapping[Path, Any]) -> Release:
        """The release once some outputs are known; samples stay in place of the others.

        Raises:
            pulumi.RunError: the settings do not allow such a value.
        """
        key = json.dumps([[list(path), value] for path, value in known.items()], default=str, sort_keys=True)
        if key not in self._known:
            try:
                plain = {**self._first, **known}
                self._known[key] = self._release(self._load(plain, hidden=list(known)), plain)
            except SettingsError as error:
                raise pulumi.RunError(f"{error}\nThe setting is an Output, which is known only now.") from None
        return self._known[key]

    def output(self, path: Path) -> pulumi.Output[Any]:
        """The output at a path, which begins with the argument's name."""
        return self._outputs[path]

    def _load(self, plain: Mapping[Path, Any], hidden: Sequence[Path] = ()) -> LoadedValues:
        """The values with something plain in place of each output."""
        given = samples.replaced({VALUES: self._sources.values, SECRET_VALUES: self._sources.secret_values}, plain)
        sources = (self._sources.files, given[VALUES], given[SECRET_VALUES])
        if not self._sources.is_modelled:
            return load_raw_values(*sources, preset=self._sources.preset, values_key=self._sources.values_key)
        secret = [tuple(map(str, path[1:])) for path in hidden]
        return load_values(
            *sources,
            preset=self._sources.preset,
            values_key=self._sources.values_key,
            hidden=secret,
            to_be_deployed=True,
        )

    def _problems(self, plain: Mapping[Path, Any]) -> Sequence[Problem]:
        """What is wrong with values that have samples in place of outputs."""
        try:
            self._load(plain)
        except SettingsError as error:
            return error.problems
        return ()

    def _objects(self, plain: Mapping[Path, Any]) -> tuple[Release, others.Objects]:
        """The release, and its objects, that follow from samples in place of outputs; each is described once."""
        plain = {path: plain.get(path, samples.NAMES[0]) for path in self._outputs}
        key = repr(plain)
        if key not in self._described:
            release = self._release(self._load(plain), plain)
            self._described[key] = release, others.objects(release)
        return self._described[key]

    def _release(self, loaded: LoadedValues, plain: Mapping[Path, Any]) -> Release:
        namespace = plain.get((NAMESPACE,), self._sources.namespace)
        return Release(self._sources.release_name, namespace, loaded.values, loaded.tree)

    def _other_releases(self) -> Iterator[Other]:
        """The release with another sample for one output at a time; and with other secrets."""
        assert self.release is not None
        usual = others.objects(self.release)
        if self._secrets:
            yield from others.with_other_secrets(
                self.loaded, self._secrets, lambda loaded: self._release(loaded, self._first), usual
            )
        for path, found in self._samples.items():
            for sample in found[1:]:
                release, objects = self._objects({**self._first, path: sample})
                yield Other.compared(path, release, usual, objects)

    def _secret_places(self) -> list[Path]:
        """Where in the merged values plain secrets are: given as secret values, or secret by nature."""
        found = dict.fromkeys((*self.loaded.secret_paths, *secret_settings.places(self.loaded.user)))
        return [place for place in found if not self._is_output(place)]

    def _is_given_as_secret(self, place: Path) -> bool:
        return place in self.loaded.secret_paths or self._is_output(place)

    def _is_output(self, place: Path) -> bool:
        """Whether a place of the values is a sample's, or inside of one."""
        return any(path[0] != NAMESPACE and place[: len(path) - 1] == path[1:] for path in self._outputs)

    def _guarded(self, path: Path, output: pulumi.Output[Any]) -> pulumi.Output[Any]:
        """An output that is secret where its setting or its value is."""
        argument, place = path[0], path[1:]
        if argument == SECRET_VALUES:
            return pulumi.Output.secret(output)
        if argument == NAMESPACE:
            return output

        def checked(value: Any) -> Any:
            around = samples.replaced(self._sources.values, {place: value})
            holds = any(found[: len(place)] == place for found in secret_settings.places(around))
            return pulumi.Output.secret(value) if holds else value

        return output.apply(checked)

    def _refuse_what_decides_objects(self) -> None:
        """Which objects exist, and how they are called, must not hang on an output.

        Raises:
            SettingsError: it does.
        """
        problems: dict[Path, Problem] = {}
        for other in self._others:
            if other.path is not dependence.SECRET and other.decides:
                names = ", ".join(sorted(f"{kind} {name}" for kind, name in other.decides))
                problems[other.path] = Problem("", samples.dotted(other.path), f"{samples.NOT_ALLOWED} (here: {names})")
        if problems:
            raise SettingsError(list(problems.values()))


@dataclass(frozen=True)
class _Later:
    """One call of a function of the release, made again when outputs are known."""

    inputs: ChartInputs
    function: Callable[..., Any]
    arguments: Sequence[Any]
    plain: Sequence[Any]
    base: Any
    units: list[Path] = field(default_factory=list)
    """The places that are known later."""

    def at(self, place: Path, paths: Sequence[Path]) -> pulumi.Output[Any]:
        """What will be at a place once the outputs at some paths are known."""
        self.units.append(place)

        def computed(values: Sequence[Any]) -> Any:
            release = self.inputs.release_with(dict(zip(paths, values, strict=True)))
            if changed := dependence.changed_outside(self.base, self.function(release, *self.plain), self.units):
                settings = ", ".join(map(samples.dotted, paths))
                raise pulumi.RunError(
                    f"{settings}: this Output changes {samples.dotted(changed)} of an object, which no other value of "
                    "the setting does; give it as a plain value"
                )
            return pulumi.Output.from_input(samples.found(self.function(release, *self.arguments), place))

        return pulumi.Output.all(*(self.inputs.output(path) for path in paths)).apply(computed)


def _placed(values: Any, path: Path, sample: Any, output: pulumi.Output[Any]) -> Any:
    """Values with an output in place of its sample, unless another source has overridden that."""
    if not path:
        return output if values == sample else values
    step, *rest = path
    if isinstance(values, Mapping) and step in values:
        return {**values, step: _placed(values[step], tuple(rest), sample, output)}
    if isinstance(values, list) and isinstance(step, int) and step < len(values):
        return [_placed(each, tuple(rest), sample, output) if at == step else each for at, each in enumerate(values)]
    return values
