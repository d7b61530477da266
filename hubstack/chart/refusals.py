"""What the chart's schema lets through and its templates refuse (chart: ``NOTES.txt``, ``_helpers.tpl`` and others).

Each rule looks at the merged tree of values and yields a path with a message. What the models describe is of the right
type there, or missing; what they leave open (a map, a list, anything) may hold whatever somebody has written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hubstack.chart import profiles, unquoted
from hubstack.chart.blocks import block_text
from hubstack.chart.described import described
from hubstack.chart.errors import SettingsError
from hubstack.chart.extra_files import extension, last_text
from hubstack.chart.https import HttpsKind, https_problems
from hubstack.chart.values import ChartValues
from hubstack.chart.values_tree import at, makes_autohttps, pulls_images

Refusal = tuple[tuple[str, ...], str]
"""Path and message."""
Hidden = Callable[[tuple[str, ...]], bool]

_CONTENT = ("data", "stringData", "binaryData")
_DATA_EXTENSIONS = (".yaml", ".yml", ".json", ".toml")
_SERVICE_SCHEMA = ("name", "admin", "command", "url", "api_token", "apiToken")
"""The schema types these keys of ``hub.services`` itself, so no service can have such a name."""
_UNWRITABLE = (
    "the chart cannot write this text: its first line is indented further than a later one, or it holds control "
    "characters; use binaryData with base64"
)

_UNQUOTED = "cannot be written without quotes, as the chart does; put quotes inside of the text"


def refusals(tree: Mapping[str, Any], values: ChartValues, hidden: Hidden) -> Iterator[Refusal]:
    """Everything that the templates would refuse.

    Arguments:
        tree: the merged values, without what is wrong by itself.
        values: the same as a model.
        hidden: whether the value at a path must not be shown.
    """
    yield from _former_settings(tree)
    yield from _metadata_server(tree)
    yield from _https(tree, values)
    for section in ("hub", "proxy.chp", "proxy.traefik"):
        if section != "proxy.traefik" or makes_autohttps(tree):
            yield from _extra_env((*section.split("."), "extraEnv"), tree, hidden)
    for section in ("hub", "singleuser"):
        yield from _extra_files((section, "extraFiles"), tree, hidden)
    for path in (("hub", "command"), ("hub", "args"), ("proxy", "chp", "extraCommandLineFlags")):
        yield from _templates(path, tree, hidden)
    yield from _services(tree)
    yield from _entries(tree, hidden)
    yield from _sections_in_use(tree)
    yield from _unquoted(tree, hidden)


def _former_settings(tree: Mapping[str, Any]) -> Iterator[Refusal]:
    if "enabled" in (at(tree, "rbac") or {}):
        accounts = "serviceAccount.create of hub, proxy.traefik, scheduling.userScheduler and prePuller.hook"
        yield ("rbac", "enabled"), f"no longer accepted; use rbac.create and {accounts}"
    if "fsGid" in (at(tree, "hub") or {}):
        yield ("hub", "fsGid"), "no longer accepted; use hub.podSecurityContext.fsGroup"


def _metadata_server(tree: Mapping[str, Any]) -> Iterator[Refusal]:
    policy = ("singleuser", "networkPolicy")
    allowed = (*policy, "egressAllowRules", "cloudMetadataServer")
    if (
        at(tree, "singleuser", "cloudMetadata", "blockWithIptables")
        and at(tree, *policy, "enabled")
        and at(tree, *allowed)
    ):
        yield (
            allowed,
            (
                "contradicts singleuser.cloudMetadata.blockWithIptables; set one of the two to false: "
                "either the metadata server is blocked or it is allowed"
            ),
        )


def _https(tree: Mapping[str, Any], values: ChartValues) -> Iterator[Refusal]:
    if at(tree, "proxy", "https", "type") not in (None, "", *HttpsKind):
        return
    for problem in https_problems(values):
        yield tuple(problem.path.split(".")), problem.message


def _extra_env(path: tuple[str, ...], tree: Mapping[str, Any], hidden: Hidden) -> Iterator[Refusal]:
    variables = at(tree, *path)
    if not isinstance(variables, Mapping):
        return
    for name, value in variables.items():
        if not isinstance(value, str | Mapping):
            hint = "put it in quotes" if isinstance(value, bool | int | float) else "give text, or a map with valueFrom"
            shown = described(value, hide=hidden((*path, name)))
            yield (*path, name), f"an environment variable must be text, not {shown}; {hint}"


def _extra_files(path: tuple[str, ...], tree: Mapping[str, Any], hidden: Hidden) -> Iterator[Refusal]:
    files = at(tree, *path)
    if not isinstance(files, Mapping):
        return
    files = {name: file for name, file in files.items() if isinstance(file, Mapping)}
    last = last_text(files)
    for name, file in files.items():
        here = (*path, name)
        if file.get("mountPath") == "":
            yield (*here, "mountPath"), "must be the file's full path in the container, not blank"
        given = [key for key in _CONTENT if key in file]
        filled = [key for key in given if file[key]]
        if len(given) > 1:
            yield here, f"has {' and '.join(given)}; keep exactly one of: {', '.join(_CONTENT)}"
        elif not filled:
            yield here, f"has no content; set exactly one of: {', '.join(_CONTENT)}"
        elif filled == ["data"]:
            yield from _structured(here, file, hidden)
        elif filled == ["stringData"] and not _writable(file["stringData"], ends_manifest=name == last):
            yield (*here, "stringData"), _UNWRITABLE


def _structured(here: tuple[str, ...], file: Mapping[str, Any], hidden: Hidden) -> Iterator[Refusal]:
    mount_path = file.get("mountPath")
    if isinstance(mount_path, str) and mount_path and extension(mount_path) not in _DATA_EXTENSIONS:
        known = ", ".join(_DATA_EXTENSIONS)
        path = (*here, "mountPath")
        shown = described(mount_path, hide=hidden(path))
        yield path, f"{shown} is not allowed; a file with 'data' needs one of the extensions {known}"
    elif _holds(file["data"], _LINE_SEPARATORS[extension(mount_path or "") == ".json"]):
        where = (*here, "data")
        yield where, "holds a line separator (U+0085, U+2028 or U+2029), which the chart cannot write; leave it out"


_LINE_SEPARATORS = {True: "\x85", False: "[\x85\u2028\u2029]"}
"""What YAML takes for a line's end, and the chart does not; the others are escaped in JSON."""


def _holds(data: Any, pattern: str) -> bool:
    """Whether a text anywhere in some data has a match."""
    if isinstance(data, Mapping):
        return any(_holds(each, pattern) for pair in data.items() for each in pair)
    if isinstance(data, list):
        return any(_holds(each, pattern) for each in data)
    return isinstance(data, str) and re.search(pattern, data) is not None


def _writable(text: Any, *, ends_manifest: bool) -> bool:
    """Whether the chart's way of writing text below a plain ``|`` is read back as one value."""
    if not isinstance(text, str):
        return True
    try:
        block_text(text, ends_manifest=ends_manifest)
    except SettingsError:
        return False
    return True


def _templates(path: tuple[str, ...], tree: Mapping[str, Any], hidden: Hidden) -> Iterator[Refusal]:
    texts = at(tree, *path)
    for index, text in enumerate(texts if isinstance(texts, list) else []):
        here = (*path[:-1], f"{path[-1]}[{index}]")
        shown = described(text, hide=hidden(here))
        if not isinstance(text, str):
            yield here, f"must be text, not {shown}; put it in quotes"
        elif fault := _template_fault(text):
            yield here, f"{shown} is not a Helm template: {fault}"
        elif "{{" not in text and not unquoted.Written(here, text, item=True).readable:
            yield here, f"{shown} {_UNQUOTED}"


_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_LITERAL = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`')


def _template_fault(text: str) -> str | None:
    """What Go's template parser would trip over, as far as it can be told without being that parser."""
    for action in _ACTION.findall(text):
        code = _LITERAL.sub(" ", action).strip("- \n\t")
        if not code:
            return "'{{ }}' is empty"
        if re.search(r"[\w)]\.(?=[\s|)]|$)", code):
            return "a name is missing after a dot"
    if "{{" in _ACTION.sub("", text):
        return "'{{' without '}}'"
    return None


def _unquoted(tree: Mapping[str, Any], hidden: Hidden) -> Iterator[Refusal]:
    for written in unquoted.unreadable(tree):
        shown = described(written.text, hide=hidden(written.path))
        match written.path[-1]:
            case "tag":
                yield written.path, "must not be empty; give the tag of the image, in quotes"
            case "image":
                yield written.path, f"{shown} is no name of an image that the chart can write"
            case _:
                yield written.path, f"{shown} {_UNQUOTED}"


def _services(tree: Mapping[str, Any]) -> Iterator[Refusal]:
    for name in at(tree, "hub", "services") or {}:
        if name in _SERVICE_SCHEMA:
            yield ("hub", "services", name), "cannot be the name of a service; choose another name"


def _entries(tree: Mapping[str, Any], hidden: Hidden) -> Iterator[Refusal]:
    """What the image pullers look into: containers, and profiles with their options."""
    if not pulls_images(tree):
        return
    for key in ("initContainers", "extraContainers"):
        entries = at(tree, "singleuser", key)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if not isinstance(entry, Mapping):
                yield _not_a_map(("singleuser", f"{key}[{index}]"), entry, hidden)
    if at(tree, "prePuller", "pullProfileListImages"):
        for found in profiles.images(at(tree, "singleuser", profiles.LIST)):
            if isinstance(found, profiles.Misshapen):
                yield _not_a_map(("singleuser", *found.path), found.value, hidden)


def _not_a_map(path: tuple[str, ...], value: Any, hidden: Hidden) -> Refusal:
    return path, f"{described(value, hide=hidden(path))} is not allowed; must be a map"


def _blocks_metadata(tree: Mapping[str, Any]) -> bool:
    return pulls_images(tree) and bool(at(tree, "singleuser", "cloudMetadata", "blockWithIptables"))


def _keeps_places(tree: Mapping[str, Any]) -> bool:
    return bool(at(tree, "scheduling", "userPlaceholder", "enabled"))


_PLACEHOLDER_IMAGE = ("scheduling.userPlaceholder.image", "scheduling.userPlaceholder.image.pullSecrets")
_NEEDED: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "hub.networkPolicy.egressAllowRules": lambda tree: at(tree, "hub", "networkPolicy", "enabled"),
    "proxy.chp.networkPolicy.egressAllowRules": lambda tree: at(tree, "proxy", "chp", "networkPolicy", "enabled"),
    "singleuser.networkPolicy.egressAllowRules": lambda tree: at(tree, "singleuser", "networkPolicy", "enabled"),
    "hub.db.pvc": lambda tree: at(tree, "hub", "db", "type") == "sqlite-pvc",
    "singleuser.networkTools": _blocks_metadata,
    "singleuser.networkTools.image": _blocks_metadata,
    **dict.fromkeys(
        ["singleuser.extraPodAffinity", "singleuser.extraPodAntiAffinity", *_PLACEHOLDER_IMAGE], _keeps_places
    ),
    **dict.fromkeys(
        ["singleuser.cpu", "singleuser.memory", "singleuser.extraResource"],
        lambda tree: _keeps_places(tree) and not at(tree, "scheduling", "userPlaceholder", "resources"),
    ),
    **dict.fromkeys(
        [f"scheduling.userScheduler.{key}" for key in ("image", "image.pullSecrets", "tolerations", "pdb")],
        lambda tree: at(tree, "scheduling", "userScheduler", "enabled"),
    ),
    **dict.fromkeys(
        [f"prePuller.hook.{key}" for key in ("image", "image.pullSecrets", "tolerations")],
        lambda tree: at(tree, "prePuller", "hook", "enabled"),
    ),
    "proxy.secretSync": makes_autohttps,
    "proxy.secretSync.image": makes_autohttps,
    **dict.fromkeys(
        [
            f"proxy.traefik.{key}"
            for key in (
                "extraDynamicConfig",
                "extraStaticConfig",
                "hsts",
                "image",
                "image.pullSecrets",
                "networkPolicy",
                "networkPolicy.egressAllowRules",
                "tolerations",
            )
        ],
        makes_autohttps,
    ),
}
"""Settings that a null may remove only while the templates do not use them, each with the condition of its use."""


def _sections_in_use(tree: Mapping[str, Any]) -> Iterator[Refusal]:
    for dotted, used in _NEEDED.items():
        path = tuple(dotted.split("."))
        if isinstance(at(tree, *path[:-1]), Mapping) and at(tree, *path) is None and used(tree):
            yield path, "must not be null while it is used; leave it out to get its default"
