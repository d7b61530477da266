"""What the hub's own classes take, asked in the hub's own Python; no test imports this.

Reads a list of JSON values from standard input. Prints, for each trait of each class, whether it takes each of them;
and, for each registered authenticator, whether it lets somebody in who is named nowhere; null where that needs more.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import sys
import warnings
from importlib.metadata import entry_points
from typing import Any

from classes import below, load
from traitlets import HasTraits, TraitError
from traitlets.config import Configurable


def takes(trait: Any, value: Any) -> bool:
    """Whether a trait takes a value."""
    if value is None and trait.allow_none:
        return True
    try:
        if hasattr(trait, "validate"):
            trait.validate(HasTraits(), value)
    except (TraitError, TypeError):  # JupyterHub reads the end of a size, whatever it is
        return False
    return True


async def lets_in(authenticator: Any) -> bool | None:
    """Whether an authenticator without any setting lets somebody in."""
    try:
        answer = authenticator().check_allowed("somebody", {"name": "somebody", "admin": None, "auth_state": {}})
        return bool(await answer if inspect.isawaitable(answer) else answer)
    except Exception:
        return None


def main() -> None:
    """Ask all of them."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    values = json.load(sys.stdin)
    load()
    traits = {
        each.__name__: {
            name: [takes(trait, value) for value in values] for name, trait in each.class_traits(config=True).items()
        }
        for each in below(Configurable)
    }
    loaded = {}
    for entry in entry_points(group="jupyterhub.authenticators"):
        try:
            loaded[entry.name] = entry.load()
        except ImportError:
            continue
    people = {name: asyncio.run(lets_in(found)) for name, found in loaded.items()}
    print(json.dumps({"traits": traits, "people": people}))


main()
