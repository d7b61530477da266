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
StackOption = Annotated[
    str,
    typer.Option(
        "--stack",
        "-s",
        help="Stack file to start from: Pulumi.<stack>.yaml.",
        autocompletion=stack_names,
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
