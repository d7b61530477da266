"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

ValuesKeyOption = Annotated[
    str | None,
    typer.Option(help="Where files of a parent chart have the hub's values, such as basehub.jupyterhub."),
]
