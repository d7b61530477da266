"""Would everybody find their home volume again?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hubstack.doctor import slugs
from hubstack.doctor.finding import Finding, error, note, some, warning
from hubstack.doctor.reader import Object
from hubstack.doctor.subject import Subject

USER = "hub.jupyter.org/username"
SERVER = "hub.jupyter.org/servername"
"""Annotations of KubeSpawner with the names as the hub knows them."""

COMPONENT = "singleuser-storage"
"""Value of the label ``component`` of a home volume."""

CHART_3_TEMPLATE = "claim-{username}{servername}"
"""The chart's own template up to version 3."""

_CODE = ("pvc_name_template", "slug_scheme", "remember_pvc_name")


@dataclass(frozen=True)
class Naming:
    """How the configured hub names home volumes."""

    template: str
    scheme: slugs.Scheme
    remembers: bool
    """Whether the hub's database keeps the name of a volume that was once used."""

    def name(self, user: str, server: str, namespace: str) -> str | None:
        """Name of a user's volume; None where only the hub can tell."""
        return slugs.claim_name(self.template, self.scheme, user, server, namespace)

    def other(self, user: str, server: str, namespace: str) -> str | None:
        """The same under the other scheme."""
        scheme: slugs.Scheme = "escape" if self.scheme == "safe" else "safe"
        return slugs.claim_name(self.template, scheme, user, server, namespace)


def naming(subject: Subject) -> Naming:
    """How the stack's hub names home volumes, from values, chart and KubeSpawner, each with its defaults."""
    spawner = subject.setting("hub", "config", "KubeSpawner")
    spawner = spawner if isinstance(spawner, Mapping) else {}
    legacy = int((re.match(r"\d{1,9}", subject.config.chart.version) or ["4"])[0]) < 4
    template = (
        subject.setting("singleuser", "storage", "dynamic", "pvcNameTemplate")
        or spawner.get("pvc_name_template")
        or (CHART_3_TEMPLATE if legacy else slugs.DEFAULT_TEMPLATE)
    )
    scheme: slugs.Scheme = "escape" if legacy or spawner.get("slug_scheme") == "escape" else "safe"
    return Naming(str(template), scheme, not legacy and spawner.get("remember_pvc_name") is not False)


def homes(subject: Subject) -> Iterator[Finding]:
    """Each home volume has the name under which its owner's next server looks for it."""
    claims = {
        each["metadata"]["name"]: each for each in subject.cluster.items(subject.path("v1", "persistentvolumeclaims"))
    }
    found = {name: claim for name, claim in claims.items() if _is_home(claim)}
    kind = subject.setting("singleuser", "storage", "type") or "dynamic"
    if kind == "static":
        yield from _static(subject, claims)
    if kind != "dynamic":
        if found:
            yield warning(
                f"singleuser.storage.type: {kind!r}, and there are {len(found)} home volumes of the type 'dynamic': "
                f"{some(sorted(found))}",
                "their owners would get another, empty home; the volumes stay",
                "set singleuser.storage.type to 'dynamic', or copy the homes first",
            )
        return
    rule = naming(subject)
    yield from _code(subject)
    lost: dict[str, str] = {}
    twice: dict[str, str] = {}
    guessed: list[str] = []
    for name, claim in sorted(found.items()):
        annotations = claim["metadata"].get("annotations") or {}
        user, server = annotations.get(USER), annotations.get(SERVER) or ""
        if server and rule.template == CHART_3_TEMPLATE:
            continue  # KubeSpawner's versions of that time joined the two names in different ways
        if user is None:
            if _looks_foreign(rule, name):
                guessed.append(name)
            continue
        wanted = rule.name(user, server, subject.namespace)
        if wanted is None or wanted == name or (server and rule.name(user, "", subject.namespace) == name):
            continue
        if wanted in found and name == rule.other(user, server, subject.namespace):
            twice[name] = wanted
        else:
            lost[name] = wanted
    yield from _say_lost(rule, lost)
    yield from _say_twice(twice)
    if guessed:
        yield warning(
            f"{len(guessed)} home volumes without their owner's name look like those of the other slug scheme: "
            f"{some(guessed)}",
            f"the hub names volumes by {rule.template!r} and the scheme {rule.scheme!r}, and would not look for these",
            f"annotate each with {USER}, run the doctor again, and do as it then says",
        )


def _is_home(claim: Object) -> bool:
    metadata = claim["metadata"]
    labels = metadata.get("labels") or {}
    return labels.get("component") == COMPONENT or USER in (metadata.get("annotations") or {})


def _looks_foreign(rule: Naming, name: str) -> bool:
    """Whether the part of a name that is the user's looks like the other scheme's."""
    before, brace, after = rule.template.partition("{")
    tail = after.rpartition("}")[2] if brace else ""
    slug = name.removeprefix(before).removesuffix(tail)
    seen = slugs.guess(slug)
    return seen is not None and seen != rule.scheme and "{" + after.partition("}")[0] + "}" in (
        "{username}", "{user_server}",
    )  # fmt: skip


def _say_lost(rule: Naming, lost: Mapping[str, str]) -> Iterator[Finding]:
    if not lost:
        return
    examples = some([f"{name} (looked for as {wanted})" for name, wanted in sorted(lost.items())], 3)
    what = (
        f"{len(lost)} home volumes belong to nobody under the template {rule.template!r} and the slug scheme "
        f"{rule.scheme!r}: {examples}"
    )
    fix = (
        "set hub.config.KubeSpawner.slug_scheme and singleuser.storage.dynamic.pvcNameTemplate to what made them"
        + (" (chart 3 has the scheme 'escape')" if rule.scheme == "safe" else "")
        + ", or copy each home into a volume of the new name"
    )
    if rule.remembers:
        yield warning(
            what,
            "they are found only while the hub's database remembers them; with a new or restored database their owners "
            "get an empty home",
            f"{fix}; keep a backup of the hub's database",
        )
    else:
        yield error(what, "this hub does not remember names of volumes: their owners get an empty home", fix)


def _say_twice(twice: Mapping[str, str]) -> Iterator[Finding]:
    if twice:
        pairs = some([f"{name} and {wanted}" for name, wanted in sorted(twice.items())], 3)
        yield warning(
            f"{len(twice)} users have a home volume under both slug schemes: {pairs}",
            "a server mounts one of the two; work may be in the other one, which looks lost to its owner",
            "compare the two for each user, copy what is missing, and delete the old claim only then",
        )


def _static(subject: Subject, claims: Mapping[str, Any]) -> Iterator[Finding]:
    name = subject.setting("singleuser", "storage", "static", "pvcName")
    if name and str(name) not in claims:
        yield error(
            f"singleuser.storage.static.pvcName: {name!r}: there is no such claim in namespace {subject.namespace}",
            "no user's server starts",
            "make the claim, or correct its name",
        )


def _code(subject: Subject) -> Iterator[Finding]:
    extra = subject.setting("hub", "extraConfig")
    texts = extra.items() if isinstance(extra, Mapping) else []
    keys = sorted(key for key, text in texts if any(word in str(text) for word in _CODE))
    if keys:
        yield note(
            f"hub.extraConfig.{', hub.extraConfig.'.join(keys)} sets how home volumes are named",
            "the doctor does not run code and judges by the settings alone",
            "set singleuser.storage.dynamic.pvcNameTemplate and hub.config.KubeSpawner instead",
        )
