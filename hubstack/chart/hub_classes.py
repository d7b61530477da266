"""Classes and traits that ``hub.config`` names and the hub's image does not have, told without importing JupyterHub.

The table ``hub_classes.json`` has what the image of this chart version brings; a test compares it with the packages
themselves. JupyterHub ignores a trait that it does not know, and says so in a log that nobody reads, so these are
warnings. Only what can be known is said: nothing with an image of one's own, or for a name that one's code mentions.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path as File
from typing import Any

from hubstack.chart.snippets import snippets
from hubstack.chart.values import ChartValues
from hubstack.chart.values_tree import at

Path = tuple[str, ...]
Hidden = Callable[[Path], bool]

TABLE = File(__file__).with_name("hub_classes.json")
AUTHENTICATOR: Path = ("hub", "config", "JupyterHub", "authenticator_class")

_BRINGS_CODE = ("extraFiles", "extraVolumes", "extraVolumeMounts", "initContainers", "command", "args", "extraPodSpec")
"""Settings of the hub that can add Python modules to its image."""


def doubts(tree: Mapping[str, Any], hidden: Hidden) -> Iterator[tuple[Path, str]]:
    """Path and message of each name that the hub's image does not have.

    Arguments:
        tree: the merged values.
        hidden: whether the value at a path must not be shown.
    """
    hub = tree.get("hub")
    if not isinstance(hub, Mapping) or not _upstream_image(hub.get("image")):
        return
    config = hub.get("config")
    sections = config if isinstance(config, Mapping) else {}
    wanted = at(sections, "JupyterHub", "authenticator_class")
    words = mentioned(tree)
    brings = any(hub.get(key) for key in _BRINGS_CODE)
    foreign = brings or "authenticator_class" in words or hidden(AUTHENTICATOR) or _is_foreign(wanted)
    if isinstance(wanted, str) and not (brings or hidden(AUTHENTICATOR) or wanted.rpartition(".")[2] in words):
        yield from ((AUTHENTICATOR, doubt) for doubt in _authenticator_doubts(wanted))
    for name, traits in sections.items():
        if isinstance(traits, Mapping) and name not in words:
            yield from _section_doubts(name, traits.keys() - words, brings=brings, foreign=foreign)


def _section_doubts(name: str, traits: Iterable[str], *, brings: bool, foreign: bool) -> Iterator[tuple[Path, str]]:
    """Doubts about one class of ``hub.config``.

    Arguments:
        name: the class.
        traits: what is set of it, without what one's own code mentions.
        brings: whether there may be modules that the image has not.
        foreign: whether the authenticator may be a class that the table has not.
    """
    path, known = ("hub", "config", name), _table()["classes"]
    if name not in known:
        if not (brings or foreign):
            yield path, f"{_IGNORED.format('the hub has no class of this name')}{_near(name, known)}"
    elif not (brings or (foreign and "Authenticator" in (name, *_ancestors(name)))):
        for trait in sorted(set(traits) - traits_of(name)):
            yield (*path, trait), f"{_IGNORED.format(f'{name} has no such trait')}{_near(trait, traits_of(name))}"


_IGNORED = "{}, so JupyterHub ignores this"


def _upstream_image(image: Any) -> bool:
    """Whether this is the image of the chart, perhaps from a registry of one's own."""
    default = ChartValues.shared_defaults()["hub"]["image"]
    if not isinstance(image, Mapping):
        return False
    upstream = (default["name"].rpartition("/")[2], default["tag"])
    return (str(image.get("name")).rpartition("/")[2], image.get("tag")) == upstream


def _is_foreign(wanted: Any) -> bool:
    """Whether an authenticator may be one that the table does not describe."""
    if not isinstance(wanted, str):
        return wanted is not None
    return wanted.lower() not in _table()["authenticators"] and wanted.rpartition(".")[2] not in _table()["classes"]


def _authenticator_doubts(wanted: str) -> Iterator[str]:
    """What is wrong with the name of an authenticator: a registered name in any case, or the path of a class."""
    table = _table()
    module, _, name = wanted.rpartition(".")
    package = module.split(".")[0]
    if wanted.lower() in table["authenticators"]:
        return
    if not module:
        by_class = {found: short for short, found in table["authenticators"].items()}
        hint = f"; did you mean {by_class[wanted]!r}?" if wanted in by_class else _near(wanted, table["authenticators"])
        yield f"{wanted!r} is no authenticator that the hub has; it would not start{hint}"
    elif package not in table["packages"]:
        yield f"the hub has no module {package!r} for {wanted!r}; it would not start"
    elif name not in table["classes"]:
        yield f"{wanted!r}: the hub's {package} has no such class; it would not start{_near(name, table['classes'])}"


def takes(name: str, trait: str) -> list[str]:
    """Which JSON the traits of this name take that a section sets: of the class or what it inherits from, else of what
    inherits from it. Letters as in the table: text, bool, integer, float, list, list of texts (L), map, null; blank for
    any.
    """
    classes = _table()["classes"]
    own = [found[trait] for each in family(name) if trait in (found := classes.get(each, {"traits": {}})["traits"])]
    return own or [
        found["traits"][trait]
        for each, found in classes.items()
        if name in _ancestors(each) and trait in found["traits"]
    ]


def traits_of(name: str) -> frozenset[str]:
    """Traits that a section may set: those of the class, of what it inherits from, and of what inherits from it."""
    classes = _table()["classes"]
    descendants = (each for each in classes if name in _ancestors(each))
    related = {*family(name), *descendants}
    return frozenset(trait for each in related for trait in classes.get(each, {"traits": ()})["traits"])


def family(name: str) -> frozenset[str]:
    """A class, and what it inherits from; a section of each sets traits of it."""
    return frozenset({name, *_ancestors(name)})


def class_of(authenticator: Any) -> str | None:
    """The class that ``authenticator_class`` means, by its name or its path; None for one that the table has not."""
    if not isinstance(authenticator, str):
        return None
    name = _table()["authenticators"].get(authenticator.lower()) or authenticator.rpartition(".")[2]
    return name if name in _table()["classes"] and name != authenticator else None


def brings_none(tree: Mapping[str, Any]) -> bool:
    """Whether the hub has the classes of the table, and no others."""
    hub = tree.get("hub")
    return isinstance(hub, Mapping) and _upstream_image(hub.get("image")) and not any(map(hub.get, _BRINGS_CODE))


def mentioned(tree: Mapping[str, Any]) -> frozenset[str]:
    """Words of one's own code, which may set or make right whatever it names."""
    return _words("\n".join(map(str, snippets(tree).values())))


def _ancestors(name: str) -> set[str]:
    bases = _table()["classes"].get(name, {"bases": ()})["bases"]
    return {each for base in bases for each in (base, *_ancestors(base))}


def _words(code: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", code))


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.7)
    return f"; did you mean {near[0]!r}?" if near else ""


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(TABLE.read_text())
    return table
