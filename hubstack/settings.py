"""The settings of one stack; the only reader of Pulumi's configuration."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pulumi
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from hubstack import reading, unread
from hubstack.chart import samples, source, wording
from hubstack.chart.errors import Problem, SettingsError
from hubstack.chart.load import LoadedValues, load_raw_values, load_values
from hubstack.chart.names import Names
from hubstack.chart.parent_values import KEY_PATTERN
from hubstack.chart.release import CHART_NAME, CHART_REPOSITORY, CHART_VERSION, Release
from hubstack.chart.storage_class import StorageClassSettings, storage_class_values
from hubstack.configuration import PREFIX, kubeconfig_path, named


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


def _possible_path(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("path", "holds a NUL character, which no path can have")
    return value


FilePath = Annotated[str, AfterValidator(_possible_path)]


class ChartSettings(_Model):
    """Which chart the mode ``helm`` deploys."""

    version: str = Field(CHART_VERSION, description="Chart version. Mode native knows exactly one.")
    repository: str = Field(CHART_REPOSITORY, description="Chart repository, as for `helm repo add`.")
    path: FilePath | None = Field(None, description="A chart archive or folder to use instead of the repository.")
    digest: str | None = Field(
        None,
        description="`sha256:` and the digest of the chart's archive. It is fetched, compared and deployed from here, "
        "so that nobody can put another one in its place.",
    )
    insecure: bool = Field(
        False,
        description="Allow a repository that begins with `http://`; with a digest, a registry without TLS, too.",
    )


class AdoptedTokens(_Model):
    """Tokens that a hub had before this stack deployed it."""

    proxy: str | None = Field(None, description="Token between hub and proxy.")
    cookie: str | None = Field(None, description="Cookie secret, hex digits.")
    crypt: str | None = Field(None, description="Keys that encrypt auth state, joined by `;`.")
    services: dict[str, str] = Field(default_factory=dict, description="API token of each of `hub.services`.")

    def by_name(self) -> dict[str, str]:
        """The tokens under the names that `rotateTokens` uses."""
        named = {"proxy": self.proxy, "cookie": self.cookie, "crypt": self.crypt}
        services = {f"service-{name}": token for name, token in self.services.items()}
        return {name: token for name, token in {**named, **services}.items() if token}


_ROTATED = ("proxy", "cookie", "crypt", "key")
"""What may be renewed beside the services' tokens, by its name in ``rotateTokens``."""


class StackConfig(_Model):
    """The keys ``hubstack:...`` of ``Pulumi.<stack>.yaml``."""

    mode: Literal["native", "helm"] = Field(
        "native", description="`native`: every object its own resource. `helm`: one Helm release of the upstream chart."
    )
    namespace: str = Field(
        "jhub", pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", description="Namespace of the JupyterHub."
    )
    release_name: str | None = Field(
        None,
        pattern=r"^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$",
        description="Helm's release name, part of labels and cluster-wide names. Default: the namespace.",
    )
    create_namespace: bool = Field(True, description="Create the namespace; set it to false where someone else does.")
    values_files: list[FilePath] = Field(
        default_factory=list, description="z2jh values files, merged left to right by Helm's rules."
    )
    values_key: str | None = Field(
        None,
        pattern=KEY_PATTERN,
        description="Where files of a parent chart have the hub's values, `basehub.jupyterhub`. What they hold for "
        "other charts is left out.",
    )
    values: dict[str, Any] = Field(default_factory=dict, description="Chart values, merged after the files.")
    secret_values: dict[str, Any] = Field(
        default_factory=dict, description="Chart values whose every leaf is a secret, merged last."
    )
    storage_class: StorageClassSettings | None = Field(
        None, description="A StorageClass to create, used by every volume whose setting names no other."
    )
    kube_context: str = Field(description="The kubeconfig context to deploy to. Always named, never the current one.")
    kubeconfig: FilePath | None = Field(
        None, description="Path of the kubeconfig. Default: $KUBECONFIG, then ~/.kube/config."
    )
    cluster_identifier: str | None = Field(
        None, description="A name for the cluster that outlives its credentials. Default: the context's name."
    )
    chart: ChartSettings = Field(default_factory=ChartSettings, description="The chart of mode `helm`.")
    rotate_tokens: dict[str, str] = Field(
        default_factory=dict,
        description="New text for `proxy`, `cookie`, `crypt` or `service-<name>` makes a new token; for `key`, all "
        "generated tokens are new, computed under a new key.",
    )
    adopted_tokens: AdoptedTokens = Field(
        default_factory=AdoptedTokens,
        description="Tokens to go on with, written by `hubstack adopt`; a token in `rotateTokens` is made anew.",
    )
    kept_checksums: dict[str, str] = Field(
        default_factory=dict,
        description="Checksum annotations to go on with until they change, written by `hubstack adopt`: ours to live.",
    )
    take_over: str | None = Field(
        None, description="Helm release whose objects the first update takes over, written by `hubstack adopt`."
    )
    pools_file: str | None = Field(
        None, description="A file with the cluster's pools of nodes, for `hubstack capacity` and the review."
    )
    check_admission: bool = Field(
        True,
        description="Refuse an update whose pods, or all of whose users' pods, the cluster's admission would refuse.",
    )
    accept_drift: list[Annotated[str, Field(pattern=r"^[A-Za-z]+/[a-z0-9][a-z0-9.:-]*(:.+)?$")]] = Field(
        default_factory=list,
        description="What may differ in the cluster, written by `hubstack drift --accept`: an object, or a field of it "
        "with all below, such as `Deployment/hub:spec.replicas`.",
    )
    protect_data: bool = Field(
        True,
        description="Refuse to delete what holds data: the namespace, the hub's database or the Helm release that has "
        "it, the StorageClass, the key of the tokens.",
    )

    @field_validator("rotate_tokens")
    @classmethod
    def _are_tokens(cls, texts: dict[str, str]) -> dict[str, str]:
        """A misspelt name would leave in use what somebody wants to be rid of."""
        if unknown := sorted(name for name in texts if name not in _ROTATED and not name.startswith("service-")):
            allowed = f"{', '.join(_ROTATED)}, service-<name>"
            raise PydanticCustomError("token", f"no such token: {', '.join(unknown)}; allowed: {allowed}")
        return texts


_MAY_BE_SECRET = ("secretValues", "adoptedTokens")
"""Keys that the program keeps secret all the way; in any other, encrypted text would come out in the open."""


@dataclass(frozen=True)
class StackSettings:
    """One stack's settings, checked: configuration, values, and what follows from them."""

    config: StackConfig
    loaded: LoadedValues
    release: Release | None
    """None in mode ``helm`` with a chart version whose values are not modelled."""
    kubeconfig: str
    guessed: tuple[str, ...] = ()
    """Settings that could not be read, and may not be any text: what they decide is not known (see `unread`)."""

    @property
    def release_name(self) -> str:
        return self.config.release_name or self.config.namespace

    @property
    def names(self) -> Names:
        """Names of the chart's objects, also for a chart version whose other settings are not modelled."""
        return Names(self.loaded.values, self.release_name, CHART_NAME)


def load() -> StackConfig:
    """Read and check the running program's configuration.

    Raises:
        SettingsError: unknown keys, wrong types, encrypted text outside of ``secretValues``.
    """
    entries = named(pulumi.runtime.get_config_env())
    secret_keys = set(named(dict.fromkeys(pulumi.runtime.get_config_secret_keys_env())))
    return parse(entries, secret_keys)


def unencrypted() -> list[str]:
    """Settings of the running program's configuration that are there to be encrypted, and have nothing encrypted."""
    secret_keys = named(dict.fromkeys(pulumi.runtime.get_config_secret_keys_env()))
    config = named(pulumi.runtime.get_config_env())
    return [name for name in _MAY_BE_SECRET if name not in secret_keys and config.get(name, "{}") != "{}"]


def parse(entries: Mapping[str, Any], secret_keys: set[str]) -> StackConfig:
    """Turn configuration texts into the typed configuration.

    Arguments:
        entries: text of each key, objects and lists as JSON, as the engine hands them to a program; or data, of which
            something may be `unread`.
        secret_keys: keys that hold encrypted text somewhere.

    Raises:
        SettingsError: unknown keys, wrong types, encrypted text outside of ``secretValues``.
    """
    known = wording.keys(StackConfig)
    problems: list[Problem] = []
    parsed: dict[str, Any] = {}
    for key, given in sorted(entries.items()):
        closed = set(unread.places(given))
        if key not in known:
            problems.append(_problem((key,), _unknown(key, known)))
        elif (closed or key in secret_keys) and key not in _MAY_BE_SECRET:
            problems.append(_problem((key,), "is encrypted; encrypted settings belong under hubstack:secretValues"))
        elif () in closed:
            parsed[key] = {}  # nothing of it is known
        else:
            parsed[key] = _decode(key, given) if isinstance(given, str) else given
    try:
        config = StackConfig.model_validate(parsed)
    except ValidationError as error:
        told = {problem.path for problem in problems}
        found = (_explained(detail, parsed) for detail in error.errors(include_url=False))
        problems += [problem for problem in found if problem.path not in told]
    if problems:
        raise SettingsError(problems)
    if problems := list(
        source.problems(f"{PREFIX}chart", _SOURCE, **config.chart.model_dump(exclude={"version", "path"}))
    ):
        raise SettingsError(problems)
    return config


def resolve(config: StackConfig, folder: Path) -> StackSettings:
    """Load the values that a configuration names and derive the release.

    Arguments:
        config: the typed configuration.
        folder: what relative paths start from: the project's folder.

    Raises:
        SettingsError: a file is missing or broken, or values are wrong; all problems at once.
    """
    modelled = config.chart.version == CHART_VERSION
    if config.mode == "native" and not modelled:
        hint = f"mode native knows chart version {CHART_VERSION} only; use that version, or set hubstack:mode to helm"
        raise SettingsError([Problem(_SOURCE, f"{PREFIX}chart.version", f"{config.chart.version!r}: {hint}")])
    files = [folder / name for name in config.values_files]
    preset = storage_class_values(config.storage_class.name) if config.storage_class else {}
    read = functools.partial(load_values, to_be_deployed=True) if modelled else load_raw_values
    given = (files, config.values)
    also: dict[str, Any] = {"preset": preset, "values_key": config.values_key}
    raw = functools.partial(load_raw_values, *given, **also)
    loaded, guessed = _load(functools.partial(read, *given, **also), raw, config.secret_values)
    release = None
    if modelled:
        release = Release(config.release_name or config.namespace, config.namespace, loaded.values, loaded.tree)
    return StackSettings(config, loaded, release, kubeconfig(config, folder), guessed)


def _load(
    read: Callable[..., LoadedValues], raw: Callable[..., LoadedValues], secret: Mapping[str, Any]
) -> tuple[LoadedValues, tuple[str, ...]]:
    """The values, and which unread ones of them had to be guessed to be something that the chart takes.

    Arguments:
        read, raw: load the values with some secret ones, checked and unchecked.
        secret: the secret values; what is unread in them is nobody's mistake.
    """
    words = {(_SECRET, *place): str(samples.found(secret, place)) for place in unread.places(secret)}

    def load(plain: Mapping[samples.Path, Any]) -> LoadedValues:
        return read(samples.replaced({_SECRET: secret}, plain)[_SECRET])

    def problems(plain: Mapping[samples.Path, Any]) -> Sequence[Problem]:
        try:
            load(plain)
        except SettingsError as error:
            return error.problems
        return ()

    chosen = samples.fitting(list(words), words, problems) if words else {}
    guessed = tuple(samples.dotted(path[1:]) for path in words if chosen[path] != words[path])
    try:
        return load(chosen), guessed
    except SettingsError as error:
        others = [each for each in error.problems if not any(samples.is_at(each, path) for path in words)]
        if others or not words:
            raise SettingsError(others or error.problems) from None
    unjudged = samples.replaced({_SECRET: secret}, chosen)[_SECRET]
    return raw(unjudged), guessed


def kubeconfig(config: StackConfig, folder: Path) -> str:
    """Path of the kubeconfig that a stack uses.

    Arguments:
        config: the stack's configuration.
        folder: what a relative path starts from: the project's folder.
    """
    return str(kubeconfig_path(config.kubeconfig, folder))


def _decode(key: str, text: str) -> Any:
    """Objects, lists and booleans come as JSON; plain text stays as it is."""
    if key in _TEXTS:
        return text
    try:
        return reading.from_json(text, "")
    except reading.Unreadable:
        return text


_TEXTS = ("mode", "namespace", "releaseName", "kubeContext", "kubeconfig", "clusterIdentifier", "takeOver",
          "valuesKey")  # fmt: skip
"""Settings that are text, whatever it looks like."""
_HIDDEN = ("values", "secretValues", "adoptedTokens")
"""Settings whose values are not shown: they are secret, or may hold secrets."""


def _unknown(key: str, known: Sequence[str]) -> str:
    near = wording.nearest(key, known)
    hint = f"did you mean {PREFIX}{near}?" if near else f"known keys: {', '.join(sorted(known))}"
    return f"unknown key; {hint}"


def _explained(detail: ErrorDetails, entries: Mapping[str, Any]) -> Problem:
    """What Pydantic found, in words."""
    path = wording.place(detail)
    if detail["type"] == "missing":
        option = "--path " if len(path) > 1 else ""
        return _problem(
            path, f"is not set; set it with: pulumi config set {option}{PREFIX}{wording.dotted(path)} VALUE"
        )
    if detail["type"] == "extra_forbidden":
        model = wording.model_at(StackConfig, path[:-1], entries)
        return _problem(path, wording.unknown(str(path[-1]), wording.keys(model) if model else ()))
    return _problem(path, wording.wrong(detail, hide=path[0] in _HIDDEN))


def _problem(path: Sequence[str | int], message: str) -> Problem:
    return Problem(_SOURCE, f"{PREFIX}{wording.dotted(path)}", message)


_SOURCE = "stack configuration"
_SECRET = "secretValues"
