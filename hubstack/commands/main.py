"""The command line: which command is where; each is in a module beside this one, and none does the work itself."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hubstack import project
from hubstack.commands import deploying, ending, migrating, options, printing, rendering, reviewing, starting
from hubstack.commands.capacity import capacity, pools_app
from hubstack.commands.cluster import app as cluster_app
from hubstack.commands.doctor import doctor
from hubstack.commands.drift import drift
from hubstack.commands.help import App
from hubstack.commands.policy import app as policy_app
from hubstack.commands.rollout import app as rollout_app
from hubstack.commands.shell import env, pulumi
from hubstack.commands.tokens import app as tokens_app
from hubstack.errors import TRACEBACKS
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


for each in (
    starting.new, deploying.up, deploying.preview, deploying.down, deploying.destroy, reviewing.review, doctor, drift,
    capacity, rendering.manifests, rendering.parity, migrating.adopt, migrating.recover, migrating.release, env, pulumi,
    starting.tools,
):  # fmt: skip
    app.command()(each)
app.command("move-token-key")(migrating.move_token_key)
app.add_typer(rollout_app, name="rollout")
app.add_typer(policy_app, name="policy")
app.add_typer(pools_app, name="pools")
app.add_typer(tokens_app, name="tokens")
app.add_typer(cluster_app, name="cluster")


def main() -> Any:
    """Run the command line; every error ends it in words."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended like Ctrl-C: the engine writes its state first
    try:
        app(standalone_mode=True)
    except Exception as error:
        printing.error(ending.told(error))
        sys.exit(1)
    except KeyboardInterrupt:
        Terminal(stderr=True).print("interrupted; run the same command again to continue")
        sys.exit(130)


if __name__ == "__main__":
    main()
