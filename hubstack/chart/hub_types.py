"""Settings of traits by values of a type that the hub's classes do not take: it, or no server, would start then.

What each trait takes is in `hub_classes.TABLE`, which a test compares with the packages themselves. Helm and the chart
take whatever stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hubstack.chart import hub_classes, sizes
from hubstack.chart.described import described
from hubstack.chart.values_tree import at

Path = tuple[str, ...]
Hidden = Callable[[Path], bool]

_SPAWNER = "Spawner"
_TAKEN_OUT = frozenset({
    ("JupyterHub", "proxy_auth_token"), ("JupyterHub", "cookie_secret"), ("CryptKeeper", "keys"),
    ("ConfigurableHTTPProxy", "auth_token"),
})  # fmt: skip
"""Tokens, which the chart hands to the hub by its Secret; `token_rules` tells of them."""
_WORDS = {
    "s": "text",
    "b": "true or false",
    "i": "a whole number",
    "f": "a number",
    "L": "a list of texts",
    "l": "a list",
    "m": "a map",
    "n": "null",
}
"""What the letters of the table mean."""


def doubts(tree: Mapping[str, Any], hidden: Hidden) -> Iterator[tuple[Path, str]]:
    """Path and message of each setting below ``hub.config`` that its class would refuse.

    Arguments:
        tree: the merged values.
        hidden: whether the value at a path must not be shown.
    """
    config = at(tree, "hub", "config")
    if not isinstance(config, Mapping) or not hub_classes.brings_none(tree):
        return
    words = hub_classes.mentioned(tree)
    for section, traits in config.items():
        if not isinstance(traits, Mapping) or section in words:
            continue
        consequence = "no server would start" if is_spawner(section) else "the hub would not start"
        for trait, value in traits.items():
            path = ("hub", "config", section, trait)
            judged = trait not in words and (section, trait) not in _TAKEN_OUT
            if judged and (fault := refusal(section, trait, value, hide=hidden(path))):
                yield path, f"{fault}; {consequence}"


def is_spawner(section: str) -> bool:
    """Whether the traits of a section are those of users' servers."""
    return _SPAWNER in hub_classes.family(section)


def refusal(section: str, trait: str, value: Any, *, hide: bool = False) -> str | None:
    """Why a class refuses a value of a trait; None where it takes it, or nobody knows."""
    if is_spawner(section) and trait in sizes.TRAITS:
        return sizes.refusal(value)
    allowed = hub_classes.takes(section, trait)
    if not allowed or any(_fits(value, letters) for letters in allowed):
        return None
    letters = max(allowed, key=len)
    wanted = " or ".join(_WORDS[each] for each in _told(letters))
    hint = _hint(value, letters, hide=hide)
    return f"{described(value, hide=hide)} is not allowed; must be {wanted or 'set by code'}{hint}"


def _told(letters: str) -> list[str]:
    """What to name of all that is taken: of numbers one kind, and not that true is one, too."""
    hidden = {"b"} if set(letters) & set("if") else set()
    return [each for each in letters if each in _WORDS and each not in hidden and not (each == "i" and "f" in letters)]


def _fits(value: Any, letters: str) -> bool:
    if not letters:
        return True
    if isinstance(value, list):
        return "l" in letters or ("L" in letters and all(isinstance(each, str) for each in value))
    return _letter(value) in letters or (value in (0, 1) and "b" in letters)  # traitlets takes these for truth values


def _letter(value: Any) -> str:
    """The letter of a value's type that is no list."""
    if value is None:
        return "n"
    if isinstance(value, bool):
        return "b"
    return {int: "i", float: "f", str: "s"}.get(type(value), "m")


def _hint(value: Any, letters: str, *, hide: bool) -> str:
    """How to write what was meant."""
    if isinstance(value, str) and not hide:
        if set(letters) & set("lL"):
            return f", such as [{', '.join(each.strip() for each in value.split(','))}]"
        if "b" in letters and value.lower() in ("true", "false", "yes", "no", "on", "off"):
            return ", without quotes"
        if "i" in letters and value.lstrip("-").isdigit():
            return ", without quotes"
    if isinstance(value, list) and "L" in letters and not hide:
        odd = next(each for each in value if not isinstance(each, str))
        return f"; {described(odd)} in it is none: put it in quotes"
    if not isinstance(value, dict | list) and value is not None and letters in ("s", "sn"):
        return "; put it in quotes"
    return ""
