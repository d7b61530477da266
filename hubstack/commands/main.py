"""The command line: arguments in, a table or JSON out; the work is done by the modules beside this one."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hubstack import project, terminal
from hubstack.commands import ending, options
from hubstack.commands.capacity import capacity, pools_app
from hubstack.commands.cluster import app as cluster_app
from hubstack.commands.doctor import doctor
from hubstack.commands.drift import drift
from hubstack.commands.help import App
from hubstack.commands.options import ValuesKeyOption
from hubstack.commands.policy import app as policy_app
from hubstack.commands.rollout import app as rollout_app
from hubstack.commands.shell import env, pulumi
from hubstack.commands.tokens import app as tokens_app
from hubstack.errors import TRACEBACKS, HubstackError
from hubstack.safe_text import json_without_commands
from hubstack.terminal import Terminal

app = App()


@app.callback()
def choose_project(
    folder: Annotated[
        Path | None,
        typer.Option(
            "--project",
            envvar="HUBSTACK_ROOT",
            help="The project's folder. Default: the nearest one, from here upwards, that has a Pulumi.yaml.",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Say which version this is, and end.", callback=options.say_version)
    ] = False,
    show_traceback: Annotated[
        bool,
        typer.Option(
            "--traceback",
            envvar=TRACEBACKS,
            help="Show the traceback of a mistake in Hubstack, and what it says, which may quote a secret.",
        ),
    ] = False,
) -> None:
    """JupyterHub on Kubernetes, as a typed Pulumi program."""
    if show_traceback:
        os.environ[TRACEBACKS] = "1"  # also for what this command runs
    if folder:
        project.use(folder)


app.add_typer(cluster_app, name="cluster")
app.command()(doctor)
app.command()(drift)
app.command()(capacity)
app.add_typer(pools_app, name="pools")
app.add_typer(policy_app, name="policy")
app.add_typer(rollout_app, name="rollout")
app.add_typer(tokens_app, name="tokens")
app.command()(env)
app.command()(pulumi)

StackOption = Annotated[
    str,
    typer.Option(
        "--stack",
        "-s",
        help="Stack file to start from: Pulumi.<stack>.yaml.",
        autocompletion=options.stack_names,
    ),
]
ModeOption = Annotated[
    str | None, typer.Option(help="native or helm. Another mode than the stack file's gets a stack of its own.")
]
ValuesOption = Annotated[
    list[Path] | None, typer.Option("--values", "-f", help="z2jh values file, repeatable; gets a stack of its own.")
]
ContextOption = Annotated[str | None, typer.Option(help="kubeconfig context to deploy to; no embedded cluster then.")]
ClusterOption = Annotated[str, typer.Option(help="Embedded cluster: sim, node (Linux, root) or kind (Docker).")]
JsonOption = Annotated[bool, typer.Option("--json", help="The same facts as JSON on standard output.")]
TakeFieldsOption = Annotated[
    bool, typer.Option("--take-fields", help="Set fields that somebody else has written since to what the stack says.")
]
SecretsProviderOption = Annotated[
    str | None,
    typer.Option(
        help="Key service that encrypts the stack's secrets, such as awskms://alias/NAME. Default: the backend's."
    ),
]


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make; files in it stay as they are.")],
    name: Annotated[str | None, typer.Option(help="Name of the Pulumi project. Default: the folder's.")] = None,
    context: Annotated[
        str | None, typer.Option(help="kubeconfig context that stack dev deploys to. Default: the embedded cluster.")
    ] = None,
    secrets_provider: SecretsProviderOption = None,
) -> None:
    """Make a small project of one's own: settings, program, fleet file and workflows."""
    from hubstack.project import new as making

    made = making.make(folder, name, context, secrets_provider)
    console = _console(False)
    console.print(f"project {made.name} in {made.folder}:", soft_wrap=True)
    for file in made.files:
        console.print(f"  {file}")
    console.print(
        f"Next: cd {shlex.quote(str(folder))}; hubstack up    deploys stack dev to {made.context}",
        soft_wrap=True,
    )  # fmt: skip


@app.command()
def up(
    stack: StackOption = "dev",
    mode: ModeOption = None,
    values: ValuesOption = None,
    values_key: ValuesKeyOption = None,
    context: ContextOption = None,
    cluster: ClusterOption = "sim",
    kubeconfig: options.KubeconfigOption = None,
    yes: options.YesOption = False,
    take_fields: TakeFieldsOption = False,
    timeout: Annotated[
        str | None, typer.Option(help="Stop the update after so long, such as 30m; the next one goes on with it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring JupyterHub up: tools, embedded cluster, `pulumi up`. Anywhere else, say what changes and ask first."""
    from hubstack import deadline
    from hubstack.commands import changes, session
    from hubstack.project import stacks

    limit = _limit(timeout)
    started = time.monotonic()
    console = _console(as_json)
    chosen = stacks.select(
        stack, mode=mode, values=tuple(values or ()), values_key=values_key, context=context, kubeconfig=kubeconfig
    )
    approve = changes.approval(chosen, console, yes=yes)
    run = session.open_session(
        stack, mode, tuple(values or ()), context, cluster, console, kubeconfig, values_key=values_key
    )
    with deadline.limited(limit):
        report = run.updater.up(approve, take_fields=take_fields)
    facts = {
        "stack": run.stack.name,
        "mode": run.stack.mode,
        "url": run.reachable(report.outputs.get("url")),
        "namespace": run.stack.namespace,
        "context": run.stack.context,
        "simulated": run.is_simulated,
        "changed": report.changed,
        "changes": report.changes,
        "seconds": round(time.monotonic() - started, 1),
    }
    if as_json:
        terminal.write_json(facts)
        return
    simulated = " (simulated)" if run.is_simulated else ""
    table = Table(show_header=False, title=f"JupyterHub is up{simulated}" if report.changed else "No changes")
    for key in ("mode", "url", "namespace", "context"):
        table.add_row(key, str(facts[key] or ""))
    table.add_row("resources", ", ".join(f"{count} {what}" for what, count in sorted(report.changes.items())))
    table.add_row("time", f"{facts['seconds']} s")
    console.print(table)
    if host := run.stands_in_for(report.outputs.get("url")):
        console.print(f"The values name {host}; this is a trial, and not what answers there.", soft_wrap=True)
    for line in session.next_steps(run):
        console.print(line, soft_wrap=True)


@app.command()
def preview(
    stack: StackOption = "dev",
    mode: ModeOption = None,
    values: ValuesOption = None,
    values_key: ValuesKeyOption = None,
    context: ContextOption = None,
    cluster: ClusterOption = "sim",
    kubeconfig: options.KubeconfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what `up` would change, field by field, and change nothing."""
    from hubstack.commands import changes, session
    from hubstack.lifecycle import admission_guard, hand_changes

    console = _console(as_json)
    run = session.open_session(
        stack, mode, tuple(values or ()), context, cluster, console, kubeconfig, values_key=values_key
    )
    if switch := run.updater.switching():
        if as_json:
            terminal.write_json({"stack": run.stack.name, "switch": switch})
        else:
            console.print(switch, soft_wrap=True)
        return
    found = hand_changes.find(run.updater, run.updater.checkpoint(), {})
    if found.conflicts:
        raise hand_changes.refusal(run.stack.name, found)
    report = run.updater.preview()
    if as_json:
        facts = {"stack": run.stack.name, "changed": report.changed, "changes": report.changes}
        terminal.write_json({**facts, "objects": [each.as_dict() for each in report.differences]})
    else:
        changes.show(report, console)
    for doubt in (*admission_guard.doubts(run.stack), *found.warnings):
        _warning(doubt)


@app.command()
def down(
    keep_cluster: Annotated[bool, typer.Option(help="Destroy the stacks, leave the embedded cluster running.")] = False,
) -> None:
    """Destroy every stack that `up` deployed to the embedded cluster, then stop the cluster."""
    from hubstack.commands import session

    session.close_all(_console(False), keep_cluster=keep_cluster)


@app.command()
def destroy(
    stack: options.StackName,
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Leave volumes, namespace and tokens; `up` brings the hub back.")
    ] = False,
    delete_data: Annotated[
        bool, typer.Option("--delete-data", help="Delete everything; hubstack:protectData must be false.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Destroy one stack. If it has data, say what becomes of that; without it, lists the data and changes nothing."""
    from hubstack.commands import session
    from hubstack.lifecycle import destroy as destruction
    from hubstack.project import stacks

    console = _console(as_json)
    run = session.open_deployed(stack, console)
    report = destruction.destroy(run.updater, keep=keep_data, delete=delete_data)
    if not keep_data:
        stacks.forget(run.stack)
    if as_json:
        terminal.write_json({"stack": run.stack.name, "changes": report.changes})


@app.command()
def manifests(
    values: Annotated[list[Path] | None, typer.Option("--values", "-f", help="z2jh values file, repeatable.")] = None,
    values_key: ValuesKeyOption = None,
    stack: options.StackToRender = None,
    namespace: options.RenderedNamespace = None,
    release: options.RenderedRelease = None,
    kube_version: Annotated[str, typer.Option(help="Kubernetes version to render for.")] = "1.36.1",
    output: Annotated[str, typer.Option("--output", "-o", help="'-' for standard output, or a folder.")] = "-",
    tokens: Annotated[
        Path | None,
        typer.Option(help="File of `hubstack tokens new`, or '-' for standard input; with --batch, a folder of them."),
    ] = None,
    placeholder_tokens: Annotated[
        bool,
        typer.Option(
            "--placeholder-tokens", help="Put texts that no hub accepts where tokens are missing; only to look."
        ),
    ] = False,
    batch: Annotated[
        Path | None, typer.Option(help="Render each values file of this folder to a file of the output folder.")
    ] = None,
) -> None:
    """Print the native objects as YAML, with neither engine nor cluster."""
    from hubstack import manifests as rendering
    from hubstack import token_file
    from hubstack.commands import of_stack

    if batch:
        if output == "-" or values or stack:
            raise HubstackError("--batch DIR goes with --output DIR, and without --values and --stack")
        place, named = namespace or "jhub", release or "jhub"
        written, errors = rendering.render_batch(
            batch,
            Path(output),
            place,
            named,
            kube_version,
            tokens,
            _warning,
            placeholders=placeholder_tokens,
            values_key=values_key,
        )
        for error in errors:
            _errors(error)
        _console(True).print(f"{len(written)} files rendered to {output}, {len(errors)} refused")
        if errors:
            raise typer.Exit(1)
        return
    given = token_file.read(tokens, _warning) if tokens else None
    with of_stack.chosen(stack, values or [], values_key, namespace, release, _warning) as chosen:
        objects = rendering.render_manifests(
            chosen.values,
            chosen.namespace,
            chosen.release,
            kube_version,
            given,
            _warning,
            placeholders=placeholder_tokens,
            values_key=chosen.values_key,
        )
    if output == "-":
        sys.stdout.write(rendering.to_stream(objects))
    else:
        files = rendering.write_files(objects, Path(output))
        _console(True).print(f"{len(files)} objects written to {output}, a file for each", soft_wrap=True)


@app.command()
def parity(
    values: Annotated[list[Path] | None, typer.Option("--values", "-f", help="z2jh values file, repeatable.")] = None,
    values_key: ValuesKeyOption = None,
    stack: options.StackToRender = None,
    namespace: options.RenderedNamespace = None,
    release: options.RenderedRelease = None,
    kube_version: Annotated[str, typer.Option(help="Kubernetes version to render for.")] = "1.36.1",
    chart_version: Annotated[str, typer.Option(help="Chart version to compare with.")] = "4.4.0",
    chart: Annotated[Path | None, typer.Option(help="A chart archive or folder to compare with.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what mode native makes of some values with what Helm makes. Exit code 2 if they differ."""
    from hubstack.commands import of_stack
    from hubstack.parity import check
    from hubstack.parity.rendering import Input

    console = _console(as_json)
    for file in values or []:
        if not file.is_file():
            raise HubstackError(f"values file {str(file)!r}: no such file")
    with of_stack.chosen(stack, values or [], values_key, namespace, release, _warning) as chosen:
        wanted = Input(tuple(chosen.values), chosen.namespace, chosen.release, kube_version, chosen.values_key)
        result = check.check(wanted, version=chart_version, chart=chart, console=console)
    if as_json:
        terminal.write_json(result.as_dict())
    else:
        check.show(result, console)
    if not result.equal:
        raise typer.Exit(2)


@app.command()
def review(
    base: Annotated[str | None, typer.Option(help="Revision to compare with. Default: origin/main or main.")] = None,
    stack: Annotated[list[str] | None, typer.Option("--stack", "-s", help="Only this stack, repeatable.")] = None,
    form: Annotated[str, typer.Option("--format", help="markdown, json, text or html.")] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write instead of printing.")] = None,
    accept: Annotated[list[str] | None, typer.Option(help="RULE=REASON: let a rule that blocks pass.")] = None,
    labels: Annotated[
        str, typer.Option(help="Labels of the pull request, as JSON or with commas; accept:RULE lets a rule pass.")
    ] = "",
    engine: Annotated[
        bool, typer.Option("--engine", help="Also run the real preview against each stack's cluster and backend.")
    ] = False,
    dry_run: Annotated[
        list[str] | None,
        typer.Option(
            metavar="embedded|CONTEXT",
            help="Ask an API server's dry run about what changes: one made for the review, or that of a kubeconfig's "
            "context about the stacks on it. Repeatable.",
        ),
    ] = None,
    allow_chart_repository: Annotated[
        list[str] | None,
        typer.Option(help="Chart repository that may be asked although no stack of the base names it, repeatable."),
    ] = None,
) -> None:
    """Say in words what the work tree's settings will do to every hub. Exit codes: 0 nothing, 2 changes, 3 blocked."""
    from hubstack.review import accepting
    from hubstack.review import review as reviewing

    accepted = {**accepting.from_labels(labels), **accepting.from_pairs(accept or [])}
    console = _console(True)
    open_updater = None
    if engine:
        from hubstack.commands import session

        open_updater = session.previewer(console)
    report, redactor = reviewing.review(
        project.ROOT,
        base,
        stack or [],
        accepted,
        console,
        open_updater=open_updater,
        repositories=allow_chart_repository or [],
        dry_run=dry_run or [],
    )
    text = reviewing.written(report, redactor, form)
    if output:
        output.write_text(text, encoding="utf-8")
    elif form == "json":
        sys.stdout.write(json_without_commands(text))
    else:
        terminal.write(text)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


@app.command()
def adopt(
    context: Annotated[str, typer.Option(help="kubeconfig context of the cluster.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Namespace of the release.")],
    release: Annotated[str, typer.Option(help="Name of the Helm release.")],
    stack: Annotated[str, typer.Option("--stack", "-s", help="Name of the stack to write: Pulumi.<stack>.yaml.")],
    mode: Annotated[str | None, typer.Option(help="native or helm. Default: native if its chart version fits.")] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="kubeconfig that has the context.")] = None,
    secrets_provider: SecretsProviderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Describe a hub that Helm deployed as a stack; changes nothing on the cluster."""
    from hubstack.migration import adopt as adoption

    console = _console(as_json)
    result = adoption.adopt(
        adoption.Request(stack, context, namespace, release, mode, kubeconfig, secrets_provider), console
    )
    if as_json:
        terminal.write_json(result.as_dict())
    else:
        adoption.show(result, stack, console)


@app.command()
def recover(
    stack: Annotated[str, typer.Option("--stack", "-s", help="Stack whose state is lost: Pulumi.<stack>.yaml.")],
    as_json: JsonOption = False,
) -> None:
    """Go on with a running hub whose stack's state is lost; changes nothing on the cluster."""
    from hubstack.commands import session
    from hubstack.migration import recover as recovery

    console = _console(as_json)
    run = session.engine_on(stack, console)
    result = recovery.recover(run.updater)
    if as_json:
        terminal.write_json(result.as_dict())
    else:
        recovery.show(result, console)


@app.command()
def release(
    stack: options.StackName,
    as_json: JsonOption = False,
) -> None:
    """Hand a hub back to Helm: the cluster keeps every object, Helm has them as a release, the stack is gone."""
    from hubstack.commands import session
    from hubstack.migration import hand_back
    from hubstack.project import stacks

    console = _console(as_json)
    run = session.open_deployed(stack, console)
    done = hand_back.hand_back(run.updater)
    stacks.forget(run.stack)
    if as_json:
        terminal.write_json(done.__dict__)
        return
    for line in hand_back.next_steps(run.stack, done):
        console.print(line, soft_wrap=True)


@app.command("move-token-key")
def move_token_key() -> None:
    """For a program of one's own: state of an earlier version in, state with the key of the tokens moved out.

    pulumi stack export | hubstack move-token-key | pulumi stack import
    """
    from hubstack.engine import token_key

    sys.stdout.write(token_key.moved_export(sys.stdin.read()))


@app.command()
def tools() -> None:
    """Find or download every external program, and say where each came from."""
    from hubstack.commands import session
    from hubstack.engine import environment

    console = _console(False)
    found = session.all_tools(console)
    host = environment.language_host(found)
    table = Table("tool", "version", "path")
    table.columns[2].overflow = "fold"
    for name, path in found.items():
        table.add_row(name, "stand-in" if name in found.stand_ins else found.version(name), str(path))
    table.add_row(environment.LANGUAGE_HOST, "", str(host or "not here; only a plain `pulumi up` needs it"))
    console.print(table)


def _limit(timeout: str | None) -> int | None:
    """Seconds of the option --timeout."""
    from hubstack.fleet import duration

    try:
        return duration.seconds(timeout) or None if timeout else None
    except ValueError as error:
        raise HubstackError(f"--timeout: {error}") from None


def _console(as_json: bool) -> Console:
    """Progress goes to standard error when standard output carries JSON."""
    return Terminal(stderr=as_json)


def _errors(error: object) -> None:
    Terminal(stderr=True).print(Text.assemble(("error:", "red"), f" {error}"), soft_wrap=True)


def _warning(doubt: object) -> None:
    Terminal(stderr=True).print(Text.assemble(("warning:", "yellow"), f" {doubt}"), soft_wrap=True)


def main() -> Any:
    """Run the command line; every error ends it in words."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended like Ctrl-C: the engine writes its state first
    try:
        app(standalone_mode=True)
    except Exception as error:
        _errors(ending.told(error))
        sys.exit(1)
    except KeyboardInterrupt:
        Terminal(stderr=True).print("interrupted; run the same command again to continue")
        sys.exit(130)


if __name__ == "__main__":
    main()
