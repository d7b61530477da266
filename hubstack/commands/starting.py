"""`hubstack new` and `tools`: what one has before there is a stack."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from hubstack.commands import options, printing


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make; files in it stay as they are.")],
    name: Annotated[str | None, typer.Option(help="Name of the Pulumi project. Default: the folder's.")] = None,
    context: Annotated[
        str | None, typer.Option(help="kubeconfig context that stack dev deploys to. Default: the embedded cluster.")
    ] = None,
    secrets_provider: options.SecretsProviderOption = None,
) -> None:
    """Make a small project of one's own: settings, program, fleet file and workflows."""
    from hubstack.project import new as making

    made = making.make(folder, name, context, secrets_provider)
    console = printing.console(False)
    console.print(f"project {made.name} in {made.folder}:", soft_wrap=True)
    for file in made.files:
        console.print(f"  {file}")
    console.print(
        f"Next: cd {shlex.quote(str(folder))}; hubstack up    deploys stack dev to {made.context}",
        soft_wrap=True,
    )  # fmt: skip


def tools() -> None:
    """Find or download every external program, and say where each came from."""
    from hubstack.commands import session
    from hubstack.engine import environment

    console = printing.console(False)
    found = session.all_tools(console)
    host = environment.language_host(found)
    table = Table("tool", "version", "path")
    table.columns[2].overflow = "fold"
    for name, path in found.items():
        table.add_row(name, "stand-in" if name in found.stand_ins else found.version(name), str(path))
    table.add_row(environment.LANGUAGE_HOST, "", str(host or "not here; only a plain `pulumi up` needs it"))
    console.print(table)
