"""What policies are asked about: one stack's settings, its objects and the pods that follow from them.

No value of a secret is in it. What is known for a secret by its name, its place or its form, and what is encrypted, is
replaced, and its place is noted, so that an expression that depends on it is found out (`worker`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hubstack import secret_settings, unread
from hubstack.chart import render
from hubstack.chart.release import TokenValues
from hubstack.chart.tokens import services_without_token
from hubstack.chart.user_pod import MOST, user_pods
from hubstack.configuration import key
from hubstack.policy.expressions import Facts
from hubstack.settings import StackSettings

_HIDDEN = ("values", "secret_values", "adopted_tokens")
_WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet", "Job")
_TOKEN = "0" * 64
_PARTS = ("containers", "initContainers")


@dataclass(frozen=True)
class Item:
    """One thing that a rule is asked of."""

    name: str
    """What findings call it, such as ``profile 'GPU', container notebook``; blank for the stack as a whole."""
    facts: Facts
    kind: str = ""
    """Of an object."""


@dataclass(frozen=True)
class Subject:
    """One stack at one revision, whatever it is called."""

    facts: Facts
    """The variables ``settings``, ``config``, ``objects`` and ``pods``."""
    mode: str
    namespace: str
    context: str
    protects_data: bool
    items: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    """What there is to be asked of, by what rules call it: ``object``, ``pod``, ``container``, ``secret``."""
    notes: tuple[str, ...] = ()
    """What of the stack cannot be seen."""
    has_objects: bool = True
    """Whether its objects are known."""


def of(
    settings: StackSettings,
    objects: Iterable[Mapping[str, Any]] | None = None,
    *,
    sealed: bool = False,
    decrypted: bool = False,
) -> Subject:
    """The subject that a stack's settings make.

    Arguments:
        settings: the stack's.
        sealed: whether its secret values are one ciphertext, of which nothing is known.
        decrypted: whether they were encrypted, and are known all the same.
        objects: its manifests; None for those that the settings lead to, which are unknown for a chart that is not
            modelled.
    """
    if objects is None and settings.release is not None:
        services = dict.fromkeys(services_without_token(settings.loaded.tree), _TOKEN)
        objects = render.objects(settings.release, TokenValues(_TOKEN, _TOKEN, _TOKEN, services))
    config = settings.config
    manifests = [_hidden(each, _object_places(each)) for each in objects or ()]
    pods = [*_own_pods(each for each, _ in manifests), *_users_pods(settings)]
    tree, places = _hidden(settings.loaded.tree, _setting_places(settings))
    plain, plain_places = _hidden(config.model_dump(by_alias=True, mode="json", exclude=set(_HIDDEN)), ())
    return Subject(
        facts=Facts(
            {"settings": tree, "config": plain, "objects": [each for each, _ in manifests], "pods": pods},
            {"settings": places, "config": plain_places, "objects": _places_of_all(manifests)},
        ),
        mode=config.mode,
        namespace=config.namespace,
        context=config.kube_context,
        protects_data=config.protect_data,
        items={**_items(manifests, pods), "secret": tuple(_secrets(settings, decrypted=decrypted))},
        notes=tuple(_notes(settings, pods, sealed=sealed)),
        has_objects=objects is not None,
    )


def of_objects(objects: Iterable[Mapping[str, Any]]) -> Subject:
    """What is known of a program of one's own: its objects. Rules about settings find none."""
    manifests = [_hidden(each, _object_places(each)) for each in objects]
    pods = list(_own_pods(each for each, _ in manifests))
    values = {"settings": {}, "config": {}, "objects": [each for each, _ in manifests], "pods": pods}
    return Subject(
        facts=Facts(values, {"objects": _places_of_all(manifests)}),
        mode="",
        namespace="",
        context="",
        protects_data=True,
        items={**_items(manifests, pods), "secret": ()},
        notes=("the settings of the program are not known, nor are users' pods",),
    )


Hidden = tuple[dict[str, Any], list[secret_settings.Place]]
"""A manifest without its secrets, and where they were."""


def _places_of_all(manifests: Iterable[Hidden]) -> list[secret_settings.Place]:
    return [(index, *place) for index, (_, found) in enumerate(manifests) for place in found]


def _items(manifests: Iterable[Hidden], pods: Iterable[dict[str, Any]]) -> dict[str, tuple[Item, ...]]:
    return {
        "object": tuple(_object(each, found) for each, found in manifests),
        "pod": tuple(Item(each["name"], Facts({"pod": each})) for each in pods),
        "container": tuple(_containers(pods)),
    }


def _object(manifest: Mapping[str, Any], places: list[secret_settings.Place]) -> Item:
    name = f"{manifest['kind']}/{manifest['metadata']['name']}"
    return Item(name, Facts({"object": manifest}, {"object": places}), str(manifest["kind"]))


def _own_pods(objects: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The pods of the workloads, without their environment."""
    for each in objects:
        if each["kind"] in _WORKLOADS:
            template = each["spec"]["template"]
            yield {"name": f"{each['kind']} {each['metadata']['name']}", "user": False, **_bare(template)}


def _users_pods(settings: StackSettings) -> Iterator[dict[str, Any]]:
    """Every different pod that users can get."""
    if settings.release is not None:
        for pod in user_pods(settings.release):
            yield {"name": pod.choice or "a user's server", "user": True, **_bare(pod.manifest)}


def _bare(pod: Mapping[str, Any]) -> dict[str, Any]:
    spec = {"volumes": [], "initContainers": [], **pod["spec"]}
    for part in _PARTS:
        spec[part] = [_without_environment(each) for each in spec.get(part) or [] if isinstance(each, Mapping)]
    return {"metadata": {"labels": {}, "annotations": {}, **(pod.get("metadata") or {})}, "spec": spec}


def _without_environment(container: Mapping[str, Any]) -> dict[str, Any]:
    left = {key: value for key, value in container.items() if key not in ("env", "envFrom", "lifecycle")}
    return {"name": "", "image": "", "resources": {}, "securityContext": {}, **left}


def _containers(pods: Iterable[Mapping[str, Any]]) -> Iterator[Item]:
    for pod in pods:
        for part in _PARTS:
            for each in pod["spec"][part]:
                values = {"container": {"init": part == "initContainers", **each}, "pod": pod}
                yield Item(f"{pod['name']}, container {each['name']}", Facts(values))


def _secrets(settings: StackSettings, *, decrypted: bool) -> Iterator[Item]:
    """Each secret of the settings by its path, and whether it is encrypted."""
    tree, declared = settings.loaded.user, set(settings.loaded.secret_paths)
    for place in dict.fromkeys((*secret_settings.places(tree, whole_files=False), *settings.loaded.secret_paths)):
        path = ".".join(map(str, place))
        encrypted = place in declared and (decrypted or _is_unread(settings, place))
        yield Item(path, Facts({"secret": {"setting": path, "encrypted": encrypted}}))


def _is_unread(settings: StackSettings, place: secret_settings.Place) -> bool:
    """Whether a leaf of the secret values is a ciphertext in the stack's file."""
    value: Any = settings.config.secret_values
    for step in place:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return False
    return isinstance(value, unread.Unread)


def _setting_places(settings: StackSettings) -> list[secret_settings.Place]:
    """Where secrets are in the merged values; code that has one inside is one as a whole."""
    return [*secret_settings.places(settings.loaded.tree), *settings.loaded.secret_paths]


def _object_places(manifest: Mapping[str, Any]) -> Iterator[secret_settings.Place]:
    if manifest.get("kind") == "Secret":
        for part in ("data", "stringData"):
            yield from ((part, each) for each in manifest.get(part) or {})
    yield from secret_settings.places(manifest)


def _hidden(tree: Any, places: Iterable[secret_settings.Place]) -> tuple[Any, list[secret_settings.Place]]:
    """A copy without its secrets, and where they were; a place inside of another one is left out."""
    tree = copy.deepcopy(tree)
    found: list[secret_settings.Place] = []
    for place in sorted({*places, *unread.places(tree)}, key=len):
        if any(place[: len(known)] == known for known in found) or not _put(tree, place, f"hubstack-{len(found)}"):
            continue
        found.append(place)
    return tree, found


def _put(tree: Any, place: secret_settings.Place, word: str) -> bool:
    try:
        for step in place[:-1]:
            tree = tree[step]
        if place[-1] not in tree if isinstance(tree, dict) else not isinstance(tree, list):
            return False
        tree[place[-1]] = word
    except (LookupError, TypeError):
        return False
    return True


def _notes(settings: StackSettings, pods: list[dict[str, Any]], *, sealed: bool) -> Iterator[str]:
    if sealed:
        yield f"{key('secretValues')} is encrypted as a whole, so policies do not see which settings it has"
    if settings.release is None:
        yield f"users' pods are not known for chart {settings.config.chart.version}"
    if sum(pod["user"] for pod in pods) >= MOST:
        yield f"users can get more than {MOST} different pods; the first {MOST} are judged"
