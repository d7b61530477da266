"""`hubstack manifests` and `parity`: objects without an engine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hubstack import terminal
from hubstack.commands import options, printing
from hubstack.errors import HubstackError


def manifests(
    values: Annotated[list[Path] | None, typer.Option("--values", "-f", help="z2jh values file, repeatable.")] = None,
    values_key: options.ValuesKeyOption = None,
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
            printing.warning,
            placeholders=placeholder_tokens,
            values_key=values_key,
        )
        for error in errors:
            printing.error(error)
        printing.console(True).print(f"{len(written)} files rendered to {output}, {len(errors)} refused")
        if errors:
            raise typer.Exit(1)
        return
    given = token_file.read(tokens, printing.warning) if tokens else None
    with of_stack.chosen(stack, values or [], values_key, namespace, release, printing.warning) as chosen:
        objects = rendering.render_manifests(
            chosen.values,
            chosen.namespace,
            chosen.release,
            kube_version,
            given,
            printing.warning,
            placeholders=placeholder_tokens,
            values_key=chosen.values_key,
        )
    if output == "-":
        sys.stdout.write(rendering.to_stream(objects))
    else:
        files = rendering.write_files(objects, Path(output))
        printing.console(True).print(f"{len(files)} objects written to {output}, a file for each", soft_wrap=True)


def parity(
    values: Annotated[list[Path] | None, typer.Option("--values", "-f", help="z2jh values file, repeatable.")] = None,
    values_key: options.ValuesKeyOption = None,
    stack: options.StackToRender = None,
    namespace: options.RenderedNamespace = None,
    release: options.RenderedRelease = None,
    kube_version: Annotated[str, typer.Option(help="Kubernetes version to render for.")] = "1.36.1",
    chart_version: Annotated[str, typer.Option(help="Chart version to compare with.")] = "4.4.0",
    chart: Annotated[Path | None, typer.Option(help="A chart archive or folder to compare with.")] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Compare what mode native makes of some values with what Helm makes. Exit code 2 if they differ."""
    from hubstack.commands import of_stack
    from hubstack.parity import check
    from hubstack.parity.rendering import Input

    console = printing.console(as_json)
    for file in values or []:
        if not file.is_file():
            raise HubstackError(f"values file {str(file)!r}: no such file")
    with of_stack.chosen(stack, values or [], values_key, namespace, release, printing.warning) as chosen:
        wanted = Input(tuple(chosen.values), chosen.namespace, chosen.release, kube_version, chosen.values_key)
        result = check.check(wanted, version=chart_version, chart=chart, console=console)
    if as_json:
        terminal.write_json(result.as_dict())
    else:
        check.show(result, console)
    if not result.equal:
        raise typer.Exit(2)
