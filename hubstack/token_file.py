"""Files with the tokens of a hub, for whoever deploys rendered objects: `hubstack tokens new`, `manifests --tokens`."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubstack import reading
from hubstack.chart import helm_yaml, token_rules
from hubstack.chart.errors import Problem, SettingsError
from hubstack.chart.release import TokenValues
from hubstack.chart.tokens import Place, places
from hubstack.errors import HubstackError

ALLOWED = ("proxyAuth", "cookieSecret", "cryptKeys", "services")
_MOST_CHARACTERS = 1_000_000
Warn = Callable[[Problem], None]


@dataclass(frozen=True)
class TokenFile:
    """A file of tokens."""

    source: str
    tokens: Mapping[str, str]
    """By key: `proxyAuth`, `services.announcer`."""


def read(file: Path, warn: Warn = lambda _: None) -> TokenFile:
    """Tokens from a YAML file with ``proxyAuth``, ``cookieSecret``, ``cryptKeys`` and ``services``.

    Arguments:
        file: the file; ``-`` for standard input.
        warn: told of a file that others can read, and of tokens that can be guessed.

    Raises:
        SettingsError: the file cannot be read, holds something else, or tokens that no hub takes; the message never
            shows a token.
    """
    is_piped = str(file) == "-"
    source = "standard input" if is_piped else str(file)
    try:
        text = sys.stdin.read(_MOST_CHARACTERS) if is_piped else reading.text(file)
    except reading.Unreadable as error:
        raise SettingsError([Problem(error.source, error.where, error.message)]) from None
    except UnicodeDecodeError:
        raise SettingsError([Problem(source, "", "cannot be read: it is not UTF-8 text")]) from None
    document = helm_yaml.load(text, source)
    if not isinstance(document, Mapping):
        raise SettingsError([Problem(source, "", f"must be a map with the keys {', '.join(ALLOWED)}")])
    problems = [
        Problem(source, str(key), f"unknown key; allowed: {', '.join(ALLOWED)}")
        for key in document
        if key not in ALLOWED
    ]
    services = document.get("services") or {}
    leaves = {key: document.get(key) for key in ALLOWED[:3]}
    if isinstance(services, Mapping):
        leaves.update({f"services.{name}": token for name, token in services.items()})
    else:
        problems.append(Problem(source, "services", "must be a map from a service's name to its token"))
    problems += [
        Problem(source, path, "must be text; quote it")
        for path, leaf in leaves.items()
        if leaf is not None and not (isinstance(leaf, str) and leaf)
    ]
    tokens = {key: leaf for key, leaf in leaves.items() if isinstance(leaf, str) and leaf}
    doubts: list[Problem] = []
    for fault in token_rules.faults({Place(key, tuple(key.split(".", 1))): text for key, text in tokens.items()}):
        (problems if fault.certain else doubts).append(Problem(source, fault.place.key, fault.message))
    if problems:
        raise SettingsError(problems)
    if not is_piped and file.stat().st_mode & 0o077:
        warn(Problem(source, "", "others on this machine can read these tokens; chmod 600 ends that"))
    for doubt in doubts:
        warn(doubt)
    return TokenFile(source, tokens)


def complete(
    tree: Mapping[str, Any], given: TokenFile | None, source: str, warn: Warn, *, placeholders: bool
) -> TokenValues:
    """The tokens that the values leave open.

    Arguments:
        tree: the merged values.
        given: tokens for them.
        source: what the values are called in an error.
        warn: told of tokens for services that the values do not have, and of placeholders.
        placeholders: whether a text that no hub accepts takes the place of a token that is missing.

    Raises:
        SettingsError: a token is missing, and there are to be no placeholders.
    """
    tokens = dict(given.tokens) if given else {}
    found = places(tree)
    for key in sorted(tokens.keys() - {place.key for place in found}):
        warn(Problem(given.source if given else "", key, "the values have no such service"))
    missing = [place for place, text in found.items() if text is None and place.key not in tokens]
    if missing and not placeholders:
        raise SettingsError(
            [Problem(source, "", _WAYS_OUT.format(", ".join(f"{p.key} ({p.setting})" for p in missing)))]
        )
    if missing:
        named = ", ".join(place.key for place in missing)
        doubt = f"placeholders, which no hub accepts, stand for {named}: look at these objects, do not deploy them"
        warn(Problem(source, "", doubt))
    tokens |= {place.key: placeholder(place) for place in missing}
    services = {place.key.partition(".")[2]: tokens.get(place.key) for place in found if "." in place.key}
    return TokenValues(tokens.get("proxyAuth"), tokens.get("cookieSecret"), tokens.get("cryptKeys"), services)


_WAYS_OUT = (
    "no token for {}. Whoever knows them administers the hub, so there are no defaults. Make them once with `hubstack "
    "tokens new --output tokens.yaml` and the same --values, and give --tokens tokens.yaml; or give "
    "--placeholder-tokens for objects that are only looked at."
)


PLACEHOLDER = "PLACEHOLDER"
"""What every such text begins with."""


def placeholder(place: Place) -> str:
    """A text that says what is missing, the same in every run, and that is no token to any program of a hub.

    White space keeps the proxy and the hub from accepting it, and the hub does not start with it as a cookie secret or
    a key (`chart.token_rules`).
    """
    return f"{PLACEHOLDER}: no token. Set {place.setting}, or {place.key} in the file of --tokens"


def new(tree: Mapping[str, Any]) -> str:
    """The text of a file with a token, from the system's randomness, for each that the values leave open.

    Arguments:
        tree: the merged values.
    """
    open_places = [place.key for place, text in places(tree).items() if text is None]
    document: dict[str, Any] = {key: secrets.token_hex(32) for key in open_places if "." not in key}
    services = {key.partition(".")[2]: secrets.token_hex(32) for key in open_places if "." in key}
    if services:
        document["services"] = services
    return _HEADER + helm_yaml.dump(document)


_HEADER = """\
# The tokens of one hub, for `hubstack manifests --tokens`. Whoever has them administers it: encrypt this file (SOPS,
# git-crypt, a secret store) before it goes anywhere else. New tokens log everybody out.
"""


def write(file: Path, text: str) -> None:
    """Write a new file that its owner alone can read.

    Raises:
        HubstackError: there is something of this name, which is left as it is; or the file cannot be written.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise HubstackError(
            f"{str(file)!r} exists and is left as it is: new tokens would log everybody out; name another file, or "
            "remove this one first"
        ) from None
    except OSError as error:
        raise HubstackError(f"{str(file)!r} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
