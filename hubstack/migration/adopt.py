"""`hubstack adopt`: describe a live release as a stack; the cluster stays as it is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hubstack import project
from hubstack.chart import helm_yaml
from hubstack.chart.release import CHART_NAME, CHART_VERSION
from hubstack.configuration import Configuration, keyed, kubeconfig_path
from hubstack.engine import temporary
from hubstack.engine.environment import engine_environment, engine_tools
from hubstack.engine.stack import EngineStack
from hubstack.errors import HubstackError
from hubstack.migration import access, helm_storage, live, stack_file
from hubstack.migration.split import scalars, split
from hubstack.parity import check
from hubstack.parity.rendering import Input
from hubstack.project import secrets_provider, stacks


@dataclass(frozen=True)
class Request:
    """What to adopt, and as what."""

    stack: str
    context: str
    namespace: str
    release: str
    mode: str | None = None
    """``native``, ``helm``, or None for native where its objects equal the chart's version."""
    kubeconfig: Path | None = None
    secrets_provider: str | None = None
    """Key service that encrypts the stack's secrets; None for the backend's own way."""


@dataclass
class Adoption:
    """What was found and written."""

    mode: str
    chart_version: str
    revision: int
    files: list[Path] = field(default_factory=list)
    open_settings: int = 0
    """Settings in the values file."""
    secret_settings: int = 0
    """Settings in the stack's file, encrypted."""
    tokens: list[str] = field(default_factory=list)
    """Names of the tokens to go on with."""
    kept: int = 0
    """Checksum annotations that pods go on with."""
    notes: list[str] = field(default_factory=list)
    """What could not be expressed, and what somebody should look at."""

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        return {**asdict(self), "files": [str(file) for file in self.files]}


def show(result: Adoption, stack: str, console: Console) -> None:
    """Print what was found and written, and what comes next."""
    table = Table(show_header=False, title="Adopted; nothing was changed on the cluster")
    table.add_row("mode", result.mode)
    table.add_row("chart", f"{result.chart_version}, revision {result.revision}")
    table.add_row("written", "\n".join(str(file.relative_to(project.ROOT)) for file in result.files))
    table.add_row("settings", f"{result.open_settings} readable, {result.secret_settings} encrypted")
    table.add_row("tokens that go on", ", ".join(result.tokens) or "those of the settings")
    console.print(table)
    for note in result.notes:
        console.print(Text.assemble(("look at", "yellow"), f": {note}"), soft_wrap=True)
    console.print(f"Next: read both files, commit them, then: hubstack up --stack {stack}")


def adopt(request: Request, console: Console) -> Adoption:
    """Read the live release and write the stack's file and its values file.

    Raises:
        HubstackError: there is no such release, it is in the middle of something, a file is there already, or the mode
            does not fit its chart. Nothing is written then.
    """
    values_file = project.ROOT / "values" / f"{request.stack}.yaml"
    written = project.ROOT / f"Pulumi.{request.stack}.yaml"
    header = f"# Settings of release {request.release} "
    for file in (written, values_file):
        # Without the stack's file, which comes last, a values file of ours is what a killed adoption has left.
        if file.exists() and not (file == values_file and not written.exists() and _begins(file, header)):
            raise HubstackError(f"--stack {request.stack}: {file.name} exists already; choose another name")
    named_provider = secrets_provider.named({"secretsprovider": request.secrets_provider}, "--secrets-provider")
    named = str(request.kubeconfig) if request.kubeconfig else None
    client = access.client(request.context, kubeconfig_path(named, Path.cwd()))
    record = helm_storage.deployed(client, request.namespace, request.release)
    mode = _mode(request, record)
    result = Adoption(mode, record.version, record.revision)
    parts = split(record.values)
    tokens = live.missing_tokens(_live_tokens(client, record), record.values)
    config = keyed(
        {
            "mode": mode,
            "namespace": request.namespace,
            "releaseName": request.release,
            "createNamespace": False,
            "kubeContext": request.context,
            "takeOver": request.release,
            "valuesFiles": [f"values/{request.stack}.yaml"],
        }
    )
    described = Configuration(config)
    if request.kubeconfig:
        described["kubeconfig"] = str(request.kubeconfig.resolve())
    if record.version != CHART_VERSION:
        described["chart"] = {"version": record.version}
    if mode == "native":
        inline = described.without("valuesFiles")
        inline["values"] = record.values
        resolved = live.resolve(stacks.entries(inline), project.ROOT)
        described["keptChecksums"] = kept = live.kept_checksums(client, resolved, tokens)
        result.kept = len(kept)
        result.notes += _parity_notes(request, record, console)
    document = {**({"secretsprovider": named_provider} if named_provider else {}), "config": config}
    stack = stacks.Stack(name=request.stack, base=request.stack, config=config, document=document)
    # Made in the backend, the stack has a key to encrypt with.
    engine = EngineStack(stack, engine_environment(engine_tools(console, embedded=stack.is_embedded)))
    added = stack_file.encrypted(engine, {"secretValues": parts.secret, "adoptedTokens": tokens}, parts.readable)
    provider = {key: added.pop(key) for key in secrets_provider.KEYS if key in added}
    with _undone_on_failure(written, values_file):
        values_file.parent.mkdir(exist_ok=True)
        header += f"(chart {record.version}, revision {record.revision});\n# secret ones are in {written.name}.\n"
        stack_file.write(values_file, header + helm_yaml.dump(parts.public, sort_keys=False))
        document = {**provider, "config": {**config, **added}}
        stack_file.write(written, helm_yaml.dump(document, sort_keys=False))
    result.files = [written, values_file]
    result.open_settings = len(scalars(parts.public)) + len(parts.readable)
    result.secret_settings = len(scalars(parts.secret)) - len(parts.readable)
    result.tokens = live.token_names(tokens)
    if (parts.public.get("hub") or {}).get("extraConfig"):
        result.notes.append("hub.extraConfig is code and stays readable: if a secret is written in it, move it out")
    if mode == "helm" and record.revision == 1 and result.tokens:
        result.notes.append(
            "the release is in its first revision: Helm's next upgrade, by whatever tool, restarts hub and proxy once, "
            "because the chart draws its tokens twice at an install"
        )
    if record.version != CHART_VERSION:
        result.notes.append(
            f"mode native knows chart {CHART_VERSION}: once adopted, upgrade by setting hubstack:chart.version in a "
            "change of its own, and read its `hubstack review` first"
        )
    return result


def _mode(request: Request, record: helm_storage.Record) -> str:
    if record.chart != CHART_NAME:
        raise HubstackError(
            f"release {request.release} is of chart {record.chart!r}, not of {CHART_NAME!r}; a hub that is one part of "
            "a parent chart's release cannot be adopted, because Helm would forget the other parts"
        )
    if request.mode not in (None, *stacks.MODES):
        raise HubstackError(f"--mode {request.mode}: unknown; allowed: {', '.join(stacks.MODES)}")
    if request.mode == "native" and record.version != CHART_VERSION:
        raise HubstackError(
            f"--mode native: release {request.release} is of chart {record.version}, and mode native knows "
            f"{CHART_VERSION}; adopt it with --mode helm, and upgrade the chart as a step of its own"
        )
    return request.mode or ("native" if record.version == CHART_VERSION else "helm")


def _live_tokens(client: Any, record: helm_storage.Record) -> dict[str, Any]:
    """The tokens of the release's hub; without them the stack would draw new ones at its first update."""
    found = live.tokens(client, record.namespace, record.names)
    if not found:
        raise HubstackError(
            f"release {record.release}: its hub's Secret {record.names.hub} is not in namespace {record.namespace} or "
            "has no tokens: new ones would take their place, and logins and encrypted auth state be lost. Let Helm "
            "make it again (helm upgrade with the same values), then adopt. Nothing was changed."
        )
    return found


def _parity_notes(request: Request, record: helm_storage.Record, console: Console) -> list[str]:
    """Where mode native would make anything else of these settings than the chart."""
    with temporary.folder() as folder:  # the settings hold secrets
        file = folder / "values.yaml"
        file.write_text(helm_yaml.dump(dict(record.values)))
        try:
            result = check.check(
                Input((file,), request.namespace, request.release), version=record.version, chart=None, console=console
            )
        except HubstackError as error:
            return [f"whether native equals the chart for these settings could not be checked: {error}"]
    names = [*result.only_chart, *result.only_native, *result.different]
    return [f"native differs from the live release in {name}; `hubstack parity` shows where" for name in names]


def _begins(file: Path, text: str) -> bool:
    return file.read_text(errors="replace").startswith(text)


@contextlib.contextmanager
def _undone_on_failure(*files: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for file in files:
            file.unlink(missing_ok=True)
        raise
