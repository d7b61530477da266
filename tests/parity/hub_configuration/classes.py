"""Describes the classes that the hub's packages bring, in the hub's own Python; prints hubstack/chart/hub_classes.json.

Run it, with the interpreter that environment.python() gives, after a change of the hub image's requirements.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import pkgutil
import warnings
from importlib.metadata import entry_points
from typing import Any

from traitlets.config import Configurable

PACKAGES = (
    "firstuseauthenticator",
    "hmacauthenticator",
    "jupyterhub",
    "kubespawner",
    "ldapauthenticator",
    "ltiauthenticator",
    "nativeauthenticator",
    "oauthenticator",
    "tmpauthenticator",
)
"""Where a hub's configurable classes come from."""


def load() -> None:
    """Import every module, so that every class is there; those that need what the hub lacks are left out."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}.", onerror=lambda _: None):
            if {"tests", "singleuser", "alembic", "__main__"} & set(module.name.split(".")):
                continue
            with contextlib.suppress(Exception, SystemExit):
                importlib.import_module(module.name)


def below(base: type) -> set[type]:
    """All classes that are derived from a class."""
    return {each for child in base.__subclasses__() for each in (child, *below(child))}


TAKES = {"Unicode": "s", "Bool": "b", "Int": "bi", "Integer": "bi", "Float": "bif", "Set": "l", "List": "l",
         "Dict": "m", "Command": "sl", "Callable": "-"}  # fmt: skip
"""Of traitlets' own types, and JupyterHub's Command, which JSON they take: text, bool, integer, float, list, map."""


def takes(trait: Any) -> str:
    """Which JSON a trait takes: letters of `TAKES`, ``L`` for a list of texts alone, ``n`` for null; blank for any."""
    kind = type(trait).__name__
    if kind == "Union":
        members = [takes(each) for each in trait.trait_types]
        found = "".join(sorted(set("".join(members)))) if all(members) else ""
    else:
        found = TAKES.get(kind, "")
        if kind in ("List", "Set") and type(getattr(trait, "_trait", None)).__name__ == "Unicode":
            found = "L"
    return f"{found}n" if found and trait.allow_none and "n" not in found else found


def describe() -> dict[str, Any]:
    """The table."""
    load()
    authenticators = {}
    for entry in entry_points(group="jupyterhub.authenticators"):
        found = entry.load()
        authenticators[entry.name] = found.__name__
    classes = {}
    for each in sorted(below(Configurable), key=lambda each: each.__name__):
        bases = [
            base.__name__ for base in each.__bases__ if issubclass(base, Configurable) and base is not Configurable
        ]
        inherited = {name for base in each.__bases__ for name in getattr(base, "class_trait_names", dict)(config=True)}
        own = sorted(set(each.class_trait_names(config=True)) - inherited)
        found = each.class_traits()
        classes[each.__name__] = {"bases": bases, "traits": {name: takes(found[name]) for name in own}}
    return {"packages": PACKAGES, "authenticators": dict(sorted(authenticators.items())), "classes": classes}


if __name__ == "__main__":
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = describe()
    lines = [f" {json.dumps(name)}: {json.dumps(found)}" for name, found in table.pop("classes").items()]
    print(json.dumps(table)[:-1] + ', "classes": {\n' + ",\n".join(lines) + "\n}}")
