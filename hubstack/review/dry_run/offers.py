"""The objects of a changed stack, offered to an API server: what it refuses, why, and which setting leads there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hubstack import unread
from hubstack.parity import normal
from hubstack.review.dry_run import answers, leads, servers
from hubstack.review.dry_run.answers import Complaint, Judgement
from hubstack.review.dry_run.servers import Server
from hubstack.review.rendering import Rendered

Object = Mapping[str, Any]
AT_A_TIME = 8
NAMED = 3
"""Objects that a sentence names before the rest is only counted."""
SEALED = "it depends on an encrypted setting"
OF_CLUSTER = "it depends on how the cluster is set up, such as which families of addresses it has"
_HERE = re.compile(r"(not configured on|this) cluster\b")
_OTHERS = ("serviceAccountName", "priorityClassName", "runtimeClassName")
"""Fields of a pod that name other objects, which a server of the review's own does not have."""


@dataclass(frozen=True)
class Verdict:
    """What the server says of one stack."""

    refusals: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()
    """What it could not judge, and why."""


def server_of(head: Rendered, opened: Mapping[str, Server]) -> Server | None:
    """Who is asked about a stack: its own context where that was named, else the server of the review's own."""
    return opened.get(str(head.config.get("kubeContext"))) or opened.get(servers.EMBEDDED)


def verdict(base: Rendered | None, head: Rendered, server: Server) -> Verdict:
    """Offer the objects of the head that differ from the base's, and all of a new stack.

    Arguments:
        base: the other side; None where the stack is new or its base could not be rendered.
        head: the stack.
        server: who is asked.

    Raises:
        HubstackError: the server gives no answer.
    """
    known = base.objects if base else {}
    changed = [each for each in head.manifests if head.objects[_label(each)] != known.get(_label(each))]
    earlier = {_label(each): each for each in base.manifests} if base else {}
    if server.is_embedded:
        for name in {_namespace(each, head) for each in changed} | ({head.namespace} if head.pods else set()):
            server.make_namespace(name)
    pods = [(who, pod) for who, pod in head.pods if base is None or pod not in [each for _, each in base.pods]]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        of_objects = pool.map(lambda each: _of_object(each, earlier.get(_label(each)), head, server), changed)
        of_pods = pool.map(lambda each: _of_pod(each[1], head, server), pods)
        found = [
            *zip(map(_label, changed), of_objects, strict=True),
            *((_server_of_user(who), judged) for (who, _), judged in zip(pods, of_pods, strict=True)),
        ]
    return Verdict(
        (*_twice(base, head), *_told(found, head, server)),
        tuple(f"{_names(names)}: {why}" for why, names in _grouped((each.unjudged, name) for name, each in found)),
    )


def _of_object(manifest: Object, earlier: Object | None, head: Rendered, server: Server) -> Judgement:
    manifest = normal.drop_nulls(manifest)  # neither the engine nor Helm sends any
    version, kind = manifest["apiVersion"], manifest["kind"]
    place = server.kinds(version).get(kind)
    if place is None:
        return _no_such_kind(version, kind, server)
    plural, namespaced = place
    scope = f"/namespaces/{_quoted(_namespace(manifest, head))}" if namespaced else ""
    collection = f"/{'apis' if '/' in version else 'api'}/{version}{scope}/{plural}"
    path = f"{collection}/{_quoted(manifest['metadata']['name'])}"
    if not server.is_embedded and server.ask("GET", path)[0] == 200:
        answer = server.ask("PATCH", path, _patch(earlier, manifest), servers.MERGE)
    elif head.mode == "native":  # as the engine's provider does, which refuses what stands twice in a list
        answer = server.ask("PATCH", path, manifest, servers.APPLY)
    else:
        answer = server.ask("POST", collection, manifest)
    return _in_doubt(answers.judgement(*answer, manifest), server)


def _of_pod(pod: Object, head: Rendered, server: Server) -> Judgement:
    if server.is_embedded:
        pod = {**pod, "spec": {key: value for key, value in pod["spec"].items() if key not in _OTHERS}}
    answer = server.ask("POST", f"/api/v1/namespaces/{_quoted(head.namespace)}/pods", pod)
    return _in_doubt(answers.judgement(*answer, pod), server)


def _no_such_kind(version: str, kind: str, server: Server) -> Judgement:
    group = version.partition("/")[0] if "/" in version else ""
    if server.is_embedded and "." in group and group not in server.groups:
        return Judgement(unjudged=f"of a kind that Kubernetes itself does not have ({version}, {kind})")
    return Judgement((Complaint("", f"there is no kind {kind} of {version}"),))


def _in_doubt(found: Judgement, server: Server) -> Judgement:
    """What follows from a stand-in for an encrypted setting, or from how a server is set up, is no complaint."""
    told = [each for each in found.complaints if not unread.stands_in(f"{each.value} {each.reason}")]
    why = SEALED if len(told) < len(found.complaints) else found.unjudged
    if server.is_embedded and any(_HERE.search(each.reason) for each in told):
        told = [each for each in told if not _HERE.search(each.reason)]
        why = OF_CLUSTER
    return Judgement(tuple(told), why)


def _twice(base: Rendered | None, head: Rendered) -> list[str]:
    """Objects of one name, of which the last one would be left."""
    known, counts = (Counter(_label(each) for each in (side.manifests if side else ())) for side in (base, head))
    return [
        f"{name}: {count} objects have this name, and the last one would overwrite the others"
        for name, count in counts.items()
        if count > 1 and known[name] < count
    ]


def _told(found: Iterable[tuple[str, Judgement]], head: Rendered, server: Server) -> list[str]:
    """Each complaint once, with the objects that it is about; those that one setting leads to are one."""
    groups: dict[str, list[tuple[Complaint, str]]] = {}
    for name, judged in found:
        for each in judged.complaints:
            led = " or ".join(leads.settings(each, head))
            groups.setdefault(f"; set by {led}" if led else f"|{each.field}: {each.reason}", []).append((each, name))
    return [
        f"Kubernetes {server.version} refuses {_one(group)}{led if led.startswith(';') else ''}"
        for led, group in groups.items()
    ]


def _one(group: Sequence[tuple[Complaint, str]]) -> str:
    complaint = group[0][0]
    field = f", field {complaint.field}" if complaint.field else ""
    return f"{_names(list(dict.fromkeys(name for _, name in group)))}{field}: {complaint.reason}"


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for text, name in pairs:
        if text and name not in groups.setdefault(text, []):
            groups[text].append(name)
    return list(groups.items())


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _server_of_user(who: str) -> str:
    return who if who.startswith("a user") else f"the server of {who}"


def _patch(before: Any, after: Any) -> Any:
    """The merge patch that makes one object of another (RFC 7386)."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return after
    return {
        **dict.fromkeys(key for key in before if key not in after),
        **{key: _patch(before.get(key), value) for key, value in after.items()},
    }


def _label(manifest: Object) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def _namespace(manifest: Object, head: Rendered) -> str:
    return str(manifest["metadata"].get("namespace") or head.namespace)


def _quoted(name: object) -> str:
    return quote(str(name), safe="")
