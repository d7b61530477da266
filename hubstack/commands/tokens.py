"""`hubstack tokens new`: the tokens of a hub whose objects somebody else deploys."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from hubstack import project
from hubstack.commands.help import App
from hubstack.commands.options import ValuesKeyOption
from hubstack.errors import HubstackError
from hubstack.terminal import Terminal

app = App(help="Tokens for objects that `hubstack manifests` renders.")


@app.callback()
def tokens() -> None:
    """Tokens for objects that `hubstack manifests` renders. A stack keeps its own in its state."""


@app.command()
def new(
    output: Annotated[str, typer.Option("--output", "-o", help="A new file, or '-' for standard output.")],
    values: Annotated[
        list[Path] | None, typer.Option("--values", "-f", help="z2jh values file, repeatable: names the services.")
    ] = None,
    values_key: ValuesKeyOption = None,
    stack: Annotated[str | None, typer.Option("--stack", "-s", help="Stack whose settings name the services.")] = None,
) -> None:
    """Make tokens for all that the values leave open, for `hubstack manifests --tokens`. Overwrites nothing."""
    from hubstack import settings, token_file
    from hubstack.chart.load import load_values
    from hubstack.project import stacks

    if stack and values:
        raise HubstackError("--stack and --values both say which services there are; give one of them")
    if stack:
        parsed = settings.parse(stacks.entries(stacks.select(stack).settings), set())
        tree = settings.resolve(parsed, project.ROOT).loaded.tree
    else:
        tree = load_values(values or [], values_key=values_key).tree
    text = token_file.new(tree)
    if output == "-":
        sys.stdout.write(text)
        return
    file = Path(output)
    token_file.write(file, text)
    if _is_seen_by_git(file):
        warning = f"git does not ignore {file}: encrypt it, or list it in .gitignore, before the next commit"
        Terminal(stderr=True).print(Text.assemble(("warning:", "yellow"), f" {warning}"), soft_wrap=True)


def _is_seen_by_git(file: Path) -> bool:
    """Whether a commit could take the file in."""
    git = ["git", "-C", str(file.absolute().parent), "check-ignore", "--quiet", "--", file.name]
    try:
        return subprocess.run(git, capture_output=True, check=False).returncode == 1  # 0: ignored; 128: no work tree
    except OSError:
        return False
