"""The objects of a stack at one revision, without engine, cluster or passphrase."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hubstack import chart_archive, project, settings, toolchain, unread
from hubstack.capacity import pools, report, worlds
from hubstack.capacity.report import Report
from hubstack.chart import render, samples, storage_class
from hubstack.chart.errors import SettingsError
from hubstack.chart.merge import coalesce
from hubstack.chart.release import CHART_NAME, CHART_REPOSITORY, TokenValues
from hubstack.chart.text import sha256
from hubstack.chart.tokens import services_without_token, with_tokens
from hubstack.chart.user_pod import user_pods
from hubstack.configuration import Configuration, key
from hubstack.errors import HubstackError, mistake
from hubstack.parity import helm_documents, normal
from hubstack.parity.rendering import HELM_SECONDS
from hubstack.policy import subject
from hubstack.policy.subject import Subject
from hubstack.project import stacks
from hubstack.review import inputs
from hubstack.review.sources import StackFile

PINNED = "hubstack-generated-"
"""What a token looks like that the engine would generate: the same on both sides, so that it makes no difference."""

Helm = Callable[[], Path]
"""Gives the helm program; asked only where a stack is in mode ``helm``."""


@dataclass(frozen=True)
class Rendered:
    """What a stack is at one revision."""

    stack: str
    mode: str = ""
    namespace: str = ""
    chart_version: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Typed configuration as plain data, without values."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Merged values over the chart's defaults."""
    application: str = ""
    """Version of JupyterHub that the chart brings."""
    objects: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Normalised objects by ``Kind/name``."""
    secrets: frozenset[str] = frozenset()
    """Paths of values that came from ``secretValues``."""
    sources: Sequence[tuple[str, Mapping[str, Any]]] = ()
    """Each file, and each key of the stack's file, with what it sets; a later one wins."""
    sealed: str = ""
    """Digest of what is `unknown`, as it is written."""
    unknown: tuple[str, ...] = ()
    """Settings that are encrypted and decide more than a text: what follows from them cannot be told."""
    capacity: Report | None = None
    """Whether its pods fit on the pools that it names; None where it names none."""
    subject: Subject | None = None
    """What policies are asked about; None where there are none."""
    manifests: tuple[dict[str, Any], ...] = ()
    """The objects as they are deployed; only where a dry run is to be asked about them."""
    pods: tuple[tuple[str, dict[str, Any]], ...] = ()
    """The users' pods with who gets them, likewise."""
    leftovers: frozenset[str] = frozenset()
    """Secrets of a stack that could not be rendered; a message may quote one."""
    error: str | None = None


class Renderer:
    """Renders stacks; what two stacks or revisions have in common is rendered once."""

    def __init__(
        self, helm: Helm, repositories: Collection[str] = (), *, whole: bool = False, judged: bool = False
    ) -> None:
        """Arguments:
        helm: gives the helm program.
        repositories: chart repositories that may be asked, beside the publisher's.
        whole: whether what is deployed is kept, beside its normal form.
        judged: whether policies are to be asked about the stacks.
        """
        self._judged = judged
        self._helm = helm
        self._whole = whole
        self._repositories = {each.rstrip("/") for each in (CHART_REPOSITORY, *repositories)}
        self._known: dict[str, Rendered] = {}

    def pair(
        self, base: StackFile | None, head: StackFile | None, earlier: Mapping[str, Rendered]
    ) -> tuple[Rendered | None, Rendered | None]:
        """Both sides of a stack; where nothing differs that objects follow from, neither is rendered.

        Arguments:
            earlier: bases that the program's earlier code has rendered.
        """
        same = base and head and not base.error and not head.error and inputs.digest(base) == inputs.digest(head)
        if head and same and head.stack not in earlier:
            # Its secrets are kept all the same: another stack may show what is secret here.
            unchanged = Rendered(head.stack, leftovers=inputs.secrets(head))
            return unchanged, unchanged
        before = self._base(base, earlier.get(base.stack)) if base else None
        return before, (self.render(head) if head else None)

    def _base(self, file: StackFile, earlier: Rendered | None) -> Rendered:
        own = self.render(file)
        return replace(earlier, capacity=own.capacity, subject=own.subject) if earlier else own

    def render(self, file: StackFile) -> Rendered:
        """One stack at one revision; what is wrong with it becomes its `error`."""
        if file.error:
            return Rendered(file.stack, error=file.error, leftovers=inputs.secrets(file))
        key = inputs.digest(file)
        if key not in self._known:
            try:
                self._known[key] = self._render(file)
            except (SettingsError, HubstackError, toolchain.ToolchainError) as error:
                self._known[key] = self._broken(file, str(error))
            except Exception as error:  # one stack's oddities must not hide the others
                self._known[key] = self._broken(file, f"cannot be rendered: {mistake(error)}")
        return replace(self._known[key], stack=file.stack)

    def _broken(self, file: StackFile, reason: str) -> Rendered:
        return Rendered(file.stack, error=reason.replace(f"{file.folder}/", ""), leftovers=inputs.secrets(file))

    def _render(self, file: StackFile) -> Rendered:
        configuration = Configuration(file.config)
        entries = stacks.entries(configuration)
        stack = settings.resolve(settings.parse(entries, set()), file.folder)
        unknown = _unknown(entries.get("secretValues"), stack.guessed)
        objects = self._native(stack) if stack.config.mode == "native" else self._chart(stack, file.folder)
        tree: Mapping[str, Any] = stack.loaded.tree
        index = {}
        for manifest in objects:
            shaped = normal.normal(manifest, tree if stack.release else {"hub": {}, "singleuser": {}})
            index[f"{shaped['kind']}/{shaped['metadata']['name']}"] = shaped
        if stack.config.mode == "helm":
            tree = coalesce(stack.loaded.user, _given_to_the_hub(index, stack))
        return Rendered(
            file.stack,
            mode=stack.config.mode,
            namespace=stack.config.namespace,
            chart_version=stack.config.chart.version,
            config=stack.config.model_dump(by_alias=True, exclude={"values", "secret_values"}),
            values=tree,
            application=str(_given_to_the_hub(index, stack).get("Chart", {}).get("AppVersion", "")),
            objects=index,
            secrets=frozenset(map(samples.dotted, stack.loaded.secret_paths)) - set(stack.guessed),
            sources=_sources(stack, file.folder),
            sealed=sha256(json.dumps(unknown)) if unknown else "",
            unknown=tuple(unknown),
            manifests=tuple(objects) if self._whole else (),
            pods=_pods(stack) if self._whole else (),
            capacity=_capacity(file, stack, objects, sealed=bool(unknown)),
            subject=_subject(stack, objects, entries) if self._judged else None,
        )

    def _native(self, stack: settings.StackSettings) -> list[dict[str, Any]]:
        assert stack.release is not None
        tokens = _tokens(stack)
        return [*_around(stack), *render.objects(stack.release, tokens)]

    def _chart(self, stack: settings.StackSettings, folder: Path) -> list[dict[str, Any]]:
        values = with_tokens(stack.loaded.user, _tokens(stack))
        chart = stack.config.chart
        source = self._source(chart, folder)  # first, because it may refuse
        command = [str(self._helm()), "template", stack.release_name, *source]
        command += ["--namespace", stack.config.namespace, "--kube-version", "1.36.1", "--values", "-"]
        if chart.path:
            # The schema of a chart that a pull request brings could have Helm read any file and ask any server.
            command.append("--skip-schema-validation")
        # JSON, because texts that look like numbers to Helm need quotes that PyYAML leaves out.
        try:
            done = subprocess.run(
                command, input=json.dumps(values), capture_output=True, text=True, timeout=HELM_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise HubstackError(f"helm template of chart {chart.version}: no end after {HELM_SECONDS} s") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["helm failed"]
            reason = next((line for line in lines if line.startswith("Error: ")), lines[-1])
            raise HubstackError(f"helm template of chart {chart.version}: {reason.removeprefix('Error: ')}")
        hooks = "helm.sh/hook"
        return [
            *_around(stack),
            *(
                document
                for document in helm_documents.read(done.stdout)
                if document["kind"] != "Job" or hooks not in str(document["metadata"].get("annotations"))
            ),
        ]

    def _source(self, chart: settings.ChartSettings, folder: Path) -> list[str]:
        """Arguments that tell Helm where the chart is.

        Who proposes a change may name any server, and anything that answers there would be fetched and rendered here.
        """
        path = str(folder / chart.path) if chart.path else None
        if path is None and (mirrored := project.mirrored_chart(chart.version)):
            path = str(mirrored)
        if path is None and chart.repository.rstrip("/") not in self._repositories:
            raise HubstackError(
                f"hubstack:chart.repository: {chart.repository!r}: is new, and a review fetches nothing from a server "
                "that only the change itself names; if you trust it: --allow-chart-repository "
                f"{shlex.quote(chart.repository)}"
            )
        archive = chart_archive.located(
            CHART_NAME,
            version=chart.version,
            repository=chart.repository,
            path=path,
            digest=getattr(chart, "digest", None),  # settings of the base's own code may be older
            folder=project.ROOT,
            insecure=getattr(chart, "insecure", False),
        )
        if archive:
            return [str(project.ROOT / archive)]
        if chart.repository.startswith("oci://"):
            return [f"{chart.repository.rstrip('/')}/{CHART_NAME}", "--version", chart.version]
        return [CHART_NAME, "--repo", chart.repository, "--version", chart.version]


def repository(file: StackFile) -> str:
    """The chart repository that a stack's file names, in one way of writing it; the publisher's where it names none."""
    return str(inputs.chart(file).get("repository") or CHART_REPOSITORY).rstrip("/")


def _pods(stack: settings.StackSettings) -> tuple[tuple[str, dict[str, Any]], ...]:
    """The pods of users' servers; there are none where the chart's version is not modelled."""
    if stack.release is None:
        return ()
    return tuple((each.choice or "a user's server", each.manifest) for each in user_pods(stack.release))


def _capacity(
    file: StackFile, stack: settings.StackSettings, objects: list[dict[str, Any]], *, sealed: bool
) -> Report | None:
    """Whether the stack's pods fit on the pools that it names; None where it names none."""
    named = report.pools_file(stack, file.folder)
    if named is None:
        return None
    try:
        world = worlds.of_file(pools.read(named), stack.config.namespace)
    except HubstackError as error:
        return report.unreadable(file.stack, str(error).replace(f"{file.folder}/", ""))
    return report.of_stack(file.stack, stack, objects, world, str(stack.config.pools_file), sealed=sealed)


def _subject(stack: settings.StackSettings, objects: list[dict[str, Any]], entries: Mapping[str, Any]) -> Subject:
    sealed = isinstance(entries.get("secretValues"), unread.Unread)
    return subject.of(stack, objects, sealed=sealed)


def _sources(stack: settings.StackSettings, folder: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """What sets the values, by name; the code of an earlier program, which renders its base, may not keep it."""
    preset: Mapping[str, Any] = {}
    if stack.config.storage_class:
        preset = storage_class.storage_class_values(stack.config.storage_class.name)
    found = getattr(stack.loaded, "sources", ())
    own = [(str(source.name).removeprefix(f"{folder}/"), source.document) for source in found]
    return [(key("storageClass"), preset), *own]


def _unknown(secret: Any, guessed: Collection[str]) -> dict[str, str]:
    """Settings of which nothing can be told, with what stands for them."""
    closed = {samples.dotted(place): place for place in unread.places(secret)}
    if "" in closed:
        return {"secretValues": secret}
    return {f"secretValues.{name}": samples.found(secret, closed[name]) for name in guessed}


def _around(stack: settings.StackSettings) -> list[dict[str, Any]]:
    """What the program makes beside the chart's objects, in both modes."""
    objects: list[dict[str, Any]] = []
    if stack.config.create_namespace:
        objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": stack.config.namespace}})
    if stack.config.storage_class:
        objects.append(storage_class.storage_class(stack.config.storage_class))
    return objects


def _given_to_the_hub(objects: Mapping[str, dict[str, Any]], stack: settings.StackSettings) -> dict[str, Any]:
    """The values that the chart puts into the hub's Secret: over the defaults of whatever version it is."""
    values = objects.get(f"Secret/{stack.names.hub}", {}).get("data", {}).get("values.yaml")
    return values if isinstance(values, dict) else {}


def _tokens(stack: settings.StackSettings) -> TokenValues:
    """Tokens that stay the same unless the stack asks for new ones."""
    rotated, adopted = stack.config.rotate_tokens, stack.config.adopted_tokens.by_name()

    def token(name: str) -> str:
        own = rotated.get(name, "")
        key = rotated.get("key", "") if own or name not in adopted else ""  # an adopted one is not derived from it
        return f"{PINNED}{name}-{own}{key and f'-{key}'}"

    return TokenValues(
        proxy_auth=token("proxy"),
        cookie_secret=token("cookie"),
        crypt_keys=token("crypt"),
        services={name: token(f"service-{name}") for name in services_without_token(stack.loaded.tree)},
    )
