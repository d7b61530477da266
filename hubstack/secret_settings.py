"""Which settings are secrets, wherever somebody left them: known by their name, their place, or the form of a text."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

NAMES = r"passw(?:or)?d|passphrase|secret|token|credential|private[-_]?key|api[-_]?key|access[-_]?key|auth[-_]?key"
"""Words in the name of a setting that make it secret."""

LONGEST_WORD = 12
"""Characters from which a piece of a secret file is taken for a secret by itself."""

_BY_NAME = re.compile(NAMES, re.I)
_NO_SECRET = re.compile(
    r"(existingSecret|secretName|[pP]ullSecrets?(\.\d+)?(\.name)?$|secretSync|secretKeyRef|configMapKeyRef|secret\.(name|key|crt)|rotateTokens"
    r"|fieldRef|checksum/|automountServiceAccountToken|imagePullSecret\.(create|email|registry|username|automaticReferenceInjection))"
)
_ABOUT = re.compile(
    r"([-_]|(?<=[a-z]))(url|uri|endpoint|method|params|type|name|names|namespace|file|path|dir|header|prefix|scopes?|roles?|expiry"
    r"|expires([-_]?(in|at))?|lifetime|max[-_]?age|ttl|timeout|seconds|days|interval|length|bytes|policy|provider|backend"
    r"|algorithm|format|version|description|enabled|required|optional)$",
    re.I,
)
"""Ends of names that describe a secret without being one, such as ``token_url``."""
_BY_PLACE = re.compile(
    r"(^|\.)(proxy\.https\.manual\.key|hub\.config\.CryptKeeper\.keys.*|extraFiles\..+?\.(data|stringData|binaryData)(\..*)?)$"
)
_SNIPPET = re.compile(r"(^|\.)hub\.extraConfig\.")
"""Code, whose name says nothing about what is in it."""
_IN_FILE = re.compile(r"(^|\.)extraFiles\..+?\.")
_COLLECTION = re.compile(r"\.(\w*(tokens|passwords|secrets|credentials|api_?keys))\.", re.I)
_KEYS = re.compile(r"(^|\.)(api_tokens|service_tokens)$")
"""Maps of JupyterHub's whose keys are the secrets."""
_ELSEWHERE = re.compile(r"\s*(\$\(\w+\)|\$\{?\w+\}?|\{\{[^{}]*\}\})\s*")
"""A text that only says where the secret is, such as ``$(OTHER_VARIABLE)``."""

Place = tuple[str | int, ...]
"""Keys and list indexes that lead to a value."""

_QUOTED = re.compile(
    rf"""(?<![\w.-])([\w.-]{{0,200}}(?:{NAMES})[\w-]{{0,200}})["']?\]?\s*(?::\s*\w+\s*)?[=:,]\s*[rbfuRBFU]{{0,2}}(["'])(?P<value>(?:(?!\2)[^\\\n]|\\.){{4,}})\2""",
    re.I,
)
_VARIABLE = re.compile(
    rf"^[ \t]*(?:export[ \t]+|--?)?([\w-]{{0,200}}(?:{NAMES})[\w-]{{0,200}})=(?P<value>[^\s\"'(]\S*)[ \t]*\r?$",
    re.I | re.M,
)
_LINE = re.compile(
    rf"^[ \t]*(?:-[ \t]+)*[\"']?([\w.-]{{0,200}}(?:{NAMES})[\w-]{{0,200}})[\"']?[ \t]*:[ \t]+"
    r"(?P<value>\S.*?)[ \t]*\r?$",
    re.I | re.M,
)
_QUERY = re.compile(rf"[?&](\w{{0,200}}(?:{NAMES})\w{{0,200}})=(?P<value>[^&\s\"'#]+)", re.I)
_HEADER = re.compile(r"\b(?:bearer|basic|token)\s+(?P<value>(?=\S*\d)[\w.~+/=:%-]{8,})", re.I)
_SHAPE = re.compile(
    r"\b(?P<value>gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|AKIA[0-9A-Z]{16}|xox[abeoprs]-[\w-]{10,}"
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+|AIza[\w-]{30,}|hvs\.[\w-]{20,}|pul-[0-9a-f]{40})"
)
_PEM = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?P<value>(?:[^-]|-(?!----)){0,20000})-----END")
_URL_PASSWORD = re.compile(r"://[^:@/\s]*:(?P<value>[^@/\s]+)@")


def is_secret(path: str, declared: frozenset[str] = frozenset(), named: str = "") -> bool:
    """Whether the value at a path of the settings is secret: declared so, or known by its name or its place.

    Arguments:
        path: dotted.
        declared: paths that are secret whatever they are called, with all below.
        named: the path as `step` calls its parts, where that is another.
    """
    if not path:
        return False
    if path in declared or any(path.startswith(f"{known}.") for known in declared):
        return True
    path = named or path
    if _NO_SECRET.search(path) or _SNIPPET.search(path):
        return False
    last = next((step for step in reversed(path.split(".")) if not step.isdigit() and step != "value"), "")
    by_name = _BY_NAME.search(last) and not _ABOUT.search(last)
    return bool(by_name or _BY_PLACE.search(path) or _COLLECTION.search(path))


def step(parent: Mapping[str, Any], key: str) -> str:
    """What a member's place is called: its key, or for the value of an environment variable the variable's name."""
    name = parent.get("name")
    return name if key == "value" and isinstance(name, str) and name else key


def leaves(value: Any, path: str = "", named: str = "") -> Iterator[tuple[str, str, Any]]:
    """Path, path as `step` calls its parts, and value of everything that is neither map nor list nor blank."""
    for place, steps, leaf in _walk(value, (), ()):
        if not isinstance(leaf, Mapping):
            yield _dotted(path, place), _dotted(named, steps), leaf


def _walk(value: Any, place: Place, named: Place) -> Iterator[tuple[Place, Place, Any]]:
    """Place, place as `step` calls its parts, and value of each map and each leaf that is not blank."""
    if isinstance(value, Mapping):
        yield place, named, value
        for key, member in value.items():
            yield from _walk(member, (*place, str(key)), (*named, step(value, str(key))))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _walk(each, (*place, index), (*named, index))
    elif value not in (None, ""):
        yield place, named, value


def _dotted(path: str, place: Place) -> str:
    return ".".join([*([path] if path else []), *map(str, place)])


def places(tree: Any, *, whole_files: bool = True) -> Iterator[Place]:
    """Where the secrets of some settings are.

    A place of a leaf says that it is a secret or a text with one inside; a place of a map, that its keys are secrets.
    What is true or false is no secret, nor is a reference to a secret that is kept elsewhere.

    Arguments:
        tree: settings, such as chart values.
        whole_files: whether the content of ``extraFiles`` counts wherever it is: the chart keeps it in a Secret. Else
            it counts where something in it is known for a secret.
    """
    keyed: Place | None = None
    for place, steps, leaf in _walk(tree, (), ()):
        if keyed is not None and place[: len(keyed)] == keyed:
            continue  # its path has a secret in it
        if isinstance(leaf, Mapping):
            if leaf and _KEYS.search(_dotted("", place)):
                keyed = place
                yield place
        elif not isinstance(leaf, bool) and _is_one(_dotted("", place), _dotted("", steps), leaf, whole_files):
            yield place


def _is_one(path: str, named: str, leaf: Any, whole_files: bool) -> bool:
    if isinstance(leaf, str) and _ELSEWHERE.fullmatch(leaf):
        return False
    by_place = is_secret(path, named=named)
    if by_place and not whole_files and _IN_FILE.search(path):
        by_place = bool(_BY_NAME.search(named.rpartition(".")[2]))
    return by_place or (isinstance(leaf, str) and bool(parts(leaf)))


def join(path: str, last: object) -> str:
    """A dotted path with one more step."""
    return f"{path}.{last}" if path else str(last)


def secrets_in(tree: Any, declared: frozenset[str] = frozenset()) -> Iterator[Any]:
    """Every secret of some settings: whole values, and parts of larger texts."""
    for path, named, leaf in leaves(tree):
        if is_secret(path, declared, named) and not (_IN_FILE.search(path) and is_word(named, leaf)):
            yield leaf
        if isinstance(leaf, str):
            yield from parts(leaf)
    yield from _secret_keys(tree)


def is_word(named: str, leaf: Any) -> bool:
    """Whether a piece of a secret file is too common to be searched for elsewhere; its place hides it."""
    last = named.rpartition(".")[2]
    return len(str(leaf)) < LONGEST_WORD and not _BY_NAME.search(last)


@functools.lru_cache(4096)
def parts(text: str) -> tuple[str, ...]:
    """Secrets inside of a text: in code, URLs, headers, or known by their shape."""
    found = [match["value"] for pattern in (_SHAPE, _PEM, _HEADER) for match in pattern.finditer(text)]
    for match in _URL_PASSWORD.finditer(text):
        found += [match["value"], unquote(match["value"])]
    for match in (match for pattern in (_QUOTED, _VARIABLE, _QUERY) for match in pattern.finditer(text)):
        if not _ABOUT.search(match[1]) and not _NO_SECRET.search(match[1]):
            found += [match["value"], re.sub(r"\\(.)", r"\1", match["value"])]
    return tuple(each for each in found if not _ELSEWHERE.fullmatch(each))


def secrets_in_lines(text: str) -> Iterator[str]:
    """Secrets of a YAML file that cannot be parsed: what stands behind a secret name, and parts of the text."""
    yield from (match["value"].strip("\"'") for match in _LINE.finditer(text))
    yield from parts(text)


def url_without_password(url: str) -> str:
    """A connection URL as it may be compared in the open."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return "(not a URL)"
    return url.replace(f":{password}@", ":***@") if password else url


def _secret_keys(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        if _KEYS.search(path):
            yield from map(str, value)
        for key, member in value.items():
            yield from _secret_keys(member, f"{path}.{key}")
    elif isinstance(value, list):
        for each in value:
            yield from _secret_keys(each, path)
