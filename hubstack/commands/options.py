"""Options that several commands have alike."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from hubstack import project
from hubstack.safe_text import visible


def say_version(wanted: bool) -> None:
    """End with the version, where it was asked for."""
    if wanted:
        print(f"hubstack {version('hubstack')}")
        raise typer.Exit


def stack_names(incomplete: str) -> list[str]:
    """Names of the project's stacks that begin with a text, for the shell's completion."""
    names = (file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in project.ROOT.glob("Pulumi.*.yaml"))
    return sorted(visible(name) for name in names if name.startswith(incomplete))


StackName = Annotated[
    str, typer.Option("--stack", "-s", help="Stack file: Pulumi.<stack>.yaml.", autocompletion=stack_names)
]
KubeconfigOption = Annotated[
    Path | None, typer.Option(help="kubeconfig that has the context. Default: the stack's, else the usual places.")
]
YesOption = Annotated[
    bool, typer.Option("--yes", "-y", envvar="HUBSTACK_YES", help="Do not ask before changing a stack; for scripts.")
]

StackToRender = Annotated[
    str | None,
    typer.Option(
        "--stack", "-s", help="Stack whose values, namespace and release name it has.", autocompletion=stack_names
    ),
]
RenderedNamespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace of the JupyterHub. Default: the stack's, else jhub.")
]
RenderedRelease = Annotated[
    str | None,
    typer.Option(help="Release name; part of labels and cluster-wide names. Default: the stack's, else jhub."),
]
ValuesKeyOption = Annotated[
    str | None,
    typer.Option(help="Where files of a parent chart have the hub's values, such as basehub.jupyterhub."),
]
