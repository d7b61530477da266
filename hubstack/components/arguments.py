"""What a JupyterHub is made from: the typed arguments of a program.

Annotations are objects, not text, because the engine infers the schema of the component package from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi

from hubstack.chart import source
from hubstack.chart.errors import Problem, SettingsError
from hubstack.chart.release import CHART_REPOSITORY, CHART_VERSION
from hubstack.chart.storage_class import storage_class_values
from hubstack.components.chart_component import ChartComponentArgs
from hubstack.components.chart_inputs import ChartInputs, Sources
from hubstack.components.storage_class import StorageClassArgs
from hubstack.components.tokens import TokensArgs

if TYPE_CHECKING:
    from typing import Literal

    from hubstack.values import Values

    Mode = Literal["native", "helm"]
else:
    # What the engine's schema can express: other languages get maps.
    Values = pulumi.Input[dict[str, pulumi.Input[Any]]]
    Mode = str

DEFAULT_NAMESPACE = "jhub"


@dataclass(kw_only=True)
class ChartSourceArgs:
    """Which chart the mode ``helm`` deploys."""

    version: str | None = None
    """Chart version. Mode native knows exactly one, which is the default."""
    repository: str | None = None
    """Chart repository, as for ``helm repo add``; the publisher's by default."""
    path: str | None = None
    """A chart archive or folder to use instead of the repository."""
    digest: str | None = None
    """``sha256:`` and the digest of the chart's archive, which is fetched, compared and deployed from here."""
    insecure: bool | None = None
    """Allow a repository that begins with ``http://``, and with a digest an ``oci://`` registry without TLS."""


@dataclass(kw_only=True)
class ReleaseArgs:
    """Settings of one release of the chart. Any value may be an Output, unless it decides which objects exist."""

    values: Values | None = None
    """Chart values, as in ``config.yaml``; merged after the files."""
    secret_values: Values | None = None
    """Chart values whose every member is a secret; merged last."""
    values_files: list[str] | None = None
    """Paths of values files, merged left to right by Helm's rules; from the program's folder if they are relative."""
    values_key: str | None = None
    """Where files of a parent chart have the hub's values, ``basehub.jupyterhub``; the rest of them is left out."""
    namespace: pulumi.Input[str] | None = None
    """Namespace of the objects; ``jhub`` by default."""
    release_name: str | None = None
    """Helm's release name, part of labels and cluster-wide names. Default: the namespace, or the component's name where
    the namespace is an Output.
    """

    def inputs(self, name: str, *, preset: Mapping[str, Any] | None = None, is_modelled: bool = True) -> ChartInputs:
        """Read and check the settings.

        Arguments:
            name: the component's logical name.
            preset: values that every other source overrides.
            is_modelled: whether the chart version's settings are known.

        Raises:
            SettingsError: lists everything that is wrong.
        """
        namespace = self.namespace or DEFAULT_NAMESPACE
        return ChartInputs(
            Sources(
                files=[Path(file) for file in self.values_files or []],
                values_key=self.values_key,
                values=self.values or {},
                secret_values=self.secret_values or {},
                preset=preset or {},
                namespace=namespace,
                release_name=self.release_name or (namespace if isinstance(namespace, str) else name),
                is_modelled=is_modelled,
            )
        )


@dataclass(kw_only=True)
class ComponentReleaseArgs(ReleaseArgs):
    """Settings of a component that is a part of a JupyterHub, and may also be used alone."""

    _part_of: ChartComponentArgs | None = None

    def component_args(self, name: str) -> ChartComponentArgs:
        """What the component's objects are made from: the JupyterHub's settings, or its own.

        Arguments:
            name: the component's logical name.

        Raises:
            pulumi.RunError: the settings are wrong; lists everything.
        """
        if self._part_of is not None:
            return self._part_of
        try:
            return ChartComponentArgs(inputs=self.inputs(name))
        except SettingsError as error:
            raise pulumi.RunError(str(error)) from None


@dataclass(kw_only=True)
class JupyterHubArgs(ReleaseArgs):
    """What one JupyterHub is made from."""

    mode: Mode | None = None
    """``native``, the default: every object its own resource. ``helm``: one Helm release of the upstream chart."""
    create_namespace: bool | None = None
    """Whether to create the namespace. Default: yes, unless the namespace is an Output; another resource makes that."""
    chart: ChartSourceArgs | None = None
    """The chart of mode ``helm``."""
    storage_class: StorageClassArgs | None = None
    """A StorageClass to create, used by every volume whose setting names no other."""
    tokens: TokensArgs | None = None
    """Tokens to go on with, and tokens to make anew; without it, all tokens are generated once."""
    protect: bool | None = None
    """Unless false: refuse to delete what holds data. That is the namespace, the hub's database or the Helm release
    that has it, the StorageClass, the key of the tokens.
    """
    kept_checksums: dict[str, str] | None = None
    """Checksum annotations of a hub that Helm deployed, to go on with until they change: ours to live."""

    _checked: dict[str, ChartInputs] = field(default_factory=dict, init=False, repr=False, compare=False)

    def checked(self, name: str) -> ChartInputs:
        """The settings, read and checked once for each name.

        Arguments:
            name: the component's logical name.

        Raises:
            SettingsError: lists everything that is wrong.
        """
        if name not in self._checked:
            problems = list(self._problems())
            is_modelled = self.source.version == CHART_VERSION
            try:
                inputs = self.inputs(name, preset=self._storage_class_values(), is_modelled=is_modelled)
            except SettingsError as error:
                problems += error.problems
            if problems:
                raise SettingsError(problems)
            self._checked[name] = inputs
        return self._checked[name]

    @property
    def source(self) -> ChartSourceArgs:
        """The chart, with its default."""
        chart = self.chart or ChartSourceArgs()
        version, repository = chart.version or CHART_VERSION, chart.repository or CHART_REPOSITORY
        return replace(chart, version=version, repository=repository)

    @property
    def keeps_data(self) -> bool:
        """Whether what holds data is protected, with the default in place."""
        return self.protect is not False

    @property
    def makes_namespace(self) -> bool:
        """Whether the namespace is created, with the default in place."""
        if self.create_namespace is None:
            return isinstance(self.namespace or DEFAULT_NAMESPACE, str)
        return self.create_namespace

    def _problems(self) -> list[Problem]:
        problems = []
        if self.mode not in (None, "native", "helm"):
            problems.append(Problem("", "mode", f"{self.mode!r} is not allowed; use one of: native, helm"))
        elif self.mode != "helm" and self.source.version != CHART_VERSION:
            hint = f"mode native knows chart version {CHART_VERSION} only; use that version, or set mode to helm"
            problems.append(Problem("", "chart.version", f"{self.source.version!r}: {hint}"))
        chart = self.source
        problems += source.problems(
            "chart",
            "",
            repository=chart.repository or "",
            digest=chart.digest,
            insecure=bool(chart.insecure),
        )
        if self.storage_class is not None:
            problems += self.storage_class.problems("storage_class")
        return problems

    def _storage_class_values(self) -> dict[str, Any]:
        """With a StorageClass of the stack's own, volumes use it."""
        return storage_class_values(self.storage_class.class_name) if self.storage_class else {}


def arguments(kind: type, args: Any) -> Any:
    """Arguments as an object of their class; programs in other languages, and dictionaries, come as maps.

    Arguments:
        kind: the class.
        args: an object of the class, or a map by the names of its fields.
    """
    if not isinstance(args, Mapping):
        return args
    nested = {"chart": ChartSourceArgs, "storage_class": StorageClassArgs, "tokens": TokensArgs}
    return kind(**{key: arguments(nested[key], value) if key in nested else value for key, value in args.items()})
